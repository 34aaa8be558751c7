package report

import "matrix/geo"

// InStat is the same report with its figures in another statistic: latencies,
// and the speeds that follow from them. Verdicts rest on the floors of the pairs,
// whichever statistic is shown, and stay.
func (r *Report) InStat(stat Stat) *Report {
	if stat == r.Method.Stat {
		return r
	}
	other := *r
	other.Method.Stat = stat
	other.cells = make([]*Pair, len(r.cells))
	other.order, other.self = other.rejoin(r.order), other.rejoin(r.self)
	other.withhold()
	return &other
}

// rejoin derives the figures of pairs again, from the distances that they have.
func (r *Report) rejoin(pairs []*Pair) []*Pair {
	return r.take(len(pairs), func(i int) Pair {
		was := pairs[i]
		p := r.join(was.Sample, Options{Distances: sameDistance{was}})
		p.Month = was.Month
		return p
	})
}

// sameDistance is the distance that a pair was given before.
type sameDistance struct{ pair *Pair }

var _ Distances = sameDistance{}

func (d sameDistance) Between(CityPair) (geo.Miles, bool) {
	if d.pair.Miles == nil {
		return 0, false
	}
	return *d.pair.Miles, true
}
