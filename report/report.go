package report

import (
	"cmp"
	"math"
	"slices"
	"time"

	"matrix/geo"
	"matrix/probe"
)

// Options are how a report is made from a round.
type Options struct {
	Stat      probe.Stat     // which statistic the matrices show
	Units     Units          //
	Fibre     geo.MilesPerMs // speed of light in fibre
	Distances Distances      // nil: from the round's coordinates
	Model     string         // how distances were come by, if Distances is set: "distances.csv"

	Thresholds Thresholds // of the verdicts; zero: the defaults
	Gazetteer  Gazetteer  // nil: coordinates are not compared with names
	Month      *Month     // that the round stands for (Month.Report sets it); nil: it is one round
	Atlas      Atlas      // nil: routers' names say nothing of where they are

	// Of the whole round, where this is a selection of it. Verdicts nil: judged
	// here, and the anomalies that were looked into as well.
	Verdicts *Verdicts
	Traced   []*Traced
}

// Distances says how far apart two cities are; false if it is not known.
type Distances interface {
	Between(probe.Pair) (geo.Miles, bool)
}

// Report is a round, joined with distances and ready to be shown.
type Report struct {
	Cities   []probe.City // rows and columns come from here, in the inventory's order
	Rows     []int        // indices into Cities of the from-cities
	Columns  []int        // indices into Cities of the to-cities
	Method   Method
	Coverage Coverage
	Notes    []probe.Warning   // footnotes, in order
	Hosts    []probe.Host      // the from-hosts, as the round has them
	Verdicts *Verdicts         // on hosts and pairs
	Traced   []*Traced         // anomalies that were looked into after the round
	cells    []*Pair           // pair (a, b) at a × names + b, by their numbers; nil: not planned
	number   map[string]int    // of each name that occurs
	self     []*Pair           // of cities pinging themselves
	order    []*Pair           // planned pairs, in the order of the round
	title    map[string]string // by name, cleaned
	limits   Thresholds
}

// Pair is one ordered pair's sample with what follows from it. A report of a
// thousand cities has a million of them, so that statistics are made anew of the
// sample when they are asked for.
type Pair struct {
	*probe.Sample
	Miles *geo.Miles // nil: not known
	Month *PairMonth // where the report is of a month; else nil

	speed   geo.MilesPerMs // 0: there is none
	noSpeed noSpeed        // why
}

// New makes the report of a round. A zero Fibre means geo.DefaultFibre.
func New(round *probe.Round, options Options) *Report {
	if options.Distances == nil {
		options.Distances = greatCircles(round.Cities)
		options.Model = "great circle on a sphere of 6371.01 km"
	}
	if options.Fibre == 0 {
		options.Fibre = geo.DefaultFibre
	}
	r := &Report{
		Cities: round.Cities,
		Method: Method{
			Source: round.Source, Start: round.Start, End: round.End, Options: round.Options,
			Stat: options.Stat, Units: options.Units, Fibre: options.Fibre, Model: options.Model,
			Version: round.Version, Partial: round.Partial,
		},
		Coverage: Coverage{Planned: round.Planned(), Measured: round.Count(probe.Measured)},
		Notes:    slices.Clone(round.Warnings),
		Hosts:    round.Hosts,
		number:   make(map[string]int, len(round.Cities)),
		title:    make(map[string]string, len(round.Cities)),
		limits:   options.Thresholds.filled(),
	}
	for _, state := range probe.States() {
		if n := round.Count(state); n > 0 {
			r.Coverage.States = append(r.Coverage.States, StateCount{state, n})
		}
	}
	for _, c := range round.Cities {
		r.title[c.Name] = cmp.Or(Clean(c.Title, titleRunes), Clean(c.Name, titleRunes))
	}
	if options.Month != nil {
		r.Method.Rounds = len(options.Month.Rounds)
	}
	r.count(round.Samples)
	r.count(round.Self)
	r.cells = make([]*Pair, len(r.number)*len(r.number))
	r.order = r.take(len(round.Samples), func(i int) Pair { return r.join(&round.Samples[i], options) })
	r.self = r.take(len(round.Self), func(i int) Pair { return r.join(&round.Self[i], options) })
	r.layOut()
	if r.Verdicts = options.Verdicts; r.Verdicts == nil {
		r.Verdicts = Judge(r, options.Thresholds, options.Gazetteer)
		options.Traced = r.look(round, options)
	}
	for _, t := range options.Traced {
		if r.Pair(t.Pair.From, t.Pair.To) != nil || r.Pair(t.Pair.To, t.Pair.From) != nil {
			r.Traced = append(r.Traced, t)
		}
	}
	r.withhold()
	return r
}

