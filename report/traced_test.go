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
	"matrix/report/reporttest"
)

// What is traced are the worst anomalies, each host once before one comes twice.
func TestWorthTracing(t *testing.T) {
	r := report.New(reporttest.Published(), report.Options{})
	for most, want := range map[int]string{
		0: "", 1: "paris → zurich (extreme)",
		3: "paris → zurich (extreme), baltimore → newyork (extreme), moscow → sydney (slow-unproven)",
		// Of each kind one a host, then a second one of it.
		5: "paris → zurich (extreme), baltimore → newyork (extreme), moscow → sydney (slow-unproven), newyork → sydney (asymmetric), baltimore → zurich (asymmetric)",
		6: "paris → zurich (extreme), baltimore → newyork (extreme), moscow → sydney (slow-unproven), brisbane → moscow (slow-unproven), newyork → sydney (asymmetric), baltimore → zurich (asymmetric)",
	} {
		var got []string
		for _, a := range r.WorthTracing(most, nil) {
			got = append(got, fmt.Sprintf("%v (%v)", a.Pair, a.Verdict))
		}
		if text := strings.Join(got, ", "); text != want {
			t.Errorf("%d: %s\nwant %s", most, text, want)
		}
	}
	of := map[string]int{}
	for _, a := range r.WorthTracing(50, nil) {
		of[a.Pair.From]++
		of[a.Pair.To]++
	}
	for host, n := range of {
		if n > 2 {
			t.Errorf("%s is traced %d times", host, n)
		}
	}
}

// What earlier rounds traced comes after what is new; but not if nothing was
// traced, or it takes much longer now.
func TestWorthTracingNew(t *testing.T) {
	r := report.New(reporttest.Published(), report.Options{})
	look := func(from, to string, times float64, traces int) probe.Look {
		pair := probe.Pair{From: from, To: to}
		ms := times * float64(*r.Verdicts.Pair(from, to).RTT)
		s := probe.Sample{Pair: pair, State: probe.Measured, Sent: 1, Received: 1, RTTs: []time.Duration{time.Duration(ms * float64(time.Millisecond))}}
		return probe.Look{Pair: pair, Samples: []probe.Sample{s}, Traces: make([]probe.Trace, traces)}
	}
	for _, test := range []struct {
		name  string
		looks []probe.Look
		want  string
	}{
		{"known", []probe.Look{look("zurich", "paris", 1.05, 2)}, "baltimore → newyork, moscow → sydney"},
		{"gone then", []probe.Look{look("paris", "zurich", 0.3, 0)}, "paris → zurich, baltimore → newyork"},
		{"quicker then", []probe.Look{look("paris", "zurich", 0.7, 2)}, "paris → zurich, baltimore → newyork"},
		{"hosts of which two are known", []probe.Look{look("paris", "zurich", 1, 2), look("baltimore", "zurich", 1, 2), look("baltimore", "newyork", 1, 2)},
			"moscow → sydney, newyork → sydney"},
		{"all but one", []probe.Look{look("paris", "zurich", 1, 2), look("moscow", "sydney", 1, 2), look("moscow", "brisbane", 1, 2),
			look("newyork", "sydney", 1, 2), look("baltimore", "zurich", 1, 2), look("brisbane", "sydney", 1, 2)}, "paris → zurich, baltimore → newyork"},
	} {
		var got []string
		for _, a := range r.WorthTracing(2, test.looks) {
			got = append(got, a.Pair.String())
		}
		if text := strings.Join(got, ", "); text != test.want {
			t.Errorf("%s: %s\nwant %s", test.name, text, test.want)
		}
	}
}

// Of a city that is down two pairs are traced; losses and queues never are.
func TestWorthTracingUnreachable(t *testing.T) {
	round := round2011()
	for i := range round.Samples {
		s := &round.Samples[i]
		switch {
		case s.To == "dallas":
			*s = probe.Sample{Pair: s.Pair, State: probe.Lost, Sent: 20}
		case s.From == "dallas":
			*s = probe.Sample{Pair: s.Pair, State: probe.SourceDown}
		case s.From == "paris":
			s.Received, s.RTTs = 10, s.RTTs[:10]
		}
	}
	r := report.New(round, report.Options{})
	var got []string
	for _, a := range r.WorthTracing(9, nil) {
		got = append(got, fmt.Sprintf("%v %v", a.Pair, a.Verdict))
		if a.Verdict == report.Unreachable && (r.Runs(a.Pair) == r.Runs(a.Pair.Reverse())) {
			t.Errorf("%v: want a way from the city that is up, and only that", a.Pair)
		}
	}
	if text := strings.Join(got, ", "); strings.Count(text, "unreachable") != 2 || strings.Contains(text, "lossy") {
		t.Errorf("%s", text)
	}
}

