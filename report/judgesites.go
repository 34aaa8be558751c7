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
	whole     bool      // all of these are known
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

	partners [][]int   // of each host the other cities, by RTT: these decide soonest
	unlikely []float64 // each of lastMiles, in nats
	tried    []try     // of each host what fitted it at its place the last time

	// Of the host that is looked at, filled as far as a fit had to go:
	host    int
	nearest []int     // its partners
	logs    []float64 // of RTT − last miles + cushion, for each of nearest: a row for each of lastMiles
	logged  []int     // how far each row is filled
	way     []float64 // logarithm of what a place explains, for each of nearest
	ways    int       // how far that is filled
}

// faint is the least that a neighbour must say to be heard.
const faint = 0.02

// newSiting places the fleet's cities and the large towns.
func newSiting(j *judge, g Gazetteer) *siting {
	s := &siting{
		j: j, points: make([]*geo.Point, j.n), tried: make([]try, j.n),
		logs: make([]float64, len(lastMiles)*j.n), logged: make([]int, len(lastMiles)), way: make([]float64, j.n),
	}
	for _, last := range lastMiles {
		s.unlikely = append(s.unlikely, j.t.unlikelyLast(last))
	}
	for a := range j.n {
		s.partners = append(s.partners, s.byRTT(a))
	}
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
	at.whole = true
	for _, miles := range at.miles {
		at.whole = at.whole && !math.IsNaN(miles)
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
			f, _ := s.fit(s.sites[a], s.alone, 1, math.Inf(1), s.tried[a])
			s.tried[a] = f.by
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
	if at.near = 0; at.neighbour == nil {
		at.neighbour, at.stray, at.heard = make([]float64, n), make([]float64, n), make([]float64, n)
	}
	clear(at.neighbour)
	clear(at.stray)
	clear(at.heard)
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

// byRTT are the cities with which a host is measured, the nearest first.
func (s *siting) byRTT(a int) []int {
	var all []int
	for b := range s.j.n {
		if s.known(a, b) {
			all = append(all, b)
		}
	}
	row := s.j.rtt[a*s.j.n : (a+1)*s.j.n]
	slices.SortFunc(all, func(b, c int) int { return cmp.Or(cmp.Compare(row[b], row[c]), cmp.Compare(b, c)) })
	return all
}

// look takes a host to be fitted.
func (s *siting) look(a int) {
	s.partners[a] = slices.DeleteFunc(s.partners[a], func(b int) bool { return s.j.lost[b] })
	s.host, s.nearest, s.ways = a, s.partners[a], 0
	clear(s.logged)
}

// alone is what the own place of the host explains by its distances alone.
func (s *siting) alone(b int) float64 { return s.sites[s.host].way[b] }

// explained is what a site explains of the RTT to a city, with what the site's
// neighbours meet; the host itself is not asked.
func (s *siting) explained(at *site, b int) float64 {
	own, mine := s.sites[s.host], at.neighbour[s.host]
	if math.IsNaN(own.miles[b]) {
		return math.NaN()
	}
	stray, heard := at.stray[b]-mine*s.stray[s.host*s.j.n+b], at.heard[b]-mine
	return at.way[b] + stray/(heard+s.j.t.Alone)
}

// vague is how vague a site explains the host's RTTs: more so where it has no
// neighbours. It is false if the site is not known to be as far from anything as
// the host's own place is.
func (s *siting) vague(at *site) (vague float64, ok bool) {
	own := s.sites[s.host]
	if !at.whole && slices.ContainsFunc(s.nearest, func(b int) bool { return !math.IsNaN(own.miles[b]) && math.IsNaN(at.miles[b]) }) {
		return 0, false
	}
	return 1 + s.j.t.Alone*s.j.t.Alone/(at.near-at.neighbour[s.host]+s.j.t.Alone), true
}

// compare fits a host to its own place and to the best other one; it is false
// where none is better by enough and leaves so little unexplained.
func (s *siting) compare(a int, enough, unexplained float64) (own, other fitting, ok bool) {
	s.look(a)
	own, _ = s.fitAt(s.sites[a], math.Inf(1), s.tried[a])
	other.misfit = min(own.misfit-enough, unexplained)
	for _, at := range s.sites {
		if other.misfit <= 0 { // nothing fits better than perfectly
			break
		}
		if s.elsewhere(a, at) {
			if f, better := s.fitAt(at, other.misfit, own.by); better {
				other, ok = f, true
			}
		}
	}
	return own, other, ok
}

// fitAt fits the host to a site with all that is known of it.
func (s *siting) fitAt(at *site, enough float64, guess try) (fitting, bool) {
	vague, known := s.vague(at)
	if !known {
		return fitting{}, false
	}
	return s.fit(at, func(b int) float64 { return s.explained(at, b) }, vague, enough, guess)
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
	cushion := millis(s.j.t.Cushion)
	var all []float64
	for _, b := range s.nearest {
		if way := s.explained(f.at, b); !math.IsNaN(way) {
			all = append(all, math.Abs(s.j.rtt[a*s.j.n+b]-(math.Exp(way+f.stretch)-cushion+f.last+s.last[b])))
		}
	}
	slices.Sort(all)
	return Ms(quantile(all, 0.5))
}
