package report

import (
	"cmp"
	"math"
	"slices"

	"matrix/probe"
)

// Anomaly is one of which a traceroute can tell something.
type Anomaly struct {
	Pair    probe.Pair // in the direction that the verdict means
	Verdict Verdict
	RTT     *Ms // that the round has; nil: nothing came back
}

// anomaly is what the round has of a pair.
func (r *Report) anomaly(pair probe.Pair) Anomaly {
	a := Anomaly{Pair: pair}
	if p := r.Verdicts.Pair(pair.From, pair.To); p != nil {
		a.Verdict, a.RTT = p.still(), p.RTT
	}
	return a
}

// traceable are the verdicts of which a traceroute can tell something, worst
// first: where packets go, and where they go no further. Losses and queues of a
// few percent do not show in three probes a hop, and a pair that is faster than
// light is a mistake in the inventory.
var traceable = [][]Verdict{{Unreachable}, {Extreme, Severe, Detour}, {Degraded}, {SlowUnproven}, {Asymmetric}}

// shareOfHost is how many of them may share a host: what is wrong with a
// host shows in all its pairs, and two of them are enough to see it.
const shareOfHost = 2

// WorthTracing are the worst anomalies that are worth a traceroute, at most so
// many: first those that are new, then, if there is room, those that looks, of
// earlier rounds, know. Within a kind first those that have no host in common, so
// that every fault gets its turn; then others of the same hosts.
func (r *Report) WorthTracing(most int, looks []probe.Look) []Anomaly {
	all, kinds := r.anomalies()
	known := r.known(all, looks)
	chosen := map[int]bool{}
	turns, ofKind := map[string]int{}, map[kindOfHost]bool{}
	for _, pass := range []struct{ known, again bool }{{false, false}, {false, true}, {true, false}, {true, true}} {
		for i, a := range all {
			from, to := kindOfHost{a.Pair.From, kinds[i]}, kindOfHost{a.Pair.To, kinds[i]}
			if len(chosen) >= most || chosen[i] || known[i] != pass.known || max(turns[a.Pair.From], turns[a.Pair.To]) >= shareOfHost || !pass.again && (ofKind[from] || ofKind[to]) {
				continue
			}
			chosen[i], ofKind[from], ofKind[to] = true, true, true
			turns[a.Pair.From]++
			turns[a.Pair.To]++
		}
	}
	var worst []Anomaly
	for i, a := range all {
		if chosen[i] {
			worst = append(worst, a)
		}
	}
	return worst
}

// known says of anomalies, worst first, which are no news: those that were traced
// in earlier rounds and take as long as they took then, and all others of a host of
// which as many are known as are ever traced at once.
func (r *Report) known(all []Anomaly, looks []probe.Look) []bool {
	known := make([]bool, len(all))
	of := map[string]int{}
	for i, a := range all {
		if slices.ContainsFunc(looks, func(l probe.Look) bool { return r.sameAs(a, l) }) {
			known[i] = true
			of[a.Pair.From]++
			of[a.Pair.To]++
		}
	}
	for i, a := range all {
		known[i] = known[i] || max(of[a.Pair.From], of[a.Pair.To]) >= shareOfHost
	}
	return known
}

// sameAs says whether an anomaly is what was looked into: traced, and not slower
// or faster since by as much as is worth a line in a month's report.
func (r *Report) sameAs(a Anomaly, l probe.Look) bool {
	if l.Pair != a.Pair && l.Pair != a.Pair.Reverse() || len(l.Traces) == 0 {
		return false
	}
	then := Ms(math.Inf(1))
	for _, s := range l.Samples {
		if low, ok := s.Summary().Get(probe.Min); ok {
			then = min(then, Ms(millis(low)))
		}
	}
	if a.RTT == nil || math.IsInf(float64(then), 1) {
		return a.RTT == nil && math.IsInf(float64(then), 1)
	}
	t := &r.Verdicts.Thresholds
	moved := max(then, *a.RTT) - min(then, *a.RTT)
	return moved <= Ms(millis(t.DegradedBy)) || float64(moved) <= t.DegradedShare*float64(min(then, *a.RTT))
}

// kindOfHost is a host with one kind of anomaly: the index in traceable.
type kindOfHost struct {
	host string
	kind int
}

// anomalies are all of them, worst first, and of which kind each is. Of equally
// bad ones those come first whose other host has least of them: of a host that
// nobody reaches, the pair whose other end is well.
func (r *Report) anomalies() (all []Anomaly, kinds []int) {
	seen := map[*PairVerdict]bool{}
	of := map[string]int{}
	families := make([][]*PairVerdict, len(traceable))
	flagged := r.FlaggedPairs()
	for kind, family := range traceable {
		for _, p := range flagged {
			if !seen[p] && slices.ContainsFunc(family, p.Has) {
				seen[p] = true
				families[kind] = append(families[kind], p)
				of[p.From]++
				of[p.To]++
			}
		}
	}
	for kind, pairs := range families {
		worst := traceable[kind][0]
		slices.SortStableFunc(pairs, func(a, b *PairVerdict) int {
			return cmp.Or(cmp.Compare(b.badness(worst), a.badness(worst)), cmp.Compare(min(of[a.From], of[a.To]), min(of[b.From], of[b.To])))
		})
		for _, p := range pairs {
			v := p.among(traceable[kind])
			from, to := p.Direction(v)
			all = append(all, Anomaly{Pair: probe.Pair{From: from, To: to}, Verdict: v, RTT: p.RTT})
			kinds = append(kinds, kind)
		}
	}
	return all, kinds
}

// Runs says whether a pair's from-host can be asked to do something: it could be
// reached in the round, or was not needed.
func (r *Report) Runs(pair probe.Pair) bool {
	p := r.Pair(pair.From, pair.To)
	return p == nil || p.State != SourceDown
}

// Again judges a round once more, with some pairs as they were measured after
// it; of these, a direction that could not be measured again does not count,
// since what it was before is another time's. The round itself stays what it is.
func Again(round *Round, options Options, fresh []Sample) *Verdicts {
	measured, isMeasured := map[probe.Pair]Sample{}, map[probe.Pair]bool{}
	for _, s := range fresh {
		if s.State == Measured || s.State == Lost {
			measured[s.Pair], isMeasured[s.Pair] = s, true
		}
	}
	again := *round
	again.Samples, again.Looks = nil, nil
	for _, old := range round.Samples {
		now, is := measured[old.Pair]
		other := isMeasured[old.Pair.Reverse()]
		switch {
		case is:
			old = now
			delete(measured, old.Pair)
		case other:
			old = Sample{Pair: old.Pair, State: NotRun}
		}
		again.Samples = append(again.Samples, old)
	}
	for _, s := range fresh { // directions that the round did not have
		if _, left := measured[s.Pair]; left {
			again.Samples = append(again.Samples, s)
		}
	}
	options.Verdicts, options.Traced = nil, nil
	return New(&again, options).Verdicts
}

// still is the verdict of a pair that is worth a traceroute; Fine if none is.
func (p *PairVerdict) still() Verdict {
	for _, family := range traceable {
		if slices.ContainsFunc(family, p.Has) {
			return p.among(family)
		}
	}
	return Fine
}
