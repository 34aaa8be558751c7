package site

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"matrix/report"
)

// subject is what a matrix shows: a metric, or how one changed.
type subject struct {
	id, heading, short, unit string
	decimals                 int // of the published tables
	graded                   bool
	keys                     []key
	cell                     func(from, to string) report.Cell
	text                     func(c report.Cell, decimals int) string
	class                    func(report.Cell) string // of a figure
	marks                    func(report.Cell) (before, after string)
}

// metricSubject shows a metric of the report.
func metricSubject(r *report.Report, metric report.Metric) subject {
	scale := newScale(r, metric)
	s := subject{
		id: metric.String(), heading: metric.Heading(), unit: metric.Unit(r.Method.Units), decimals: metric.Decimals(), keys: scale.keys(),
		short: map[report.Metric]string{report.RTT: "Latency", report.Speed: "Speed", report.Fibre: "% of fibre", report.Loss: "Loss", report.Distance: "Distance"}[metric],
		cell:  func(from, to string) report.Cell { return r.Cell(from, to, metric) },
		text:  report.Cell.Text,
		class: func(c report.Cell) string { return figureClass(r, c, metric, scale) },
		marks: func(c report.Cell) (string, string) { return marks(r, c, metric) },
	}
	switch metric {
	case report.Fibre:
		s.keys, s.graded = gradeKeys(), true
	case report.RTT:
		s.heading += ", " + r.Method.StatName() + " round-trip time"
	}
	return s
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

// grid lays a report out as matrices.
type grid struct {
	r     *report.Report
	large bool // lines of text over a picture
	exact bool // with the decimals of the published tables
	city  func(i int) string
	pair  func(i, j int) string
	sort  func(i int) sorted // nil: nothing sorts them
}

// panel is one matrix.
type panel struct {
	ID, Heading, Short, Unit        string
	Checked, Graded, Large, Upright bool
	Keys                            []key
	Heads                           []head
	Rows                            []row
	Picture                         *picture // behind lines of text
}

// blockRows is how many lines of text a browser lays out at once: those out of
// sight it leaves until they are scrolled to.
const blockRows = 25

// Blocks are the rows, some at a time.
func (p panel) Blocks() [][]row { return slices.Collect(slices.Chunk(p.Rows, blockRows)) }

// sorted is what a city is found and sorted by; Stem is its name in files.
type sorted struct{ Stem, Words, East, Middle string }

type head struct {
	sorted
	Title, Href string
}

type row struct {
	head
	Cells []cell
	Text  string // instead of cells, if the fleet is large
}

type cell struct{ Class, Text, Href, Hint string }

func (g grid) head(i int) head {
	h := head{Title: g.r.Title(g.r.Cities[i].Name), Href: g.city(i)}
	if g.sort != nil {
		h.sorted = g.sort(i)
	}
	return h
}

// panel is the matrix of a subject.
func (g grid) panel(s subject) panel {
	r := g.r
	p := panel{
		ID: s.id, Heading: s.heading, Unit: s.unit, Short: s.short, Keys: s.keys, Graded: s.graded,
		Large: g.large, Upright: len(r.Columns) > 12,
	}
	for _, j := range r.Columns {
		p.Heads = append(p.Heads, g.head(j))
	}
	if g.large {
		p.Picture = newPicture(len(r.Columns), len(r.Rows))
	}
	for y, i := range r.Rows {
		line := row{head: g.head(i)}
		for x, j := range r.Columns {
			c := s.cell(r.Cities[i].Name, r.Cities[j].Name)
			class := stateClass(c)
			if c.Kind == report.Figure {
				class = s.class(c)
			}
			if g.large {
				p.Picture.set(x, y, class)
				line.Text += fmt.Sprintf("%6s", s.shortText(c))
				continue
			}
			line.Cells = append(line.Cells, g.cell(s, c, class, i, j))
		}
		p.Rows = append(p.Rows, line)
	}
	return p
}

// shortText is a cell in at most five characters, so that a space is left
// between two: a flag takes the place of the decimals if need be.
func (s subject) shortText(c report.Cell) string {
	before, after := s.marks(c)
	for _, text := range []string{before + s.text(c, min(1, s.decimals)) + after, before + s.text(c, 0) + after} {
		if utf8.RuneCountInString(text) <= 5 {
			return text
		}
	}
	return before + s.text(c, 0)
}

// hintCities is how many cities leave room for every cell's hint.
const hintCities = 40

func (g grid) cell(s subject, c report.Cell, class string, i, j int) cell {
	decimals := min(1, s.decimals)
	if g.exact {
		decimals = s.decimals
	}
	out := cell{Class: class, Text: s.text(c, decimals)}
	if c.Kind == report.Self || c.Kind == report.Unplanned {
		return out
	}
	before, after := s.marks(c)
	if before != "" {
		out.Class += flagClass(before)
		before += " "
	}
	if after != "" {
		after = " " + after
	}
	out.Text = before + out.Text + after
	out.Href = g.pair(i, j)
	if len(g.r.Columns) <= hintCities || c.Kind != report.Figure {
		out.Hint = hint(g.r, c)
	}
	return out
}
