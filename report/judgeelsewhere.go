package report

import (
	"math"
	"slices"
)

// elsewhere accuses hosts whose RTTs fit another place far better than their own,
// the clearest first. Then the others are compared again without it, since what
// it measures was held against them.
func (j *judge) elsewhere(g Gazetteer) {
	s := newSiting(j, g)
	doubtful := make([]int, 0, j.n)
	for a := range j.n {
		if !j.lost[a] && j.partners(a) >= max(2, j.t.FewPartners) {
			doubtful = append(doubtful, a)
		}
	}
	for len(doubtful) > 0 {
		s.learn()
		worst, most := -1, 0.
		var own, other fitting
		for _, a := range doubtful {
			mine, best, ok := s.compare(a)
			if over := mine.misfit - best.misfit - j.enough(a); ok && over > most {
				worst, most, own, other = a, over, mine, best
			}
		}
		if worst < 0 {
			return
		}
		j.moved(s, worst, own, other)
		doubtful = slices.DeleteFunc(doubtful, func(a int) bool { return a == worst })
	}
}

// enough is by how much another place must fit better. Routes to several cities
// go astray together, so more cities need more evidence.
func (j *judge) enough(a int) float64 {
	return j.t.Evidence + j.t.EvidenceEach*float64(j.partners(a))
}

// partners are the cities with which a host's RTTs and distances are known.
func (j *judge) partners(a int) int {
	n := 0
	for b := range j.n {
		if at := a*j.n + b; b != a && !j.lost[b] && !math.IsInf(j.rtt[at], 1) && !math.IsNaN(j.miles[at]) {
			n++
		}
	}
	return n
}

// moved calls a host misplaced by where its RTTs fit.
func (j *judge) moved(s *siting, a int, own, other fitting) {
	h := HostVerdict{
		City: j.names[a], Verdict: Misplaced,
		Fits: &Fitting{
			Place: other.at.place, Miles: s.between(a, other.at), Cities: j.partners(a),
			Own: s.off(a, own), There: s.off(a, other), Misfit: own.misfit, Better: own.misfit - other.misfit, Enough: j.enough(a),
		},
	}
	if other.at.city >= 0 {
		h.Fits.City = j.names[other.at.city]
	}
	j.lost[a] = true
	j.host(h)
}
