package report

import (
	"cmp"
	"math"
	"slices"

	"matrix/geo"
)

// invalidSources finds hosts whose own measurements cannot be trusted. A ping
// takes as long in one direction as in the other, so a host's way out and its
// way in go together over its partners; where they do not, the host reached
// something else than it was told to (a poisoned name, a proxy). The worst host
// goes first and the others are compared again without it: its nonsense is also
// in their way in.
func (j *judge) invalidSources() {
	for a, name := range j.names {
		if self, ok := j.selfPing(name); ok && self > Ms(millis(j.t.SelfPing)) && j.t.SelfPing > 0 {
			j.invalid[a] = true
			j.host(HostVerdict{City: name, Verdict: InvalidSource, SelfPing: &self})
		}
	}
	var room ways
	for {
		worst, least, partners := -1, j.t.Correlation, 0
		for a := range j.n {
			c, n, ok := j.correlation(a, &room)
			if ok && !j.invalid[a] && c < least {
				worst, least, partners = a, c, n
			}
		}
		if worst < 0 {
			return
		}
		j.invalid[worst] = true
		j.host(HostVerdict{City: j.names[worst], Verdict: InvalidSource, Correlation: &least, Partners: partners})
	}
}

// selfPing is what a host takes to reach itself, where somebody tried.
func (j *judge) selfPing(name string) (Ms, bool) {
	for _, p := range j.r.self {
		if p.From == name {
			return p.floor()
		}
	}
	return 0, false
}

// correlation is that of the ranks of a host's way out and way in, so that one
// pair with a detour in one direction does not speak for all. It is false where
// there are too few partners to say, or where the two ways are alike in
// milliseconds anyway: among neighbours their order is chance.
func (j *judge) correlation(a int, room *ways) (float64, int, bool) {
	out, in, apart := room.out[:0], room.in[:0], room.apart[:0]
	for b := range j.n {
		x, y := j.floor[a*j.n+b], j.floor[b*j.n+a]
		if !j.invalid[b] && !math.IsNaN(x) && !math.IsNaN(y) {
			out, in = append(out, x), append(in, y)
			apart = append(apart, min(math.Abs(x-y)-millis(j.t.AsymmetricBy), math.Abs(x-y)-j.t.AsymmetricShare*min(x, y)))
		}
	}
	room.out, room.in, room.apart = out, in, apart
	if len(out) < max(2, j.t.FewPartners) {
		return 0, len(out), false
	}
	slices.Sort(apart)
	room.outRanks, room.inRanks = room.ranks(out, room.outRanks), room.ranks(in, room.inRanks)
	c, ok := pearson(room.outRanks, room.inRanks)
	return c, len(out), ok && quantile(apart, 0.5) > 0
}

// ways are a host's floors out and in, beside each other. They are compared host
// by host and again without each that is invalid, always in the same room.
type ways struct {
	out, in, apart, outRanks, inRanks, sorted []float64
}

// ranks are the places of values in their order, in room that it may use; equal
// values share theirs.
func (w *ways) ranks(values, room []float64) []float64 {
	w.sorted = append(w.sorted[:0], values...)
	slices.Sort(w.sorted)
	ranks := room[:0]
	for _, v := range values {
		first, _ := slices.BinarySearch(w.sorted, v)
		last := first
		for last < len(w.sorted) && w.sorted[last] == v {
			last++
		}
		ranks = append(ranks, float64(first+last-1)/2)
	}
	return ranks
}

// pearson is false where one of the two does not vary.
func pearson(x, y []float64) (float64, bool) {
	var mx, my, xx, yy, xy float64
	for i := range x {
		mx += x[i] / float64(len(x))
		my += y[i] / float64(len(y))
	}
	for i := range x {
		xx += (x[i] - mx) * (x[i] - mx)
		yy += (y[i] - my) * (y[i] - my)
		xy += (x[i] - mx) * (y[i] - my)
	}
	if xx == 0 || yy == 0 {
		return 0, false
	}
	return xy / math.Sqrt(xx*yy), true
}

// tooFast says by how many times a pair beats light in glass; at most 1 is
// possible.
func (j *judge) tooFast(rtt, miles float64) float64 {
	return 2 * (miles - float64(j.t.CitySize)) / rtt / (j.t.GlassLight * float64(geo.LightSpeed))
}

// impossible is a pair that beats light in glass.
type impossible struct {
	a, b int
	by   float64
}

