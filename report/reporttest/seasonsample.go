package reporttest

import (
	"math"
	"time"

	"matrix/probe"
	"matrix/report"
)

// figures are what a sample is made of, before it is one.
type figures struct {
	state        probe.State
	received     int
	moved        bool     // the to-host is at its second address
	full         bool     // with each RTT
	micros       [6]int32 // by probe.Stat
	dice         uint64   // for its RTTs
	floor, queue float64  // ms
}

// figures draws a sample. It allocates nothing: a month has tens of millions.
func (s *Season) figures(a, b, round int) figures {
	from, to := &s.hosts[a], &s.hosts[b]
	f := figures{dice: mix(s.seed, uint64(a), uint64(b), uint64(round)), moved: round >= to.moved}
	if from.isDown(round) || s.fails(a, round) {
		f.state = probe.SourceDown
		return f
	}
	f.received = Sent
	if to.isDown(round) {
		f.received = 0
	} else if p := s.loss(a, b, round); p > 0 {
		f.received -= lost(p, unit(scramble(f.dice+1)))
	}
	if f.received == 0 {
		f.state = probe.Lost
		return f
	}
	f.state = probe.Measured
	f.floor, f.queue = s.floor(a, b, round), s.queue(a, b, round)
	f.full = s.Full > 0 && scramble(f.dice+2)%uint64(s.Full) == 0
	if !f.full {
		f.summarize()
	}
	return f
}

func (h *seasonHost) isDown(round int) bool {
	for _, d := range h.down {
		if round >= d[0] && round < d[1] {
			return true
		}
	}
	return false
}

func (h *seasonHost) isIn(round int) bool { return round >= h.first && round < h.end }

// fails says whether a host cannot ping for once: one time in 2,000.
func (s *Season) fails(a, round int) bool {
	return !s.Quiet && mix(s.seed, 1, uint64(a), uint64(round))%2000 == 0
}

// floor is the pair's least RTT in a round, in ms: what the fleet says, what
// events add, the day's own, and on a day now and then a route that flaps. It
// never flaps for three days on end, for then that would be news.
func (s *Season) floor(a, b, round int) float64 {
	rtt := s.Fleet.Floor[a][b]
	if round >= s.hosts[a].moved {
		rtt += s.hosts[a].farther
	}
	if round >= s.hosts[b].moved {
		rtt += s.hosts[b].farther
	}
	if len(s.bends) > 0 {
		for _, bend := range s.bends[[2]int{a, b}] {
			if round >= bend.first && round < bend.end {
				rtt += bend.more
			}
		}
	}
	day := uint64(round * int(s.Every/time.Second) / 86400)
	both := mix(s.seed, 2, uint64(min(a, b)), uint64(max(a, b)))
	rtt += 0.4 * unit(scramble(both+day))
	if flap := scramble(both ^ (day/4)<<20); flap%24 == 0 && flap>>20%4 == day%4 {
		rtt += 40 * unit(scramble(flap))
	}
	return rtt
}

// queue is how far the average lies above the minimum in a round, in ms. It is
// longer in the afternoon and in the evening of the from-host.
func (s *Season) queue(a, b, round int) float64 {
	hour := math.Mod(s.hour(round)+s.Fleet.Cities[a].Location.Longitude/15+24, 24)
	busy := 1.0
	if hour > 12 {
		busy += 1.2 * math.Sin((hour-12)/12*math.Pi)
	}
	return s.Fleet.Queue[a][b] * busy * (0.4 + 0.6*exponential(mix(s.seed, 3, uint64(a), uint64(b), uint64(round))))
}

// hour is the UTC hour of day of a round, with its fraction.
func (s *Season) hour(round int) float64 {
	at := s.at(round)
	return float64(at.Hour()) + float64(at.Minute())/60
}

// loss is the chance of an echo request to be lost: one in some ten thousand,
// once in a while all of a sample, and what events add.
func (s *Season) loss(a, b, round int) float64 {
	p := 0.
	if !s.Quiet {
		pair := mix(s.seed, 4, uint64(a), uint64(b))
		p = min(1e-3, 5e-5*exponential(pair))
		if mix(pair, uint64(round))%50000 == 0 {
			return 1
		}
	}
	for _, e := range s.lossy[[2]int{a, b}] {
		if h := int(s.hour(round)); round >= e.first && round < e.end && h >= e.from && h < e.to {
			p += e.ratio
		}
	}
	return p
}

// lost is how many of the echo requests are, by inversion of the binomial
// distribution.
func lost(p, u float64) int {
	if p >= 1 {
		return Sent
	}
	chance := math.Pow(1-p, Sent)
	n := 0
	for ; u >= chance && n < Sent; n++ {
		u -= chance
		chance *= p / (1 - p) * float64(Sent-n) / float64(n+1)
	}
	return n
}

// summarize makes the statistics without the RTTs that they would be of.
func (f *figures) summarize() {
	low := f.floor + 0.03*exponential(scramble(f.dice+3))
	spread := 0.6 + 0.8*unit(scramble(f.dice+4))
	f.set(probe.Min, low)
	f.set(probe.Median, low+0.7*f.queue)
	f.set(probe.Avg, low+f.queue)
	f.set(probe.Max, low+f.queue*(2+3*spread))
	f.set(probe.Mdev, f.queue*spread)
	f.set(probe.Jitter, f.queue*spread*1.1)
}

func (f *figures) set(stat probe.Stat, ms float64) { f.micros[stat] = int32(ms*1000 + 0.5) }

// rtts draws each of a sample's RTTs.
func (f *figures) rtts() []time.Duration {
	all := make([]time.Duration, f.received)
	for i := range all {
		all[i] = millis(f.floor + f.queue*exponential(mix(f.dice, uint64(i))))
	}
	return all
}

// sample is a sample of a round.
func (s *Season) sample(a, b, round int) probe.Sample {
	f := s.figures(a, b, round)
	sample := probe.Sample{Pair: s.pair([2]int{a, b}), State: f.state}
	if f.state == probe.SourceDown {
		sample.Reason = "connect: " + unreachable(s.Fleet.Cities[a])
		return sample
	}
	n := len(s.hosts)
	sample.At = s.at(round).Add(time.Duration((b-a+n)%n) * time.Second / time.Duration(n))
	sample.Address, sample.Sent, sample.Received = address(b, f.moved), Sent, f.received
	switch {
	case f.state != probe.Measured:
	case f.full:
		sample.RTTs = f.rtts()
	default:
		var summary probe.Summary
		for stat, us := range f.micros {
			summary.Set(probe.Stat(stat), time.Duration(us)*time.Microsecond)
		}
		sample.Imported = probe.ImportedOf(summary)
	}
	if f.state == probe.Measured {
		sample.TTL, sample.Stamps = 52, probe.KernelStamps
	}
	return sample
}

func unreachable(c report.City) string {
	return "ssh: connect to host " + c.Host + " port 22: Connection timed out"
}
