package export_test

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"matrix/geo"
	"matrix/report"
	"matrix/report/export"
	"matrix/report/reporttest"
)

// month is October 2026 of 20 cities, with an event of every kind.
func month(t *testing.T, change func(*reporttest.Season)) *report.MonthReport {
	t.Helper()
	october := report.MonthSpan(2026, time.October)
	s := reporttest.NewSeason(20, 3, report.Span{From: october.From.AddDate(0, -1, 0), To: october.To}, time.Hour)
	change(s)
	if err := s.Eventful(october); err != nil {
		t.Fatal(err)
	}
	o := report.MonthOptions{Span: october, Atlas: geo.World()}
	o.Stat, o.Gazetteer = report.Avg, geo.World()
	m, err := report.NewMonthReport(t.Context(), s, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func untouched(*reporttest.Season) {}

func TestMonthMarkdownGolden(t *testing.T) {
	reporttest.Golden(t, "month.md", written(t, export.MonthMarkdown, month(t, untouched)))
}

func written(t *testing.T, write func(io.Writer, *report.MonthReport) error, m *report.MonthReport) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestMonthTwice: the same history gives the same bytes.
func TestMonthTwice(t *testing.T) {
	for name, write := range map[string]func(io.Writer, *report.MonthReport) error{"Markdown": export.MonthMarkdown, "JSON": export.MonthJSON} {
		if !bytes.Equal(written(t, write, month(t, untouched)), written(t, write, month(t, untouched))) {
			t.Errorf("%s differs from one time to the next", name)
		}
	}
}

// TestMonthJSON: what is written can be read, and says what happened.
func TestMonthJSON(t *testing.T) {
	var d struct {
		export.MonthDocument
		Pairs []export.MonthPair `json:"pairs"`
	}
	m := month(t, untouched)
	if err := json.Unmarshal(written(t, export.MonthJSON, m), &d); err != nil {
		t.Fatal(err)
	}
	if d.Format != export.MonthFormat || d.Month != "2026-10" || d.Rounds != 744 || len(d.Pairs) != 380 || len(d.Hours) != 24 || len(d.Days) != 31 {
		t.Errorf("%s, %s, %d rounds, %d pairs, %d hours, %d days", d.Format, d.Month, d.Rounds, len(d.Pairs), len(d.Hours), len(d.Days))
	}
	if len(d.Changes) == 0 || len(d.Lossy) == 0 || len(d.Hosts) < 5 || len(d.Findings) == 0 {
		t.Errorf("%d changes, %d lossy, %d hosts, %d findings", len(d.Changes), len(d.Lossy), len(d.Hosts), len(d.Findings))
	}
	for _, p := range d.Pairs {
		if q := p.Stats["min"]; p.Measured > 0 && (q == nil || q.P5 > q.P50 || q.P50 > q.P95 || *p.LeastMs > q.P50) {
			t.Errorf("%s → %s: %+v", p.From, p.To, q)
		}
	}
}

// TestHostileMonth: what cities are called, and what rounds warn of, starts
// nothing in Markdown.
func TestHostileMonth(t *testing.T) {
	m := month(t, func(s *reporttest.Season) {
		for i := range s.Fleet.Cities {
			s.Fleet.Cities[i].Title = reporttest.HostileTexts[i%len(reporttest.HostileTexts)]
			s.Fleet.Cities[i].Host = reporttest.HostileTexts[i%len(reporttest.HostileTexts)]
		}
	})
	text := string(written(t, export.MonthMarkdown, m))
	for line := range strings.Lines(text) {
		for _, bad := range []string{"<script", "<img", "\x1b", "\u202e", "](javascript"} {
			isCode := strings.HasPrefix(line, "    ") // in which nothing is markup
			if strings.Contains(strings.ReplaceAll(line, `\]`, ""), bad) && (!isCode || bad[0] == '\x1b' || bad == "\u202e") {
				t.Errorf("%q is in %q", bad, line)
			}
		}
	}
	columns := 0
	for line := range strings.Lines(text) {
		n := strings.Count(line, "|")
		if n == 0 || strings.HasPrefix(line, "    ") {
			columns = 0
			continue
		}
		if columns > 0 && n != columns {
			t.Errorf("a row of %d cells in a table of %d: %q", n-1, columns-1, line)
		}
		columns = n
	}
}
