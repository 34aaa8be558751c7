package report_test

import (
	"flag"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"matrix/geo"
	"matrix/report"
	"matrix/report/reporttest"
)

// score is how a kind of fault was found in fleets of one size.
type score struct {
	put, found   int // faults
	proven       int // of those found, beyond doubt: detours by a relay
	flags, right int // what was flagged so beyond what is flagged without faults
}

func ratio(part, whole int) float64 { return float64(part) / float64(max(1, whole)) }

// fault puts faults of one kind into a fleet, lets it be judged and keeps the
// score.
type fault struct {
	name string
	play func(f *reporttest.Fleet, s *score)
}

func judge(f *reporttest.Fleet) *report.Report {
	return report.New(f.Round(), report.Options{Gazetteer: geo.World()})
}

func key(f *reporttest.Fleet, a, b int) [2]string {
	x, y := f.Cities[a].Name, f.Cities[b].Name
	return [2]string{min(x, y), max(x, y)}
}

// bent are the pairs with a detour.
func bent(r *report.Report, verdicts ...report.Verdict) map[[2]string]*report.PairVerdict {
	found := map[[2]string]*report.PairVerdict{}
	for p := range r.Verdicts.Pairs() {
		if slices.ContainsFunc(verdicts, p.Has) {
			found[[2]string{p.From, p.To}] = p
		}
	}
	return found
}

// count compares what is flagged after faults were put into some pairs with
// what was flagged before. A pair that had a natural fault already is no false
// alarm.
func (s *score) count(before, after map[[2]string]*report.PairVerdict, put [][2]string) {
	certain := func(p *report.PairVerdict) bool {
		return p != nil && (p.Verdict().Bent() || p.Has(report.Asymmetric))
	}
	s.put += len(put)
	for _, k := range put {
		if after[k] != nil {
			s.found++
		}
		if certain(after[k]) {
			s.proven++
			s.right++
			s.flags++
		}
	}
	for k, p := range after {
		if certain(p) && !certain(before[k]) && !slices.Contains(put, k) {
			s.flags++
		}
	}
}

// slow are the verdicts on a detour, whether a relay proves it or not.
var slow = []report.Verdict{report.Detour, report.Severe, report.Extreme, report.SlowUnproven}

// via is what a pair takes over a third host, which adds nothing of its own.
func via(f *reporttest.Fleet, a, c, b int) float64 { return f.RTT(a, c) + f.RTT(c, b) }

// singles bends one pair in a hundred, and at least one, over a third host of
// the fleet, so that it takes half as long again and 30 ms more at least.
func singles(f *reporttest.Fleet, s *score) {
	before := bent(judge(f), slow...)
	n := len(f.Cities)
	var put [][2]string
	for range 100 * n {
		a, b, c := f.Random.IntN(n), f.Random.IntN(n), f.Random.IntN(n)
		if a == b || b == c || a == c || before[key(f, a, b)] != nil || slices.Contains(put, key(f, a, b)) {
			continue
		}
		if way := via(f, a, c, b); way > 1.5*f.RTT(a, b)+30 {
			f.Stretch(a, b, way)
			put = append(put, key(f, a, b))
		}
		if len(put) >= max(1, n*(n-1)/200) {
			break
		}
	}
	s.count(before, bent(judge(f), slow...), put)
}

// routes bends part of the routes of one host over one third host, and asks
// for each of them.
func routes(share float64) func(f *reporttest.Fleet, s *score) {
	return func(f *reporttest.Fleet, s *score) {
		before := bent(judge(f), slow...)
		n := len(f.Cities)
		for range 1000 {
			a, c := f.Random.IntN(n), f.Random.IntN(n)
			var others []int
			for b := range n {
				if b != a && b != c && a != c && f.Random.Float64() < share && via(f, a, c, b) > 1.5*f.RTT(a, b)+30 {
					others = append(others, b)
				}
			}
			if float64(len(others)) < share*float64(n)/2 {
				continue
			}
			var put [][2]string
			for _, b := range others {
				f.Stretch(a, b, via(f, a, c, b))
				put = append(put, key(f, a, b))
			}
			s.count(before, bent(judge(f), slow...), put)
			return
		}
	}
}

