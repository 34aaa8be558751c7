package foreign

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"matrix/probe"
)

// group makes one round of readings.
type group struct {
	*Import
	key     int64
	samples map[[2]int]probe.Sample
	ends    map[int]bool // cities that occur
	from    map[int]bool // in fleets' lists
	to      map[int]bool
	files   []int
	start   time.Time // as the file says
	older   int       // readings that gave way to a newer one of their pair
}

func newGroup(im *Import, key int64) *group {
	return &group{Import: im, key: key, samples: make(map[[2]int]probe.Sample),
		ends: make(map[int]bool), from: make(map[int]bool), to: make(map[int]bool)}
}

func (g *group) add(r record) {
	if !slices.Contains(g.files, r.file) {
		g.files = append(g.files, r.file)
	}
	g.ends[r.from], g.ends[r.to] = true, true
	if g.Import.files[r.file].product {
		g.from[r.from], g.to[r.to] = true, true
	}
	if !r.group.IsZero() {
		g.start = r.group
	}
	at := [2]int{r.from, r.to}
	r.sample.Pair = g.pair(at)
	s, twice := g.samples[at]
	switch {
	case !twice:
		s = r.sample
	case !combine(&s, &r.sample):
		g.older++
		if better(&r.sample, &s) {
			s = r.sample
		}
	}
	g.samples[at] = s
}

func (g *group) pair(at [2]int) probe.Pair {
	return probe.Pair{From: g.Inventory.Cities[at[0]].Name, To: g.Inventory.Cities[at[1]].Name}
}

// round has the pairs that occur. In a fleet's list it has every pair of a
// source and a destination: one without a row is NotRun.
func (g *group) round() *probe.Round {
	r := &probe.Round{Start: g.start, Source: g.source()}
	for i, c := range g.Inventory.Cities {
		if g.ends[i] {
			r.Cities = append(r.Cities, c)
		}
	}
	var first, last time.Time
	for _, at := range g.pairs() {
		s, ok := g.samples[at]
		if !ok {
			s = probe.Sample{Pair: g.pair(at), Reason: "not in " + r.Source}
		}
		if s.IsSelf() {
			r.Self = append(r.Self, s)
		} else {
			r.Samples = append(r.Samples, s)
		}
		if !s.At.IsZero() && (first.IsZero() || s.At.Before(first)) {
			first = s.At
		}
		if s.At.After(last) {
			last = s.At
		}
	}
	if r.Start.IsZero() {
		r.Start = first
	}
	if r.Start.IsZero() {
		r.Start = g.Import.files[g.files[0]].at
	}
	r.End = r.Start
	if last.After(r.End) {
		r.End = last
	}
	if g.older > 0 {
		r.Warnings = append(r.Warnings, probe.Warning{Subject: r.Source, Text: fmt.Sprintf("%d of its readings left out: their pair has a newer one in this round", g.older)})
	}
	return r
}

// pairs are the round's, row by row.
func (g *group) pairs() [][2]int {
	all := make([][2]int, 0, len(g.samples))
	for at := range g.samples {
		all = append(all, at)
	}
	for from := range g.from {
		for to := range g.to {
			if _, ok := g.samples[[2]int{from, to}]; !ok && from != to {
				all = append(all, [2]int{from, to})
			}
		}
	}
	slices.SortFunc(all, func(a, b [2]int) int { return slices.Compare(a[:], b[:]) })
	return all
}

// source names the files; of many only the first.
func (g *group) source() string {
	const shown = 3
	slices.Sort(g.files)
	var names []string
	for _, i := range g.files[:min(len(g.files), shown)] {
		names = append(names, g.Import.files[i].name)
	}
	if more := len(g.files) - shown; more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}