// A round is judged again with what was measured after it, and stays as it was.
func TestAgain(t *testing.T) {
	round := round2011()
	before := fmt.Sprintf("%v", round.Samples)
	pair := probe.Pair{From: "baltimore", To: "newyork"}
	sample := func(p probe.Pair, ms float64) probe.Sample {
		return probe.Sample{Pair: p, State: probe.Measured, Sent: 1, Received: 1, RTTs: []time.Duration{time.Duration(ms * float64(time.Millisecond))}}
	}
	for _, test := range []struct {
		name  string
		fresh []probe.Sample
		gone  bool
	}{
		{"as it was", []probe.Sample{sample(pair, 174), sample(pair.Reverse(), 175)}, false},
		{"well again", []probe.Sample{sample(pair, 9), sample(pair.Reverse(), 9)}, true},
		{"one direction", []probe.Sample{sample(pair, 9)}, true}, // a ping crosses both ways
		{"nothing came back", []probe.Sample{{Pair: pair, State: probe.Lost, Sent: 5}, {Pair: pair.Reverse(), State: probe.Lost, Sent: 5}}, false},
		{"not measured", []probe.Sample{{Pair: pair, State: probe.SourceDown}}, false},
		{"a pair that was not planned", []probe.Sample{sample(probe.Pair{From: "baltimore", To: "oslo"}, 9)}, false},
	} {
		verdicts := report.Again(round, report.Options{}, test.fresh)
		traced := report.Traced{Anomaly: report.Anomaly{Pair: pair, Verdict: report.Extreme}}
		traced.Remeasured(verdicts.Pair(pair.From, pair.To))
		if traced.Gone != test.gone {
			t.Errorf("%s: gone %v (%s)", test.name, traced.Gone, traced.Status())
		}
	}
	if after := fmt.Sprintf("%v", round.Samples); after != before {
		t.Error("the round's own samples were changed")
	}
}

// Of several methods' traces those count that say most, direction by direction.
func TestTracedDrill(t *testing.T) {
	pair := probe.Pair{From: "baltimore", To: "newyork"}
	by := func(method probe.TraceMethod, trace *report.Trace) report.Trace {
		trace.Method = method
		return *trace
	}
	silent := []step{{"", -1}, {"", -1}, {"newyork.lab.example", 174.7}}
	back := []step{{"ar1.newyork.lab.example", 0.3}, {"", -1}, {"baltimore.lab.example", 174.6}}
	traced := report.Traced{Anomaly: report.Anomaly{Pair: pair}, Again: &report.PairVerdict{Verdicts: []report.Verdict{report.Extreme}}}
	traced.Traces = []report.Trace{by(probe.TraceICMP, traceOf("baltimore", "newyork", silent...)), by(probe.TraceICMP, traceOf("newyork", "baltimore", back...))}
	drill := report.Drill{Cities: fleet2011(), Verdicts: report.New(round2011(), report.Options{}).Verdicts, Atlas: geo.World()}
	traced.Drill(drill)
	if traced.Found.Confidence == report.Confirmed || !traced.Open() {
		t.Errorf("echo requests alone: %v", traced.Found.Confidence)
	}
	cut := traceOf("newyork", "baltimore", back[:2]...)
	cut.End = probe.HopLimit
	traced.Traces = append(traced.Traces, by(probe.TraceUDP, traceOf("baltimore", "newyork", parisThere...)), by(probe.TraceUDP, cut))
	traced.Drill(drill)
	if traced.Open() || traced.There.Method != probe.TraceUDP || traced.Back.Method != probe.TraceICMP {
		t.Errorf("%v by %v there and %v back, want it confirmed by UDP there and ICMP back", traced.Found.Confidence, traced.There.Method, traced.Back.Method)
	}
	if others := traced.Others(); len(others) != 2 || others[0].Method != probe.TraceICMP || others[1].Method != probe.TraceUDP {
		t.Errorf("others: %d", len(others))
	}
	if text := strings.Join(traced.Text(), "\n"); !strings.Contains(text, "UDP traceroute back: not reached in 2 hops") {
		t.Errorf("%s", text)
	}
	nothing := report.Traced{Anomaly: report.Anomaly{Pair: pair}}
	nothing.Drill(drill)
	if nothing.There != nil || nothing.Open() || len(nothing.Others()) != 0 {
		t.Error("a finding without a trace")
	}
}

