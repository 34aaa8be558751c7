package report_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"matrix/geo"
	"matrix/probe"
	"matrix/report"
)

// step is a hop of a test's trace: a router's name and its least RTT in ms.
type step struct {
	name string
	rtt  float64
}

// traceOf makes a trace; a hop with a negative RTT is silent.
func traceOf(from, to string, steps ...step) *report.Trace {
	t := &report.Trace{Pair: probe.Pair{From: from, To: to}, Method: probe.TraceICMP, End: probe.Reached,
		Address: netip.MustParseAddr("198.51.100.9"), At: time.Date(2011, 7, 1, 12, 0, 0, 0, time.UTC)}
	for i, s := range steps {
		h := probe.Hop{TTL: i + 1, Sent: 3}
		if s.rtt >= 0 {
			least := time.Duration(s.rtt * float64(time.Millisecond))
			h.Answers = []probe.Answer{{Addr: netip.MustParseAddr(fmt.Sprintf("203.0.113.%d", i+1)), Name: s.name,
				RTTs: []time.Duration{least + time.Millisecond, least, least + 3*time.Millisecond}}}
		}
		t.Hops = append(t.Hops, h)
	}
	if n := len(t.Hops); len(t.Hops[n-1].Answers) > 0 {
		t.Hops[n-1].Answers[0].Addr = t.Address
	}
	return t
}

func fleet2011() []probe.City {
	at := func(name, title string, latitude, longitude float64) probe.City {
		return probe.City{Name: name, Title: title, Host: name + ".internal.example", Location: &probe.Location{Latitude: latitude, Longitude: longitude}}
	}
	return []probe.City{at("baltimore", "Baltimore", 39.29, -76.61), at("newyork", "New York", 40.71, -74.01), at("paris", "Paris", 48.86, 2.35), at("dallas", "Dallas", 32.78, -96.8)}
}

// round2011 has the published RTTs of the four, and no loss but for two echo
// requests.
func round2011() *probe.Round {
	round := &probe.Round{Source: "measured", Cities: fleet2011(), Start: time.Date(2011, 7, 1, 12, 0, 0, 0, time.UTC)}
	for pair, ms := range map[[2]string]float64{{"baltimore", "newyork"}: 174.6, {"baltimore", "paris"}: 97.7, {"newyork", "paris"}: 77.3,
		{"baltimore", "dallas"}: 33.9, {"newyork", "dallas"}: 37.4, {"dallas", "paris"}: 116} {
		for _, p := range []probe.Pair{{From: pair[0], To: pair[1]}, {From: pair[1], To: pair[0]}} {
			s := probe.Sample{Pair: p, State: probe.Measured, Sent: 20, At: round.Start, Address: netip.MustParseAddr("198.51.100.9")}
			for range 20 {
				s.RTTs = append(s.RTTs, time.Duration(ms*float64(time.Millisecond)))
			}
			s.Received = len(s.RTTs)
			round.Samples = append(round.Samples, s)
		}
	}
	slices.SortFunc(round.Samples, func(a, b probe.Sample) int { return strings.Compare(a.Pair.String(), b.Pair.String()) })
	return round
}

var parisThere = []step{
	{"ge0.ar1.baltimore.lab.example", 0.3}, {"ae1.cr1.baltimore.lab.example", 0.8}, {"be2056.ccr41.iad1.lab.example", 2.4},
	{"be3043.ccr22.lhr1.lab.example", 83.8}, {"be12265.ccr31.cdg1.lab.example", 95.6}, {"be3627.ccr41.jfk1.lab.example", 173.4},
	{"ae1.cr1.newyork.lab.example", 173.8}, {"newyork.lab.example", 174.7},
}

var straightThere = []step{
	{"ge0.ar1.baltimore.lab.example", 0.3}, {"be1.ccr41.iad1.carrier.example", 2.4}, {"be2.ccr41.jfk1.carrier.example", 90},
	{"newyork.lab.example", 174.7},
}

func nameless(steps []step) []step {
	steps = slices.Clone(steps)
	for i := range steps {
		steps[i].name = ""
	}
	return steps
}

