package export

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"strconv"
	"strings"

	"matrix/report"
)

// maxCities is how many cities a Markdown table still shows legibly; a larger
// fleet gets distributions and the worst and best pairs.
const maxCities = 40

// Markdown writes the report in GitHub's Markdown.
func Markdown(w io.Writer, r *report.Report) error {
	d := &markdown{r: r}
	d.line("# Network latency")
	if r.Method.Partial {
		d.line("> **PARTIAL** — this round ended " + d.r.EndedEarly() + ".")
	}
	d.line("**Coverage:** " + escape(r.Coverage.String()))
	if len(r.Rows) > maxCities || len(r.Columns) > maxCities {
		d.spreads()
		d.ranking("Worst pairs, by percent of fibre", r.Worst(10))
		d.ranking("Best pairs, by percent of fibre", r.Best(10))
		d.missing()
	} else {
		for _, m := range []report.Metric{report.RTT, report.Speed, report.Fibre} {
			d.matrix(m)
		}
		d.legend()
	}
	d.standsOut()
	d.traced()
	d.lossy()
	d.gaps()
	d.notes()
	_, err := w.Write(d.out.Bytes())
	return err
}

type markdown struct {
	r   *report.Report
	out bytes.Buffer
}

// line writes a block, set apart from what came before.
func (d *markdown) line(text string) {
	if d.out.Len() > 0 {
		d.out.WriteByte('\n')
	}
	d.out.WriteString(text)
	d.out.WriteByte('\n')
}

// table writes a table whose first column is flush left, the others flush
// right; its cells are Markdown already.
func (d *markdown) table(head []string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	lines := []string{row(head), "|" + strings.Repeat(" ---: |", len(head))}
	lines[1] = strings.Replace(lines[1], " ---: |", " :--- |", 1)
	for _, cells := range rows {
		lines = append(lines, row(cells))
	}
	d.line(strings.Join(lines, "\n"))
}

func row(cells []string) string { return "| " + strings.Join(cells, " | ") + " |" }

func (d *markdown) matrix(metric report.Metric) {
	if len(d.r.Rows) == 0 {
		return
	}
	heading := fmt.Sprintf("%s, %s", metric.Heading(), metric.Unit(d.r.Method.Units))
	switch metric {
	case report.RTT:
		heading += " (" + d.r.Method.StatName() + ")"
	case report.Fibre:
		heading = metric.Heading()
	}
	d.line("## " + heading)
	head := []string{"from ↓ / to →"}
	for _, j := range d.r.Columns {
		head = append(head, d.title(d.r.Cities[j].Name))
	}
	var rows [][]string
	for _, i := range d.r.Rows {
		from := d.r.Cities[i].Name
		cells := []string{"**" + d.title(from) + "**"}
		for _, j := range d.r.Columns {
			cells = append(cells, d.cell(from, d.r.Cities[j].Name, metric))
		}
		rows = append(rows, cells)
	}
	d.table(head, rows)
}

// cell is a figure, flagged and bold where it must be looked at twice, or a
// mark in italics.
func (d *markdown) cell(from, to string, metric report.Metric) string {
	c := d.r.Cell(from, to, metric)
	grade := ""
	if mark := d.r.Grade(c.Pair).Mark(); metric == report.Fibre && c.Kind == report.Figure && mark != "" {
		grade = " " + mark
	}
	switch {
	case c.Kind == report.Figure && d.r.Flag(c.Pair) != "":
		return "**" + escape(d.r.Flag(c.Pair)) + " " + c.Text(metric.Decimals()) + "**" + grade
	case c.Kind == report.Figure, c.Kind == report.Self, c.Kind == report.Unplanned:
		return c.Text(metric.Decimals()) + grade
	default:
		return "*" + escape(c.Mark) + "*"
	}
}

// legend explains the marks that the matrices hold.
func (d *markdown) legend() {
	var items []string
	for _, m := range d.r.Marks(report.RTT, report.Speed, report.Fibre) {
		items = append(items, "- *"+escape(m.Mark)+"* — "+escape(m.Meaning))
	}
	for _, m := range d.r.Flags() {
		items = append(items, "- **"+escape(m.Mark)+"** — "+escape(m.Meaning))
	}
	for _, g := range report.Grades() {
		if g.Mark() != "" && len(d.r.Rows) > 0 {
			items = append(items, "- "+g.Mark()+" — "+g.String()+": "+g.Range()+" of such distances")
		}
	}
	if len(items) > 0 {
		d.line(strings.Join(items, "\n"))
	}
}

func (d *markdown) ranking(heading string, pairs []*report.Pair) {
	if len(pairs) == 0 {
		return
	}
	d.line("## " + heading)
	units := d.r.Method.Units
	var rows [][]string
	for _, p := range pairs {
		cells := []string{d.name(p)}
		for _, m := range []report.Metric{report.RTT, report.Distance, report.Speed, report.Fibre} {
			cells = append(cells, d.figure(p, m))
		}
		rows = append(rows, cells)
	}
	d.table([]string{"pair", "RTT, ms", "distance, " + report.Distance.Unit(units), "speed, " + report.Speed.Unit(units), "% of fibre"}, rows)
}

func (d *markdown) figure(p *report.Pair, metric report.Metric) string {
	v, ok := d.r.Value(p, metric)
	return number(v, ok, metric.Decimals())
}

