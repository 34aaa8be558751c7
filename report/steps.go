package report

import (
	"math"
	"slices"
)

// level is a stretch of days on which a pair's floor stayed the same, but for
// the days' own.
type level struct {
	first, last int // days on which it was measured
	floor       float64
	values      []float64 // one a day that it was measured on
}

// dayFloor is a day's floor, in ms.
type dayFloor struct {
	day   int
	floor float64
}

// steps says when levels differ: by how much, and for how many days at least.
type steps struct {
	by    float64 // ms
	share float64 // of the lower one
	hold  int     // days
}

// differ says whether two floors are two levels.
func (s steps) differ(a, b float64) bool {
	return math.Abs(a-b) > s.by && math.Abs(a-b) > s.share*min(a, b)
}

// levels cuts the days into levels. The cuts are those with the least sum of
// deviations from each level's median (so that a day or two of something else
// move nothing), where every cut costs as much as it takes for a step to be
// one. Levels that do not differ, or that were not held, are one with their
// nearer neighbour.
func (s steps) levels(days []dayFloor) []level {
	if len(days) == 0 {
		return nil
	}
	var found []level
	for from, cuts := 0, append(s.cuts(days), len(days)); len(cuts) > 0; cuts = cuts[1:] {
		found = append(found, newLevel(days[from:cuts[0]]))
		from = cuts[0]
	}
	for len(found) > 1 {
		weakest, least := -1, math.Inf(1)
		for i := 1; i < len(found); i++ {
			if apart := math.Abs(found[i].floor - found[i-1].floor); !s.isStep(found[i-1], found[i]) && apart < least {
				weakest, least = i, apart
			}
		}
		if weakest < 0 {
			break
		}
		found[weakest-1] = together(found[weakest-1], found[weakest])
		found = slices.Delete(found, weakest, weakest+1)
	}
	return found
}

func newLevel(days []dayFloor) level {
	l := level{first: days[0].day, last: days[len(days)-1].day}
	for _, d := range days {
		l.values = append(l.values, d.floor)
	}
	l.floor = medianOf(l.values)
	return l
}

func together(a, b level) level {
	values := slices.Concat(a.values, b.values)
	return level{a.first, b.last, medianOf(values), values}
}

func medianOf(values []float64) float64 {
	return quantile(slices.Sorted(slices.Values(values)), 0.5)
}

// isStep says whether two levels that follow each other are two, and each was
// held: on so many days it differed from the other.
func (s steps) isStep(a, b level) bool {
	held := func(values []float64, other float64) bool {
		n := 0
		for _, v := range values {
			if s.differ(v, other) {
				n++
			}
		}
		return n >= s.hold
	}
	return s.differ(a.floor, b.floor) && held(a.values, b.floor) && held(b.values, a.floor)
}

// cuts are the indices at which new levels begin.
func (s steps) cuts(days []dayFloor) []int {
	n := len(days)
	low, high := math.Inf(1), 0.
	for _, d := range days {
		low, high = min(low, d.floor), max(high, d.floor)
	}
	if n < 2*s.hold || !s.differ(low, high) {
		return nil
	}
	price := max(s.by, s.share*low)
	cost := slices.Repeat([]float64{math.Inf(1)}, n+1) // of the best cuts of the first n days
	cost[0] = -price
	begin := make([]int, n+1) // of the last level in them
	for i := 0; i+s.hold <= n; i++ {
		if math.IsInf(cost[i], 1) {
			continue
		}
		var l deviation
		for k := i; k < n; k++ {
			l.add(days[k].floor)
			if total := cost[i] + price + l.around; k+1-i >= s.hold && total < cost[k+1] {
				cost[k+1], begin[k+1] = total, i
			}
		}
	}
	var cuts []int
	for at := begin[n]; at > 0; at = begin[at] {
		cuts = append(cuts, at)
	}
	slices.Reverse(cuts)
	return cuts
}

// deviation is the sum of deviations from the median, of values as they come.
type deviation struct {
	sorted []float64
	around float64
}

func (s *deviation) add(v float64) {
	at, _ := slices.BinarySearch(s.sorted, v)
	s.sorted = slices.Insert(s.sorted, at, v)
	s.around = 0
	for i, n := 0, len(s.sorted); i < n/2; i++ {
		s.around += s.sorted[n-1-i] - s.sorted[i]
	}
}