// misplaced finds the fewest hosts that explain all impossible pairs: always
// the one with most of them. Of two with as many, the one goes whose coordinates
// are suspect, or whose pairs are the more impossible. What is left has one
// partner each: then it may be either of the two, unless the gazetteer suspects
// one of them.
func (j *judge) misplaced(g Gazetteer) {
	var pairs []impossible
	j.measured(func(a, b int, _, miles float64) {
		if by := j.tooFast(j.least[a*j.n+b], miles); by > 1 {
			pairs = append(pairs, impossible{a, b, by})
		}
	})
	for {
		worst, mine := j.mostImpossible(pairs)
		if len(mine) < 2 {
			break
		}
		j.accuse(worst, mine)
		pairs = slices.DeleteFunc(pairs, func(p impossible) bool { return p.a == worst || p.b == worst })
	}
	for _, p := range pairs {
		switch a, b := j.suspect[p.a], j.suspect[p.b]; {
		case a && !b:
			j.accuse(p.a, []impossible{p})
		case b && !a:
			j.accuse(p.b, []impossible{p})
		}
	}
	j.elsewhere(g)
	j.settle()
}

// accuse calls a host misplaced, by its impossible pairs.
func (j *judge) accuse(a int, pairs []impossible) {
	j.lost[a] = true
	top := slices.MaxFunc(pairs, func(p, q impossible) int { return cmp.Compare(p.by, q.by) })
	j.host(HostVerdict{
		City: j.names[a], Verdict: Misplaced, Partners: len(pairs),
		Worst: &PairVerdict{From: j.names[top.a], To: j.names[top.b]},
	})
}

// mostImpossible is the host with most impossible pairs, and those.
func (j *judge) mostImpossible(pairs []impossible) (int, []impossible) {
	of := make([][]impossible, j.n)
	weight := make([]float64, j.n)
	for _, p := range pairs {
		for _, h := range []int{p.a, p.b} {
			of[h] = append(of[h], p)
			weight[h] += math.Log(p.by)
		}
	}
	worst := 0
	for h := range of {
		more := cmp.Or(cmp.Compare(len(of[h]), len(of[worst])), cmp.Compare(j.suspicion(h), j.suspicion(worst)), cmp.Compare(weight[h], weight[worst]))
		if more > 0 {
			worst = h
		}
	}
	if j.n == 0 {
		return 0, nil
	}
	return worst, of[worst]
}

// suspicion is 1 for suspect coordinates.
func (j *judge) suspicion(a int) int {
	if j.suspect[a] {
		return 1
	}
	return 0
}

// settle suggests where each misplaced host stands: by the city that is nearest
// by RTT, of those that stand where they say.
func (j *judge) settle() {
	for i := range j.v.Hosts {
		h := &j.v.Hosts[i]
		if h.Verdict != Misplaced {
			continue
		}
		a, nearest := j.at(h.City), -1
		for b := range j.n {
			if b != a && !j.lost[b] && !math.IsInf(j.rtt[a*j.n+b], 1) && (nearest < 0 || j.rtt[a*j.n+b] < j.rtt[a*j.n+nearest]) {
				nearest = b
			}
		}
		if nearest >= 0 {
			rtt := j.rtt[a*j.n+nearest]
			h.Nearest, h.NearestRTT = j.names[nearest], Ms(rtt)
			h.Within = geo.Miles(rtt/2*j.t.GlassLight*float64(geo.LightSpeed)) + j.t.CitySize
		}
	}
}

// suspects compares coordinates with the gazetteer. Two cities whose
// coordinates were swapped may break no law of physics; this sees them.
func (j *judge) suspects(g Gazetteer) {
	if g == nil {
		return
	}
	for _, c := range j.r.Cities {
		if place, off, wrong := Suspect(c, g, j.t); wrong {
			j.host(HostVerdict{City: c.Name, Verdict: SuspectPlace, Named: &place, Off: off})
			if a, planned := slices.BinarySearch(j.names, c.Name); planned {
				j.suspect[a] = true
			}
		}
	}
}

// Suspect says whether a city's coordinates are those of no place of its name,
// and which of these is nearest. What the gazetteer does not know is no suspect.
func Suspect(c City, g Gazetteer, t Thresholds) (nearest Place, off geo.Miles, wrong bool) {
	if c.Location == nil {
		return Place{}, 0, false
	}
	at, err := geo.NewPoint(c.Location.Latitude, c.Location.Longitude)
	if err != nil {
		return Place{}, 0, false
	}
	places := g.Places(cmp.Or(c.Title, c.Name), c.Country)
	for i, p := range places {
		if d := geo.Distance(at, p.Point); i == 0 || d < off {
			nearest, off = p, d
		}
	}
	return nearest, off, len(places) > 0 && off > t.filled().CitySize
}
