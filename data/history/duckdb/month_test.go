package duckdb

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"matrix/data/history"
	"matrix/probe"
	"matrix/report"
	"matrix/report/reporttest"
)

// setting is a number from the environment.
func setting(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// TestMonthBeside compacts a month and computes the exact p5, p50 and p95 of
// all six statistics of every pair, and its sums, here and with DuckDB, in turn.
// docs/performance.md says how it is made large.
func TestMonthBeside(t *testing.T) {
	cities, hours, turns := setting(t, "MATRIX_BENCH_CITIES", 15), setting(t, "MATRIX_BENCH_HOURS", 60), setting(t, "MATRIX_BENCH_TURNS", 1)
	dir := os.Getenv("MATRIX_BENCH_DIR")
	if dir == "" {
		dir = t.TempDir()
	}
	h, err := history.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if ids, err := h.IDs(t.Context(), october, october.AddDate(0, 1, 0)); err != nil {
		t.Fatal(err)
	} else if len(ids) == 0 {
		fillMonth(t, h, cities, hours)
	}
	var ours, theirs []used
	for range turns {
		var a, b totals
		ours = append(ours, measure(func() { a = ourTotals(t, dir) }))
		theirs = append(theirs, measure(func() { b = duckTotals(t, dir) }))
		if !a.agrees(b) {
			t.Fatalf("we say %+v, DuckDB %+v", a, b)
		}
		t.Logf("%d samples of %d pairs: matrix %v, DuckDB %v", a.planned, a.pairs, ours[len(ours)-1], theirs[len(theirs)-1])
	}
	wall := func(u used) time.Duration { return u.wall }
	cpu := func(u used) time.Duration { return u.cpu }
	t.Logf("medians: matrix %v (CPU %v), DuckDB %v (CPU %v)", median(ours, wall), median(ours, cpu), median(theirs, wall), median(theirs, cpu))
}

func fillMonth(t *testing.T, h *history.History, cities, hours int) {
	t.Helper()
	season := reporttest.NewSeason(cities, 1, report.Span{From: october, To: october.Add(time.Duration(hours) * time.Hour)}, time.Hour)
	season.Full = setting(t, "MATRIX_BENCH_FULL", 10)
	var saving used
	for n := range hours {
		r := season.Round(n)
		one := measure(func() {
			if _, err := h.Save(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		})
		saving.wall, saving.cpu = saving.wall+one.wall, saving.cpu+one.cpu
	}
	t.Logf("saved %d rounds in %v", hours, saving)
	compacting := measure(func() {
		if done, err := h.Compact(t.Context(), history.MonthOf(october), nil); err != nil || done.Rounds != hours {
			t.Fatalf("%+v: %v", done, err)
		}
	})
	t.Logf("compacted them in %v", compacting)
}

// used is what something took.
type used struct{ wall, cpu time.Duration }

func (u used) String() string {
	return fmt.Sprintf("%v (CPU %v)", u.wall.Round(time.Millisecond), u.cpu.Round(time.Millisecond))
}

func measure(do func()) used {
	runtime.GC()
	begin, before := time.Now(), cpuTime()
	do()
	return used{time.Since(begin), cpuTime() - before}
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func median(all []used, of func(used) time.Duration) time.Duration {
	values := make([]time.Duration, len(all))
	for i, u := range all {
		values[i] = of(u)
	}
	slices.Sort(values)
	return values[len(values)/2].Round(time.Millisecond)
}

// totals add the figures of all pairs up.
type totals struct {
	pairs, planned, measured, sent, received int64
	quantiles                                [18]float64 // of six statistics, µs
}

func (t totals) agrees(u totals) bool {
	for i := range t.quantiles {
		if math.Abs(t.quantiles[i]-u.quantiles[i]) > 1e-6*(1+math.Abs(t.quantiles[i])) {
			return false
		}
	}
	t.quantiles, u.quantiles = [18]float64{}, [18]float64{}
	return t == u
}

func ourTotals(t *testing.T, dir string) (sum totals) {
	h, err := history.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	rooms := sync.Pool{New: func() any { return new([]int32) }}
	err = h.Series(t.Context(), october, october.AddDate(0, 1, 0), func(s *probe.Series) error {
		if s.IsSelf() {
			return nil
		}
		room := rooms.Get().(*[]int32)
		defer rooms.Put(room)
		one := pairTotals(s, room)
		mu.Lock()
		defer mu.Unlock()
		sum.pairs, sum.planned, sum.measured = sum.pairs+1, sum.planned+one.planned, sum.measured+one.measured
		sum.sent, sum.received = sum.sent+one.sent, sum.received+one.received
		for i, q := range one.quantiles {
			sum.quantiles[i] += q
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func pairTotals(s *probe.Series, room *[]int32) (one totals) {
	one.planned = int64(s.Len())
	for i, state := range s.State {
		if state == probe.Measured {
			one.measured++
		}
		one.sent += int64(max(0, s.Sent[i]))
		one.received += int64(max(0, s.Received[i]))
	}
	for stat, values := range s.Stats {
		*room = (*room)[:0]
		for _, v := range values {
			if v != probe.Unknown {
				*room = append(*room, v)
			}
		}
		for i, q := range []float64{0.05, 0.5, 0.95} {
			one.quantiles[3*stat+i] = quantile(*room, q)
		}
	}
	return one
}

// quantile interpolates between the two nearest ranks, as quantile_cont does.
func quantile(values []int32, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	at := q * float64(len(values)-1)
	low := int(at)
	a := nth(values, low)
	if low+1 == len(values) {
		return float64(a)
	}
	return float64(a) + (at-float64(low))*float64(slices.Min(values[low+1:])-a)
}

// nth puts the n-th smallest value where it belongs, smaller ones before it and
// larger ones after (Hoare's selection).
func nth(values []int32, n int) int32 {
	for low, high := 0, len(values)-1; low < high; {
		pivot := values[(low+high)/2]
		i, j := low, high
		for i <= j {
			for values[i] < pivot {
				i++
			}
			for values[j] > pivot {
				j--
			}
			if i <= j {
				values[i], values[j] = values[j], values[i]
				i, j = i+1, j-1
			}
		}
		switch {
		case n <= j:
			high = j
		case n >= i:
			low = i
		default:
			return values[n]
		}
	}
	return values[n]
}

func duckTotals(t *testing.T, dir string) (sum totals) {
	columns, outer := "", ""
	for _, stat := range []string{"min", "median", "avg", "max", "mdev", "jitter"} {
		columns += fmt.Sprintf(", quantile_cont(%s_us, [0.05, 0.5, 0.95]) AS %s", stat, stat)
		outer += fmt.Sprintf(", sum(%[1]s[1]), sum(%[1]s[2]), sum(%[1]s[3])", stat)
	}
	rows := query(t, `SELECT count(*), sum(planned), sum(measured), sum(sent), sum(received)`+outer+` FROM (
		SELECT count(*) AS planned, count(*) FILTER (state = 'measured') AS measured, sum(sent) AS sent, sum(received) AS received`+columns+`
		FROM read_parquet('`+dir+`/samples/*/*/*.parquet') WHERE "from" <> "to" GROUP BY "from", "to")`)
	defer rows.Close()
	into := []any{&sum.pairs, &sum.planned, &sum.measured, &sum.sent, &sum.received}
	for i := range sum.quantiles {
		into = append(into, &sum.quantiles[i])
	}
	if !rows.Next() {
		t.Fatal(rows.Err())
	}
	if err := rows.Scan(into...); err != nil {
		t.Fatal(err)
	}
	return sum
}
