package report

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"

	"matrix/geo"
)

// Gazetteer says where the cities of a name are.
type Gazetteer interface {
	// Places are those of that name, in that country if it is known; none if
	// the name is not.
	Places(name, country string) []Place
	// Large are the towns of a million inhabitants and more, always in the same
	// order.
	Large() []Place
}

// Place is a city of the gazetteer.
type Place = geo.Place

// Judge finds what is wrong with a report's hosts and pairs.
//
//	hosts: invalid sources ─ suspect coordinates ─ misplaced      (what is wrong leaves the fit)
//	pairs: expected RTT ─ best relay ─ slowdown ─ waypoints ─ loss, queue, asymmetry ─ grade
//
// Cities are taken in alphabetical order throughout, so that the order of the
// inventory and of the samples changes nothing, not even a last digit.
func Judge(r *Report, t Thresholds, g Gazetteer) *Verdicts {
	j := newJudge(r, t.filled())
	j.invalidSources()
	j.pairRTTs()
	j.suspects(g)
	j.misplaced(g)
	j.fit()
	j.pairs()
	j.waypoints()
	j.finish()
	return j.v
}

// judge is a report in matrices: cell i·n+j is the pair of the i-th and the
// j-th name. What is not known is NaN; an RTT that is not known is infinite, so
// that no way leads over it.
type judge struct {
	r     *Report
	t     Thresholds
	v     *Verdicts
	names []string // alphabetically
	place map[string]int
	n     int
	floor []float64 // of each direction
	seen  []float64 // of each direction: the least that was seen, for physics; of one round the floor
	queue []float64 // average − minimum of each direction
	rtt   []float64 // of both directions
	least []float64 // of both directions: the least that was seen
	miles []float64
	fates []fate               // of each direction
	relay []int32              // of both directions: the best one; -1: none
	bands [len(reference)]band // by which pairs are graded

	invalid, suspect, lost []bool // by name: invalid sources, suspect coordinates, and misplaced ones
}

func newJudge(r *Report, t Thresholds) *judge {
	j := &judge{r: r, t: t, place: map[string]int{}, v: &Verdicts{Thresholds: t, index: map[int32]int32{}, host: map[string][]*HostVerdict{}}}
	j.v.judge = j
	seen := map[string]bool{}
	for _, p := range r.order {
		seen[p.From], seen[p.To] = true, true
	}
	j.names = slices.Sorted(maps.Keys(seen))
	j.n = len(j.names)
	for i, name := range j.names {
		j.place[name] = i
	}
	j.floor, j.queue, j.miles = unknowns(j.n), unknowns(j.n), unknowns(j.n)
	if j.seen = j.floor; j.ofMonth() {
		j.seen = unknowns(j.n)
	}
	j.fates = make([]fate, j.n*j.n)
	j.invalid, j.suspect, j.lost = make([]bool, j.n), make([]bool, j.n), make([]bool, j.n)
	for _, p := range r.order {
		a, b := j.at(p.From), j.at(p.To)
		at := a*j.n + b
		j.fates[at] = p.fate()
		if floor, ok := p.floor(); ok {
			j.floor[at], j.seen[at] = float64(floor), float64(min(floor, p.leastSeen(floor)))
		}
		if queue, ok := p.queue(); ok {
			j.queue[at] = float64(queue)
		}
		if p.Miles != nil && (a < b || math.IsNaN(j.miles[at])) {
			j.miles[at], j.miles[b*j.n+a] = float64(*p.Miles), float64(*p.Miles)
		}
	}
	return j
}

// ofMonth says whether the report is of a month, which has seen less than its
// floors.
func (j *judge) ofMonth() bool { return j.r.Method.Rounds > 0 }

func unknowns(n int) []float64 { return slices.Repeat([]float64{math.NaN()}, n*n) }

func (j *judge) at(name string) int { return j.place[name] }

// places are those of two cities in the alphabet, the first one first; false if
// neither was planned to ping the other.
func (j *judge) places(a, b string) (from, to int, planned bool) {
	from, known := j.place[min(a, b)]
	to, too := j.place[max(a, b)]
	return from, to, known && too && from != to && (j.fates[from*j.n+to].planned || j.fates[to*j.n+from].planned)
}

// floor is the least that is known of a pair's RTT. A table has averages only;
// then they have to do.
func (p *Pair) floor() (Ms, bool) {
	for _, stat := range []Stat{Min, Median, Avg} {
		if v, ok := p.Millis(stat); ok && v > 0 {
			return Ms(v), true
		}
	}
	return 0, false
}

// leastSeen is the smallest RTT that several rounds of a month saw; of a single
// round its floor.
func (p *Pair) leastSeen(floor Ms) Ms {
	if p.Month == nil || p.Month.Least <= 0 {
		return floor
	}
	return Ms(millis(p.Month.Least))
}

// queue is how far the average lies above the minimum: what waiting cost.
func (p *Pair) queue() (Ms, bool) {
	if p.Month != nil {
		return Ms(millis(p.Month.Queue.P50)), p.Month.Queue.N > 0
	}
	low, ok := p.Millis(Min)
	avg, ok2 := p.Millis(Avg)
	return Ms(avg - low), ok && ok2
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// pairRTTs takes the lower floor of the two directions: a ping crosses the same
// two one-way paths whichever end sends it, so the lower one is nearer the
// truth. What an invalid source measured does not count.
func (j *judge) pairRTTs() {
	j.rtt = j.bothWays(j.floor)
	if j.least = j.rtt; j.ofMonth() {
		j.least = j.bothWays(j.seen)
	}
}

func (j *judge) bothWays(times []float64) []float64 {
	both := make([]float64, j.n*j.n)
	direction := func(a, b int) float64 {
		if f := times[a*j.n+b]; !j.invalid[a] && !math.IsNaN(f) {
			return f
		}
		return math.Inf(1)
	}
	for a := range j.n {
		for b := range j.n {
			both[a*j.n+b] = min(direction(a, b), direction(b, a))
		}
		both[a*j.n+a] = math.Inf(1)
	}
	return both
}

// measured are the pairs with an RTT, alphabetically.
func (j *judge) measured(each func(a, b int, rtt, miles float64)) {
	for a := range j.n {
		for b := a + 1; b < j.n; b++ {
			if rtt := j.rtt[a*j.n+b]; !math.IsInf(rtt, 1) {
				each(a, b, rtt, j.miles[a*j.n+b])
			}
		}
	}
}

// host records a verdict on a host.
func (j *judge) host(h HostVerdict) { j.v.Hosts = append(j.v.Hosts, h) }

// finish puts the worst first and makes verdicts easy to find.
func (j *judge) finish() {
	slices.SortStableFunc(j.v.Hosts, func(a, b HostVerdict) int {
		return cmp.Or(cmp.Compare(b.Verdict, a.Verdict), cmp.Compare(b.Partners, a.Partners), cmp.Compare(a.City, b.City))
	})
	for i := range j.v.Hosts {
		h := &j.v.Hosts[i]
		j.v.host[h.City] = append(j.v.host[h.City], h)
	}
	// The verdicts live on, and whoever selects pairs of the round may move its
	// samples: what pairs are judged by is in the matrices.
	j.r = &Report{Cities: j.r.Cities, Method: j.r.Method, title: j.r.title}
	j.seen = nil
}

// pointer is a value that is known.
func pointer[T any](v T) *T { return &v }
