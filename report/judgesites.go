package report

import (
	"cmp"
	"math"
	"slices"

	"matrix/geo"
)

// A host may stand elsewhere and yet beat light nowhere: it is too fast for its
// place to some cities and too slow to others. So its RTTs are asked which place
// explains them: its own, that of another city of the fleet, or a large town.
//
//	RTT + cushion ≈ two last miles + (slope × miles + cushion) × what the place's neighbours meet
//
// How far an RTT is off is a logarithm, since networks stretch ways. To be faster
// than a place explains weighs more than to be slower, which any detour does, and
// very slow weighs little more than slow.

// site is a place where a host may stand.
type site struct {
	place     Place
	city      int       // of the fleet; -1 of a town
	miles     []float64 // to each city
	way       []float64 // logarithm of what these take
	neighbour []float64 // what each city's routes say of those from here; 0 of most
	stray     []float64 // how far its neighbours' RTTs to each city are off, summed
	heard     []float64 // by that many
	near      float64   // neighbours altogether
}

// siting holds what is known of the places and of the hosts.
type siting struct {
	j      *judge
	sites  []*site      // the cities of the fleet first, by their index
	last   []float64    // of each host, in ms
	stray  []float64    // logarithm of how far each pair is off what distance and last miles explain
	points []*geo.Point // of the cities; nil if not known

	// Of the host that is looked at:
	logs    []float64 // of RTT − last miles + cushion: a row for each of lastMiles
	nearest []int     // the other cities, by RTT: these decide soonest
	way     []float64 // logarithm of what a place explains, for each city
}

// fitting is how well a site explains a host's RTTs.
type fitting struct {
	at      *site
	misfit  float64 // summed over the cities, in nats: the logarithm of how unlikely they are
	last    float64 // the last mile by which it explains them best, in ms
	stretch float64 // and by how much its ways are longer, as a logarithm
}

// lastMiles are those that are tried, in ms: finer where most are.
var lastMiles = [...]float64{0, 0.5, 1, 1.5, 2, 3, 4, 5, 6.5, 8, 10, 12, 15, 18, 22, 27, 33, 40, 50, 60, 75, 95, 120, 150, 200}

// stretches are by how much all of a host's ways are longer, as logarithms: some
// networks have straighter cables.
var stretches = [...]float64{0, -0.1, 0.1, -0.2, 0.2}

// faint is the least that a neighbour must say to be heard.
const faint = 0.02

// newSiting places the fleet's cities and the large towns.
func newSiting(j *judge, g Gazetteer) *siting {
	s := &siting{j: j, logs: make([]float64, len(lastMiles)*j.n), way: make([]float64, j.n), points: make([]*geo.Point, j.n)}
	points := s.points
	for a, name := range j.names {
		place := Place{Name: j.r.Title(name)}
		if at := j.r.Location(name); at != nil {
			if p, err := geo.NewPoint(at.Latitude, at.Longitude); err == nil {
				points[a], place.Point = &p, p
				place.Latitude, place.Longitude = at.Latitude, at.Longitude
			}
		}
		miles := slices.Clone(j.miles[a*j.n : (a+1)*j.n])
		miles[a] = 0
		s.add(&site{place: place, city: a, miles: miles})
	}
	if g == nil {
		return s
	}
	for _, town := range g.Large() {
		miles := slices.Repeat([]float64{math.NaN()}, j.n)
		for a, p := range points {
			if p != nil {
				miles[a] = float64(geo.Distance(town.Point, *p))
			}
		}
		s.add(&site{place: town, city: -1, miles: miles})
	}
	return s
}

// add is told how far a site is from each city.
func (s *siting) add(at *site) {
	for _, miles := range at.miles {
		at.way = append(at.way, math.Log(s.j.t.Slope*miles+millis(s.j.t.Cushion)))
	}
	s.sites = append(s.sites, at)
}

// known says whether a pair of cities is measured and of hosts that are where
// they say.
func (s *siting) known(a, b int) bool {
	return a != b && !s.j.lost[b] && !math.IsInf(s.j.rtt[a*s.j.n+b], 1)
}

// learn finds each host's last mile at its place, and what neighbours meet.
func (s *siting) learn() {
	n := s.j.n
	s.last = slices.Repeat([]float64{3}, n)
	for range 6 { // they settle soon
		next := slices.Clone(s.last)
		for a := range n {
			s.look(a)
			s.alone(a)
			f, _ := s.fit(a, s.sites[a], 1, math.Inf(1))
			next[a] = (f.last + s.last[a]) / 2
		}
		s.last = next
	}
	s.stray = make([]float64, n*n)
	for a := range n {
		for b := range n {
			if miles := s.sites[a].miles[b]; s.known(a, b) && !math.IsNaN(miles) {
				off := s.log(a, b, s.last[a]) - s.sites[a].way[b]
				s.stray[a*n+b] = min(max(off, -0.7), 1.5) // more is this pair's own fault
			}
		}
	}
	for _, at := range s.sites {
		s.hear(at)
	}
}

// hear sums what a place's neighbours meet.
func (s *siting) hear(at *site) {
	n := s.j.n
	at.near, at.neighbour, at.stray, at.heard = 0, make([]float64, n), make([]float64, n), make([]float64, n)
	for k, miles := range at.miles {
		w := math.Exp(-miles / float64(s.j.t.Neighbours))
		if !(w >= faint) || s.j.lost[k] {
			continue
		}
		at.neighbour[k] = w
		at.near += w
		for b := range n {
			if s.known(k, b) && !math.IsNaN(s.sites[k].miles[b]) {
				at.stray[b] += w * s.stray[k*n+b]
				at.heard[b] += w
			}
		}
	}
}

