package data

import (
	"fmt"
	"path/filepath"
	"time"

	"matrix/probe"
)

// link is a pair of positions in the resolver's cities.
type link struct{ from, to int }

// gathering makes a round of what a file says, pair by pair.
type gathering struct {
	file     string // without its folders, which are nobody's business on a page
	cities   *resolver
	from, to map[int]bool // the cities of rows and of columns
	samples  map[link]probe.Sample
	leftOut  map[link]string // why a row of a pair was not used
	warnings []probe.Warning
}

func newGathering(file string, inv *Inventory) *gathering {
	return &gathering{
		file: filepath.Base(file), cities: newResolver(inv),
		from: make(map[int]bool), to: make(map[int]bool),
		samples: make(map[link]probe.Sample), leftOut: make(map[link]string),
	}
}

func (g *gathering) warn(subject, format string, args ...any) {
	g.warnings = append(g.warnings, probe.Warning{Subject: subject, Text: fmt.Sprintf(format, args...)})
}

// round has every ordered pair of a from-city and a to-city of the file, in the
// order of the cities. A pair without figures is NotRun: for the reason for
// which its row was left out, or else because it is missing: "blank", "not".
func (g *gathering) round(missing string) *probe.Round {
	r := &probe.Round{Source: g.file}
	for i, c := range g.cities.city {
		if g.from[i] || g.to[i] {
			r.Cities = append(r.Cities, c)
		}
	}
	for i := range g.cities.city {
		for j := range g.cities.city {
			if g.from[i] && g.to[j] {
				g.place(r, link{i, j}, missing)
			}
		}
	}
	g.warnAbsent()
	r.Warnings = g.warnings
	return r
}

// place adds the sample of one pair to the round.
func (g *gathering) place(r *probe.Round, at link, missing string) {
	s, ok := g.samples[at]
	s.Pair = probe.Pair{From: g.cities.city[at.from].Name, To: g.cities.city[at.to].Name}
	if !ok {
		why, out := g.leftOut[at]
		if !out {
			why = missing
		}
		s.Reason = why + " in " + g.file
	}
	switch {
	case !s.IsSelf():
		r.Samples = append(r.Samples, s)
	case ok:
		r.Self = append(r.Self, s)
	}
	r.Start, r.End = span(r.Start, r.End, s.At)
}

// span widens start to end so that it holds at, if that is a time.
func span(start, end, at time.Time) (time.Time, time.Time) {
	if at.IsZero() {
		return start, end
	}
	if start.IsZero() || at.Before(start) {
		start = at
	}
	if at.After(end) {
		end = at
	}
	return start, end
}

// warnAbsent names the cities of the inventory that the file does not.
func (g *gathering) warnAbsent() {
	if g.cities.index == nil {
		return
	}
	var absent []string
	for i, c := range g.cities.city {
		if !g.from[i] && !g.to[i] {
			absent = append(absent, c.Name)
		}
	}
	if len(absent) > 0 {
		g.warn(g.file, "has nothing about %s of %s", list(absent, "and"), g.cities.index.inv.short())
	}
}
