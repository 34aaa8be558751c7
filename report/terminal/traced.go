package terminal

import (
	"cmp"
	"fmt"
	"strconv"
	"time"

	"matrix/report"
)

// traced shows what was found out about the worst anomalies: the hops of the way
// that tells, the places of the other, and what that means.
func (p *page) traced() {
	for _, t := range p.r.Traced {
		p.heading(fmt.Sprintf("Looked into: %s → %s", p.r.Title(t.Pair.From), p.r.Title(t.Pair.To)))
		lines := t.Text()
		p.item("  ", p.paint(faint, lines[0]))
		if t.Found != nil {
			p.ways(t.Found)
		}
		for _, line := range lines[1:] {
			p.item("  ", line)
		}
		p.line("")
	}
}

// ways shows the way that tells hop by hop, and the places of the other.
func (p *page) ways(d *report.DrillDown) {
	first, second := d.There, d.Back
	switch {
	case first == nil, d.Bent() != nil && d.Bent().Back, second != nil && d.Bent() == nil && first.Silent() && !second.Silent():
		first, second = second, first
	}
	if first != nil {
		p.item("  ", first.From+" → "+first.To+":")
		p.hops(d, first)
	}
	if second != nil {
		p.item("  ", "the other way: "+second.Places())
	}
}

// hops are a way, a line a hop.
func (p *page) hops(d *report.DrillDown, way *report.Path) {
	t := table{left: []bool{false, false, true, true, true}}
	for _, row := range way.Rows(d) {
		ttl, rtt := strconv.Itoa(row.TTL), ""
		if row.Until > row.TTL {
			ttl += "–" + strconv.Itoa(row.Until)
		}
		if row.Floor > 0 {
			rtt = number(float64(row.Floor)/float64(time.Millisecond), 1) + " ms"
		}
		t.rows = append(t.rows, []string{ttl, rtt, clip(row.Place, max(12, p.o.Width/5)), row.Note, row.Router()})
	}
	if t.width() > p.o.Width { // names without addresses, which the files have
		for i, row := range way.Rows(d) {
			t.rows[i][4] = cmp.Or(row.Name, row.Router())
		}
	}
	for _, column := range []int{4, 3} { // the router's name gives way first
		over := t.width() - p.o.Width
		least := max(10, t.widths()[column]-over)
		for i := range t.rows {
			if over > 0 {
				t.rows[i][column] = clip(t.rows[i][column], least)
			}
		}
	}
	if err := p.draw(t); err != nil {
		p.item("  ", err.Error())
	}
}
