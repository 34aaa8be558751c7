package duckdb

import (
	"testing"
	"time"

	"matrix/data/history"
	"matrix/probe"
)

// TestPairOverMonths reads one pair out of compacted months, with every RTT.
func TestPairOverMonths(t *testing.T) {
	months, cities, hours := setting(t, "MATRIX_BENCH_MONTHS", 2), setting(t, "MATRIX_BENCH_CITIES", 6), setting(t, "MATRIX_BENCH_HOURS", 24)
	dir := t.TempDir()
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for m := range months {
		fillFrom(t, dir, begin.AddDate(0, m, 0), cities, hours)
	}
	var s *probe.Series
	var all []used
	for range 5 {
		all = append(all, measure(func() {
			h, err := history.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			s, err = h.Pair(t.Context(), probe.Pair{From: "city003", To: "city005"}, begin, begin.AddDate(0, months, 0))
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

func fillFrom(t *testing.T, dir string, begin time.Time, cities, hours int) {
	t.Helper()
	h, err := history.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for n := range hours {
		r := meteredRound(n, cities, 10)
		r.Start = begin.Add(time.Duration(n) * time.Hour)
		if _, err := h.Save(r); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.Compact(t.Context(), history.MonthOf(begin), nil); err != nil {
		t.Fatal(err)
	}
}
