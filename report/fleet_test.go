package report_test

import (
	"math"
	"slices"
	"testing"

	"matrix/geo"
	"matrix/report"
	"matrix/report/reporttest"
)

// TestFleetIsReal: the made-up fleets resemble 80 hosts that WonderNetwork
// measured on a day in 2020, in what the verdicts rest on. The wanted values are
// medians and 5th or 95th percentiles of that day.
func TestFleetIsReal(t *testing.T) {
	notIfShort(t)
	values := map[string][]float64{}
	for seed := range uint64(5) {
		r := report.New(reporttest.NewFleet(80, seed).Round(), report.Options{Stat: report.Min})
		for p := range r.Verdicts.Pairs() {
			if p.Slowdown == nil || *p.Miles < 100 {
				continue
			}
			add := func(name string, v float64) { values[name] = append(values[name], v) }
			for name, below := range map[string]geo.Miles{"500": 500, "2000": 2000, "5000": 5000, "10000": 10000} {
				if *p.Miles < below && *p.Miles >= map[string]geo.Miles{"500": 100, "2000": 500, "5000": 2000, "10000": 5000}[name] {
					add("percent "+name, float64(*p.Percent))
				}
			}
			add("rtt / relay", float64(*p.RTT/p.RelayRTT()))
			add("queue", float64(*p.Queue))
			add("apart", math.Abs(float64(*p.Out-*p.Back)))
		}
		for _, term := range r.Verdicts.Fit.Terms {
			values["term"] = append(values["term"], float64(term))
		}
	}
	for name, want := range map[string][3]float64{ // p5, p50, p95
		"percent 500": {9, 32, 52}, "percent 2000": {21, 43, 62}, "percent 5000": {30, 60, 75}, "percent 10000": {34, 56, 73},
		"rtt / relay": {0.8, 1.04, 1.4}, "queue": {0.1, 0.3, 3.3}, "apart": {0, 0.04, 2.7}, "term": {-14, 0, 60},
	} {
		all := slices.Sorted(slices.Values(values[name]))
		at := func(q float64) float64 { return all[int(q*float64(len(all)-1))] }
		got := [3]float64{at(0.05), at(0.5), at(0.95)}
		t.Logf("%-14s %.2f, on the real day %.2f", name, got, want)
		for i, w := range want {
			if math.Abs(got[i]-w) > max(5, 0.3*math.Abs(w)) {
				t.Errorf("%s: %.2f, on the real day %.2f", name, got, want)
			}
		}
	}
}

// TestDirtyFleet: hosts that are somewhere else and a host that measures
// nonsense are found, the place to a hundred miles; nobody else is accused,
// nothing left beats light, and the order of the cities changes nothing.
func TestDirtyFleet(t *testing.T) {
	notIfShort(t)
	for seed := range uint64(12) {
		f := reporttest.NewFleet(80, seed)
		away, near := stranger(f)
		f.Move(away, f.Towns[near])
		f.Stretch(away, near, 1.2) // the two stand in one town
		invalid := (away + 1) % 80
		if invalid == near {
			invalid = (away + 2) % 80
		}
		for b := range f.Cities {
			f.Floor[invalid][b] = 20 + 350*f.Random.Float64()
		}
		r := judge(f)
		want := []string{"invalid-source " + f.Cities[invalid].Name, "misplaced " + f.Cities[away].Name}
		if got := hosts(r); !slices.Equal(got, want) {
			t.Errorf("seed %d: got %q, want %q", seed, got, want)
			continue
		}
		h := r.Verdicts.Host(f.Cities[away].Name)[0]
		place := f.Cities[slices.IndexFunc(f.Cities, func(c report.City) bool { return c.Name == h.Nearest })]
		if d := distance(place, f.Place(f.Towns[away])); d > 100 {
			t.Errorf("seed %d: %s is %.0f miles from where %s stands", seed, h.Nearest, d, h.City)
		}
		if left := flagged(r, report.TooFast); len(left) > 0 {
			t.Errorf("seed %d: faster than light: %q", seed, left)
		}
		other := report.New(shuffled(f.Round(), seed), report.Options{Gazetteer: geo.World()})
		if !sameVerdicts(other.Verdicts, r.Verdicts) {
			t.Errorf("seed %d: another order, other verdicts", seed)
		}
	}
}

// stranger is a host of good access, and another one 3,000 miles and more away
// in whose town it will stand. (With a slow last mile a host is near to nobody,
// and no law of physics is broken wherever it stands.)
func stranger(f *reporttest.Fleet) (away, near int) {
	terms := judge(f).Verdicts.Fit.Terms
	for {
		away, near = f.Random.IntN(len(f.Cities)), f.Random.IntN(len(f.Cities))
		if terms[f.Cities[away].Name] < 0 && distance(f.Cities[away], f.Cities[near]) > 3000 {
			return away, near
		}
	}
}

// TestCleanFleet: of hosts that stand where they say and measure what they
// should, none is accused.
func TestCleanFleet(t *testing.T) {
	notIfShort(t)
	for _, n := range append(sizes, 80, 120, 250) {
		for seed := range uint64(max(3, min(10, 800/n))) {
			r := judge(reporttest.NewFleet(n, seed))
			if got := hosts(r); len(got) > 0 {
				t.Errorf("%d cities, seed %d: %q", n, seed, got)
			}
		}
	}
}
