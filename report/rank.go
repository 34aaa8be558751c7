package report

import (
	"cmp"
	"slices"

	"matrix/geo"
)

// RankFrom is the shortest distance at which a pair is ranked by percent of
// fibre (VERDICTS.md: no grade under 100 miles).
const RankFrom geo.Miles = 100

// Worst are the n pairs that use the distance worst, by percent of fibre, one a
// pair of cities: the slower direction stands for both.
func (r *Report) Worst(n int) []*Pair {
	return r.ranked(n, func(a, b *Pair) int { return cmp.Compare(*a.Fibre, *b.Fibre) })
}

// Best are the n pairs that use it best, the faster direction standing for
// both.
func (r *Report) Best(n int) []*Pair {
	return r.ranked(n, func(a, b *Pair) int { return cmp.Compare(*b.Fibre, *a.Fibre) })
}

func (r *Report) ranked(n int, compare func(a, b *Pair) int) []*Pair {
	var pairs []*Pair
	for _, p := range r.order {
		if p.Fibre != nil && *p.Miles >= RankFrom {
			pairs = append(pairs, p)
		}
	}
	slices.SortStableFunc(pairs, compare)
	seen := map[[2]string]bool{}
	first := pairs[:0]
	for _, p := range pairs {
		key := [2]string{min(p.From, p.To), max(p.From, p.To)}
		if len(first) < n && !seen[key] {
			seen[key] = true
			first = append(first, p)
		}
	}
	return first
}
