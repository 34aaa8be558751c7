package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"matrix/probe"
)

// Coverage is how many of the planned pairs ended in which state.
type Coverage struct {
	Planned, Measured int
	States            []StateCount // states that occurred, in the order of probe.States
}

// StateCount is how many pairs ended in one state.
type StateCount struct {
	State probe.State
	Pairs int
}

// String is the coverage as every output prints it: "88 of 90 pairs measured;
// 2 lost".
func (c Coverage) String() string {
	s := fmt.Sprintf("%d of %d pairs measured", c.Measured, c.Planned)
	separator := "; "
	for _, count := range c.States {
		if count.State != probe.Measured {
			s += fmt.Sprintf("%s%d %v", separator, count.Pairs, count.State)
			separator = ", "
		}
	}
	return s
}

// Gap is a group of pairs that were not measured for one and the same reason.
type Gap struct {
	State  State
	Reason string // cleaned; "" if none was given
	Pairs  []*Pair
	Where  string // "from Dallas", "to Milan", or the first few pairs
}

// Gaps groups the pairs that were not measured by state and reason, in the
// order of the states, larger groups first.
func (r *Report) Gaps() []Gap {
	type key struct {
		state  State
		reason string
	}
	groups := map[key][]*Pair{}
	var keys []key
	for _, p := range r.order {
		if p.State == Measured {
			continue
		}
		k := key{p.State, Clean(p.Reason, reasonRunes)}
		if len(groups[k]) == 0 {
			keys = append(keys, k)
		}
		groups[k] = append(groups[k], p)
	}
	gaps := make([]Gap, 0, len(keys))
	for _, k := range keys {
		gaps = append(gaps, Gap{k.state, k.reason, groups[k], r.where(groups[k])})
	}
	slices.SortStableFunc(gaps, func(a, b Gap) int {
		states := probe.States()
		return cmp.Or(
			cmp.Compare(slices.Index(states, a.State), slices.Index(states, b.State)),
			cmp.Compare(len(b.Pairs), len(a.Pairs)))
	})
	return gaps
}

// where says in few words which pairs a group holds.
func (r *Report) where(pairs []*Pair) string {
	from, to := cityCounts(pairs, true), cityCounts(pairs, false)
	switch {
	case len(pairs) == 1:
		return r.Title(pairs[0].From) + " → " + r.Title(pairs[0].To)
	case len(from) <= 3 && len(from) <= len(to) && r.noneMeasured(from, true):
		return "from " + r.titles(from)
	case len(to) <= 3 && r.noneMeasured(to, false):
		return "to " + r.titles(to)
	}
	shown := len(pairs)
	if shown > 3 {
		shown = 2
	}
	var named []string
	for _, p := range pairs[:shown] {
		named = append(named, r.Title(p.From)+" → "+r.Title(p.To))
	}
	if shown < len(pairs) {
		named = append(named, "…")
	}
	return strings.Join(named, ", ")
}

// noneMeasured says whether no pair from, or to, these cities was measured: only
// then can a group of pairs go by their names.
func (r *Report) noneMeasured(cities []string, from bool) bool {
	return !slices.ContainsFunc(r.order, func(p *Pair) bool {
		name := p.To
		if from {
			name = p.From
		}
		return p.State == Measured && slices.Contains(cities, name)
	})
}

// cityCounts lists the cities on one side of the pairs, in order.
func cityCounts(pairs []*Pair, from bool) []string {
	var names []string
	for _, p := range pairs {
		name := p.To
		if from {
			name = p.From
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
		if len(names) > 3 {
			break
		}
	}
	return names
}

func (r *Report) titles(names []string) string {
	s := ""
	for i, name := range names {
		if i > 0 {
			s += ", "
		}
		s += r.Title(name)
	}
	return s
}

// CityGaps is how many of a city's planned pairs were not measured.
type CityGaps struct {
	City           string
	From, To       int // not measured with the city as from, and as to
	FromAll, ToAll int // planned
}

// Missing is From + To.
func (g CityGaps) Missing() int { return g.From + g.To }

// MostMissing lists the n cities with the most pairs not measured.
func (r *Report) MostMissing(n int) []CityGaps {
	at := map[string]int{}
	gaps := make([]CityGaps, len(r.Cities))
	for i, c := range r.Cities {
		at[c.Name], gaps[i].City = i, c.Name
	}
	for _, p := range r.order {
		from, okFrom := at[p.From]
		to, okTo := at[p.To]
		if !okFrom || !okTo {
			continue
		}
		gaps[from].FromAll++
		gaps[to].ToAll++
		if p.State != Measured {
			gaps[from].From++
			gaps[to].To++
		}
	}
	gaps = slices.DeleteFunc(gaps, func(g CityGaps) bool { return g.Missing() == 0 })
	slices.SortStableFunc(gaps, func(a, b CityGaps) int { return cmp.Compare(b.Missing(), a.Missing()) })
	return gaps[:min(n, len(gaps))]
}

// EndedEarly says how a partial round ended: where every pair had its turn, some
// were cut short.
func (r *Report) EndedEarly() string {
	for _, p := range r.Pairs() {
		if p.State == NotRun {
			return "before every pair had its turn"
		}
	}
	for _, p := range r.Pairs() {
		if p.Cut {
			return "while pairs were still measured, which were cut short"
		}
	}
	return "before every pair had its turn"
}
