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
	var bent []*PairVerdict
	byHost := map[string][]*PairVerdict{}
	for _, p := range j.v.kept {
		if p.Verdict().Bent() {
			p.Waypoints = j.candidates(p)
			bent = append(bent, p)
			byHost[p.From], byHost[p.To] = append(byHost[p.From], p), append(byHost[p.To], p)
		}
	}
	for _, host := range byHost {
		fits := map[string]int{}
		for _, p := range host {
			for _, w := range p.Waypoints {
				fits[w.City]++
			}
		}
		for _, p := range host {
			for i := range p.Waypoints {
				p.Waypoints[i].Votes += fits[p.Waypoints[i].City] - 1
			}
		}
	}
	for _, p := range bent {
		slices.SortFunc(p.Waypoints, func(a, b Waypoint) int {
			return cmp.Or(cmp.Compare(b.Votes, a.Votes), cmp.Compare(p.misses(a), p.misses(b)), cmp.Compare(a.City, b.City))
		})
		p.Waypoints = slices.Clone(p.Waypoints[:min(mostWaypoints, len(p.Waypoints))]) // of hundreds
	}
}

// candidates are the cities that fit one pair.
func (j *judge) candidates(p *PairVerdict) []Waypoint {
	var found []Waypoint
	a, b := j.at(p.From), j.at(p.To)
	allowed := max(millis(j.t.WaypointBy), j.t.WaypointShare*float64(*p.RTT))
	for c := range j.n {
		if c == a || c == b || j.lost[c] {
			continue
		}
		legs := [2]Ms{Ms(j.rtt[a*j.n+c]), Ms(j.rtt[c*j.n+b])}
		miles := j.miles[a*j.n+c] + j.miles[c*j.n+b]
		if math.Abs(float64(legs[0]+legs[1]-*p.RTT)) <= allowed && miles > j.t.Bend*float64(*p.Miles) {
			found = append(found, Waypoint{City: j.names[c], Legs: legs, Miles: geo.Miles(miles)})
		}
	}
	return found
}

// misses is by how much a waypoint's legs miss the whole.
func (p *PairVerdict) misses(w Waypoint) float64 {
	return math.Abs(float64(w.Legs[0] + w.Legs[1] - *p.RTT))
}