// A hidden detour is told by the step alone.
func TestDrillOutOfSight(t *testing.T) {
	there := traceOf("baltimore", "newyork", step{"ar1.baltimore.lab.example", 0.3}, step{"cr1.newyork.lab.example", 173}, step{"newyork", 174.7})
	back := traceOf("newyork", "baltimore", step{"ar1.newyork.lab.example", 0.3}, step{"cr1.baltimore.lab.example", 173}, step{"baltimore", 174.7})
	found, _ := report.Drill{Pair: there.Pair, Cities: fleet2011(), There: there, Back: back, Atlas: geo.World()}.Down()
	text := strings.Join(found.Finding(), "\n")
	for _, want := range []string{"out of the routers' sight", "(confidence: unknown)", "step: +172.7 ms at hop 2 of Baltimore → New York (New York); to ask: lab.example, which runs hop 1"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
	if found.Step == nil || found.Bent() != found.Step {
		t.Error("no step")
	}
}

// A ticket says where another method found other routers, and that it found the
// same; and stays a page, whatever routers are called.
func TestTicketOtherMethods(t *testing.T) {
	pair := probe.Pair{From: "baltimore", To: "newyork"}
	r := report.New(round2011(), report.Options{})
	udp := func(trace *report.Trace, at int, addr string) report.Trace {
		trace.Method = probe.TraceUDP
		if addr != "" {
			trace.Hops[at].Answers[0].Addr = netip.MustParseAddr(addr)
		}
		return *trace
	}
	same := udp(traceOf("baltimore", "newyork", straightThere...), 0, "")
	other := udp(traceOf("baltimore", "newyork", straightThere...), 2, "203.0.113.77")
	short := udp(traceOf("baltimore", "newyork", straightThere[:2]...), 0, "")
	short.End = probe.HopLimit
	short.Hops[1].Answers[0].Addr = straightAddr(2)
	silent := udp(traceOf("baltimore", "newyork", step{"", -1}, step{"", -1}), 0, "")
	silent.End = probe.HopLimit
	many := udp(traceOf("baltimore", "newyork", slices.Repeat(parisThere, 3)...), 0, "")
	for i := range many.Hops {
		many.Hops[i].Answers[0].Addr = netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)})
		many.Hops[i].Answers[0].Name = "\x1b[31m<script>" + strings.Repeat("long", 80)
	}
	for _, test := range []struct {
		name  string
		udp   report.Trace
		lines []string
	}{
		{"the same", same, []string{"    UDP finds the same routers"}},
		{"another", other, []string{"    UDP finds others:", " 3  203.0.113.77      90.0 ms  be2.ccr41.jfk1.carrier.example"}},
		{"short", short, []string{"    UDP finds the same routers; not reached in 2 hops"}},
		{"silent", silent, []string{"    UDP finds no router; not reached in 2 hops"}},
		{"many", many, []string{"    UDP finds others:", "    … 20 more …"}},
	} {
		traced := report.Traced{Anomaly: report.Anomaly{Pair: pair}, Again: r.Verdicts.Pair("baltimore", "newyork"),
			Traces: []report.Trace{*traceOf("baltimore", "newyork", straightThere...), test.udp}}
		drill := report.Drill{Pair: pair, Cities: fleet2011(), Verdicts: r.Verdicts, Atlas: geo.World()}
		traced.Drill(drill)
		ticket, ok := report.NewTicket(r, drill, &traced, nil)
		if !ok || len(ticket.Traces) != 1 {
			t.Fatalf("%s: %d traces", test.name, len(ticket.Traces))
		}
		text := strings.Join(ticket.Traces[0].Lines, "\n")
		for _, line := range test.lines {
			if !strings.Contains(text, line) {
				t.Errorf("%s: no %q in\n%s", test.name, line, text)
			}
		}
		if n := len(ticket.Traces[0].Lines); n > 12 || strings.ContainsFunc(text, func(c rune) bool { return c != '\n' && !unicode.IsPrint(c) }) {
			t.Errorf("%s: %d lines\n%q", test.name, n, text)
		}
	}
}

