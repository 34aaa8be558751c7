package terminal

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"matrix/report"
)

// list shows a single row, or a single column mirrored: a line a pair.
func (p *page) list() error {
	side, others, first := "From", "to", p.names(p.r.Rows)[0]
	other := func(pair *report.Pair) string { return pair.To }
	if len(p.r.Rows) > 1 {
		side, others, first = "To", "from", p.names(p.r.Columns)[0]
		other = func(pair *report.Pair) string { return pair.From }
	}
	p.heading(side + " " + p.r.Title(first) + ", RTT in ms")
	units := p.r.Method.Units
	t := table{
		head: []string{others, "min", "avg", "max", "mdev", "loss %", report.Distance.Unit(units), report.Speed.Unit(units), "% fibre", ""},
		left: []bool{true, 9: true},
	}
	for _, pair := range p.r.Pairs() {
		t.rows = append(t.rows, p.listLine(clip(p.r.Title(other(pair)), max(12, p.o.Width/5)), pair))
	}
	marked := p.remark(t)
	for _, least := range []int{4, 1, 2} { // mdev, min and max: a narrow terminal does without
		if t.width() > p.o.Width {
			t = t.without(least)
		}
	}
	if err := p.draw(t); err != nil {
		return err
	}
	p.item("", fmt.Sprintf("Speed and %% of fibre are those of the %s.", p.r.Method.StatName()))
	p.line("")
	p.marks(marked)
	return nil
}

// remark fills the last column of a list, which says what the figures do not:
// in full where there is room, and else with marks, which it returns for the
// legend.
func (p *page) remark(t table) []report.Mark {
	const sentence = 24 // less room than that is too little for one
	room := p.o.Width - t.width()
	for i, pair := range p.r.Pairs() {
		note, c := "", magenta
		cell := p.r.Cell(pair.From, pair.To, report.Fibre)
		switch {
		case cell.Kind == report.Figure:
			note, c = p.verdict(pair, room), verdictColour(p.r.Verdict(pair))
		case room >= sentence:
			note, c = clip(cell.Why, room), stateColour(pair.State)
		default:
			note, c = cell.Mark, stateColour(pair.State)
		}
		t.rows[i][9] = p.paint(c, note)
	}
	if room >= sentence {
		return nil
	}
	return p.r.Marks(report.Fibre)
}

// verdict is the mark of a flagged pair and, where there is room, its word and
// what led to it.
func (p *page) verdict(pair *report.Pair, room int) string {
	mark, v := p.r.Flag(pair), p.r.Verdict(pair)
	if mark == "" || room < len(v.String())+2 {
		return mark
	}
	return clip(mark+" "+v.String()+": "+p.r.Evidence(pair), room)
}

// listLine is one pair of a list, but for the remark.
func (p *page) listLine(title string, pair *report.Pair) []string {
	line := []string{title}
	for _, stat := range []report.Stat{report.Min, report.Avg, report.Max, report.Mdev} {
		v, ok := pair.Millis(stat)
		line = append(line, optional(v, ok, 1))
	}
	for _, m := range []report.Metric{report.Loss, report.Distance, report.Speed, report.Fibre} {
		places := 1
		switch m {
		case report.Speed:
			places = 2
		case report.Distance:
			places = 0
		}
		v, ok := p.r.Value(pair, m)
		line = append(line, optional(v, ok, places))
	}
	return append(line, "")
}

func optional(v float64, ok bool, places int) string {
	if !ok {
		return "–"
	}
	return number(v, places)
}

// card shows one pair with everything that is known of it.
func (p *page) card(pair *report.Pair) {
	p.heading(p.r.Title(pair.From) + " → " + p.r.Title(pair.To))
	field := func(name, text string) { p.item("  "+pad(name, 11), text) }
	field("state", pair.Status())
	if pair.Address != (netip.Addr{}) {
		field("address", pair.Address.String())
	}
	if !pair.At.IsZero() {
		field("time", pair.At.UTC().Format(time.DateTime)+" UTC")
	}
	if loss, ok := pair.Loss(); ok {
		field("echoes", fmt.Sprintf("%d sent, %d answered, %s %% lost", pair.Sent, pair.Received, number(loss*100, 1)))
	}
	for _, stat := range []report.Stat{report.Min, report.Median, report.Avg, report.Max, report.Mdev, report.Jitter} {
		if v, ok := pair.Millis(stat); ok {
			field(stat.String(), fmt.Sprintf("%9.3f ms", v))
		}
	}
	for _, m := range []report.Metric{report.Distance, report.Speed, report.Fibre} {
		text := p.r.Why(pair, m)
		if v, ok := p.r.Value(pair, m); ok {
			text = fmt.Sprintf("%*.*f %s", 9-4+m.Decimals(), m.Decimals(), v, m.Unit(p.r.Method.Units))
			if m == report.Distance {
				text = fmt.Sprintf("%5.0f %s", v, m.Unit(p.r.Method.Units))
			}
		}
		field(map[report.Metric]string{report.Distance: "distance", report.Speed: "speed", report.Fibre: "of fibre"}[m], text)
	}
	if len(pair.RTTs) > 0 && pair.State == report.Measured {
		each := make([]string, len(pair.RTTs))
		for i, rtt := range pair.RTTs {
			each[i] = number(float64(rtt)/float64(time.Millisecond), 3)
		}
		field("each RTT", strings.Join(each, " "))
	}
	p.line("")
}
