package report_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"matrix/geo"
	"matrix/report"
	"matrix/report/reporttest"
)

// moves are hosts that were put into another town, 500 miles away at least; name
// and coordinates stay, so only their RTTs can tell.
type moves struct {
	score
	hidden, seen int // hosts that may as well be where they should, and those of them that were found
}

// move moves a host, and lets the fleet be judged. Found is also who is one of
// two hosts whose pair is faster than light, though nobody is accused.
func (m *moves) move(f *reporttest.Fleet) {
	for range 1000 {
		a, town := f.Random.IntN(len(f.Cities)), f.Random.IntN(f.Places())
		if slices.Contains(f.Towns, town) || distance(f.Cities[a], f.Place(town)) < 500 {
			continue
		}
		f.Move(a, town)
		name, was := f.Cities[a].Name, m.found
		r := judge(f)
		accused := hostsWith(r, report.Misplaced)
		m.hosts(nil, accused, name)
		if m.found == was && slices.ContainsFunc(slices.Collect(r.Verdicts.Pairs()), func(p *report.PairVerdict) bool {
			return p.Has(report.TooFast) && (p.From == name || p.To == name)
		}) {
			m.found++
		}
		if hidden(f, a) {
			m.hidden++
			m.seen += m.found - was
		}
		return
	}
}

// hidden says that a host may as well be where it should: no pair of it beats
// light from there, and there is a city that all of its ways may lead over. Nine
// in ten of its RTTs are not shorter than over that city, or by less than a tenth,
// as those of a host with a single way out are.
func hidden(f *reporttest.Fleet, a int) bool {
	for b := range f.Cities {
		if b != a && 2*(distance(f.Cities[a], f.Cities[b])-30) > f.RTT(a, b)*2/3*float64(geo.LightSpeed) {
			return false
		}
	}
	const cushion = 10
	for over := range f.Cities {
		as, compared := 0, 0
		for b := range f.Cities {
			if way := via(f, a, over, b); over != a && b != a && b != over && !math.IsInf(way, 1) {
				compared++
				if f.RTT(a, b)+cushion >= 0.9*(way+cushion) {
					as++
				}
			}
		}
		if as > 0 && 10*as >= 9*compared {
			return true
		}
	}
	return false
}

// foundMoves are the percents of moves that have to be found, by the size of
// fleets: what was reached, rounded down.
var foundMoves = map[bool]map[int]float64{ // of the real day, or made up
	true:  {15: 81, 30: 86, 60: 90, 76: 94.5},
	false: {15: 80, 30: 83, 60: 94},
}

// TestMoves counts how many hosts in other towns are found. The table in
// docs/verdicts.md is what it makes.
func TestMoves(t *testing.T) {
	notIfShort(t)
	fleet, sizes, draws, day := fleets(t), sizes, 100, *realDay != ""
	if day { // a host needs a town that no other has
		sizes, draws = append(sizes, 76), 200
	}
	table := "| cities | found | by name | right | hidden | found of the others |\n|---|---|---|---|---|---|\n"
	for _, n := range sizes {
		var m moves
		for seed := range uint64(draws) {
			m.move(fleet(n, seed))
		}
		found, right, others := 100*ratio(m.found, m.put), 100*ratio(m.right, m.flags), 100*ratio(m.found-m.seen, m.put-m.hidden)
		table += fmt.Sprintf("| %d | %.1f | %.1f | %.1f | %.1f | %.1f |\n", n, found, 100*ratio(m.proven, m.put), right, 100*ratio(m.hidden, m.put), others)
		if m.put < draws || found < foundMoves[day][n] || right < 98 {
			t.Errorf("%d cities: %d moves, found %.1f %%, of the accused %.1f %% are right", n, m.put, found, right)
		}
	}
	inDocs(t, table)
}

// TestOneOfTwoByFit: of a single pair that is faster than light, the host is
// accused whose RTTs fit elsewhere, if they tell the two apart.
func TestOneOfTwoByFit(t *testing.T) {
	for seed, test := range map[uint64]struct{ moved, to, fits, from string }{
		23: {"cincinnati", "houston", "Houston", "dallas"},
		95: {"washingtondc", "phoenix", "Phoenix", "lasvegas"},
		94: {"knoxville", "lincoln", "", "phoenix"}, // they do not
	} {
		f := reporttest.NewFleet(30, seed)
		a, town := f.Random.IntN(len(f.Cities)), f.Random.IntN(f.Places())
		if from, to := f.Cities[a].Name, f.Place(town).Name; from != test.moved || to != test.to {
			t.Fatalf("seed %d moves %s to %s", seed, from, to)
		}
		f.Move(a, town)
		r := judge(f)
		accused, left := hostsWith(r, report.Misplaced), flagged(r, report.TooFast)
		if test.fits == "" {
			if pair := test.moved + " " + test.from; len(accused) != 0 || !slices.Equal(left, []string{pair}) {
				t.Errorf("seed %d: accused %q, impossible %q", seed, accused, left)
			}
			continue
		}
		if !slices.Equal(accused, []string{test.moved}) || len(left) != 0 {
			t.Errorf("seed %d: accused %q, impossible %q", seed, accused, left)
			continue
		}
		h := r.Verdicts.Host(test.moved)[0]
		if h.Fits == nil || h.Fits.Place.Name != test.fits || h.Fits.From != test.from || h.Fits.Speed <= 1 {
			t.Errorf("seed %d: it fits %+v", seed, h.Fits)
		}
		if why := r.HostEvidence(h); !strings.HasPrefix(why, "faster than light in glass to "+r.Title(test.from)+"; ") {
			t.Errorf("seed %d: %s", seed, why)
		}
		if why := strings.Join(r.ExplainCity(test.moved), "\n"); !strings.Contains(why, "times light in glass from "+r.Title(test.from)) {
			t.Errorf("seed %d: %s", seed, why)
		}
	}
}