// slowHosts are hosts that are poorly connected, or slow to half of their
// partners.
func slowHosts(r *report.Report) []string {
	names := hostsWith(r, report.PoorlyJoined)
	pairs := bent(r, slow...)
	for _, c := range r.Cities {
		n := 0
		for k := range pairs {
			if k[0] == c.Name || k[1] == c.Name {
				n++
			}
		}
		if 2*n >= len(r.Cities)-1 && !slices.Contains(names, c.Name) {
			names = append(names, c.Name)
		}
	}
	return names
}

// access slows all routes of a host by 60 to 150 ms.
func access(f *reporttest.Fleet, s *score) {
	before := slowHosts(judge(f))
	n := len(f.Cities)
	for range 1000 {
		a := f.Random.IntN(n)
		if slices.Contains(before, f.Cities[a].Name) {
			continue
		}
		more := 60 + 90*f.Random.Float64()
		for b := range n {
			if b != a {
				f.Stretch(a, b, f.RTT(a, b)+more)
			}
		}
		s.hosts(before, slowHosts(judge(f)), f.Cities[a].Name)
		return
	}
}

func hostsWith(r *report.Report, verdicts ...report.Verdict) []string {
	var names []string
	for _, h := range r.Verdicts.Hosts {
		if slices.Contains(verdicts, h.Verdict) && !slices.Contains(names, h.City) {
			names = append(names, h.City)
		}
	}
	return names
}

func (s *score) hosts(before, after []string, put string) {
	s.put++
	for _, name := range after {
		switch {
		case name == put:
			s.found++
			s.proven++
			s.flags++
			s.right++
		case !slices.Contains(before, name):
			s.flags++
		}
	}
}

// distance of two cities in miles.
func distance(a, b report.City) float64 {
	x, _ := geo.NewPoint(a.Location.Latitude, a.Location.Longitude)
	y, _ := geo.NewPoint(b.Location.Latitude, b.Location.Longitude)
	return float64(geo.Distance(x, y))
}

// miswritten gives a host wrong coordinates, 500 miles off at least.
func miswritten(wrong func(f *reporttest.Fleet, at report.Location) report.Location) func(f *reporttest.Fleet, s *score) {
	return func(f *reporttest.Fleet, s *score) {
		for range 1000 {
			a := f.Random.IntN(len(f.Cities))
			was := f.Cities[a]
			at := wrong(f, *was.Location)
			if math.Abs(at.Latitude) > 90 {
				continue // nobody could read that: the inventory refuses it
			}
			f.Cities[a].Location = &at
			if distance(was, f.Cities[a]) < 500 {
				f.Cities[a] = was
				continue
			}
			s.hosts(nil, hostsWith(judge(f), report.Misplaced, report.SuspectPlace), was.Name)
			return
		}
	}
}

// oneWay slows one direction of one pair in a hundred by 15 to 60 %, and 10 ms
// at least.
func oneWay(f *reporttest.Fleet, s *score) {
	before := bent(judge(f), report.Asymmetric)
	n := len(f.Cities)
	var put [][2]string
	for len(put) < max(1, n*(n-1)/200) {
		a, b := f.Random.IntN(n), f.Random.IntN(n)
		if a == b || before[key(f, a, b)] != nil || slices.Contains(put, key(f, a, b)) {
			continue
		}
		f.Floor[a][b] = f.RTT(a, b) + max(10, f.RTT(a, b)*(0.15+0.45*f.Random.Float64()))
		put = append(put, key(f, a, b))
	}
	s.count(before, bent(judge(f), report.Asymmetric), put)
}

