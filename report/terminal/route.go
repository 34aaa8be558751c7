package terminal

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"matrix/report"
)

// WriteRoutes shows traceroutes, a table a direction, in the columns of mtr.
func WriteRoutes(w io.Writer, routes []report.Route, o Options) error {
	if o.Width == 0 {
		o.Width = defaultWidth
	}
	o.Width = max(o.Width, leastWidth)
	p := &page{o: o}
	for _, r := range routes {
		if err := p.route(r); err != nil {
			return fmt.Errorf("draw a traceroute: %w", err)
		}
	}
	_, err := w.Write(p.out.Bytes())
	return err
}

func (p *page) route(r report.Route) error {
	heading := r.From + " → " + r.To
	if r.Address != "" {
		heading += " (" + r.Address + ")"
	}
	p.heading(heading)
	if len(r.Rows) > 0 {
		if err := p.draw(p.routeTable(r)); err != nil {
			return err
		}
	}
	for _, end := range r.Ends {
		p.item("  ", p.paint(endColour(r), capital(end))+".")
	}
	for _, m := range r.Marks {
		p.item("  "+pad(m.Mark, 5)+" ", m.Meaning)
	}
	for _, note := range r.Notes {
		p.item("  ", capital(note)+".")
	}
	if len(r.Rows) > 0 {
		p.item("  ", p.paint(faint, routeMethod(r)))
	}
	p.line("")
	return nil
}

func endColour(r report.Route) colour {
	if r.Reached {
		return plain
	}
	return magenta
}

// routeMethod is how the figures were come by.
func routeMethod(r report.Route) string {
	text := fmt.Sprintf("%s, %s a hop", r.Method, count(r.Tests, "probe"))
	if r.Flows > 1 {
		text += fmt.Sprintf(" in %d flows", r.Flows)
	}
	return fmt.Sprintf("%s, milliseconds, %s", text, r.At.UTC().Format("2006-01-02 15:04:05 UTC"))
}

func capital(text string) string {
	if text == "" {
		return text
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// routeTable are the rows as text. Columns of figures keep their width; the
// hosts get what is left of the line.
func (p *page) routeTable(r report.Route) table {
	t := table{
		head: []string{"", "Host", "Loss%", "Snt", "Last", "Avg", "Best", "Wrst", "StDev"},
		left: []bool{false, true},
	}
	for _, row := range r.Rows {
		t.rows = append(t.rows, routeCells(row))
		for _, label := range row.Labels {
			t.rows = append(t.rows, []string{"", stem(row, false) + label, "", "", "", "", "", "", ""})
		}
	}
	if t.width() > p.o.Width {
		t.gap = 1
	}
	if over := t.width() - p.o.Width; over > 0 {
		most := max(16, t.widths()[1]-over)
		for i := range t.rows {
			t.rows[i][1] = clip(t.rows[i][1], most)
		}
	}
	return t
}

func routeCells(row report.RouteRow) []string {
	ttl := ""
	if row.Start {
		ttl = strconv.Itoa(row.TTL)
	}
	if row.Until > row.TTL {
		ttl += "–" + strconv.Itoa(row.Until)
	}
	if ttl != "" {
		ttl += "."
	}
	host := row.Host
	if host == "" {
		host = "???"
	}
	if row.Mark != "" {
		host = row.Mark + " " + host // in front: the end of a long name is cut
	}
	cells := []string{ttl, stem(row, row.First) + host, "", "", "", "", "", "", ""}
	if loss, ok := row.Loss(); ok {
		cells[2], cells[3] = number(loss, 1)+"%", strconv.Itoa(row.Sent)
	}
	if row.Host != "" {
		for i, d := range []time.Duration{row.RTT.Last, row.RTT.Avg, row.RTT.Best, row.RTT.Worst, row.RTT.StDev} {
			cells[4+i] = number(float64(d)/float64(time.Millisecond), 1)
		}
	}
	return cells
}

// stem is what stands before a host where the flows part: which of them went
// there.
func stem(row report.RouteRow, first bool) string {
	switch {
	case row.Branch == report.NoBranch && first:
		return ""
	case row.Branch == report.NoBranch:
		return "  "
	case !first && row.Branch == report.Branching:
		return "│  "
	case !first:
		return "   "
	}
	var flows []string
	for _, f := range row.Flows {
		flows = append(flows, strconv.Itoa(f))
	}
	glyph := "├"
	if row.Branch == report.LastBranch {
		glyph = "└"
	}
	return glyph + strings.Join(flows, ",") + " "
}
