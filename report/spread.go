package report

import (
	"math"
	"slices"
)

// Spread is how a metric is distributed over the pairs that have a figure.
type Spread struct {
	Pairs                     int
	Min, P5, Median, P95, Max float64
}

// Spread is the distribution of a metric; false if no pair has a figure.
func (r *Report) Spread(metric Metric) (Spread, bool) {
	values := make([]float64, 0, len(r.order))
	for _, p := range r.order {
		if v, ok := r.Value(p, metric); ok {
			values = append(values, v)
		}
	}
	if len(values) == 0 {
		return Spread{}, false
	}
	return spreadOf(values), true
}

// spreadOf is the distribution of one value or more, which it sorts.
func spreadOf(values []float64) Spread {
	slices.Sort(values)
	return Spread{
		Pairs: len(values), Min: values[0], Max: values[len(values)-1],
		P5: quantile(values, 0.05), Median: quantile(values, 0.5), P95: quantile(values, 0.95),
	}
}

// quantile interpolates linearly between the two nearest of the sorted values,
// as spreadsheets, R and NumPy do by default (Hyndman and Fan's type 7).
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	low := math.Floor(at)
	i := int(low)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-low)*(sorted[i+1]-sorted[i])
}
