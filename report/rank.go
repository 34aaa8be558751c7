package report

import (
	"cmp"
	"fmt"
	"slices"

	"matrix/geo"
	"matrix/probe"
)

// RankFrom is the shortest distance at which a pair is ranked by percent of
// fibre (VERDICTS.md: no grade under 100 miles).
const RankFrom geo.Miles = 100

// StandsOut is the part of the fleet's median percent of fibre below which a
// pair stands out: it takes four times as long as its distance usually does
// there. In the tables of 2011 that is Baltimore–New York and Paris–Zurich,
// which went over another continent and another country, and no other pair.
const StandsOut = 0.25

// What no signal can do (VERDICTS.md, "Misplaced host"): travel in glass at more
// than 2/3 c, with 30 miles allowed for the size of cities.
const (
	fastest            = geo.LightSpeed * 2 / 3
	citySize geo.Miles = 30
)

// tooFast says whether a signal would have to be faster than light in glass to
// come and go in the pair's shortest RTT. Then its distance is wrong, or its
// RTT is, and no speed is to be made of them.
func (p *Pair) tooFast(stat probe.Stat) bool {
	rtt, ok := p.Stats.Get(Min)
	if !ok {
		rtt, _ = p.Stats.Get(stat)
	}
	speed, ok := geo.Speed(*p.Miles-citySize, rtt)
	return ok && speed > fastest
}

// tooFast is why an impossible pair has no speed.
const tooFast = "faster than light in glass: a place or the RTT is wrong"

// Impossible says whether a pair has no speed because that would be faster than
// light in glass.
func (p *Pair) Impossible() bool { return p.NoSpeed == tooFast }

// Flag is the mark before the figures of a pair that stands out, "" for the
// rest.
func (r *Report) Flag(p *Pair) string {
	if r.Outlier(p) {
		return "!"
	}
	return ""
}

// Flags explains the flags that occur, for the legend.
func (r *Report) Flags() []Mark {
	if !slices.ContainsFunc(r.order, r.Outlier) {
		return nil
	}
	return []Mark{{"!", "stands out: under a quarter of the median % of fibre", Measured}}
}

// tooFastNote is the footnote on pairs that cannot be true; it names the city
// that most of them share.
func (r *Report) tooFastNote() (probe.Warning, bool) {
	pairs, cities := 0, map[string]int{}
	for _, p := range r.order {
		if p.Impossible() {
			pairs++
			cities[p.From]++
			cities[p.To]++
		}
	}
	note := probe.Warning{Text: fmt.Sprintf("%d pairs are faster than light in glass can be, and so have no speed", pairs)}
	most := 0
	for _, c := range r.Cities {
		if n := cities[c.Name]; n > most {
			most, note.Subject = n, c.Name
		}
	}
	if most <= 2 || 2*most < pairs {
		note.Subject = "" // it may be either of two, or any of many
	} else {
		note.Text += fmt.Sprintf("; it is in %d of them: is it where the inventory says?", most)
	}
	return note, pairs > 0
}

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
	slices.SortStableFunc(pairs, func(a, b *Pair) int {
		return cmp.Or(compare(a, b), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
	})
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

// Headline is the short list under a matrix: the pairs that stand out, worst
// first, at least two and at most five of them.
func (r *Report) Headline() []*Pair {
	worst := r.Worst(5)
	for i, p := range worst {
		if i >= 2 && !r.Outlier(p) {
			return worst[:i]
		}
	}
	return worst
}

// Outlier says whether a pair's percent of fibre is so far below the fleet's
// median that it stands out.
func (r *Report) Outlier(p *Pair) bool {
	return p != nil && p.Fibre != nil && p.Miles != nil && *p.Miles >= RankFrom &&
		float64(*p.Fibre) < StandsOut*r.medianFibre
}

// Lossy are the n measured pairs that lost most of their echo requests, of
// those that lost any.
func (r *Report) Lossy(n int) []*Pair {
	var pairs []*Pair
	for _, p := range r.order {
		if loss, ok := p.Loss(); ok && loss > 0 && p.State == Measured {
			pairs = append(pairs, p)
		}
	}
	slices.SortStableFunc(pairs, func(a, b *Pair) int {
		lossA, _ := a.Loss()
		lossB, _ := b.Loss()
		return cmp.Compare(lossB, lossA)
	})
	return pairs[:min(n, len(pairs))]
}
