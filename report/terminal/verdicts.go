package terminal

import (
	"fmt"
	"io"
	"math"

	"matrix/report"
)

// newPage is a page of its own, beside the report's.
func newPage(r *report.Report, o Options) *page {
	if o.Width == 0 {
		o.Width = defaultWidth
	}
	o.Width = max(o.Width, leastWidth)
	return &page{r: r, o: o}
}

// Verdicts shows everything that stands out, and how many pairs do not.
func Verdicts(w io.Writer, r *report.Report, o Options) error {
	p := newPage(r, o)
	p.standsOut(math.MaxInt)
	n := map[report.Verdict]int{}
	for _, pair := range r.JudgedPairs() {
		n[pair.Verdict()]++
	}
	text := ""
	for v := report.InvalidSource; ; v-- {
		if n[v] > 0 {
			text += fmt.Sprintf(", %d %v", n[v], v)
		}
		if v == report.Fine {
			break
		}
	}
	p.item("", fmt.Sprintf("%s of cities, by their worst verdict%s", count(len(r.JudgedPairs()), "pair"), text))
	p.item("", r.Coverage.String())
	_, err := w.Write(p.out.Bytes())
	return err
}

// Relays shows the pairs that a one-stop way speeds up.
func Relays(w io.Writer, r *report.Report, least report.Ms, o Options) error {
	p := newPage(r, o)
	pairs := r.Relays(least)
	p.heading(fmt.Sprintf("%s of cities that a relay speeds up by %.3g ms or more", count(len(pairs), "pair"), least))
	t := table{head: []string{"pair", "ms", "via", "ms", "saves ms", "%"}, left: []bool{true, 2: true}}
	for _, v := range pairs {
		t.rows = append(t.rows, []string{
			p.title(v.From) + " – " + p.title(v.To), number(float64(*v.RTT), 1), p.title(v.Relay),
			number(float64(v.RelayRTT()), 1), number(float64(v.Saves()), 1), number(100*float64(v.Saves() / *v.RTT), 1),
		})
	}
	if len(pairs) > 0 {
		if err := p.draw(t); err != nil {
			return err
		}
	}
	_, err := w.Write(p.out.Bytes())
	return err
}

// Explain shows lines of a verdict's reasons: the first is a heading.
func Explain(w io.Writer, r *report.Report, lines []string, o Options) error {
	p := newPage(r, o)
	for i, line := range lines {
		if i == 0 {
			p.heading(line)
			continue
		}
		p.spaced("  ", line)
	}
	_, err := w.Write(p.out.Bytes())
	return err
}
