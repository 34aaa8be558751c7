package export

import (
	"fmt"
	"io"
	"strings"

	"matrix/report"
)

// Most lines of the parts of a month in Markdown, so that it still is a mail.
const (
	mostFindings = 25
	mostRemarks  = 40
	mostPairs    = 30
)

// MonthMarkdown writes a month's report in GitHub's Markdown.
func MonthMarkdown(w io.Writer, m *report.MonthReport) error {
	d := &markdown{r: m.Report}
	d.line("# Network latency, " + m.Month.Span.Title())
	for _, line := range m.Headline() {
		d.line(escape(line))
	}
	d.keyFigures(m)
	d.hosts(m)
	for _, s := range m.Sections {
		d.findings(m, s)
	}
	if len(m.Sections) == 0 {
		d.line("## Pairs")
		d.line("Nothing stands out.")
	}
	d.movers(m)
	d.planned("## New pairs", m.NewPairs)
	d.planned("## Pairs no longer planned", m.OldPairs)
	d.bands(m)
	d.hours(m)
	d.days(m)
	d.remarks(m)
	_, err := w.Write(d.out.Bytes())
	return err
}

func (d *markdown) keyFigures(m *report.MonthReport) {
	head := []string{"", m.Month.Span.String()}
	if m.Before != nil {
		head = append(head, m.Before.String())
	}
	var rows [][]string
	for _, f := range m.Figures {
		cells := []string{escape(f.Name), escape(f.Now)}
		if m.Before != nil {
			cells = append(cells, escape(f.Before))
		}
		rows = append(rows, cells)
	}
	d.table(head, rows)
}

func (d *markdown) hosts(m *report.MonthReport) {
	if len(m.Hosts) == 0 {
		return
	}
	d.line("## Hosts")
	var items []string
	for _, h := range m.Hosts {
		items = append(items, "- **"+escape(h.Word)+"** — "+escape(h.Name+": "+h.Text))
	}
	d.list(items, mostFindings, "hosts")
}

// list writes items, and how many it does not write.
func (d *markdown) list(items []string, most int, what string) {
	if n := len(items) - most; n > 0 {
		items = append(items[:most:most], fmt.Sprintf("- and %d more %s", n, what))
	}
	d.line(strings.Join(items, "\n"))
}

// findings writes a section. Where packets go is said below the line, and the
// traceroute set as code, out of which no name can break.
func (d *markdown) findings(m *report.MonthReport, s report.Section) {
	d.line("## " + escape(s.Title))
	var items []string
	for _, f := range s.Findings {
		item := "- **" + f.Verdict.String() + "** — " + escape(f.Text())
		for _, sentence := range f.Found {
			item += "\n  - " + escape(sentence)
		}
		items = append(items, item)
	}
	d.list(items, mostFindings, "lines")
	for _, f := range s.Findings[:min(mostFindings, len(s.Findings))] {
		for _, route := range m.Routes(f) {
			d.route(route)
		}
	}
}

// route writes a traceroute.
func (d *markdown) route(r report.Route) {
	title := fmt.Sprintf("%s → %s, %s", r.From, r.To, r.At.UTC().Format("2006-01-02 15:04 UTC"))
	lines := []string{escape(title) + ":", ""}
	for _, row := range r.Rows {
		host := row.Host
		if row.Host != row.Address && row.Address != "" {
			host += " (" + row.Address + ")"
		}
		if host == "" {
			host = "no answer"
		}
		line := fmt.Sprintf("    %2d  %s", row.TTL, report.Clean(host, maxText))
		if row.Received > 0 {
			line += fmt.Sprintf("  %.1f ms", millis(row.RTT.Best))
		}
		lines = append(lines, line)
	}
	d.line(strings.Join(lines, "\n"))
}

func (d *markdown) movers(m *report.MonthReport) {
	if len(m.Movers) == 0 {
		return
	}
	d.line("## Largest changes of RTT since " + m.Before.Title())
	var rows [][]string
	for _, v := range m.Movers {
		rows = append(rows, []string{
			d.title(v.From) + " – " + d.title(v.To), number(float64(v.Before), true, 1), number(float64(v.After), true, 1), fmt.Sprintf("%+.1f", v.After-v.Before),
		})
	}
	d.table([]string{"pair", "before, ms", "now, ms", "change, ms"}, rows)
}

func (d *markdown) planned(heading string, pairs []report.CityPair) {
	if len(pairs) == 0 {
		return
	}
	d.line(heading)
	var items []string
	for _, p := range pairs {
		items = append(items, "- "+d.title(p.From)+" → "+d.title(p.To))
	}
	d.list(items, mostPairs, "pairs")
}

func (d *markdown) bands(m *report.MonthReport) {
	if len(m.Bands) == 0 {
		return
	}
	d.line("## By distance, percent of the speed of light in fibre")
	names := func(pairs []*report.Pair) string {
		var all []string
		for _, p := range pairs {
			fibre, _ := m.Fibre(p)
			all = append(all, fmt.Sprintf("%s (%.0f)", d.name(p), fibre))
		}
		return strings.Join(all, ", ")
	}
	var rows [][]string
	for _, b := range m.Bands {
		rows = append(rows, []string{escape(b.Name(m.Method.Units)), fmt.Sprint(b.Pairs), fmt.Sprintf("%.1f", b.Percent.Median), names(b.Best), names(b.Worst)})
	}
	d.table([]string{"distance", "pairs", "median", "best", "worst"}, rows)
}

func (d *markdown) hours(m *report.MonthReport) {
	d.line("## By hour of day, UTC")
	var rows [][]string
	for h, f := range m.Hours {
		rows = append(rows, append([]string{fmt.Sprintf("%02d:00", h)}, waits(f)...))
	}
	d.table([]string{"hour", "lost, %", "queue, ms", "one in twenty above, ms"}, rows)
}

func (d *markdown) days(m *report.MonthReport) {
	d.line("## By day")
	var rows [][]string
	for i, f := range m.Days {
		measured := ""
		if f.Planned > 0 {
			measured = fmt.Sprintf("%.2f", 100*float64(f.Measured)/float64(f.Planned))
		}
		date := m.Month.Span.From.AddDate(0, 0, i).Format("2 January")
		rows = append(rows, append([]string{date, measured}, waits(f)...))
	}
	d.table([]string{"day", "measured, %", "lost, %", "queue, ms", "one in twenty above, ms"}, rows)
}

// waits are loss and queues as cells; nothing where nothing is known.
func waits(f report.TimeFigures) []string {
	loss, ok := f.Loss()
	cells := []string{number(100*loss, ok, 3)}
	return append(cells, number(float64(f.Queue), f.Pairs > 0, 2), number(float64(f.Queue95), f.Pairs > 0, 2))
}

func (d *markdown) remarks(m *report.MonthReport) {
	d.line("## Data")
	var items []string
	for _, text := range m.Remarks {
		items = append(items, "- "+escape(text))
	}
	d.list(items, mostRemarks, "remarks")
	d.line("## Method")
	items = nil
	for _, f := range m.Method.Facts() {
		items = append(items, "- "+f.Name+": "+escape(f.Text))
	}
	d.line(strings.Join(items, "\n"))
}