var faults = []fault{
	{"one pair in a hundred over a third city", singles},
	{"a third of a host's routes over one city", routes(1. / 3)},
	{"most of a host's routes over one city", routes(0.8)},
	{"all routes of a host 60 to 150 ms slower", access},
	{"coordinates anywhere else", miswritten(func(f *reporttest.Fleet, _ report.Location) report.Location {
		return report.Location{Latitude: 120*f.Random.Float64() - 50, Longitude: 360*f.Random.Float64() - 180}
	})},
	{"coordinates of another city of the fleet", miswritten(func(f *reporttest.Fleet, _ report.Location) report.Location {
		return *f.Cities[f.Random.IntN(len(f.Cities))].Location
	})},
	{"latitude and longitude swapped", miswritten(func(_ *reporttest.Fleet, at report.Location) report.Location {
		return report.Location{Latitude: at.Longitude, Longitude: at.Latitude}
	})},
	{"sign of the longitude turned", miswritten(func(_ *reporttest.Fleet, at report.Location) report.Location {
		return report.Location{Latitude: at.Latitude, Longitude: -at.Longitude}
	})},
	{"one direction of a pair in a hundred slower", oneWay},
}

// realDay is a folder with the day of 2020, for who has it: it is not shipped.
var realDay = flag.String("day", "", "put faults into the day in this `FOLDER` (servers.csv, pings.csv) instead of made-up fleets")

// notIfShort skips with -short what makes up fleets by the hundred and judges them.
func notIfShort(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("fleets by the hundred take half a minute")
	}
}

// fleets are where faults are put in. Three hosts of the real day are wrong
// already.
func fleets(t *testing.T) func(n int, seed uint64) *reporttest.Fleet {
	if *realDay == "" {
		return reporttest.NewFleet
	}
	day, err := reporttest.ReadDay(*realDay, map[string]bool{"LaCeiba": true, "Prague": true, "Hangzhou": true})
	if err != nil {
		t.Fatal(err)
	}
	return day.Fleet
}

var sizes = []int{8, 15, 30, 60}

// TestFaults puts faults into made-up fleets and counts which are found. The
// table in docs/verdicts.md is what it makes.
func TestFaults(t *testing.T) {
	notIfShort(t)
	fleet := fleets(t)
	sizes, least := sizes, 0
	table := "| fault | 8 cities | 15 | 30 | 60 |\n|---|---|---|---|---|\n"
	if *realDay != "" {
		sizes, least = append(sizes, 70), 48
		table = "| fault | 8 cities | 15 | 30 | 60 | 70 |\n|---|---|---|---|---|---|\n"
	}
	for _, fault := range faults {
		table += "| " + fault.name
		for _, n := range sizes {
			var s score
			for seed := range uint64(max(960/n, least)) {
				fault.play(fleet(n, seed), &s)
			}
			found, proven, right := 100*ratio(s.found, s.put), 100*ratio(s.proven, s.put), 100*ratio(s.right, s.flags)
			table += fmt.Sprintf(" | %.0f / %.0f / %.0f", found, proven, right)
			if n >= 30 && (found < 95 || right < 95) && *realDay == "" {
				t.Errorf("%s, %d cities: found %.1f %%, of what is flagged %.1f %% is right", fault.name, n, found, right)
			}
		}
		table += " |\n"
	}
	t.Log("found / beyond doubt / of what is flagged beyond doubt, right; percent\n" + table)
	inDocs(t, table)
}

// inDocs wants a table in docs/verdicts.md. Elsewhere than on amd64 the last
// digits of sums may differ, and with them a fault in a thousand.
func inDocs(t *testing.T, table string) {
	t.Helper()
	docs, err := os.ReadFile("../docs/verdicts.md")
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOARCH == "amd64" && !strings.Contains(string(docs), table) {
		t.Errorf("docs/verdicts.md does not have this table:\n%s", table)
	}
}
