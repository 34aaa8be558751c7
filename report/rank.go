package report

import (
	"cmp"
	"slices"
	"strings"

	"matrix/geo"
)

// RankFrom is the shortest distance at which a pair is ranked by percent of
// fibre (VERDICTS.md: no grade under 100 miles).
const RankFrom geo.Miles = 100

// tooFast says whether a signal would have to be faster than light in glass to
// come and go in the pair's shortest RTT. Then its distance is wrong, or its
// RTT is, and no speed is to be made of them.
func (r *Report) tooFast(p *Pair) bool {
	rtt, ok := p.Summary().Get(Min)
	if !ok {
		rtt, _ = p.Summary().Get(r.Method.Stat)
	}
	if p.Month != nil && p.Month.Least > 0 {
		rtt = p.Month.Least
	}
	speed, ok := geo.Speed(*p.Miles-r.limits.CitySize, rtt)
	return ok && float64(speed) > r.limits.GlassLight*float64(geo.LightSpeed)
}

// Verdict is what the report calls the pair's two cities; Fine for a pair that
// nobody judged.
func (r *Report) Verdict(p *Pair) Verdict {
	if p == nil || r.Verdicts == nil {
		return Fine
	}
	return r.Verdicts.Verdict(p.From, p.To)
}

// Grade is how well the pair's two cities use their distance.
func (r *Report) Grade(p *Pair) Grade {
	if p == nil || p.speed == 0 {
		return Ungraded
	}
	if v := r.Verdicts.Pair(p.From, p.To); v != nil {
		return v.Grade
	}
	return Ungraded
}

// Flag is the mark before the figures of a pair that stands out, "" for the
// rest.
func (r *Report) Flag(p *Pair) string { return r.Verdict(p).Mark() }

// Flags explains the flags that occur, for the legend.
func (r *Report) Flags() []Mark {
	found := map[Verdict]bool{}
	for _, p := range r.order {
		found[r.Verdict(p)] = true
	}
	meanings := map[string][]string{}
	for v := InvalidSource; v > Unjudged; v-- {
		if mark := v.Mark(); mark != "" && found[v] {
			meanings[mark] = append(meanings[mark], v.String()+": "+v.Meaning())
		}
	}
	var marks []Mark
	for _, mark := range []string{"!", "?", "%", "≠", "~"} {
		if all := meanings[mark]; len(all) > 0 {
			marks = append(marks, Mark{mark, strings.Join(all, "; "), Measured})
		}
	}
	return marks
}

// InvalidSource says whether the pair was measured by a host whose measurements
// cannot be true.
func (r *Report) InvalidSource(p *Pair) bool {
	return p != nil && r.Verdicts.hostIs(p.From, InvalidSource)
}

// Worst are the n pairs that use the distance worst, by percent of fibre, one a
// pair of cities: the slower direction stands for both.
func (r *Report) Worst(n int) []*Pair {
	return r.ranked(n, func(a, b *Pair) int { return cmp.Compare(a.speed, b.speed) })
}

// Best are the n pairs that use it best, the faster direction standing for
// both.
func (r *Report) Best(n int) []*Pair {
	return r.ranked(n, func(a, b *Pair) int { return cmp.Compare(b.speed, a.speed) })
}

func (r *Report) ranked(n int, compare func(a, b *Pair) int) []*Pair {
	return r.rankedIf(n, func(p *Pair) bool { return r.ranks(p) && *p.Miles >= RankFrom }, compare)
}

// ranks says whether a pair has a speed that is to be believed.
func (r *Report) ranks(p *Pair) bool { return p.speed > 0 && !r.InvalidSource(p) }

// rankedIf are the first n of the pairs that fit, one a pair of cities. They are
// picked out, since sorting a million for a few takes long.
func (r *Report) rankedIf(n int, fit func(*Pair) bool, compare func(a, b *Pair) int) []*Pair {
	order := func(a, b *Pair) int {
		return cmp.Or(compare(a, b), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
	}
	var first []*Pair
	for _, p := range r.order {
		if !fit(p) {
			continue
		}
		at, _ := slices.BinarySearchFunc(first, p, order)
		if at == n {
			continue
		}
		switch back := slices.IndexFunc(first, func(q *Pair) bool { return q.Pair == p.Reverse() }); {
		case back >= at: // this direction goes before that one
			first = slices.Delete(first, back, back+1)
		case back >= 0:
			continue
		case len(first) == n:
			first = first[:n-1]
		}
		first = slices.Insert(first, at, p)
	}
	return first
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

// Relays are the pairs that the best one-stop way speeds up by so much at least,
// the largest gain first.
func (r *Report) Relays(least Ms) []*PairVerdict {
	var pairs []*PairVerdict
	for p := range r.JudgedPairs() {
		if p.RTT != nil && p.Relay != "" && p.Saves() > 0 && p.Saves() >= least {
			pairs = append(pairs, p)
		}
	}
	slices.SortStableFunc(pairs, func(a, b *PairVerdict) int { return cmp.Compare(b.Saves(), a.Saves()) })
	return pairs
}

// Saves is how much faster the best one-stop way is.
func (p *PairVerdict) Saves() Ms { return *p.RTT - p.RelayRTT() }

// Location is where a city is said to be; nil if that is not known.
func (r *Report) Location(city string) *Location {
	for _, c := range r.Cities {
		if c.Name == city {
			return c.Location
		}
	}
	return nil
}