func TestDrillDown(t *testing.T) {
	back := []step{{"ar1.newyork.lab.example", 0.3}, {"r1.jfk1.other.example", 1.2}, {"r2.lhr1.other.example", 79}, {"r3-cdg1.other.example", 91}, {"r3.iad1.other.example", 172}, {"baltimore", 174.6}}
	lying := slices.Clone(straightThere)
	lying[1].name = "ae1.tokyo2.carrier.example"
	busy := slices.Clone(parisThere)
	busy[2].rtt = 140 // a router that is slow to answer for itself
	quick := []step{{"r.iad1.carrier.example", 2.4}, {"r.cdg1.carrier.example", 3}, {"newyork", 6.1}}
	short := []step{{"", 2}, {"", 6}}
	for _, test := range []struct {
		name        string
		there, back *report.Trace
		round       *probe.Round
		bend        report.Bend
		confidence  report.Confidence
		over        string
		lines       []string
	}{
		{"as in 2011", traceOf("baltimore", "newyork", parisThere...), nil, round2011(), report.BentThere, report.Confirmed, "Paris",
			[]string{"over Paris (hop 5 of Baltimore → New York), +7,", "step: +81.4 ms at hop 4 (London); to ask: lab.example, which runs hop 3 (be2056.ccr41.iad1.lab.example",
				"places: Baltimore → Washington → London → Paris → New York", "97.7 + 77.3 = 175.0 ms"}},
		{"no round", traceOf("baltimore", "newyork", parisThere...), nil, nil, report.BentThere, report.Likely, "Paris", nil},
		{"nameless", traceOf("baltimore", "newyork", nameless(parisThere)...), nil, round2011(), report.BentUnknown, report.Likely, "", []string{"no router says where", "over Paris add up"}},
		{"nameless, no round", traceOf("baltimore", "newyork", nameless(parisThere)...), nil, nil, report.BentUnknown, report.Unknown, "", nil},
		{"a lie", traceOf("baltimore", "newyork", lying...), nil, nil, report.BentUnknown, report.Unknown, "", []string{`hop 2 calls itself "tokyo2" (Tokyo)`, "not believed"}},
		{"only back", traceOf("baltimore", "newyork", straightThere...), traceOf("newyork", "baltimore", back...), round2011(), report.BentBack, report.Confirmed, "Paris",
			[]string{"return path: a detour on the way back over Paris (hop 4 of New York → Baltimore)", "to ask: other.example, which runs hop 2", "the way there is straight"}},
		{"back not traced", traceOf("baltimore", "newyork", straightThere...), nil, nil, report.BentUnknown, report.Unknown, "", []string{"the return path, probably"}},
		{"a busy router", traceOf("baltimore", "newyork", busy...), nil, round2011(), report.BentThere, report.Confirmed, "Paris", nil},
		{"no step", traceOf("baltimore", "newyork", step{"ar1.baltimore.lab.example", 0.3}, step{"cr1.pit1.carrier.example", 5}, step{"newyork", 12}), nil, nil, report.NoBend, report.Unknown, "",
			[]string{"places: Baltimore → Pittsburgh → New York", "no router of Baltimore → New York is out of the way; the other way was not traced"}},
		{"too quick for Paris", traceOf("baltimore", "newyork", quick...), nil, nil, report.NoBend, report.Unknown, "", []string{`calls itself "cdg1" (Paris)`, "the other way was not traced"}},
		{"straight both ways", traceOf("baltimore", "newyork", short...), traceOf("newyork", "baltimore", short...), nil, report.NoBend, report.Unknown, "", []string{"nothing bent"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := report.Drill{Pair: test.there.Pair, Cities: fleet2011(), There: test.there, Back: test.back, Atlas: geo.World()}
			if test.round != nil {
				d.Verdicts = report.New(test.round, report.Options{}).Verdicts
			}
			got, ok := d.Down()
			if !ok {
				t.Fatal("no coordinates")
			}
			over := ""
			if got.Detour != nil {
				over = got.Detour.Turn.Place.Place.Name
			}
			text := strings.Join(got.Lines(), "\n")
			if got.Bend != test.bend || got.Confidence != test.confidence || over != test.over {
				t.Errorf("bend %d, %v, over %q; want %d, %v, %q\n%s", got.Bend, got.Confidence, over, test.bend, test.confidence, test.over, text)
			}
			for _, line := range test.lines {
				if !strings.Contains(text, line) {
					t.Errorf("no %q in\n%s", line, text)
				}
			}
		})
	}
}

