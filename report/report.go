package report

import (
	"fmt"
	"slices"
	"time"

	"matrix/geo"
	"matrix/probe"
)

// Report is a round, joined with distances and ready to be shown.
type Report struct {
	Cities   []probe.City // rows and columns come from here, in the inventory's order
	Rows     []int        // indices into Cities of the from-cities
	Columns  []int        // indices into Cities of the to-cities
	Method   Method
	Coverage Coverage
	Notes    []probe.Warning // footnotes, in order
	pairs    map[probe.Pair]*Pair
	order    []*Pair // planned pairs, in the order of the round
}

// Method is how the figures were come by; it is printed on every output.
type Method struct {
	Source     string // "measured" or the file
	Start, End time.Time
	Options    probe.Options // zero if the source does not say
	Stat       probe.Stat
	Units      Units
	Fibre      geo.MilesPerMs
	Model      string // of the distances
	Version    string // of the program that measured; "" if the source does not say
	Partial    bool
}

// Coverage is how many of the planned pairs ended in which state.
type Coverage struct {
	Planned, Measured int
	States            []StateCount // states that occurred, in the order of probe.States
}

// StateCount is how many pairs ended in one state.
type StateCount struct {
	State probe.State
	Pairs int
}

// String is the coverage as every output prints it: "88 of 90 pairs measured;
// 2 lost".
func (c Coverage) String() string {
	s := fmt.Sprintf("%d of %d pairs measured", c.Measured, c.Planned)
	separator := "; "
	for _, count := range c.States {
		if count.State != probe.Measured {
			s += fmt.Sprintf("%s%d %v", separator, count.Pairs, count.State)
			separator = ", "
		}
	}
	return s
}

// Pair is one ordered pair's sample with what follows from it.
type Pair struct {
	*probe.Sample
	Stats probe.Summary
	Miles *geo.Miles      // nil: not known
	Speed *geo.MilesPerMs // nil: no RTT, no distance, or too near; NoSpeed says why
	Fibre *geo.Percent    // nil as Speed
	// NoSpeed says why there is no speed: "under 20 miles".
	NoSpeed string
}

// New makes the report of a round.
func New(round *probe.Round, options Options) *Report {
	distances, model := options.Distances, options.Model
	if distances == nil {
		distances, model = greatCircles(round.Cities), "great circle on a sphere of 6371.01 km"
	}
	r := &Report{
		Cities: round.Cities,
		Method: Method{
			Source: round.Source, Start: round.Start, End: round.End, Options: round.Options,
			Stat: options.Stat, Units: options.Units, Fibre: options.Fibre, Model: model,
			Version: round.Version, Partial: round.Partial,
		},
		Coverage: Coverage{Planned: round.Planned(), Measured: round.Count(probe.Measured)},
		Notes:    slices.Clone(round.Warnings),
		pairs:    make(map[probe.Pair]*Pair, len(round.Samples)),
	}
	for _, state := range probe.States() {
		if n := round.Count(state); n > 0 {
			r.Coverage.States = append(r.Coverage.States, StateCount{state, n})
		}
	}
	for i := range round.Samples {
		p := join(&round.Samples[i], distances, options)
		r.pairs[p.Pair] = p
		r.order = append(r.order, p)
	}
	for i := range round.Self {
		p := join(&round.Self[i], distances, options)
		r.pairs[p.Pair] = p
	}
	r.layOut()
	return r
}

// join derives a pair's figures from its sample and distance.
func join(sample *probe.Sample, distances Distances, options Options) *Pair {
	p := &Pair{Sample: sample, Stats: sample.Summary()}
	if sample.IsSelf() {
		p.NoSpeed = "a city and itself"
		return p
	}
	miles, ok := distances.Between(sample.Pair)
	if !ok {
		p.NoSpeed = "distance not known"
		return p
	}
	p.Miles = &miles
	rtt, ok := p.Stats.Get(options.Stat)
	if !ok {
		p.NoSpeed = "no round-trip time"
		return p
	}
	speed, ok := geo.Speed(miles, rtt)
	if !ok {
		p.NoSpeed = fmt.Sprintf("under %.0f miles", float64(geo.SpeedFrom))
		return p
	}
	fibre := speed.PercentOf(options.Fibre)
	p.Speed, p.Fibre = &speed, &fibre
	return p
}

// layOut finds the rows and columns: cities that occur as from, and as to.
func (r *Report) layOut() {
	from, to := map[string]bool{}, map[string]bool{}
	for _, p := range r.order {
		from[p.From], to[p.To] = true, true
	}
	for i, c := range r.Cities {
		if from[c.Name] {
			r.Rows = append(r.Rows, i)
		}
		if to[c.Name] {
			r.Columns = append(r.Columns, i)
		}
	}
}

// Pair is what the report knows of an ordered pair; nil if it was not planned.
func (r *Report) Pair(from, to string) *Pair { return r.pairs[probe.Pair{From: from, To: to}] }

// Pairs are the planned pairs in the round's order.
func (r *Report) Pairs() []*Pair { return r.order }

// Title is a city's name for people.
func (r *Report) Title(name string) string {
	for _, c := range r.Cities {
		if c.Name == name {
			return c.Title
		}
	}
	return name
}

// Value is a pair's figure in one metric, in the report's units; false where
// there is none.
func (r *Report) Value(p *Pair, metric Metric) (float64, bool) {
	if p == nil {
		return 0, false
	}
	switch metric {
	case RTT:
		d, ok := p.Stats.Get(r.Method.Stat)
		return float64(d) / float64(time.Millisecond), ok
	case Speed:
		if p.Speed != nil {
			return r.Method.Units.Speed(*p.Speed), true
		}
	case Fibre:
		if p.Fibre != nil {
			return float64(*p.Fibre), true
		}
	case Loss:
		ratio, ok := p.Loss()
		return ratio * 100, ok
	case Distance:
		if p.Miles != nil {
			return r.Method.Units.Length(*p.Miles), true
		}
	}
	return 0, false
}

// greatCircle measures distances from coordinates.
type greatCircle map[string]geo.Point

func greatCircles(cities []probe.City) greatCircle {
	points := make(greatCircle, len(cities))
	for _, c := range cities {
		if c.Location == nil {
			continue
		}
		if p, err := geo.NewPoint(c.Location.Latitude, c.Location.Longitude); err == nil {
			points[c.Name] = p
		}
	}
	return points
}

var _ Distances = greatCircle(nil)

// Between is the great-circle distance; false if a city has no coordinates.
func (g greatCircle) Between(p probe.Pair) (geo.Miles, bool) {
	a, okA := g[p.From]
	b, okB := g[p.To]
	return geo.Distance(a, b), okA && okB
}
