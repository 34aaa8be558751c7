package terminal

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"matrix/report"
)

// Timelines shows pairs over time, a table each.
func Timelines(w io.Writer, o Options, timelines ...*report.Timeline) error {
	p := newPage(nil, o)
	for i, t := range timelines {
		if i > 0 {
			p.line("")
		}
		if err := p.timeline(t); err != nil {
			return fmt.Errorf("draw a table: %w", err)
		}
	}
	_, err := w.Write(p.out.Bytes())
	return err
}

func (p *page) timeline(t *report.Timeline) error {
	each := "round"
	if t.Daily {
		each = "day"
	}
	title := fmt.Sprintf("%s → %s, by %s, RTT in ms", t.FromTitle, t.ToTitle, each)
	if t.Miles != nil {
		title += fmt.Sprintf(", %.0f miles", float64(*t.Miles))
	}
	p.heading(title)
	if len(t.Points) == 0 {
		p.item("", "never planned in this time")
		return nil
	}
	table := p.timelineTable(t)
	for _, least := range []int{3, 2} { // median and average: a narrow terminal does without
		if table.width() > p.o.Width {
			table = table.without(least)
		}
	}
	if err := p.draw(table); err != nil {
		return err
	}
	if t.Daily {
		p.item("", "Of a day: the least minimum, the medians of the rounds' medians and averages, the largest maximum; times are UTC.")
	}
	return nil
}

func (p *page) timelineTable(t *report.Timeline) table {
	table := table{head: []string{"UTC", "min", "median", "avg", "max", "loss %", "", ""}, left: []bool{true, 6: true, 7: true}}
	if t.Daily {
		table.head[6] = "measured"
	}
	layout := "2006-01-02 15:04"
	if t.Daily {
		layout = "2006-01-02"
	}
	most := longest(t)
	for i := range t.Points {
		point := &t.Points[i]
		loss, bar := "", ""
		if percent, ok := point.Loss(); ok {
			loss = strconv.FormatFloat(percent, 'f', 1, 64)
		}
		if point.Min != nil && most > 0 {
			bar = strings.Repeat("▪", max(1, int(20*float64(*point.Min)/most+0.5)))
		}
		table.rows = append(table.rows, []string{
			point.Start.UTC().Format(layout), millis(point.Min), millis(point.Median), millis(point.Avg), millis(point.Max), loss,
			p.happened(t, point), bar,
		})
	}
	return table
}

// longest is the largest minimum, the length of the bars.
func longest(t *report.Timeline) float64 {
	most := 0.0
	for i := range t.Points {
		if m := t.Points[i].Min; m != nil {
			most = max(most, float64(*m))
		}
	}
	return most
}

// happened is what befell the pair, and a move to another address.
func (p *page) happened(t *report.Timeline, point *report.Point) string {
	var words []string
	if t.Daily {
		words = append(words, fmt.Sprintf("%d/%d", point.Measured, point.Rounds))
	}
	if point.State != report.Measured {
		words = append(words, p.paint(stateColour(point.State), point.State.String()))
	}
	if point.Moved {
		words = append(words, "now at "+point.Address)
	}
	return strings.Join(words, " ")
}

func millis(ms *report.Ms) string {
	if ms == nil {
		return "–"
	}
	return strconv.FormatFloat(float64(*ms), 'f', 1, 64)
}
