package report

import (
	"cmp"
	"math"
	"slices"
)

// elsewhere accuses hosts whose RTTs fit another place far better than their own,
// the clearest first. Then the others are compared again without it, since what
// it measures was held against them.
func (j *judge) elsewhere(g Gazetteer) {
	var s *siting
	for {
		doubtful := j.doubtful()
		if len(doubtful) == 0 {
			return
		}
		if s == nil {
			s = newSiting(j, g)
		}
		s.learn()
		var all []accusation
		for _, a := range doubtful {
			if own, other, ok := s.compare(a, j.enough(a), j.unexplained(a)); ok {
				all = append(all, accusation{a, own, other})
			}
		}
		slices.SortStableFunc(all, func(x, y accusation) int { return cmp.Compare(j.over(y), j.over(x)) })
		first := slices.IndexFunc(all, func(x accusation) bool { return !s.mutual(x) })
		if first < 0 {
			return
		}
		j.moved(s, all[first])
	}
}

// accusation says that a host's RTTs fit another place better.
type accusation struct {
	host       int
	own, other fitting
}

// better is by how much.
func (x accusation) better() float64 { return x.own.misfit - x.other.misfit }

// over is by how much more than enough that is.
func (j *judge) over(x accusation) float64 { return x.better() - j.enough(x.host) }

// mutual says that the other host of an accused one's fastest pair might be
// accused as well, where the accusation rests on that pair.
func (s *siting) mutual(x accusation) bool {
	if x.better() > s.j.evidence(x.host, 1) {
		return false
	}
	_, from := s.j.fastest(x.host)
	own, other, ok := s.compare(from, 0, math.Inf(1))
	return ok && x.better() < own.misfit-other.misfit+s.j.t.Evidence
}

// doubtful are the hosts that may stand elsewhere. One that does is near to some
// cities that it should be far from; one that is much slower than light to all of
// them may only have long ways, as they are where cables are few.
func (j *judge) doubtful() []int {
	var all []int
	for a := range j.n {
		if speed, _ := j.fastest(a); !j.lost[a] && speed > j.t.Quick && j.partners(a) >= max(2, j.t.FewPartners) {
			all = append(all, a)
		}
	}
	return all
}

// fastest is the greatest speed at which a host is reached, by light in glass,
// and the city from which. Above 1 it is proof that one of the two is elsewhere.
func (j *judge) fastest(a int) (speed float64, from int) {
	for b := range j.n {
		if at := a*j.n + b; b != a && !j.lost[b] {
			if by := j.tooFast(j.least[at], j.miles[at]); by > speed {
				speed, from = by, b
			}
		}
	}
	return speed, from
}

// enough is by how much another place must fit better. Routes to several cities
// go astray together, so more cities need more evidence; but the nearer to light
// the fastest pair is, the less is left that routes could explain, and beyond
// light nothing is.
func (j *judge) enough(a int) float64 {
	speed, _ := j.fastest(a)
	left := 0.
	if speed < 1 {
		left = min(1, (1-speed)/(1-j.t.Quick))
	}
	return j.evidence(a, left)
}

// evidence is by how much another place must fit better if so much, of 1, is left
// that routes could explain.
func (j *judge) evidence(a int, left float64) float64 {
	return j.t.Evidence + j.t.EvidenceEach*float64(j.partners(a))*left
}

// unexplained is how much another place may leave unexplained. A host that beats
// light is not at its own, though no place that is known may explain its RTTs.
func (j *judge) unexplained(a int) float64 {
	if speed, _ := j.fastest(a); speed > 1 {
		return math.Inf(1)
	}
	return j.t.Explained * float64(j.partners(a))
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
func (j *judge) moved(s *siting, x accusation) {
	a := x.host
	speed, from := j.fastest(a)
	h := HostVerdict{
		City: j.names[a], Verdict: Misplaced,
		Fits: &Fitting{
			Place: x.other.at.place, Miles: s.between(a, x.other.at), Cities: j.partners(a),
			Own: s.off(a, x.own), There: s.off(a, x.other), Misfit: x.own.misfit, Better: x.better(), Enough: j.enough(a),
			Speed: speed, From: j.names[from],
		},
	}
	if x.other.at.city >= 0 {
		h.Fits.City = j.names[x.other.at.city]
	}
	j.lost[a] = true
	j.host(h)
}