func (d *markdown) spreads() {
	d.line("## Distribution")
	var rows [][]string
	for _, m := range []report.Metric{report.RTT, report.Speed, report.Fibre, report.Loss} {
		s, ok := d.r.Spread(m)
		if !ok {
			continue
		}
		cells := []string{fmt.Sprintf("%s, %s", m.Heading(), m.Unit(d.r.Method.Units))}
		for _, v := range []float64{s.Min, s.P5, s.Median, s.P95, s.Max} {
			cells = append(cells, number(v, true, m.Decimals()))
		}
		rows = append(rows, append(cells, strconv.Itoa(s.Pairs)))
	}
	d.table([]string{"", "min", "5 %", "median", "95 %", "max", "pairs"}, rows)
	d.line("The tables of this many cities are in the CSV files and on the page.")
}

func (d *markdown) missing() {
	var rows [][]string
	for _, c := range d.r.MostMissing(10) {
		rows = append(rows, []string{d.title(c.City), fmt.Sprintf("%d of %d", c.From, c.FromAll), fmt.Sprintf("%d of %d", c.To, c.ToAll)})
	}
	if len(rows) > 0 {
		d.line("## Cities with most pairs missing")
		d.table([]string{"city", "as from", "as to"}, rows)
	}
}

func (d *markdown) lossy() {
	lossy := d.r.Lossy(len(d.r.Pairs()))
	if len(lossy) == 0 {
		return
	}
	d.line(fmt.Sprintf("## Lost packets, on %d of %d pairs measured", len(lossy), d.r.Coverage.Measured))
	var rows [][]string
	for _, p := range lossy[:min(10, len(lossy))] {
		rows = append(rows, []string{d.name(p), strconv.Itoa(p.Sent), strconv.Itoa(p.Received), d.figure(p, report.Loss)})
	}
	d.table([]string{"pair", "sent", "received", "loss, %"}, rows)
}

// standsOut lists the verdicts, worst first.
func (d *markdown) standsOut() {
	d.line("## What stands out")
	lines := d.r.StandsOut()
	if len(lines) == 0 {
		d.line(d.r.NothingText())
		return
	}
	var items []string
	for _, l := range lines[:min(report.Screenful, len(lines))] {
		items = append(items, "- **"+l.Verdict.String()+"** — "+escape(l.Text()))
	}
	if n := len(lines) - report.Screenful; n > 0 {
		items = append(items, fmt.Sprintf("- and %d more, which `matrix verdicts` lists", n))
	}
	d.line(strings.Join(items, "\n"))
}

// traced says where the packets of the worst anomalies go.
func (d *markdown) traced() {
	if len(d.r.Traced) > 0 {
		d.line("## Where the packets go")
	}
	for _, t := range d.r.Traced {
		d.line("### " + d.title(t.Pair.From) + " → " + d.title(t.Pair.To))
		var items []string
		for _, line := range t.Text() {
			items = append(items, "- "+escape(line))
		}
		d.line(strings.Join(items, "\n"))
		if f := t.Found; f != nil {
			for _, way := range []*report.Path{f.There, f.Back} {
				d.way(f, way)
			}
		}
	}
}

// way is one direction, hop by hop.
func (d *markdown) way(f *report.DrillDown, way *report.Path) {
	if way == nil {
		return
	}
	var rows [][]string
	for _, row := range way.Rows(f) {
		hop := strconv.Itoa(row.TTL)
		if row.Until > row.TTL {
			hop += "–" + strconv.Itoa(row.Until)
		}
		rows = append(rows, []string{hop, number(millis(row.Floor), row.Floor > 0, 1), escape(strings.TrimSpace(row.Place + " " + row.Note)), escape(row.Router())})
	}
	d.line(escape(way.From + " → " + way.To))
	d.table([]string{"hop", "ms", "place", "router"}, rows)
}

func (d *markdown) gaps() {
	gaps := d.r.Gaps()
	if len(gaps) == 0 {
		return
	}
	d.line("## Not measured")
	const most = 30
	var items []string
	for _, g := range gaps[:min(most, len(gaps))] {
		item := fmt.Sprintf("- %d × **%s**, %s", len(g.Pairs), g.State, escape(g.Where))
		if g.Reason != "" {
			item += ": " + escape(g.Reason)
		}
		items = append(items, item)
	}
	if n := len(gaps) - most; n > 0 {
		items = append(items, fmt.Sprintf("- and %d more groups", n))
	}
	d.line(strings.Join(items, "\n"))
}

func (d *markdown) notes() {
	if notes := d.r.Footnotes(); len(notes) > 0 {
		d.line("## Notes")
		var items []string
		for i, note := range notes {
			items = append(items, fmt.Sprintf("%d. %s", i+1, escape(note)))
		}
		d.line(strings.Join(items, "\n"))
	}
	d.line("## Method")
	var items []string
	for _, f := range d.r.Method.Facts() {
		items = append(items, "- "+f.Name+": "+escape(f.Text))
	}
	d.line(strings.Join(items, "\n"))
}

func (d *markdown) title(name string) string { return escape(d.r.Title(name)) }

func (d *markdown) name(p *report.Pair) string { return d.title(p.From) + " → " + d.title(p.To) }

// escape makes a text of unknown origin harmless in Markdown and in the HTML
// that comes of it. Entities serve for what would end a table's cell or start
// a tag; a backslash for the rest. A scheme's colon and the @ of a mail address
// are taken apart, so that no link is made of them.
func escape(text string) string {
	text = html.EscapeString(report.Clean(text, maxText))
	var b strings.Builder
	for i, c := range text {
		switch c {
		case '|':
			b.WriteString("&#124;")
		case '@':
			b.WriteString("&#64;")
		case '\\', '*', '_', '`', '[', ']', '~', '!', '^', '$':
			b.WriteRune('\\')
			b.WriteRune(c)
		case '#', '+', '-', '=':
			if i == 0 {
				b.WriteRune('\\')
			}
			b.WriteRune(c)
		default:
			b.WriteRune(c)
		}
	}
	return strings.ReplaceAll(b.String(), "://", "&#58;//")
}
