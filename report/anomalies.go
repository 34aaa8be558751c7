package report

import (
	"cmp"
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

// WorthTracing are the worst anomalies that are worth a traceroute, at most so many:
// first those that have no host in common, so that every fault gets its turn;
// then, if there is room, others of the same hosts.
func (r *Report) WorthTracing(most int) []Anomaly {
	all := r.anomalies()
	chosen := map[int]bool{}
	of := map[string]int{}
	for share := 1; share <= shareOfHost; share++ {
		for i, s := range all {
			if len(chosen) < most && !chosen[i] && max(of[s.Pair.From], of[s.Pair.To]) < share {
				chosen[i] = true
				of[s.Pair.From]++
				of[s.Pair.To]++
			}
		}
	}
	var worst []Anomaly
	for i, s := range all {
		if chosen[i] {
			worst = append(worst, s)
		}
	}
	return worst
}

// anomalies are all of them, worst first.
func (r *Report) anomalies() []Anomaly {
	var all []Anomaly
	seen := map[*PairVerdict]bool{}
	for _, family := range traceable {
		var pairs []*PairVerdict
		for _, p := range r.JudgedPairs() {
			if !seen[p] && slices.ContainsFunc(family, p.Has) {
				seen[p] = true
				pairs = append(pairs, p)
			}
		}
		slices.SortStableFunc(pairs, func(a, b *PairVerdict) int { return cmp.Compare(b.badness(family[0]), a.badness(family[0])) })
		for _, p := range pairs {
			v := p.among(family)
			from, to := p.Direction(v)
			all = append(all, Anomaly{Pair: probe.Pair{From: from, To: to}, Verdict: v, RTT: p.RTT})
		}
	}
	return all
}

// Runs says whether a pair's from-host can be asked to do something: it could be
// reached in the round, or was not needed.
func (r *Report) Runs(pair probe.Pair) bool {
	p := r.pairs[pair]
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
