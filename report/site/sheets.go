package site

import (
	"math"
	"slices"
	"strconv"

	"matrix/report"
)

// sheet is a matrix with a page of its own.
type sheet struct {
	panel
	File, Bare string // its page, and the one that another page can show in a frame
	Note       string // what a reader of it must know
}

// hasChange says whether there is a month before to compare with.
func (b *book) hasChange() bool { return b.Month != nil && b.Month.Before != nil }

func (b *book) newSheets() []sheet {
	r := b.report
	subjects := []subject{metricSubject(r, report.RTT)}
	for _, m := range report.Metrics()[1:] {
		if _, ok := r.Spread(m); ok {
			subjects = append(subjects, metricSubject(r, m))
		}
	}
	if b.hasChange() {
		subjects = append(subjects, changeSubject(b.Month))
	}
	g := grid{r: r, large: b.large, exact: !b.upright, city: b.city, sort: b.sorting(), pair: func(i, j int) string {
		return b.pair(r.Cities[i].Name, r.Cities[j].Name)
	}}
	var sheets []sheet
	for i, s := range subjects {
		one := sheet{panel: g.panel(s), File: "matrix-" + s.id + ".html", Bare: "table-" + s.id + ".html"}
		if i == 0 {
			one.File = "matrix.html"
		}
		one.Checked = i == 0
		switch {
		case s.graded:
			one.Note = "Graded by the pair’s shorter round trip, among pairs of such a distance."
		case s.id == changeID:
			one.Note = "The floor of this month, the median over its rounds of the smallest round-trip time, minus that of the month before."
		}
		sheets = append(sheets, one)
	}
	return sheets
}

// sorting is what the cities of a matrix are found and sorted by.
func (b *book) sorting() func(i int) sorted {
	r := b.report
	return func(i int) sorted {
		c := r.Cities[i]
		s := sorted{Stem: b.slugs[i], Words: report.Clean(c.Country+" "+c.Region+" "+c.Provider, 80)}
		if c.Location != nil {
			s.East = number(c.Location.Longitude, 2)
		}
		var rtts []float64
		for _, j := range r.Columns {
			if v, ok := r.Value(r.Pair(c.Name, r.Cities[j].Name), report.RTT); ok {
				rtts = append(rtts, v)
			}
		}
		if len(rtts) > 0 {
			slices.Sort(rtts)
			s.Middle = number(rtts[len(rtts)/2], 1)
		}
		return s
	}
}

const changeID = "change"

// noChange is why a pair has no change.
const noChange = "no figure of the month before, or a host has moved"

// A change is worth a shade from a little, and a strong one from what the
// verdicts take for a change of the way.
const (
	littleMs, littleShare = 2., 0.02
	muchMs, muchShare     = 10., 0.1
)

// changeSubject shows how the floor differs from that of the month before.
func changeSubject(m *report.MonthReport) subject {
	return subject{
		id: changeID, heading: "Change from the month before", short: "Change", unit: "ms", decimals: 2,
		keys: []key{
			{"h", "+10 ms and +10 %, or more"}, {"i", "+2 ms and +2 %"}, {"j", "as before"}, {"k", "−2 ms and −2 %"}, {"m", "−10 ms and −10 %, or more"},
		},
		graded: true,
		cell: func(from, to string) report.Cell {
			c := m.Cell(from, to, report.RTT)
			if c.Kind != report.Figure {
				return c
			}
			by, ok := m.Change(from, to)
			if !ok {
				return report.Cell{Kind: report.NoFigure, Mark: "new", Why: noChange, Pair: c.Pair}
			}
			c.Value = float64(by)
			return c
		},
		text: func(c report.Cell, decimals int) string { return signed(c, decimals) },
		class: func(c report.Cell) string {
			now, _ := m.Value(c.Pair, report.RTT)
			return changeClass(c.Value, c.Value/max(now-c.Value, 1e-9))
		},
		marks: func(report.Cell) (string, string) { return "", "" },
	}
}

// signed is a figure with its sign; a change that rounds to nothing has none.
func signed(c report.Cell, decimals int) string {
	if c.Kind != report.Figure {
		return c.Mark
	}
	return signedNumber(c.Value, decimals)
}

func signedNumber(v float64, decimals int) string {
	text := number(math.Abs(v), decimals)
	zero, err := strconv.ParseFloat(text, 64)
	switch {
	case err == nil && zero == 0:
		return text
	case v > 0:
		return "+" + text
	}
	return "−" + text
}

func changeClass(by, share float64) string {
	size := math.Abs(by)
	classes := "jih"
	if by < 0 {
		classes = "jkm"
	}
	switch {
	case size >= muchMs && math.Abs(share) >= muchShare:
		return classes[2:]
	case size >= littleMs && math.Abs(share) >= littleShare:
		return classes[1:2]
	}
	return "j"
}
