package report

import (
	"cmp"
	"math"
	"slices"

	"matrix/geo"
)

// mostWaypoints is how many hypotheses a pair keeps.
const mostWaypoints = 5

// waypoints asks of each pair with a detour over which city it may go: one to
// which and from which it takes just as long as the whole, and that is out of
// the way. With many cities many fit by chance. A fault bends more than one
// pair of a host, so a city that fits others of its flagged pairs too goes
// first.
func (j *judge) waypoints() {
	fits := make(map[*PairVerdict][]int32) // cities by their places: there are hundreds for a pair
	byHost := map[string][]*PairVerdict{}
	for _, p := range j.v.kept {
		if p.Verdict().Bent() {
			fits[p] = j.candidates(p)
			byHost[p.From], byHost[p.To] = append(byHost[p.From], p), append(byHost[p.To], p)
		}
	}
	votes := map[string][]int32{} // of each host by city: pairs that it fits
	for host, pairs := range byHost {
		votes[host] = make([]int32, j.n)
		for _, p := range pairs {
			for _, c := range fits[p] {
				votes[host][c]++
			}
		}
	}
	for p, all := range fits {
		for _, c := range all {
			w := j.waypoint(p, c)
			w.Votes = int(votes[p.From][c] + votes[p.To][c] - 2) // without itself
			p.keep(w)
		}
	}
}

// keep takes a waypoint in if it is one of the likeliest.
func (p *PairVerdict) keep(w Waypoint) {
	at, _ := slices.BinarySearchFunc(p.Waypoints, w, func(a, b Waypoint) int {
		return cmp.Or(cmp.Compare(b.Votes, a.Votes), cmp.Compare(p.misses(a), p.misses(b)), cmp.Compare(a.City, b.City))
	})
	switch {
	case at == mostWaypoints:
		return
	case p.Waypoints == nil:
		p.Waypoints = make([]Waypoint, 0, mostWaypoints)
	}
	p.Waypoints = slices.Insert(p.Waypoints[:min(len(p.Waypoints), mostWaypoints-1)], at, w)
}

// candidates are the cities that fit one pair.
func (j *judge) candidates(p *PairVerdict) []int32 {
	var found []int32
	a, b := j.at(p.From), j.at(p.To)
	allowed := max(millis(j.t.WaypointBy), j.t.WaypointShare*float64(*p.RTT))
	for c := range j.n {
		if c == a || c == b || j.lost[c] {
			continue
		}
		w := j.waypoint(p, int32(c))
		if p.misses(w) <= allowed && float64(w.Miles) > j.t.Bend*float64(*p.Miles) {
			found = append(found, int32(c))
		}
	}
	return found
}

// waypoint is the way of a pair over a city.
func (j *judge) waypoint(p *PairVerdict, c int32) Waypoint {
	to, on := j.at(p.From)*j.n+int(c), int(c)*j.n+j.at(p.To)
	return Waypoint{City: j.names[c], Legs: [2]Ms{Ms(j.rtt[to]), Ms(j.rtt[on])}, Miles: geo.Miles(j.miles[to] + j.miles[on])}
}

// misses is by how much a waypoint's legs miss the whole.
func (p *PairVerdict) misses(w Waypoint) float64 {
	return math.Abs(float64(w.Legs[0] + w.Legs[1] - *p.RTT))
}
