package report

import (
	"cmp"
	"math"
	"slices"
	"time"

	"matrix/geo"
)

// pairs judges two cities at a time. What stands out is kept; a million others
// would take more memory than all that they are made of. Of a month all are kept:
// what changed in it is added to them.
func (j *judge) pairs() {
	j.relay = j.relays()
	percents := make([][]float64, len(j.bands))
	for a := range j.n {
		for b := a + 1; b < j.n; b++ {
			p := j.pair(a, b)
			if p == nil {
				continue
			}
			if band := j.band(p); band >= 0 {
				percents[band] = append(percents[band], j.reference(p))
			}
			if j.ofMonth() || p.Verdict().Flagged() {
				j.v.index[int32(a*j.n+b)] = int32(len(j.v.kept))
				j.v.kept = append(j.v.kept, p)
			}
		}
	}
	j.bands = j.bandsOf(percents)
	for _, p := range j.v.kept {
		j.grade(p)
	}
	for i := range j.v.Hosts {
		if h := &j.v.Hosts[i]; h.Worst != nil {
			h.Worst = j.v.Pair(h.Worst.From, h.Worst.To)
		}
	}
}

// pair judges two cities by their places in the alphabet; nil if they were not
// planned.
func (j *judge) pair(a, b int) *PairVerdict {
	out, back := j.fates[a*j.n+b], j.fates[b*j.n+a]
	if !out.planned && !back.planned {
		return nil
	}
	p := &PairVerdict{From: j.names[a], To: j.names[b]}
	j.figures(p, a, b, j.relay[a*j.n+b])
	j.speed(p, a, b)
	j.directions(p, a, b)
	j.loss(p, out, back)
	j.waits(p, a, b)
	switch {
	case len(p.Verdicts) > 0:
		slices.SortFunc(p.Verdicts, func(a, b Verdict) int { return cmp.Compare(b, a) })
	case p.Why != "":
		p.Verdicts = []Verdict{Unjudged}
	default:
		p.Verdicts = []Verdict{Fine}
	}
	j.grade(p)
	return p
}

// relays finds for each pair the third city over which the way is shortest; -1
// if there is none. A misplaced host relays nothing: nobody knows where.
func (j *judge) relays() []int32 {
	best := make([]int32, j.n*j.n)
	for a := range j.n {
		from := j.rtt[a*j.n : (a+1)*j.n]
		for b := a + 1; b < j.n; b++ {
			to := j.rtt[b*j.n : (b+1)*j.n][:len(from)]
			least, by := math.Inf(1), int32(-1)
			for c, leg := range from {
				if way := leg + to[c]; way < least && !j.lost[c] {
					least, by = way, int32(c)
				}
			}
			best[a*j.n+b] = by
		}
	}
	return best
}

// figures are what the verdicts of a pair rest on.
func (j *judge) figures(p *PairVerdict, a, b int, relay int32) {
	known := func(v float64) *Ms {
		if math.IsNaN(v) || math.IsInf(v, 1) {
			return nil
		}
		return pointer(Ms(v))
	}
	p.RTT, p.Out, p.Back = known(j.rtt[a*j.n+b]), known(j.floor[a*j.n+b]), known(j.floor[b*j.n+a])
	if miles := j.miles[a*j.n+b]; !math.IsNaN(miles) {
		p.Miles = pointer(geo.Miles(miles))
	}
	if relay >= 0 {
		p.Relay, p.Legs = j.names[relay], [2]Ms{Ms(j.rtt[a*j.n+int(relay)]), Ms(j.rtt[int(relay)*j.n+b])}
	}
	p.Why = j.why(a, b)
}

// why is why two cities cannot be judged; "" if they can.
func (j *judge) why(a, b int) string {
	switch {
	case j.lost[a]:
		return j.r.Title(j.names[a]) + " is misplaced"
	case j.lost[b]:
		return j.r.Title(j.names[b]) + " is misplaced"
	case math.IsInf(j.rtt[a*j.n+b], 1):
		return "not measured"
	case math.IsNaN(j.miles[a*j.n+b]):
		return noDistance
	}
	return ""
}

// speed compares the RTT with what it should be: with what the distance should
// take, given how well each end is connected, and with the best one-stop way
// through another of the cities. The benchmark is the slower of the two.
func (j *judge) speed(p *PairVerdict, a, b int) {
	if p.Why != "" {
		return
	}
	rtt := *p.RTT
	if j.tooFast(j.least[a*j.n+b], float64(*p.Miles)) > 1 {
		p.Verdicts = append(p.Verdicts, TooFast)
		return
	}
	if speed, ok := geo.Speed(*p.Miles, time.Duration(float64(rtt)*float64(time.Millisecond))); ok {
		p.Percent = pointer(speed.PercentOf(j.r.Method.Fibre))
	}
	expected, glass := j.v.Fit.expected(p.From, p.To, *p.Miles, j.v.Fit.Last)
	usual, _ := j.v.Fit.expected(p.From, p.To, *p.Miles, j.v.Fit.Terms)
	p.Expected, p.Usual, p.Glass = &expected, &usual, &glass
	benchmark := p.benchmark()
	slowdown := j.t.slowdown(rtt, benchmark)
	p.Slowdown, p.Over = &slowdown, rtt-benchmark
	// What no relay proves is held against the host's usual RTTs: that most of
	// its routes are as slow is no news of this one.
	switch proven := p.Relay != "" && p.RelayRTT() < rtt; {
	case proven && j.t.slow(rtt, benchmark):
		p.Verdicts = append(p.Verdicts, j.bent(slowdown))
	case j.t.slow(rtt, usual):
		p.Verdicts = append(p.Verdicts, SlowUnproven)
	}
}