// log is the logarithm of what an RTT leaves for the way when the last miles are
// paid; less than nothing is not left, however much is paid.
func (s *siting) log(a, b int, last float64) float64 {
	left, cushion := s.j.rtt[a*s.j.n+b]-last-s.last[b], millis(s.j.t.Cushion)
	if left < 0 {
		left = max(left/10, -0.9*cushion)
	}
	return math.Log(left + cushion)
}

// look takes a host to be fitted.
func (s *siting) look(a int) {
	s.nearest = s.nearest[:0]
	for b := range s.j.n {
		if s.known(a, b) {
			s.nearest = append(s.nearest, b)
		}
	}
	row := s.j.rtt[a*s.j.n : (a+1)*s.j.n]
	slices.SortFunc(s.nearest, func(b, c int) int { return cmp.Or(cmp.Compare(row[b], row[c]), cmp.Compare(b, c)) })
	for k, last := range lastMiles {
		for _, b := range s.nearest {
			s.logs[k*s.j.n+b] = s.log(a, b, last)
		}
	}
}

// alone is what a host's own place explains by its distances alone.
func (s *siting) alone(a int) {
	copy(s.way, s.sites[a].way)
}

// explain is what a site explains of a host's RTTs, and how vague that is: more
// so where it has no neighbours. The host itself is not asked. It is false if the
// site is not known to be as far from anything as the host's own place is.
func (s *siting) explain(a int, at *site) (vague float64, ok bool) {
	own, mine := s.sites[a], at.neighbour[a]
	for b := range s.way {
		s.way[b] = math.NaN()
		if !s.known(a, b) || math.IsNaN(own.miles[b]) {
			continue
		}
		if math.IsNaN(at.miles[b]) {
			return 0, false
		}
		stray, heard := at.stray[b]-mine*s.stray[a*s.j.n+b], at.heard[b]-mine
		s.way[b] = at.way[b] + stray/(heard+s.j.t.Alone)
	}
	return 1 + s.j.t.Alone*s.j.t.Alone/(at.near-mine+s.j.t.Alone), true
}

// fit finds the last mile by which a site explains a host's RTTs best, unless the
// misfit is enough or more.
func (s *siting) fit(a int, at *site, vague, enough float64) (fitting, bool) {
	t := s.j.t
	best := fitting{at: at, misfit: enough}
	found := false
	for _, stretch := range stretches {
		for k, last := range lastMiles {
			misfit := t.unlikelyLast(last) + math.Abs(stretch)/t.Stretch
			logs := s.logs[k*s.j.n : (k+1)*s.j.n]
			for _, b := range s.nearest {
				if misfit >= best.misfit {
					break
				}
				if off := (logs[b] - s.way[b] - stretch) / vague; !math.IsNaN(off) {
					misfit += t.unlikely(off)
				}
			}
			if misfit < best.misfit {
				best.misfit, best.last, best.stretch, found = misfit, last, stretch, true
			}
		}
	}
	return best, found
}

// unlikely is how unlikely it is to be off by that logarithm, in nats.
func (t *Thresholds) unlikely(off float64) float64 {
	switch {
	case off < 0:
		return -off / t.Faster
	case off < t.Slower:
		return off / t.Slower
	}
	return 1 + math.Log(off/t.Slower)
}

// unlikelyLast is how unlikely a last mile of so many ms is, in nats. A very slow
// one is hardly less likely than a slow one: a host that is slow to everybody is
// badly connected, and no other place explains that.
func (t *Thresholds) unlikelyLast(ms float64) float64 {
	if times := ms / millis(t.LastMile); times > 1 {
		return 1 + math.Log(times)
	}
	return ms / millis(t.LastMile)
}

// compare fits a host to its own place and to the best other one; it is false
// where none is better by enough and explains the RTTs.
func (s *siting) compare(a int) (own, other fitting, ok bool) {
	s.look(a)
	vague, _ := s.explain(a, s.sites[a])
	own, _ = s.fit(a, s.sites[a], vague, math.Inf(1))
	other.misfit = min(own.misfit-s.j.enough(a), s.j.t.Explained*float64(s.j.partners(a)))
	for _, at := range s.sites {
		if s.elsewhere(a, at) {
			if vague, known := s.explain(a, at); known {
				if f, better := s.fit(a, at, vague, other.misfit); better {
					other, ok = f, true
				}
			}
		}
	}
	return own, other, ok
}

// elsewhere says whether a site is another place than a host's.
func (s *siting) elsewhere(a int, at *site) bool {
	return (at.city < 0 || !s.j.lost[at.city]) && s.between(a, at) > s.j.t.Elsewhere
}

// between is how far a site is from a host's place; NaN if that is not known.
func (s *siting) between(a int, at *site) geo.Miles {
	switch {
	case at.city >= 0:
		return geo.Miles(s.sites[a].miles[at.city])
	case s.points[a] == nil:
		return geo.Miles(math.NaN())
	}
	return geo.Distance(*s.points[a], at.place.Point)
}

// off is the median of how far a host's RTTs are from what a place explains, in
// milliseconds.
func (s *siting) off(a int, f fitting) Ms {
	s.look(a)
	s.explain(a, f.at)
	cushion := millis(s.j.t.Cushion)
	var all []float64
	for b, way := range s.way {
		if !math.IsNaN(way) {
			all = append(all, math.Abs(s.j.rtt[a*s.j.n+b]-(math.Exp(way+f.stretch)-cushion+f.last+s.last[b])))
		}
	}
	slices.Sort(all)
	return Ms(quantile(all, 0.5))
}