// SpeedFromMiles is the shortest distance for which a report states a speed.
const SpeedFromMiles = float64(geo.SpeedFrom)

// count numbers the names of samples.
func (r *Report) count(samples []probe.Sample) {
	for i := range samples {
		for _, name := range []string{samples[i].From, samples[i].To} {
			if _, known := r.number[name]; !known {
				r.number[name] = len(r.number)
			}
		}
	}
}

// take takes in n pairs, which lie side by side.
func (r *Report) take(n int, pair func(i int) Pair) []*Pair {
	all, order := make([]Pair, n), make([]*Pair, n)
	for i := range all {
		all[i], order[i] = pair(i), &all[i]
		r.cells[r.number[all[i].From]*len(r.number)+r.number[all[i].To]] = &all[i]
	}
	return order
}

// join derives a pair's figures from its sample and distance.
func (r *Report) join(sample *probe.Sample, options Options) Pair {
	p := Pair{Sample: sample}
	if options.Month != nil {
		p.Month = options.Month.Pair(sample.From, sample.To)
	}
	if sample.IsSelf() {
		p.noSpeed = isSelf
		return p
	}
	miles, known := options.Distances.Between(sample.Pair)
	known = known && miles >= 0 && !math.IsInf(float64(miles), 1)
	if known {
		p.Miles = &miles
	}
	rtt, ok := sample.Summary().Get(r.Method.Stat)
	switch {
	case sample.State != Measured:
		p.noSpeed = notMeasured
	case !known:
		p.noSpeed = notLocated
	case miles < geo.SpeedFrom:
		p.noSpeed = tooNear
	case !ok || rtt <= 0:
		p.noSpeed = notGiven
	}
	if p.noSpeed == 0 && r.tooFast(&p) {
		p.noSpeed = faster
	}
	if p.noSpeed != 0 {
		return p
	}
	if speed, ok := geo.Speed(miles, rtt); ok {
		p.speed = speed
	}
	return p
}

// withhold takes back the speeds of cities that are not where they say: they
// were made with a distance that is wrong, however likely they look.
func (r *Report) withhold() {
	for _, p := range r.order {
		wrong := r.Verdicts.hostIs(p.From, Misplaced) || r.Verdicts.hostIs(p.To, Misplaced)
		if wrong && p.speed > 0 {
			p.speed, p.noSpeed = 0, elsewhere
		}
	}
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
func (r *Report) Pair(from, to string) *Pair {
	a, known := r.number[from]
	b, too := r.number[to]
	if !known || !too {
		return nil
	}
	return r.cells[a*len(r.number)+b]
}

// Pairs are the planned pairs in the round's order.
func (r *Report) Pairs() []*Pair { return r.order }

// Title is a city's name for people, cleaned of what a terminal or a page must
// not see.
func (r *Report) Title(name string) string {
	if title, ok := r.title[name]; ok {
		return title
	}
	return Clean(name, titleRunes)
}

// Self are the cities that pinged themselves, where the round has them.
func (r *Report) Self() []*Pair { return r.self }

// Footnotes are the round's warnings as text, in order, each once.
func (r *Report) Footnotes() []string {
	var notes []string
	for _, n := range r.Notes {
		text := Clean(n.Text, reasonRunes)
		if n.Subject != "" {
			text = cmp.Or(r.title[n.Subject], Clean(n.Subject, reasonRunes)) + ": " + text // of a city, or a file
		}
		if !slices.Contains(notes, text) {
			notes = append(notes, text)
		}
	}
	return notes
}

// Value is a pair's figure in one metric, in the report's units; false where
// there is none.
func (r *Report) Value(p *Pair, metric Metric) (float64, bool) {
	if p == nil {
		return 0, false
	}
	switch metric {
	case RTT:
		return p.Millis(r.Method.Stat)
	case Speed:
		if speed, ok := p.Speed(); ok {
			return r.Method.Units.Speed(speed), true
		}
	case Fibre:
		if fibre, ok := r.Fibre(p); ok {
			return float64(fibre), true
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

// Millis is one statistic in milliseconds; false if it is not known, as it
// never is for a pair that was not measured.
func (p *Pair) Millis(stat Stat) (float64, bool) {
	if p.State != Measured {
		return 0, false
	}
	d, ok := p.Summary().Get(stat)
	if !ok {
		return 0, false
	}
	return float64(d) / float64(time.Millisecond), true
}

// Counted says whether Sent and Received are known. Where both are zero they
// are only known of a pair for which nothing could be sent at all.
func (p *Pair) Counted() bool {
	return p.Sent > 0 || p.State == SourceDown || p.State == Unresolved || p.State == Excluded
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
