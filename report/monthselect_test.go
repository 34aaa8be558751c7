package report

import (
	"math/rand/v2"
	"slices"
	"testing"

	"matrix/probe"
)

// TestQuantilesOfAnyColumn: what is found by counting is what sorting finds,
// however few the values, however they lie, and with gaps between them.
func TestQuantilesOfAnyColumn(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 1))
	shapes := map[string]func() int32{
		"even":       func() int32 { return random.Int32N(200_000) },
		"one value":  func() int32 { return 70_123 },
		"two values": func() int32 { return 5 + 90_000*random.Int32N(2) },
		"near":       func() int32 { return 88_000 + random.Int32N(40) },
		"a far one":  func() int32 { return 20_000 + random.Int32N(300) + random.Int32N(50)/49*1_900_000_000 },
		"zeros":      func() int32 { return random.Int32N(3) },
		"extremes":   func() int32 { return random.Int32N(2) * (1<<31 - 1) },
	}
	w := &worker{}
	for name, draw := range shapes {
		for n := range 60 {
			n *= 1 + n/20*5
			column, values := []int32{}, []float64{}
			for len(values) < n {
				if random.IntN(9) == 0 {
					column = append(column, probe.Unknown)
					continue
				}
				v := draw()
				column, values = append(column, v), append(values, float64(v))
			}
			slices.Sort(values)
			got := w.quantiles(column)
			w.sort(column)
			sorted := w.sortedQuantiles()
			if got != sorted || got.N != n {
				t.Fatalf("%s, %d values: %+v, sorted %+v", name, n, got, sorted)
			}
			if n > 0 {
				if want := quantile(values, 0.95); float64(got.P95)/1000-want > 0.001 || want-float64(got.P95)/1000 > 0.001 {
					t.Fatalf("%s, %d values: p95 %v, want %v µs", name, n, got.P95, want)
				}
			}
		}
	}
}
