package report_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"matrix/geo"
	"matrix/report"
	"matrix/report/reporttest"
)

// score is how a kind of fault was found in fleets of one size.
type score struct {
	put, found   int // faults
	proven       int // of those found, by a relay
	flags, right int // what was flagged beyond what is flagged without faults
	far          []float64
}

func (s score) recall() float64    { return float64(s.found) / float64(max(1, s.put)) }
func (s score) precision() float64 { return float64(s.right) / float64(max(1, s.flags)) }

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
	for _, p := range r.Verdicts.Pairs {
		if slices.ContainsFunc(verdicts, p.Has) {
			found[[2]string{p.From, p.To}] = p
		}
	}
	return found
}

// count compares what is flagged after faults were put into some pairs with
// what was flagged before. A pair that had a natural detour already is no false
// alarm.
func (s *score) count(before, after map[[2]string]*report.PairVerdict, put [][2]string) {
	s.put += len(put)
	for _, k := range put {
		if after[k] != nil {
			s.found++
			s.flags++
			s.right++
			if after[k].Verdict().Bent() {
				s.proven++
			}
		}
	}
	for k := range after {
		if before[k] == nil && !slices.Contains(put, k) {
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

// moved puts a host into another town, 500 miles away at least; name and
// coordinates stay. Only physics can tell.
func moved(f *reporttest.Fleet, s *score) {
	a := f.Random.IntN(len(f.Cities))
	for range 1000 {
		town := f.Random.IntN(reporttest.Towns())
		if slices.Contains(f.Towns, town) || distance(f.Cities[a], reporttest.Town(town)) < 500 {
			continue
		}
		f.Move(a, town)
		r := judge(f)
		s.hosts(nil, hostsWith(r, report.Misplaced), f.Cities[a].Name)
		for _, h := range r.Verdicts.Hosts {
			if h.City == f.Cities[a].Name && h.Verdict == report.Misplaced {
				s.far = append(s.far, distance(f.Cities[slices.IndexFunc(f.Cities, func(c report.City) bool { return c.Name == h.Nearest })], reporttest.Town(town)))
			}
		}
		return
	}
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
	{"host in another town, 500 miles and more", moved},
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

var sizes = []int{8, 15, 30, 60}

// TestFaults puts faults into made-up fleets and counts which are found. Its
// table is in docs/verdicts.md; run it with -v to see it.
func TestFaults(t *testing.T) {
	const fleets = 60
	for _, fault := range faults {
		line := fmt.Sprintf("| %-43s |", fault.name)
		for _, n := range sizes {
			var s score
			for seed := range uint64(fleets * 8 / n * 2) {
				fault.play(reporttest.NewFleet(n, seed), &s)
			}
			line += fmt.Sprintf(" %3.0f %% / %3.0f %% (%d, %d)|", 100*s.recall(), 100*s.precision(), s.put, s.proven)
			if len(s.far) > 0 {
				slices.Sort(s.far)
				line += fmt.Sprintf(" far p50 %.0f p90 %.0f", s.far[len(s.far)/2], s.far[len(s.far)*9/10])
			}
		}
		t.Log(line)
	}
}
