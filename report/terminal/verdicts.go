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
	n, pairs := map[report.Verdict]int{}, 0
	for pair := range r.JudgedPairs() {
		n[pair.Verdict()]++
		pairs++
	}
	text, separator := "", ""
	for v := report.InvalidSource; ; v-- {
		if n[v] > 0 {
			text += fmt.Sprintf("%s%d %v", separator, n[v], v)
			separator = ", "
		}
		if v == report.Fine {
			break
		}
	}
	if pairs == 0 {
		text = "none"
	}
	p.item("", fmt.Sprintf("%s of cities, by their worst verdict: %s", count(pairs, "pair"), text))
	p.item("", r.Coverage.String())
	_, err := w.Write(p.out.Bytes())
	return err
}

// Relays shows the pairs that a one-stop way speeds up.
func Relays(w io.Writer, r *report.Report, least report.Ms, o Options) error {
	p := newPage(r, o)
	pairs := r.Relays(least)
	p.heading(fmt.Sprintf("%s of cities that a relay speeds up by %.3g ms or more", count(len(pairs), "pair"), least))
	room := max(12, p.o.Width/5)
	t := p.relayTable(pairs, room)
	for ; t.width() > p.o.Width && room > 6; room-- {
		t = p.relayTable(pairs, room-1)
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

// relayTable has a line a pair, with titles no wider than given.
func (p *page) relayTable(pairs []*report.PairVerdict, width int) table {
	title := func(name string) string { return clip(p.r.Title(name), width) }
	t := table{head: []string{"pair", "ms", "via", "ms", "saves ms", "%"}, left: []bool{true, 2: true}}
	for _, v := range pairs {
		t.rows = append(t.rows, []string{
			title(v.From) + " – " + title(v.To), number(float64(*v.RTT), 1), title(v.Relay),
			number(float64(v.RelayRTT()), 1), number(float64(v.Saves()), 1), number(100*float64(v.Saves() / *v.RTT), 1),
		})
	}
	return t
}
