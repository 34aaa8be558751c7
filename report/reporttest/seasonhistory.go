package reporttest

import (
	"context"
	"iter"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"time"

	"matrix/probe"
	"matrix/report"
)

// All are the season's rounds with their samples, one by one. Each is valid
// until the next one: its samples are used again.
func (s *Season) All() iter.Seq2[int, *probe.Round] {
	return func(yield func(int, *probe.Round) bool) {
		var samples []probe.Sample
		for i := range s.Count {
			round := s.header(i)
			samples = s.appendSamples(samples[:0], i)
			round.Samples = samples
			if !yield(i, round) {
				return
			}
		}
	}
}

// Round is one round with its samples.
func (s *Season) Round(i int) *probe.Round {
	round := s.header(i)
	round.Samples = s.appendSamples(nil, i)
	return round
}

func (s *Season) appendSamples(samples []probe.Sample, i int) []probe.Sample {
	for a := range s.hosts {
		for b := range s.hosts {
			if a != b && s.hosts[a].isIn(i) && s.hosts[b].isIn(i) {
				samples = append(samples, s.sample(a, b, i))
			}
		}
	}
	return samples
}

// header is a round without its samples.
func (s *Season) header(i int) *probe.Round {
	var hosts []probe.Host
	var warnings []probe.Warning
	for h, c := range s.Fleet.Cities {
		mine := &s.hosts[h]
		if !mine.isIn(i) {
			continue
		}
		host := probe.Host{City: c.Name}
		if mine.isDown(i) || s.fails(h, i) {
			host.Error = "connect: " + unreachable(c)
			warnings = append(warnings, probe.Warning{Subject: c.Name, Text: host.Error})
		} else {
			host.Version, host.Health = "0.1.0", s.health(mine, i)
		}
		hosts = append(hosts, host)
	}
	round := measuredRound(s.fleet.of(s, i))
	round.Start, round.End = s.at(i), s.at(i).Add(Sent*time.Second)
	round.Options.Count = Sent
	round.Hosts, round.Warnings = hosts, warnings
	return round
}

// sharedFleet remembers which cities a round had, for those that follow.
type sharedFleet struct {
	mu     sync.Mutex
	cities map[string][]report.City // by who is in it
}

func (f *sharedFleet) of(s *Season, round int) []report.City {
	var cities []report.City
	var key []byte
	for h, c := range s.Fleet.Cities {
		if s.hosts[h].isIn(round) {
			cities, key = append(cities, c), append(key, byte(h))
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cities == nil {
		f.cities = map[string][]report.City{}
	}
	if f.cities[string(key)] == nil {
		f.cities[string(key)] = cities
	}
	return f.cities[string(key)]
}

// health is that of a host that can ping.
func (s *Season) health(h *seasonHost, round int) probe.Health {
	health := probe.Health{Engine: "ping socket", Stamps: probe.KernelStamps, Self: 45 * time.Microsecond, Offset: 3 * time.Millisecond}
	if first, end := h.clock[0], h.clock[1]; round >= first && round < end {
		health.Offset += s.offset(h.drift, round-first)
		if round == end-1 {
			health.Steps = 1 // it is set right
		}
	}
	return health
}

// within are the rounds of a stretch of time: from and up to.
func (s *Season) within(from, to time.Time) (first, end int) { return s.round(from), s.round(to) }

// Rounds implements report.History.
func (s *Season) Rounds(_ context.Context, from, to time.Time) ([]*probe.Round, error) {
	var rounds []*probe.Round
	first, end := s.within(from, to)
	for i := first; i < end; i++ {
		rounds = append(rounds, s.header(i))
	}
	return rounds, nil
}

// Series implements report.History, with a goroutine a processor, in an order
// that chance chooses.
func (s *Season) Series(ctx context.Context, from, to time.Time, visit func(*probe.Series) error) error {
	first, end := s.within(from, to)
	pairs := s.pairs()
	rand.Shuffle(len(pairs), func(i, j int) { pairs[i], pairs[j] = pairs[j], pairs[i] })
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		all.Go(func() {
			var series probe.Series
			for i := w; i < len(pairs) && ctx.Err() == nil; i += workers {
				if s.fill(&series, pairs[i], first, end, false); series.Len() > 0 {
					if err := visit(&series); err != nil {
						cancel(err)
					}
				}
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// Pair implements report.History.
func (s *Season) Pair(_ context.Context, pair probe.Pair, from, to time.Time) (*probe.Series, error) {
	first, end := s.within(from, to)
	series := &probe.Series{Pair: pair}
	if a, b := s.host(pair.From), s.host(pair.To); a >= 0 && b >= 0 && a != b {
		s.fill(series, [2]int{a, b}, first, end, true)
	}
	return series, nil
}

// fill makes the series of one pair, in the memory of another.
func (s *Season) fill(series *probe.Series, p [2]int, first, end int, full bool) {
	a, b := p[0], p[1]
	series.Pair = s.pair(p)
	series.Round, series.State, series.RTTs = series.Round[:0], series.State[:0], nil
	series.Sent, series.Received, series.Address = series.Sent[:0], series.Received[:0], series.Address[:0]
	series.Addresses = series.Addresses[:0]
	for i := range series.Stats {
		series.Stats[i] = series.Stats[i][:0]
	}
	for i := max(first, s.hosts[a].first, s.hosts[b].first); i < min(end, s.hosts[a].end, s.hosts[b].end); i++ {
		f := s.figures(a, b, i)
		series.Round, series.State = append(series.Round, int32(i-first)), append(series.State, f.state)
		sent, at := int32(0), int32(probe.Unknown)
		if f.state != probe.SourceDown {
			sent, at = Sent, indexOf(series, address(b, f.moved))
		}
		series.Sent, series.Received, series.Address = append(series.Sent, sent), append(series.Received, int32(f.received)), append(series.Address, at)
		if rtts := f.appendStats(series); full {
			series.RTTs = append(series.RTTs, rtts)
		}
	}
}

func indexOf(series *probe.Series, addr netip.Addr) int32 {
	i := slices.Index(series.Addresses, addr)
	if i < 0 {
		i = len(series.Addresses)
		series.Addresses = append(series.Addresses, addr)
	}
	return int32(i)
}

// appendStats adds a sample's statistics, and returns its RTTs in µs if it has
// them.
func (f *figures) appendStats(series *probe.Series) []int32 {
	var each []int32
	if f.state == probe.Measured && f.full {
		rtts := f.rtts()
		summary := probe.Summarize(rtts)
		for stat := range f.micros {
			d, ok := summary.Get(probe.Stat(stat))
			f.micros[stat] = int32(d.Round(time.Microsecond) / time.Microsecond)
			if !ok {
				f.micros[stat] = probe.Unknown
			}
		}
		for _, rtt := range rtts {
			each = append(each, int32(rtt/time.Microsecond))
		}
	}
	for stat := range series.Stats {
		us := f.micros[stat]
		if f.state != probe.Measured {
			us = probe.Unknown
		}
		series.Stats[stat] = append(series.Stats[stat], us)
	}
	return each
}
