package duckdb

import (
	"testing"
	"time"

	"matrix/data/history"
	"matrix/probe"
	"matrix/report"
	"matrix/report/reporttest"
)

// TestPairOverMonths reads one pair out of compacted months, with every RTT.
func TestPairOverMonths(t *testing.T) {
	months, cities, hours := setting(t, "MATRIX_BENCH_MONTHS", 2), setting(t, "MATRIX_BENCH_CITIES", 6), setting(t, "MATRIX_BENCH_HOURS", 24)
	dir := t.TempDir()
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var pair probe.Pair
	for m := range months {
		from := begin.AddDate(0, m, 0)
		season := reporttest.NewSeason(cities, 1, report.Span{From: from, To: from.Add(time.Duration(hours) * time.Hour)}, time.Hour)
		season.Full = 10
		fillFrom(t, dir, season)
		pair = probe.Pair{From: season.Fleet.Cities[3].Name, To: season.Fleet.Cities[5].Name}
	}
	var s *probe.Series
	var all []used
	for range 5 {
		all = append(all, measure(func() {
			h, err := history.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			s, err = h.Pair(t.Context(), pair, begin, begin.AddDate(0, months, 0))
			if err != nil {
				t.Fatal(err)
			}
		}))
	}
	if s.Len() != months*hours || len(s.RTTs) != s.Len() {
		t.Fatalf("%d samples of %d rounds", s.Len(), months*hours)
	}
	t.Logf("%d samples: %v", s.Len(), all)
}

// fillFrom saves and compacts a month.
func fillFrom(t *testing.T, dir string, season *reporttest.Season) {
	t.Helper()
	h, err := history.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for n := range season.Count {
		if _, err := h.Save(t.Context(), season.Round(n)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.Compact(t.Context(), history.MonthOf(season.Start), nil); err != nil {
		t.Fatal(err)
	}
}
