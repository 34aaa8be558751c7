package terminal

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"matrix/report"
)

// Most lines of each part of a month's summary, so that it is one screen.
const (
	mostHosts = 7
	mostFirst = 4 // findings of the first section of pairs that there is
	mostRest  = 2
	mostLines = 2 // of a finding
)

// Month shows a month's report on one screen.
func Month(w io.Writer, m *report.MonthReport, o Options) error {
	p := newPage(m.Report, o)
	p.heading(m.Month.Span.Title())
	if err := p.keyFigures(m); err != nil {
		return err
	}
	p.hosts(m)
	most := mostFirst
	for _, s := range m.Sections {
		if s.Minor {
			p.minor(s)
			continue
		}
		p.findings(s, most)
		most = mostRest
	}
	if len(m.Sections) == 0 {
		p.heading("Pairs")
		p.line("  Nothing stands out.")
		p.line("")
	}
	p.hours(m)
	headline := m.Headline()
	p.item("", headline[len(headline)-1])
	p.item("", m.Coverage.String()+"; "+m.Remarks[0]+".")
	p.item("", fmt.Sprintf("Method: %s; %s.", m.Method.Facts()[0].Text, m.Method.Facts()[1].Text))
	if o.Files != "" {
		p.item("", "The whole report is in "+o.Files+".")
	}
	_, err := w.Write(p.out.Bytes())
	return err
}

func (p *page) keyFigures(m *report.MonthReport) error {
	t := table{head: []string{"", m.Month.Span.String()}, left: []bool{true}}
	if m.Before != nil {
		t.head = append(t.head, m.Before.String())
	}
	for _, f := range m.Figures {
		row := []string{f.Name, f.Now}
		if m.Before != nil {
			row = append(row, f.Before)
		}
		t.rows = append(t.rows, row)
	}
	return p.draw(t)
}

// hosts lists what is wrong with hosts and what became of them; not that some
// are poorly connected, which they are every month.
func (p *page) hosts(m *report.MonthReport) {
	hosts := slices.DeleteFunc(slices.Clone(m.Hosts), func(h report.HostNote) bool { return h.Word == report.PoorlyJoined.String() })
	if len(hosts) == 0 {
		return
	}
	p.heading("Hosts")
	shown := hosts[:min(mostHosts, len(hosts))]
	width := 0
	for _, h := range shown {
		width = max(width, len(h.Word))
	}
	for _, h := range shown {
		p.spaced("  "+p.paint(wordColour(h.Word), pad(h.Word, width))+"  ", h.Name+": "+h.Text)
	}
	p.more(len(hosts), mostHosts, "host")
	p.line("")
}

// wordColour is the colour of what is said of a host: as a verdict's, if
// somebody has to see to it.
func wordColour(word string) colour {
	switch word {
	case "added", "removed", "moved":
		return blue
	case report.InvalidSource.String(), report.Misplaced.String(), report.SourceDown.String(), "down":
		return magenta
	}
	return orange
}

// findings lists the first of a section.
func (p *page) findings(s report.Section, most int) {
	p.heading(s.Title)
	shown := s.Findings[:min(most, len(s.Findings))]
	width := 0
	for _, f := range shown {
		width = max(width, len(f.Verdict.String()))
	}
	for _, f := range shown {
		room := mostLines * (min(p.o.Width, longestLine) - width - 4)
		p.spaced("  "+p.paint(verdictColour(f.Verdict), pad(f.Verdict.String(), width))+"  ", clip(f.Text(), room-8))
	}
	p.more(len(s.Findings), most, "line")
	p.line("")
}

// minor only counts what a summary has no room for.
func (p *page) minor(s report.Section) {
	counts := map[report.Verdict]int{}
	for _, f := range s.Findings {
		counts[f.Verdict]++
	}
	text, separator := s.Title+", in the report: ", ""
	for _, v := range slices.Backward(slices.Sorted(maps.Keys(counts))) {
		text += separator + count(counts[v], "line") + " on " + v.String()
		separator = ", "
	}
	p.item("", text+".")
	p.line("")
}

func (p *page) more(all, most int, what string) {
	if n := all - most; n > 0 {
		p.item("  ", fmt.Sprintf("and %s, in the report", count(n, "more "+what)))
	}
}

// hours draws loss and queues by hour of day, a bar an hour.
func (p *page) hours(m *report.MonthReport) {
	loss, queue := make([]float64, 24), make([]float64, 24)
	for h, f := range m.Hours {
		ratio, known := f.Loss()
		if loss[h] = 100 * ratio; !known {
			loss[h] = math.NaN()
		}
		if queue[h] = float64(f.Queue95); f.Pairs == 0 {
			queue[h] = math.NaN()
		}
	}
	p.heading("By hour of day, UTC")
	p.line("         00    06    12    18")
	p.bars("loss ", loss, "%.3f", "%")
	p.bars("queue", queue, "%.1f", "ms (p95)")
	p.line("")
}

// bars draws one row, from nothing to the most.
func (p *page) bars(name string, values []float64, format, unit string) {
	const blocks = "▁▂▃▄▅▆▇█"
	known := slices.DeleteFunc(slices.Clone(values), math.IsNaN)
	if len(known) == 0 {
		return
	}
	top := slices.Max(known)
	var row strings.Builder
	for _, v := range values {
		switch {
		case math.IsNaN(v):
			row.WriteRune(' ')
		case top == 0:
			row.WriteRune([]rune(blocks)[0])
		default:
			row.WriteRune([]rune(blocks)[min(7, int(8*v/top))])
		}
	}
	p.line(fmt.Sprintf("  %s  %s  "+format+" to "+format+" %s", name, row.String(), slices.Min(known), top, unit))
}