// Names as carriers write them.
func TestHints(t *testing.T) {
	for name, want := range map[string]string{
		"be12265.ccr31.cdg1.lab.example": "Paris", "be2.cr1.par.carrier.net": "Paris", "lon-b5.carrier.net": "London", "prs-bb2-link.carrier.net": "Paris",
		"ae-1-3501.ear1.London1.carrier.net": "London", "ae1.new-york2.carrier.net": "New York", "xe0.frpar07.carrier.net": "Paris", "100ge1.core1.lhr3.carrier.co.uk": "London",
		"gig0-1.core.edge.carrier.net": "", "mobile.carrier.net": "", "paris.example": "", "": "", "...": "", "-_-.carrier.net": "",
		strings.Repeat("paris.", 40) + "example.net": "Paris",
	} {
		d := report.Drill{Pair: probe.Pair{From: "baltimore", To: "dallas"}, Cities: fleet2011(), Atlas: geo.World(),
			There: traceOf("baltimore", "dallas", step{name, 300}, step{"", 320})}
		found, _ := d.Down()
		got := ""
		if p := found.There.Hops[0].Place; p != nil {
			got = p.Place.Name
		}
		if got != want {
			t.Errorf("%.60s: %q, want %q", name, got, want)
		}
	}
}

// Names of routers are shown, and do nothing.
func TestDrillDownHostile(t *testing.T) {
	for _, evil := range []string{"\x1b[31m", "\u202e", "<script>", "a\nb", "=cmd()|", strings.Repeat("x", 300)} {
		steps := slices.Clone(parisThere)
		for i := range steps {
			steps[i].name = evil + "." + evil + "-tokyo1." + steps[i].name
		}
		d := report.Drill{Pair: probe.Pair{From: "baltimore", To: "newyork"}, Cities: fleet2011(), There: traceOf("baltimore", "newyork", steps...), Atlas: geo.World()}
		found, _ := d.Down()
		for _, line := range found.Lines() {
			for _, c := range line {
				if !unicode.IsPrint(c) {
					t.Errorf("%.10q: character %q in %q", evil, c, line)
				}
			}
		}
	}
}

// Where the other end did not answer nothing is said to be well.
func TestDrillDownNoAnswer(t *testing.T) {
	there := traceOf("baltimore", "newyork", straightThere[:2]...)
	there.End = probe.HopLimit
	found, _ := report.Drill{Pair: there.Pair, Cities: fleet2011(), There: there, Atlas: geo.World()}.Down()
	if text := strings.Join(found.Finding(), "\n"); found.Bend != report.NoBend || !strings.Contains(text, "did not answer") {
		t.Errorf("bend %d: %s", found.Bend, text)
	}
	cities := fleet2011()
	cities[0].Location = nil
	if _, ok := (report.Drill{Pair: there.Pair, Cities: cities, There: there, Atlas: geo.World()}).Down(); ok {
		t.Error("no coordinates, and places all the same")
	}
}

// A trace that the from-host could not send is no evidence of anything.
func TestDrillDownNothingSent(t *testing.T) {
	failed := func(from, to string) *report.Trace {
		return &report.Trace{Pair: probe.Pair{From: from, To: to}, End: probe.TraceFailed, Reason: "no such interface"}
	}
	const there, back = "Baltimore → New York could not be traced: no such interface", "New York → Baltimore could not be traced: no such interface"
	good := traceOf("newyork", "baltimore", step{"", 2}, step{"", 6})
	for _, test := range []struct {
		name        string
		there, back *report.Trace
		want        []string
	}{
		{"both", failed("baltimore", "newyork"), failed("newyork", "baltimore"), []string{there, back}},
		{"one way", failed("baltimore", "newyork"), nil, []string{there}},
		{"one of two", failed("baltimore", "newyork"), good,
			[]string{there, "finding: the RTT is what the distance explains, and no router of New York → Baltimore is out of the way; the other way was not traced"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			found, _ := report.Drill{Pair: test.there.Pair, Cities: fleet2011(), There: test.there, Back: test.back, Atlas: geo.World()}.Down()
			if got := found.Finding(); !slices.Equal(got, test.want) {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}
