package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"matrix/data"
	"matrix/data/history"
	"matrix/report"
	"matrix/report/reporttest"
)

// savedSeason is a history of two months of some cities, a round every six
// hours, with an event of every kind in the second.
func savedSeason(t *testing.T, cities int) string {
	t.Helper()
	if testing.Short() {
		t.Skip("two months take some seconds")
	}
	october := report.MonthSpan(2026, time.October)
	s := reporttest.NewSeason(cities, 3, report.Span{From: october.From.AddDate(0, -1, 0), To: october.To}, 6*time.Hour)
	if err := s.Eventful(october); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(t.TempDir(), "history")
	h, err := history.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, round := range s.All() {
		if _, err := h.Save(t.Context(), round); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func TestReport(t *testing.T) {
	t.Setenv("COLUMNS", "120")
	folder := savedSeason(t, 16)
	out := filepath.Join(t.TempDir(), "out")
	text, talk, status := matrix(t, "report", "--month", "2026-10", "--history", folder, "--out", out)
	if status != 0 || !strings.HasPrefix(text, "October 2026\n") || !strings.Contains(talk, "published October 2026 in "+out) {
		t.Fatalf("status %d\n%s%s", status, text, talk)
	}
	text = strings.Join(strings.Fields(text), " ")
	for _, want := range []string{"2026-10 2026-09", " down ", " moved ", " clock ", " added ", " removed ", " Slower than before ", "11 to 20 October"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	markdown, _, _ := matrix(t, "report", "--month", "2026-10", "--history", folder, "--format", "markdown")
	saved, err := os.ReadFile(filepath.Join(out, "2026-10", "data", "month.md"))
	if err != nil || string(saved) != markdown || !strings.HasPrefix(markdown, "# Network latency, October 2026\n") {
		t.Errorf("month.md is not what is printed: %v", err)
	}
	js, _, _ := matrix(t, "report", "--month", "2026-10", "--history", folder, "--format", "json")
	if saved, err := os.ReadFile(filepath.Join(out, "2026-10", "data", "month.json")); err != nil || string(saved) != js || !json.Valid(saved) {
		t.Errorf("month.json is not what is printed: %v", err)
	}
}

// TestReportNamesDamage: a file of the month and one of the month before, whose
// pages were damaged, are named on stderr and in the report.
func TestReportNamesDamage(t *testing.T) {
	folder := savedSeason(t, 16)
	var damaged []string
	for _, month := range []string{"09", "10"} {
		files, err := filepath.Glob(filepath.Join(folder, "samples", "year=2026", "month="+month, "*"))
		if err != nil || len(files) < 20 {
			t.Fatalf("%d files: %v", len(files), err)
		}
		text, err := os.ReadFile(files[10])
		if err != nil {
			t.Fatal(err)
		}
		for i := 200; i < len(text)/2; i += 50 {
			text[i] ^= 0x10
		}
		if err := os.WriteFile(files[10], text, 0o666); err != nil {
			t.Fatal(err)
		}
		damaged = append(damaged, "samples/year=2026/month="+month+"/"+filepath.Base(files[10])+": left out: ")
	}
	markdown, talk, status := matrix(t, "report", "--month", "2026-10", "--history", folder, "--format", "markdown")
	if status != exitSomeMissed {
		t.Errorf("status %d", status)
	}
	for _, want := range damaged {
		if !strings.Contains(talk, want) || !strings.Contains(strings.ReplaceAll(markdown, `\_`, "_"), want) {
			t.Errorf("status %d: no %q in\n%s\n%s", status, want, talk, markdown)
		}
	}
	if text, _, _ := matrix(t, "report", "--month", "2026-10", "--history", folder, "-q"); !strings.Contains(strings.Join(strings.Fields(text), " "), "; 2 files of the history left out") {
		t.Errorf("the summary does not say so:\n%s", text)
	}
}

// TestDamageReplacesNoMonth: a month whose compacted file was damaged since is
// not put into the place of the one that was published when it was whole, and is
// published, with a note, where none is.
func TestDamageReplacesNoMonth(t *testing.T) {
	folder, out := savedSeason(t, 16), filepath.Join(t.TempDir(), "out")
	args := []string{"report", "-q", "--month", "2026-10", "--history", folder, "--out", out}
	if _, talk, status := matrix(t, "compact", "-q", "--history", folder); status != 0 {
		t.Fatal(talk)
	}
	if _, talk, status := matrix(t, args...); status != 0 {
		t.Fatal(talk)
	}
	good, err := os.ReadFile(filepath.Join(out, "2026-10", "data", "pairs.csv"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(folder, "samples", "year=2026", "month=10", "month-*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v: %v", files, err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)/2] ^= 0xff
	if err := os.WriteFile(files[0], text, 0o666); err != nil {
		t.Fatal(err)
	}
	_, talk, status := matrix(t, args...)
	after, err := os.ReadFile(filepath.Join(out, "2026-10", "data", "pairs.csv"))
	if status != exitSomeMissed || err != nil || string(after) != string(good) || !strings.Contains(talk, filepath.Base(files[0])) || !strings.Contains(talk, "matrix verify") {
		t.Errorf("status %d, %v: %s", status, err, talk)
	}
	args[len(args)-1] = filepath.Join(t.TempDir(), "new")
	if _, talk, status := matrix(t, args...); status != exitSomeMissed {
		t.Errorf("status %d: %s", status, talk)
	}
	page, err := os.ReadFile(filepath.Join(args[len(args)-1], "2026-10", "index.html"))
	if err != nil || !strings.Contains(string(page), filepath.Base(files[0])) {
		t.Errorf("the page does not name the file: %v", err)
	}
}

// TestReportThreshold: what "slower than before" means can be set.
func TestReportThreshold(t *testing.T) {
	folder := savedSeason(t, 16)
	text, _, status := matrix(t, "report", "--month", "2026-10", "--history", folder, "--threshold", "held-for=12")
	if status != 0 || strings.Contains(text, "Slower than before") {
		t.Errorf("status %d: ten days are told as twelve\n%s", status, text)
	}
}

func TestReportMistakes(t *testing.T) {
	empty := t.TempDir()
	for want, args := range map[string][]string{
		"has no rounds of 2026-10; --history names the folder": {"--month", "2026-10", "--history", empty},
		`--month "10/2026": want a month as 2026-10`:           {"--month", "10/2026"},
		"--format html: want text, markdown or json":           {"--format", "html", "--history", empty},
		"unknown threshold":                                    {"--threshold", "crooked=1", "--history", empty},
		"takes no arguments":                                   {"2026-10"},
	} {
		_, talk, status := matrix(t, append([]string{"report"}, args...)...)
		if status != exitArguments || !strings.Contains(talk, want) {
			t.Errorf("%q: status %d, %q; want %q", args, status, talk, want)
		}
	}
}

// TestLastMonth: without --month it is the last one that is over.
func TestLastMonth(t *testing.T) {
	for now, want := range map[string]string{
		"2026-11-01T00:00:00Z": "2026-10", "2026-10-31T23:59:59Z": "2026-09", "2027-01-15T00:00:00Z": "2026-12",
		"2026-11-01T01:00:00+02:00": "2026-09",
	} {
		at, err := time.Parse(time.RFC3339, now)
		if err != nil {
			t.Fatal(err)
		}
		if span, err := parseMonth("", at); err != nil || span.String() != want {
			t.Errorf("at %s: %v, %v; want %s", now, span, err, want)
		}
	}
}

// TestPublishedAsMonth: the tables of 2011, saved as a round, make a month with
// the figures that were published.
func TestPublishedAsMonth(t *testing.T) {
	round := reporttest.Published()
	round.Start = time.Date(2011, time.July, 5, 12, 0, 0, 0, time.UTC)
	round.End = round.Start
	h, err := history.Open(filepath.Join(t.TempDir(), "history"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Save(t.Context(), round); err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	if _, talk, status := matrix(t, "report", "--month", "2011-07", "--history", h.Dir(), "--out", out, "--fibre-speed", "120.9",
		"--distances", published(t, "distance-miles.csv")); status != 0 {
		t.Fatalf("status %d: %s", status, talk)
	}
	got, err := data.OpenRound(filepath.Join(out, "2011-07", "data", "rtt.csv"), &data.Inventory{Cities: round.Cities})
	if err != nil {
		t.Fatal(err)
	}
	figures := map[string]time.Duration{}
	for i := range round.Samples {
		avg, _ := round.Samples[i].Summary().Get(report.Avg)
		figures[round.Samples[i].Pair.String()] = avg
	}
	for i := range got.Samples {
		pair := got.Samples[i].Pair.String()
		avg, _ := got.Samples[i].Summary().Get(report.Avg)
		if avg != figures[pair] {
			t.Errorf("%s: %v, published %v", pair, avg, figures[pair])
		}
		delete(figures, pair)
	}
	if len(figures) > 0 {
		t.Errorf("not in the month: %v", figures)
	}
	publishedOnPages(t, filepath.Join(out, "2011-07"))
}

// publishedOnPages finds every figure of the tables of 2011 on the page of its
// matrix, between the tags of a cell; the speeds and percentages within the
// rounding of the RTTs and distances that they were made of.
func publishedOnPages(t *testing.T, month string) {
	t.Helper()
	for _, table := range []struct {
		file, page string
		decimals   int
		off        float64
	}{
		{"ping-ms.csv", "matrix.html", 2, 0}, {"distance-miles.csv", "matrix-distance.html", 0, 0},
		{"miles-per-ms.csv", "matrix-speed.html", 2, 0.03}, {"percent-of-fibre.csv", "matrix-fibre.html", 2, 0.03},
	} {
		text, err := os.ReadFile(filepath.Join(month, table.page))
		if err != nil {
			t.Fatal(err)
		}
		var shown []float64
		for _, m := range regexp.MustCompile(`">[^<0-9]*([0-9.]+)[^<0-9]*</a></td>`).FindAllStringSubmatch(string(text), -1) {
			v, err := strconv.ParseFloat(m[1], 64)
			if err != nil {
				t.Fatal(err)
			}
			shown = append(shown, v)
		}
		want := readTable(t, published(t, table.file))
		for pair, figure := range want {
			scale := math.Pow(10, float64(table.decimals))
			figure = math.Round(figure*scale) / scale
			if !slices.ContainsFunc(shown, func(v float64) bool { return math.Abs(v-figure) <= table.off+1e-9 }) {
				t.Errorf("%s: %v of %v is not on %s", table.file, figure, pair, table.page)
			}
		}
		if len(want) != 90 || len(shown) < 80 {
			t.Errorf("%s: %d figures, of which the page shows %d", table.file, len(want), len(shown))
		}
	}
}
