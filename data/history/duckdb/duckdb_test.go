package duckdb

import (
	"database/sql"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/duckdb/duckdb-go/v2"

	"matrix/data/history"
	"matrix/probe"
)

var october = time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)

var names = []string{"baltimore", "milan", "newyork", "paris", "zurich"}

// round is a round with figures that a formula gives.
func round(n int) *probe.Round {
	r := &probe.Round{Start: october.Add(time.Duration(n) * time.Hour), Source: "measured"}
	for i, from := range names {
		r.Cities = append(r.Cities, probe.City{Name: from, Title: from})
		for j, to := range names {
			s := probe.Sample{Pair: probe.Pair{From: from, To: to}, State: probe.Measured, Sent: 4, At: r.Start}
			for k := range 4 - (n+i+j)%3/2 {
				s.RTTs = append(s.RTTs, time.Duration(10_000+1000*i+100*j+(n*7919+k*104729)%997)*time.Microsecond)
			}
			s.Received = len(s.RTTs)
			if (n+2*i+j)%11 == 0 {
				s = probe.Sample{Pair: s.Pair, State: probe.SourceDown, Reason: "connect: refused"}
			}
			if i == j {
				r.Self = append(r.Self, s)
			} else {
				r.Samples = append(r.Samples, s)
			}
		}
	}
	return r
}

// figures are what both sides say of an ordered pair.
type figures struct {
	planned, measured, sent, received int
	sum                               int64     // of the minima
	quantiles                         []float64 // of the medians, µs
}

// TestDuckDBAgrees has DuckDB read rounds, then a compacted month, then both.
func TestDuckDBAgrees(t *testing.T) {
	h, err := history.Open(t.TempDir() + "/history")
	if err != nil {
		t.Fatal(err)
	}
	save := func(from, to int) {
		for n := from; n < to; n++ {
			if _, err := h.Save(t.Context(), round(n)); err != nil {
				t.Fatal(err)
			}
		}
	}
	save(0, 100)
	agree(t, h.Dir(), 100)
	if _, err := h.Compact(t.Context(), history.MonthOf(october), nil); err != nil {
		t.Fatal(err)
	}
	agree(t, h.Dir(), 100)
	save(100, 130)
	agree(t, h.Dir(), 130)
	documented(t, h.Dir())
}

func agree(t *testing.T, dir string, rounds int) {
	t.Helper()
	ours, theirs := ourFigures(t, dir), duckFigures(t, dir)
	if len(ours) != len(names)*(len(names)-1) || len(theirs) != len(ours) {
		t.Fatalf("%d and %d pairs", len(ours), len(theirs))
	}
	for pair, want := range ours {
		got := theirs[pair]
		if fmt.Sprint(got) != fmt.Sprint(want) || want.planned != rounds {
			t.Errorf("%v: DuckDB says %+v, we %+v", pair, got, want)
		}
	}
}

func ourFigures(t *testing.T, dir string) map[probe.Pair]figures {
	t.Helper()
	h, err := history.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[probe.Pair]figures)
	for _, from := range names {
		for _, to := range names {
			s, err := h.Pair(t.Context(), probe.Pair{From: from, To: to}, october, october.AddDate(0, 1, 0))
			if err != nil {
				t.Fatal(err)
			}
			if from != to {
				all[s.Pair] = seriesFigures(s)
			}
		}
	}
	return all
}

func seriesFigures(s *probe.Series) figures {
	f := figures{planned: s.Len()}
	var medians []float64
	for i := range s.Len() {
		if s.State[i] == probe.Measured {
			f.measured++
			f.sum += int64(s.Stats[probe.Min][i])
			medians = append(medians, float64(s.Stats[probe.Median][i]))
		}
		f.sent += int(max(0, s.Sent[i]))
		f.received += int(max(0, s.Received[i]))
	}
	slices.Sort(medians)
	for _, q := range []float64{0.05, 0.5, 0.95} {
		at := q * float64(len(medians)-1)
		low := int(math.Floor(at))
		high := min(low+1, len(medians)-1)
		f.quantiles = append(f.quantiles, math.Round(1000*(medians[low]+(at-float64(low))*(medians[high]-medians[low])))/1000)
	}
	return f
}

func duckFigures(t *testing.T, dir string) map[probe.Pair]figures {
	t.Helper()
	rows := query(t, `SELECT "from", "to", count(*), count(*) FILTER (state = 'measured'), coalesce(sum(sent), 0), coalesce(sum(received), 0), sum(min_us),
		round(quantile_cont(median_us, 0.05), 3), round(quantile_cont(median_us, 0.5), 3), round(quantile_cont(median_us, 0.95), 3)
		FROM read_parquet('`+dir+`/samples/*/*/*.parquet', hive_partitioning = true)
		WHERE "from" <> "to" AND year = 2026 AND month = 10 GROUP BY ALL`)
	defer rows.Close()
	all := make(map[probe.Pair]figures)
	for rows.Next() {
		var p probe.Pair
		f := figures{quantiles: make([]float64, 3)}
		if err := rows.Scan(&p.From, &p.To, &f.planned, &f.measured, &f.sent, &f.received, &f.sum, &f.quantiles[0], &f.quantiles[1], &f.quantiles[2]); err != nil {
			t.Fatal(err)
		}
		all[p] = f
	}
	return all
}

func query(t *testing.T, text string) *sql.Rows {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	rows, err := db.QueryContext(t.Context(), text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return rows
}

// documented runs the queries of docs/history.md.
func documented(t *testing.T, dir string) {
	t.Helper()
	text, err := os.ReadFile("../../../docs/history.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := []int{}
	for _, part := range strings.Split(string(text), "```sql\n")[1:] {
		sql, _, _ := strings.Cut(part, "```")
		rows := query(t, strings.ReplaceAll(sql, "'history/", "'"+dir+"/"))
		n := 0
		for rows.Next() {
			n++
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, n)
	}
	// Pairs; days; cities; days with one reason; rounds that are there twice.
	if want := []int{20, 6, 5, 6, 0}; !slices.Equal(lines, want) {
		t.Errorf("the documented queries give %v lines, want %v", lines, want)
	}
}
