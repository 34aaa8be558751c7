package site

import (
	"fmt"
	"html/template"
	"slices"
	"strconv"
	"unicode/utf8"

	"matrix/report"
)

// view is everything the template shows.
type view struct {
	CSS    template.CSS
	Policy string
	images string // style rules with the colour images of a large fleet

	Title, Lede, Method string
	Coverage            string
	Partial             bool
	Tiles               []tile
	Panels              []panel
	Marks               []mark
	Flags               []report.Mark
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

// panel is one metric's matrix.
type panel struct {
	ID, Heading, Short, Unit string
	Checked                  bool
	Keys                     []key
	Heads                    []head
	Rows                     []row
}

// head is a column's; its ID is that of the city's own row, "" if it has none.
type head struct{ ID, Title string }

type row struct {
	ID, Title string
	Cells     []cell
	Text      string // instead of cells, if the fleet is large
}

type cell struct{ Class, Text, Href, Hint string }

type mark struct{ Class, Mark, Meaning string }

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
func newView(r *report.Report) *view {
	v := &view{
		Title: "Network latency", Lede: lede(r), Coverage: r.Coverage.String(), Partial: r.Method.Partial,
		Method: r.Method.String(), Facts: r.Method.Facts(), Notes: r.Footnotes(),
		Speed: report.Speed.Unit(r.Method.Units), Length: report.Distance.Unit(r.Method.Units), Stat: r.Method.StatName(),
		Large: len(r.Rows)*len(r.Columns) > maxCells, Upright: len(r.Columns) > 12,
		Flags: r.Flags(),
	}
	v.tiles(r)
	metrics := shown(r, v.Large)
	for i, m := range metrics {
		v.Panels = append(v.Panels, v.newPanel(r, m, i == 0))
	}
	for _, m := range r.Marks(metrics...) {
		c := report.Cell{Kind: report.NoFigure, Pair: &report.Pair{Sample: &report.Sample{State: m.State}}}
		if m.State != report.Measured {
			c.Kind = report.Missing
		}
		v.Marks = append(v.Marks, mark{stateClass(c), m.Mark, m.Meaning})
	}
	v.Worst, v.Best = v.rank(r, r.Worst(10)), v.rank(r, r.Best(10))
	v.Lossy = v.rank(r, r.Lossy(10))
	for _, g := range r.Gaps() {
		c := report.Cell{Kind: report.Missing, Pair: g.Pairs[0]}
		v.Gaps = append(v.Gaps, gap{stateClass(c), g.State.String(), g.Where, g.Reason, len(g.Pairs)})
	}
	v.cities(r)
	return v
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

// tiles are the figures a reader looks for first.
func (v *view) tiles(r *report.Report) {
	v.Tiles = append(v.Tiles, tile{"Pairs measured", strconv.Itoa(r.Coverage.Measured), "of " + strconv.Itoa(r.Coverage.Planned), ""})
	for _, m := range []report.Metric{report.RTT, report.Speed, report.Fibre} {
		if s, ok := r.Spread(m); ok {
			label := "Median " + map[report.Metric]string{report.RTT: "latency", report.Speed: "speed", report.Fibre: "share of light in fibre"}[m]
			detail := fmt.Sprintf("nine in ten: %s to %s", number(s.P5, 1), number(s.P95, 1))
			v.Tiles = append(v.Tiles, tile{label, number(s.Median, 1), m.Unit(r.Method.Units), detail})
		}
	}
}

// newPanel is one metric's matrix.
func (v *view) newPanel(r *report.Report, metric report.Metric, checked bool) panel {
	s := newScale(r, metric)
	p := panel{
		ID: metric.String(), Heading: metric.Heading(), Unit: metric.Unit(r.Method.Units), Checked: checked, Keys: s.keys(),
		Short: map[report.Metric]string{report.RTT: "Latency", report.Speed: "Speed", report.Fibre: "% of fibre", report.Loss: "Loss", report.Distance: "Distance"}[metric],
	}
	if metric == report.RTT {
		p.Heading += ", " + r.Method.StatName() + " round-trip time"
	}
	for _, j := range r.Columns {
		h := head{Title: r.Title(r.Cities[j].Name)}
		if slices.Contains(r.Rows, j) {
			h.ID = cityID(j)
		}
		p.Heads = append(p.Heads, h)
	}
	var image *picture
	if v.Large {
		image = newPicture(len(r.Columns), len(r.Rows))
	}
	for y, i := range r.Rows {
		from := r.Cities[i].Name
		line := row{ID: cityID(i), Title: r.Title(from)}
		for x, j := range r.Columns {
			c := r.Cell(from, r.Cities[j].Name, metric)
			class := stateClass
			if c.Kind == report.Figure {
				class = func(c report.Cell) string { return shadeClass(s.shade(c.Value)) }
			}
			if v.Large {
				image.set(x, y, class(c))
				line.Text += fmt.Sprintf("%6s", shortText(r, c, metric))
				continue
			}
			line.Cells = append(line.Cells, newCell(r, c, class(c), metric, i, j))
		}
		p.Rows = append(p.Rows, line)
	}
	if v.Large {
		v.images += image.rules(metric.String())
	}
	return p
}

// shortText is a cell in at most five characters, so that a space is left
// between two: a flag takes the place of the decimals if need be.
func shortText(r *report.Report, c report.Cell, metric report.Metric) string {
	flag := ""
	if c.Kind == report.Figure {
		flag = r.Flag(c.Pair)
	}
	if text := flag + c.Text(decimals(metric)); utf8.RuneCountInString(text) <= 5 {
		return text
	}
	return flag + c.Text(0)
}

// hintCities is how many cities leave room for every cell's hint.
const hintCities = 40

func newCell(r *report.Report, c report.Cell, class string, metric report.Metric, i, j int) cell {
	out := cell{Class: class, Text: c.Text(decimals(metric))}
	if c.Kind == report.Self || c.Kind == report.Unplanned {
		return out
	}
	if flag := r.Flag(c.Pair); flag != "" && c.Kind == report.Figure && metric != report.Loss && metric != report.Distance {
		out.Class += " o"
		out.Text = flag + " " + out.Text
	}
	out.Href = pairID(i, j)
	if len(r.Columns) <= hintCities || c.Kind != report.Figure {
		out.Hint = hint(r, c)
	}
	return out
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
			Href: pairID(at[p.From], at[p.To]), From: r.Title(p.From), To: r.Title(p.To),
			RTT: value(report.RTT), Distance: value(report.Distance), Speed: value(report.Speed), Fibre: value(report.Fibre), Loss: value(report.Loss),
		}
		if v.Large {
			line.Href = cityID(at[p.From])
		}
		out.Pairs = append(out.Pairs, line)
	}
	return out
}

// decimals is how many decimals a matrix shows; the city tables show those of
// the published tables.
func decimals(metric report.Metric) int { return min(1, metric.Decimals()) }

func number(v float64, decimals int) string { return strconv.FormatFloat(v, 'f', decimals, 64) }

// cityID and pairID are anchors. They are made of numbers, since names come
// from files.
func cityID(i int) string    { return "c" + strconv.Itoa(i) }
func pairID(i, j int) string { return "p" + strconv.Itoa(i) + "-" + strconv.Itoa(j) }
