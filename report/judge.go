package report

import (
	"cmp"
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
	j.grade()
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
	names []string
	n     int
	floor []float64 // of each direction
	queue []float64 // average − minimum of each direction
	rtt   []float64 // of both directions
	miles []float64

	invalid, suspect, lost []bool // by name: invalid sources, suspect coordinates, and misplaced ones
}

func newJudge(r *Report, t Thresholds) *judge {
	j := &judge{r: r, t: t, v: &Verdicts{Thresholds: t, pair: map[[2]string]*PairVerdict{}, host: map[string][]*HostVerdict{}}}
	seen := map[string]bool{}
	for _, p := range r.order {
		seen[p.From], seen[p.To] = true, true
	}
	for name := range seen {
		j.names = append(j.names, name)
	}
	slices.Sort(j.names)
	j.n = len(j.names)
	j.floor, j.queue, j.miles = unknowns(j.n), unknowns(j.n), unknowns(j.n)
	j.invalid, j.suspect, j.lost = make([]bool, j.n), make([]bool, j.n), make([]bool, j.n)
	for _, p := range r.order {
		a, b := j.at(p.From), j.at(p.To)
		at := a*j.n + b
		if floor, ok := p.floor(); ok {
			j.floor[at] = float64(floor)
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

func unknowns(n int) []float64 { return slices.Repeat([]float64{math.NaN()}, n*n) }

func (j *judge) at(name string) int {
	i, _ := slices.BinarySearch(j.names, name)
	return i
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

// queue is how far the average lies above the minimum: what waiting cost.
func (p *Pair) queue() (Ms, bool) {
	low, ok := p.Millis(Min)
	avg, ok2 := p.Millis(Avg)
	return Ms(avg - low), ok && ok2
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// pairRTTs takes the lower floor of the two directions: a ping crosses the same
// two one-way paths whichever end sends it, so the lower one is nearer the
// truth. What an invalid source measured does not count.
func (j *judge) pairRTTs() {
	j.rtt = make([]float64, j.n*j.n)
	direction := func(a, b int) float64 {
		if f := j.floor[a*j.n+b]; !j.invalid[a] && !math.IsNaN(f) {
			return f
		}
		return math.Inf(1)
	}
	for a := range j.n {
		for b := range j.n {
			j.rtt[a*j.n+b] = min(direction(a, b), direction(b, a))
		}
		j.rtt[a*j.n+a] = math.Inf(1)
	}
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
}

// pointer is a value that is known.
func pointer[T any](v T) *T { return &v }
