package terminal_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"matrix/geo"
	"matrix/report"
	"matrix/report/reporttest"
	"matrix/report/terminal"
)

// eventful is October 2026 of 20 cities, with an event of every kind; quiet has
// none.
func month(t *testing.T, eventful bool) *report.MonthReport {
	t.Helper()
	october := report.MonthSpan(2026, time.October)
	s := reporttest.NewSeason(20, 3, report.Span{From: october.From.AddDate(0, -1, 0), To: october.To}, time.Hour)
	if eventful {
		if err := s.Eventful(october); err != nil {
			t.Fatal(err)
		}
	}
	o := report.MonthOptions{Span: october, Atlas: geo.World()}
	o.Stat, o.Gazetteer = report.Avg, geo.World()
	m, err := report.NewMonthReport(t.Context(), s, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMonthGolden(t *testing.T) {
	for name, m := range map[string]*report.MonthReport{"month": month(t, true), "month-quiet": month(t, false)} {
		for suffix, width := range map[string]int{".80.txt": 80, ".200.txt": 200} {
			var b bytes.Buffer
			if err := terminal.Month(&b, m, terminal.Options{Width: width}); err != nil {
				t.Fatal(err)
			}
			reporttest.Golden(t, name+suffix, b.Bytes())
		}
	}
}

// TestMonthFits: no line is wider than the terminal, and all of it is a screen,
// or hardly more.
func TestMonthFits(t *testing.T) {
	m := month(t, true)
	for _, width := range []int{60, 80, 120, 200} {
		var b bytes.Buffer
		if err := terminal.Month(&b, m, terminal.Options{Width: width, Color: true, Files: "site"}); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if n := twwidth.Width(escapes.ReplaceAllString(strings.TrimRight(line, "\n"), "")); n > width {
				t.Errorf("at %d columns a line of %d: %q", width, n, line)
			}
		}
		if n := strings.Count(b.String(), "\n"); n > 60 && width >= 120 {
			t.Errorf("at %d columns %d lines", width, n)
		}
	}
}
