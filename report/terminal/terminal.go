// Package terminal shows a report on a terminal.
//
//	one pair ───────────────────── a card with everything, each RTT included
//	one row or column ──────────── a line a pair
//	a table that fits ──────────── a matrix a metric, in groups of columns if need be
//	a fleet that would not fit ─── distributions, the worst and the best, and where the files are
//
// No line is wider than the terminal and no table is ever torn: what does not
// fit is set in groups of columns, each with its row heads, or in city codes
// that the row heads explain. Colour repeats what a word or a mark says already.
// It is the only package that imports tablewriter.
package terminal

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"matrix/report"
)

// Options are how a report is shown on a terminal.
type Options struct {
	Width   int             // columns of the terminal; 0: 80; less than 60 counts as 60
	Color   bool            // the caller decides: a terminal, and no NO_COLOR
	Metrics []report.Metric // matrices to show; none: RTT, speed and percent of fibre
	Files   string          // where the whole tables were written; "": --out is suggested instead
}

// Limits of a matrix that a person still reads.
const (
	defaultWidth = 80
	leastWidth   = 60
	maxCities    = 40 // more than that is a summary
	maxGroups    = 4  // more groups of columns than that is a summary
)

// Write shows the report.
func Write(w io.Writer, r *report.Report, o Options) error {
	if o.Width == 0 {
		o.Width = defaultWidth
	}
	o.Width = max(o.Width, leastWidth)
	if len(o.Metrics) == 0 {
		o.Metrics = []report.Metric{report.RTT, report.Speed, report.Fibre}
	}
	p := &page{r: r, o: o}
	p.partial()
	if err := p.body(); err != nil {
		return fmt.Errorf("draw a table: %w", err)
	}
	p.partial()
	for _, line := range wrap(r.Coverage.String(), o.Width) {
		p.line(p.paint(bold, line))
	}
	_, err := w.Write(p.out.Bytes())
	return err
}

// page is a report on its way to a terminal.
type page struct {
	r   *report.Report
	o   Options
	out bytes.Buffer
}

// body chooses the view that suits the report.
func (p *page) body() error {
	rows, columns := len(p.r.Rows), len(p.r.Columns)
	var err error
	switch {
	case rows == 0 || columns == 0:
		p.line("Nothing was planned, so there is nothing to show.")
		return nil
	case len(p.r.Pairs()) == 1:
		p.card(p.r.Pairs()[0])
		p.notes()
		p.standsOut(report.Screenful)
		return nil
	case rows == 1 || columns == 1:
		err = p.list()
	default:
		forms, ok := p.layOut()
		if !ok {
			return p.summary()
		}
		err = p.matrices(forms)
	}
	if err != nil {
		return err
	}
	if err := p.lossy(); err != nil {
		return err
	}
	if err := p.gaps(); err != nil {
		return err
	}
	p.notes()
	p.standsOut(report.Screenful)
	return nil
}

// standsOut lists the verdicts, worst first and at most so many. It comes last:
// that is where a person looks when a command has ended.
func (p *page) standsOut(most int) {
	p.heading("What stands out")
	lines := p.r.StandsOut()
	if len(lines) == 0 {
		p.line("  " + p.r.NothingText())
	}
	width := 0
	for _, l := range lines[:min(most, len(lines))] {
		width = max(width, len(l.Verdict.String()))
	}
	for _, l := range lines[:min(most, len(lines))] {
		p.spaced("  "+p.paint(verdictColour(l.Verdict), pad(l.Verdict.String(), width))+"  ", l.Text())
	}
	if n := len(lines) - most; n > 0 {
		p.item("  ", fmt.Sprintf("and %s: matrix verdicts", count(n, "more line")))
	}
	p.line("")
	p.traced()
}

// verdictColour is the colour of a verdict's word and mark.
func verdictColour(v report.Verdict) colour {
	switch {
	case v.Bent(), v == report.Unreachable, v == report.Misplaced, v == report.InvalidSource:
		return magenta
	case v.Flagged():
		return orange
	}
	return plain
}