// benchmark is the slower of what a pair is expected to take and of its best
// relay.
func (p *PairVerdict) benchmark() Ms {
	if p.Relay != "" {
		return max(*p.Expected, p.RelayRTT())
	}
	return *p.Expected
}

// slowdown is by how many times an RTT exceeds a benchmark, with a cushion.
func (t *Thresholds) slowdown(rtt, benchmark Ms) float64 {
	cushion := Ms(millis(t.Cushion))
	return float64((rtt + cushion) / (benchmark + cushion))
}

// slow says whether an RTT exceeds a benchmark by enough to be called so.
func (t *Thresholds) slow(rtt, benchmark Ms) bool {
	return t.slowdown(rtt, benchmark) >= t.Detour && rtt-benchmark >= Ms(millis(t.Over))
}

// apart says whether the floors of two directions differ by enough.
func (t *Thresholds) apart(out, back Ms) bool {
	apart := max(out, back) - min(out, back)
	return apart > Ms(millis(t.AsymmetricBy)) && float64(apart) > t.AsymmetricShare*float64(min(out, back))
}

// congested says of directions whose averages lie so far above their minima, which
// are low together, whether that is a queue.
func (t *Thresholds) congested(queues []Ms, low Ms) bool {
	sum := Ms(0)
	for _, q := range queues {
		sum += q
	}
	n := float64(len(queues))
	return n > 0 && float64(sum)/n > millis(t.CongestedBy) && float64(sum) > t.CongestedShare*float64(low)
}

func (j *judge) bent(slowdown float64) Verdict {
	switch {
	case slowdown >= j.t.Extreme:
		return Extreme
	case slowdown >= j.t.Severe:
		return Severe
	}
	return Detour
}

// directions compares the two floors.
func (j *judge) directions(p *PairVerdict, a, b int) {
	if p.Out == nil || p.Back == nil || j.invalid[a] || j.invalid[b] {
		return
	}
	if j.t.apart(*p.Out, *p.Back) {
		p.Verdicts = append(p.Verdicts, Asymmetric)
	}
}

// waits judges how far the averages lie above the minima. A queue delays
// whatever crosses it, in both directions; their mean is the median of two.
func (j *judge) waits(p *PairVerdict, a, b int) {
	var queues []Ms
	sum, low := Ms(0), Ms(0)
	for _, d := range [][2]int{{a, b}, {b, a}} {
		at := d[0]*j.n + d[1]
		if q := j.queue[at]; !math.IsNaN(q) && !j.invalid[d[0]] {
			queues, sum, low = append(queues, Ms(q)), sum+Ms(q), low+Ms(j.floor[at])
		}
	}
	if len(queues) == 0 {
		return
	}
	p.Queue = pointer(sum / Ms(len(queues)))
	if j.t.congested(queues, low) {
		p.Verdicts = append(p.Verdicts, Congested)
	}
}

// loss judges what did not come back: of each direction and of both together,
// since a ping crosses both ways, but a host may throttle its replies.
func (j *judge) loss(p *PairVerdict, out, back fate) {
	heard := out.state == Measured || back.state == Measured
	sent, lost := int(out.sent), int(out.lost)
	sentBack, lostToo := int(back.sent), int(back.lost)
	p.Sent, p.Lost = sent+sentBack, lost+lostToo
	p.LossLow, p.LossHigh = wilson(p.Lost, p.Sent)
	if (out.state == Lost || back.state == Lost) && !heard {
		p.Verdicts = append(p.Verdicts, Unreachable)
		p.Why = ""
		return
	}
	if j.lossy(p.Lost, p.Sent) {
		p.Verdicts = append(p.Verdicts, Lossy)
	}
	worse, of, from := lost, sent, p.From
	if float64(lostToo)*float64(sent) > float64(lost)*float64(sentBack) {
		worse, of, from = lostToo, sentBack, p.To
	}
	if !p.Has(Lossy) && j.lossy(worse, of) {
		p.Sent, p.Lost, p.LossFrom = of, worse, from
		p.LossLow, p.LossHigh = wilson(worse, of)
		p.Verdicts = append(p.Verdicts, Lossy)
	}
}

func (j *judge) lossy(lost, sent int) bool {
	low, _ := wilson(lost, sent)
	return lost >= j.t.LeastLost && low > j.t.Loss
}

// fate is what became of the echo requests of one direction.
type fate struct {
	sent, lost int32 // 0 where they do not count
	state      State
	planned    bool
}

func (p *Pair) fate() fate {
	f := fate{state: p.State, planned: true}
	if p.Sent > 0 && p.Sent <= math.MaxInt32 && (p.State == Measured || p.State == Lost) {
		f.sent, f.lost = int32(p.Sent), int32(min(max(0, p.Sent-p.Received), p.Sent))
	}
	return f
}

// wilson is the 95 % interval of a ratio (Wilson, 1927): unlike the textbook
// one it stays within 0 and 1, and says something when nothing was lost.
func wilson(lost, sent int) (low, high float64) {
	if sent == 0 {
		return 0, 1
	}
	const z = 1.959963984540054
	n := float64(sent)
	ratio := float64(lost) / n
	centre, spread := ratio+z*z/(2*n), z*math.Sqrt(ratio*(1-ratio)/n+z*z/(4*n*n))
	scale := 1 + z*z/n
	return max(0, (centre-spread)/scale), min(1, (centre+spread)/scale)
}