func straightAddr(ttl int) netip.Addr { return netip.AddrFrom4([4]byte{203, 0, 113, byte(ttl)}) }

// A selection of a round keeps what was looked into of its pairs.
func TestTracedSelection(t *testing.T) {
	round := round2011()
	round.Looks = []probe.Look{{Pair: probe.Pair{From: "baltimore", To: "newyork"}, Failed: "connect: refused"}, {Pair: probe.Pair{From: "paris", To: "dallas"}}}
	whole := report.New(round, report.Options{Atlas: geo.World()})
	if len(whole.Traced) != 2 || whole.Traced[0].Verdict != report.Extreme || !strings.Contains(strings.Join(whole.Traced[0].Text(), "\n"), "not traced: connect: refused") {
		t.Errorf("%+v", whole.Traced)
	}
	round.Select(probe.Selection{From: []string{"newyork"}})
	row := report.New(round, report.Options{Verdicts: whole.Verdicts, Traced: whole.Traced})
	if len(round.Looks) != 1 || len(row.Traced) != 1 || row.LookedInto(probe.Pair{From: "newyork", To: "baltimore"}) == nil || row.LookedInto(probe.Pair{From: "paris", To: "dallas"}) != nil {
		t.Errorf("of New York's row: %d looks, %d traced", len(round.Looks), len(row.Traced))
	}
}

// Of two cities that do not reach each other it is said how far packets get, to
// the provider as well.
func TestUnreachableTicket(t *testing.T) {
	pair := probe.Pair{From: "baltimore", To: "newyork"}
	round := round2011()
	for i := range round.Samples {
		if s := &round.Samples[i]; s.Pair == pair || s.Pair == pair.Reverse() {
			*s = probe.Sample{Pair: s.Pair, State: probe.Lost, Sent: 20}
		}
	}
	r := report.New(round, report.Options{})
	there := traceOf("baltimore", "newyork", step{"ge0.ar1.baltimore.lab.example", 0.3}, step{"cr1.iad1.carrier.example", 2}, step{"", -1}, step{"", -1})
	there.End = probe.HopLimit
	traced := report.Traced{Anomaly: r.WorthTracing(1, nil)[0], Traces: []report.Trace{*there}}
	traced.Remeasured(r.Verdicts.Pair("baltimore", "newyork"))
	drill := report.Drill{Pair: pair, Cities: fleet2011(), Verdicts: r.Verdicts, Atlas: geo.World()}
	traced.Drill(drill)
	ticket, ok := report.NewTicket(r, drill, &traced, nil)
	text := strings.Join(append(append(traced.Text(), ticket.Found...), ticket.Ask), "\n")
	for _, want := range []string{
		"measured again: no answer, no answer in the round", "get as far as hop 2 (cr1.iad1.carrier.example, 203.0.113.2), and nothing behind it answers",
		"Packets from Baltimore to New York get as far as 203.0.113.2 (hop 2); nothing behind it answers.", "cannot reach each other",
	} {
		if !ok || !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// Of a city that no other reaches the ticket says so, and asks for the host.
func TestCutOffTicket(t *testing.T) {
	round := round2011()
	for i := range round.Samples {
		if s := &round.Samples[i]; s.From == "paris" || s.To == "paris" {
			*s = probe.Sample{Pair: s.Pair, State: probe.Lost, Sent: 20}
		}
	}
	r := report.New(round, report.Options{})
	for _, pair := range []probe.Pair{{From: "dallas", To: "paris"}, {From: "paris", To: "dallas"}} {
		traced := report.Traced{Anomaly: report.Anomaly{Pair: pair}, Again: r.Verdicts.Pair("dallas", "paris")}
		drill := report.Drill{Pair: pair, Cities: fleet2011(), Verdicts: r.Verdicts, Atlas: geo.World()}
		traced.Drill(drill)
		ticket, ok := report.NewTicket(r, drill, &traced, nil)
		if !ok {
			t.Fatal("no ticket")
		}
		if text := strings.Join(ticket.Found, "\n"); !strings.Contains(text, "None of our 3 other cities reaches Paris: it is the host or its access") {
			t.Errorf("%v: found %q", pair, text)
		}
		if want := "Please find out why nothing reaches Paris, at the host or at its access, and restore it."; ticket.Ask != want {
			t.Errorf("%v: %q, want %q", pair, ticket.Ask, want)
		}
	}
}