// partial warns, before everything and after everything, that the round did
// not get to its end.
func (p *page) partial() {
	if p.r.Method.Partial {
		p.line(p.paint(reverse, " PARTIAL ") + " This round ended " + p.r.EndedEarly() + ".")
		p.line("")
	}
}

// lossy lists the pairs that lost most packets.
func (p *page) lossy() error {
	lossy := p.r.Lossy(len(p.r.Pairs()))
	if len(lossy) == 0 {
		return nil
	}
	p.heading(fmt.Sprintf("Lost packets on %s", count(len(lossy), "pair")))
	t := table{left: []bool{true}}
	for _, pair := range lossy[:min(5, len(lossy))] {
		t.rows = append(t.rows, []string{p.name(pair), fmt.Sprintf("%d of %d lost", pair.Sent-pair.Received, pair.Sent), p.figure(pair, report.Loss, 1)})
	}
	return p.draw(t)
}

// ranking lists pairs with the figures they are ranked by. Where the names
// leave no room, "of fibre" goes first (the heading says it), then their ends.
func (p *page) ranking(heading string, pairs []*report.Pair) error {
	if len(pairs) == 0 {
		return nil
	}
	p.heading(heading)
	t := table{left: []bool{true}}
	for _, pair := range pairs {
		t.rows = append(t.rows, []string{
			p.r.Title(pair.From) + " → " + p.r.Title(pair.To), p.figure(pair, report.RTT, 1), p.figure(pair, report.Distance, 0),
			p.figure(pair, report.Speed, 2), p.figure(pair, report.Fibre, 1) + " of fibre",
		})
	}
	if over := t.width() - p.o.Width; over > 0 {
		for i := range t.rows {
			t.rows[i][4] = strings.TrimSuffix(t.rows[i][4], " of fibre")
		}
	}
	if over := t.width() - p.o.Width; over > 0 {
		most := (t.widths()[0] - over - 3) / 2
		for i, pair := range pairs {
			t.rows[i][0] = clip(p.r.Title(pair.From), most) + " → " + clip(p.r.Title(pair.To), most)
		}
	}
	return p.draw(t)
}

// gaps says which pairs were not measured, and why.
func (p *page) gaps() error {
	gaps := p.r.Gaps()
	if len(gaps) == 0 {
		return nil
	}
	p.heading("Not measured")
	const most = 12
	for _, g := range gaps[:min(most, len(gaps))] {
		text := g.Where
		if g.Reason != "" {
			text += ": " + g.Reason
		}
		p.item(fmt.Sprintf("  %5d %s ", len(g.Pairs), p.paint(stateColour(g.State), pad(g.State.String(), 11))), text)
	}
	if n := len(gaps) - most; n > 0 {
		p.item("  ", fmt.Sprintf("and %s, in the files", count(n, "more group")))
	}
	p.line("")
	return nil
}

// notes are the footnotes and the method.
func (p *page) notes() {
	if notes := p.r.Footnotes(); len(notes) > 0 {
		const most = 20
		p.heading("Notes")
		for i, note := range notes[:min(most, len(notes))] {
			p.item(fmt.Sprintf("%3d ", i+1), note)
		}
		if n := len(notes) - most; n > 0 {
			p.item("    ", fmt.Sprintf("and %s, in the files", count(n, "more note")))
		}
		p.line("")
	}
	p.heading("Method")
	p.item("  ", p.r.Method.String())
	p.line("")
}

// legend explains the marks that occur.
func (p *page) legend() {
	p.marks(p.r.Marks(p.o.Metrics...))
}

// marks explains the given marks, and the flags that occur.
func (p *page) marks(marks []report.Mark) {
	explain := func(m report.Mark, c colour) { p.item(fmt.Sprintf("  %s ", p.paint(c, pad(m.Mark, 5))), m.Meaning) }
	for _, m := range marks {
		explain(m, stateColour(m.State))
	}
	flags := p.r.Flags()
	for _, m := range flags {
		explain(m, magenta)
	}
	if len(marks)+len(flags) > 0 {
		p.line("")
	}
}
