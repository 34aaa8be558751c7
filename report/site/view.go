package site

import (
	"fmt"
	"html/template"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"matrix/report"
	"matrix/report/worldmap"
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

// panel is one metric's matrix.
type panel struct {
	ID, Heading, Short, Unit string
	Checked, Graded          bool
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
	for _, f := range r.Flags() {
		v.Flags = append(v.Flags, flag{strings.TrimSpace(flagClass(f.Mark)), f.Mark, f.Meaning})
	}
	v.tiles(r)
	v.standsOut(r)
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
	return v, v.traced(r)
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
	if metric == report.Fibre {
		p.Keys, p.Graded = gradeKeys(), true
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
			class := stateClass(c)
			if c.Kind == report.Figure {
				class = figureClass(r, c, metric, s)
			}
			if v.Large {
				image.set(x, y, class)
				line.Text += fmt.Sprintf("%6s", shortText(r, c, metric))
				continue
			}
			line.Cells = append(line.Cells, newCell(r, c, class, metric, i, j))
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
	before, after := marks(r, c, metric)
	for _, text := range []string{before + c.Text(decimals(metric)) + after, before + c.Text(0) + after} {
		if utf8.RuneCountInString(text) <= 5 {
			return text
		}
	}
	return before + c.Text(0)
}

// marks are what stands before and after a figure: what is wrong with the
// pair, and its grade.
func marks(r *report.Report, c report.Cell, metric report.Metric) (before, after string) {
	if c.Kind != report.Figure || metric == report.Loss || metric == report.Distance {
		return "", ""
	}
	if metric == report.Fibre {
		after = r.Grade(c.Pair).Mark()
	}
	return r.Flag(c.Pair), after
}

// flagClass frames the cells that are worst.
func flagClass(mark string) string {
	if mark == "!" {
		return " o"
	}
	return ""
}

// standsOut is the list at the top of the page, with links to the pairs.
func (v *view) standsOut(r *report.Report) {
	at := make(map[string]int, len(r.Cities))
	for i, c := range r.Cities {
		at[c.Name] = i
	}
	row := func(name string) string {
		if i, ok := at[name]; ok && slices.Contains(r.Rows, i) {
			return cityID(i)
		}
		return ""
	}
	lines := r.StandsOut()
	v.More = max(0, len(lines)-report.Screenful)
	for _, l := range lines[:len(lines)-v.More] {
		s := standout{Word: l.Verdict.String(), Name: l.Name, Figures: l.Figures, Why: l.Why, Href: row(l.City)}
		if l.Verdict.Bent() || l.Verdict == report.Unreachable || l.Verdict >= report.Misplaced {
			s.Class = "o"
		}
		if l.Pair != nil {
			s.Traced = tracedOf(r, l)
		}
		if l.City == "" {
			from, to := l.Pair.Direction(l.Verdict)
			if r.Pair(from, to) == nil {
				from, to = to, from
			}
			if s.Href = row(from); s.Href != "" && !v.Large {
				s.Href = pairID(at[from], at[to])
			}
		}
		v.StandsOut = append(v.StandsOut, s)
	}
}

// hintCities is how many cities leave room for every cell's hint.
const hintCities = 40

func newCell(r *report.Report, c report.Cell, class string, metric report.Metric, i, j int) cell {
	out := cell{Class: class, Text: c.Text(decimals(metric))}
	if c.Kind == report.Self || c.Kind == report.Unplanned {
		return out
	}
	before, after := marks(r, c, metric)
	if before != "" {
		out.Class += flagClass(before)
		before += " "
	}
	if after != "" {
		after = " " + after
	}
	out.Text = before + out.Text + after
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
