package site

import (
	"fmt"
	"html/template"
	"slices"
	"strconv"

	"matrix/report"
	"matrix/report/worldmap"
)

// view is everything the template shows.
type view struct {
	CSS    template.CSS
	Policy string

	Title, Lede, Method string
	Coverage            string
	Partial             bool
	Tiles               []tile
	Panels              []panel
	Marks               []mark
	Flags               []flag
	StandsOut           []standout
	More                int // lines that stand out and are not shown
	Traced              []tracedView
	Credit              string // of the maps
	Worst, Best, Lossy  ranking
	Gaps                []gap
	Cities              []cityView
	Large, Upright      bool   // rows of text; column heads that stand
	Length, Speed, Stat string // units, and which statistic
	Facts               []report.Fact
	Notes               []string
}

// tile is one headline figure.
type tile struct{ Label, Figure, Unit, Detail string }

type mark struct{ Class, Mark, Meaning string }

// flag is a mark before a figure; the worst have a frame as well.
type flag struct{ Class, Mark, Meaning string }

// standout is one line of what stands out.
type standout struct{ Word, Class, Href, Name, Figures, Why, Traced string }

type ranking struct {
	Length, Speed string // units
	Pairs         []ranked
}

type ranked struct{ Href, From, To, RTT, Distance, Speed, Fibre, Loss string }

type gap struct {
	Class, State, Where, Reason string
	Pairs                       int
}

// newView arranges a report for the page.
func newView(r *report.Report) (*view, error) {
	v := &view{
		Title: "Network latency", Lede: lede(r), Coverage: r.Coverage.String(), Partial: r.Method.Partial,
		Method: r.Method.String(), Facts: r.Method.Facts(), Notes: r.Footnotes(),
		Speed: report.Speed.Unit(r.Method.Units), Length: report.Distance.Unit(r.Method.Units), Stat: r.Method.StatName(),
		Credit: worldmap.Credit, Large: len(r.Rows)*len(r.Columns) > maxCells, Upright: len(r.Columns) > 12,
	}
	v.Flags, v.Tiles, v.Gaps = flagsOf(r), tilesOf(r), gapsOf(r)
	v.standsOut(r)
	metrics := shown(r, v.Large)
	g := v.grid(r)
	for i, m := range metrics {
		p := g.panel(metricSubject(r, m))
		p.Checked = i == 0
		v.Panels = append(v.Panels, p)
	}
	v.Marks = marksOf(r, metrics...)
	v.Worst, v.Best = v.rank(r, r.Worst(10)), v.rank(r, r.Best(10))
	v.Lossy = v.rank(r, r.Lossy(10))
	v.cities(r)
	return v, v.traced(r)
}

// grid lays matrices out so that their names and figures lead to the tables
// below them.
func (v *view) grid(r *report.Report) grid {
	return grid{
		r: r, large: v.Large,
		city: func(i int) string {
			if !slices.Contains(r.Rows, i) {
				return ""
			}
			return "#" + cityID(i)
		},
		pair: func(i, j int) string { return "#" + pairID(i, j) },
	}
}

// lede says in one line what the page shows.
func lede(r *report.Report) string {
	s := fmt.Sprintf("Round-trip times from %s to %s", count(len(r.Rows), "city", "cities"), count(len(r.Columns), "city", "cities"))
	if when := r.Method.When(); when != "" {
		s += ", " + when
	}
	return s
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// shown are the metrics of which the report has figures: the three tables and,
// where the page stays small, loss and distance.
func shown(r *report.Report, large bool) []report.Metric {
	metrics := report.Metrics()
	if large {
		metrics = metrics[:3]
	}
	return slices.DeleteFunc(metrics, func(m report.Metric) bool {
		_, ok := r.Spread(m)
		return !ok && m != report.RTT
	})
}

// standsOut is the list at the top of the page, with links to the pairs.
func (v *view) standsOut(r *report.Report) {
	at := make(map[string]int, len(r.Cities))
	for i, c := range r.Cities {
		at[c.Name] = i
	}
	row := func(name string) string {
		if i, ok := at[name]; ok && slices.Contains(r.Rows, i) {
			return "#" + cityID(i)
		}
		return ""
	}
	lines := r.StandsOut()
	v.More = max(0, len(lines)-report.Screenful)
	for _, l := range lines[:len(lines)-v.More] {
		s := standout{Word: l.Verdict.String(), Class: wordClass(l.Verdict), Name: l.Name, Figures: l.Figures, Why: l.Why, Href: row(l.City)}
		if l.Pair != nil {
			s.Traced = tracedOf(r, l)
		}
		if l.City == "" {
			from, to := l.Pair.Direction(l.Verdict)
			if r.Pair(from, to) == nil {
				from, to = to, from
			}
			if s.Href = row(from); s.Href != "" && !v.Large {
				s.Href = "#" + pairID(at[from], at[to])
			}
		}
		v.StandsOut = append(v.StandsOut, s)
	}
}

// hint is a pair in one line.
func hint(r *report.Report, c report.Cell) string {
	p := c.Pair
	s := r.Title(p.From) + " → " + r.Title(p.To) + ": "
	if p.State != report.Measured {
		return s + p.Status()
	}
	separator := ""
	for _, m := range []report.Metric{report.RTT, report.Speed, report.Fibre, report.Loss, report.Distance} {
		if value, ok := r.Value(p, m); ok {
			s += separator + number(value, m.Decimals()) + " " + m.Unit(r.Method.Units)
			if m == report.Fibre {
				s += " of fibre"
			} else if m == report.Loss {
				s += " lost"
			}
			separator = ", "
		}
	}
	if c.Kind == report.NoFigure {
		s += "; " + c.Why
	}
	if grade := r.Grade(p); grade != report.Ungraded {
		s += "; " + grade.String()
	}
	if verdict := r.Verdict(p); verdict.Flagged() {
		s += "; " + verdict.String() + ": " + r.Evidence(p)
	}
	return s
}

func (v *view) rank(r *report.Report, pairs []*report.Pair) ranking {
	at := make(map[string]int, len(r.Cities))
	for i, c := range r.Cities {
		at[c.Name] = i
	}
	out := ranking{Length: v.Length, Speed: v.Speed}
	for _, p := range pairs {
		value := func(m report.Metric) string {
			if x, ok := r.Value(p, m); ok {
				return number(x, m.Decimals())
			}
			return "–"
		}
		line := ranked{
			Href: "#" + pairID(at[p.From], at[p.To]), From: r.Title(p.From), To: r.Title(p.To),
			RTT: value(report.RTT), Distance: value(report.Distance), Speed: value(report.Speed), Fibre: value(report.Fibre), Loss: value(report.Loss),
		}
		if v.Large {
			line.Href = "#" + cityID(at[p.From])
		}
		out.Pairs = append(out.Pairs, line)
	}
	return out
}

func number(v float64, decimals int) string { return strconv.FormatFloat(v, 'f', decimals, 64) }

// cityID and pairID are anchors. They are made of numbers, since names come
// from files.
func cityID(i int) string    { return "c" + strconv.Itoa(i) }
func pairID(i, j int) string { return "p" + strconv.Itoa(i) + "-" + strconv.Itoa(j) }
