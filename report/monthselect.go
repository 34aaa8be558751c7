package report

import (
	"slices"

	"matrix/probe"
)

// buckets is into how many of them the values of a column are counted.
const buckets = 512

// quantiles are those of what is known of a column. No more is sorted than it
// takes: the values are counted in buckets of even width, and only those in the
// buckets of the wanted ranks are looked at.
func (w *worker) quantiles(column []int32) Quantiles {
	low, high := w.known(column)
	n := len(w.plain)
	if n == 0 {
		return Quantiles{}
	}
	shift := 0
	for uint32(high-low)>>shift >= buckets {
		shift++
	}
	var count [buckets]int32
	for _, v := range w.plain {
		count[uint32(v-low)>>shift%buckets]++
	}
	chosen := &w.chosen
	chosen.choose(n, &count)
	w.few = w.few[:0]
	for _, v := range w.plain {
		if chosen.bucket[uint32(v-low)>>shift%buckets] {
			w.few = append(w.few, v)
		}
	}
	slices.Sort(w.few)
	return quantilesOf(n, func(k, rank int) Micros { return w.few[int32(rank)-chosen.below[k]] })
}

// known puts what is known of a column into plain, and says between what it is.
func (w *worker) known(column []int32) (low, high Micros) {
	w.plain = w.plain[:0]
	low, high = 1<<31-1, 0
	for _, v := range column {
		if v != probe.Unknown {
			low, high = min(low, Micros(v)), max(high, Micros(v))
			w.plain = append(w.plain, Micros(v))
		}
	}
	return low, high
}

// choice is which buckets hold the ranks that the quantiles lie between, and
// for each of these how many values below it are in none of them.
type choice struct {
	bucket [buckets]bool
	below  [2 * len(wanted)]int32
}

func (c *choice) choose(n int, count *[buckets]int32) {
	*c = choice{}
	begin, left, next := int32(0), int32(0), 0
	for b, in := range count {
		for ; next < len(c.below) && rankOf(next, n) < begin+in; next++ {
			c.bucket[b] = true
			c.below[next] = left
		}
		if begin += in; !c.bucket[b] {
			left += in
		}
	}
}

// rankOf is the k-th of the ranks that n values are asked for: two for each
// quantile, of which the second is never below the first of the next one by more
// than one.
func rankOf(k, n int) int32 {
	at := int32(wanted[k/2] * float64(n-1))
	return min(at+int32(k%2), int32(n-1))
}
