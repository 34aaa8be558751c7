package terminal

import (
	"fmt"
	"io"
	"slices"
	"time"

	"matrix/report"
)

// spareColumns of Hosts' table give way on a narrow terminal, in this order.
var spareColumns = []string{"reached", "self", "stamps", "load", "pings by", "version"}

// Hosts lists hosts, with what is wrong with them below.
func Hosts(w io.Writer, list []report.HostLine, o Options) error {
	p := newPage(nil, o)
	t := table{
		head: []string{"city", "", "reached", "version", "pings by", "stamps", "self", "clock, s", "load", "deployed"},
		left: []bool{true, true, 3: true, 4: true, 5: true, 9: true},
	}
	deployed := false
	for i := range list {
		t.rows = append(t.rows, p.hostRow(&list[i]))
		deployed = deployed || list[i].Deployed != ""
	}
	if !deployed {
		t = t.without(9)
	}
	for _, name := range spareColumns {
		if t.width() > p.o.Width {
			t = t.without(slices.Index(t.head, name))
		}
	}
	if len(list) > 0 {
		if err := p.draw(t); err != nil {
			return fmt.Errorf("draw a table: %w", err)
		}
	}
	p.hostProblems(list)
	_, err := w.Write(p.out.Bytes())
	return err
}

func (p *page) hostRow(h *report.HostLine) []string {
	row := []string{
		clip(report.Clean(h.City, 60), 20), p.paint(levelColour(h.Level), h.Level.String()), inMs(h.Connect, 0),
		clip(report.Clean(h.Version, 60), 28), report.Clean(h.MayPing(), 40), "", inMs(h.Self, 3), "", "", h.Deployed,
	}
	if h.Health.Stamps != 0 {
		row[5] = h.Health.Stamps.String()
	}
	if !h.ClockIsOurs {
		row[7] = p.paint(levelColour(h.Clock), fmt.Sprintf("%+.3f ± %.3f", h.Health.Offset.Round(time.Millisecond).Seconds(), max(time.Millisecond, h.Health.OffsetError).Seconds()))
	}
	if h.Health.CPUs > 0 {
		row[8] = fmt.Sprintf("%.2f/%d", h.Health.Load, h.Health.CPUs)
	}
	for i, cell := range row {
		if cell == "" && i > 1 {
			row[i] = "–"
		}
	}
	return row
}

func inMs(d time.Duration, decimals int) string {
	if d <= 0 {
		return ""
	}
	return fmt.Sprintf("%.*f ms", decimals, float64(d)/float64(time.Millisecond))
}

func levelColour(l report.Level) colour {
	switch l {
	case report.OK:
		return faint
	case report.Warn:
		return orange
	}
	return magenta
}

// hostProblems are the hosts that are not well, and the sum.
func (p *page) hostProblems(list []report.HostLine) {
	var levels [3]int
	for i := range list {
		h := &list[i]
		levels[h.Level]++
		for _, problem := range h.Problems {
			p.item(p.paint(levelColour(h.Level), pad(h.Level.String(), 8)), report.Clean(h.City, 60)+": "+problem)
		}
		for _, hint := range h.Hints {
			p.item("        → ", report.Clean(hint, 300))
		}
	}
	if len(list) > levels[report.OK] {
		p.line("")
	}
	p.item("", fmt.Sprintf("%s: %d OK, %d WARNING, %d ERROR", count(len(list), "host"), levels[report.OK], levels[report.Warn], levels[report.Failing]))
}
