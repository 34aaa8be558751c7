package reporttest

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"matrix/probe"
	"matrix/report"
)

// Titles are the titles of the cities of Traces.
var Titles = map[string]string{"baltimore": "Baltimore", "newyork": "New York", "paris": "Paris"}

// Traces are traceroutes with all that can happen to one: flows that part and
// meet again, a hop with two addresses, MPLS, silence, a name that is too long,
// a refusal, a host that could not trace and a name without an address.
func Traces() []probe.Trace {
	at := time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC)
	there, back := probe.Pair{From: "baltimore", To: "newyork"}, probe.Pair{From: "newyork", To: "baltimore"}
	target := netip.MustParseAddr("203.0.113.7")
	base := probe.Trace{Pair: there, Address: target, Method: probe.TraceICMP, Size: 56, At: at, Stamps: probe.KernelStamps}
	one, two, stopped, down, unresolved := base, base, base, base, base
	near := []probe.Answer{answer("100.64.0.1", "ge0.ar1.baltimore.lab.example", 301, 299, 305)}
	labels := answer("100.64.0.2", "be3043.ccr22.lhr1.lab.example", 83_810, 83_790, 83_805)
	labels.Labels = []probe.Label{{Value: 24001, Class: 1, TTL: 1}, {Value: 17, Bottom: true, TTL: 1}}
	one.End, one.Hops = probe.Reached, []probe.Hop{
		hop(1, near...), hop(2), hop(3, labels), hop(4, answer("100.64.0.5", "", 173_500, 173_400), answer("100.64.0.6", "be2.jfk1.example.net", 174_000)),
		hop(5, answer(target.String(), "newyork.lab.example", 174_700, 174_800, 174_900)),
	}
	two.Flow, two.End, two.Hops = 1, probe.Reached, []probe.Hop{
		hop(1, near...), hop(2), hop(3, answer("100.64.0.3", "a-router-with-a-name-that-no-column-has-room-for.ccr31.cdg1.lab.example", 95_600, 95_601)),
		hop(4, answer("100.64.0.7", "x.jfk1.example.net", 170_000, 170_001, 170_002)), hop(5, answer("100.64.0.8", "y.jfk1.example.net", 171_000, 171_001, 171_002)),
		hop(6, answer(target.String(), "newyork.lab.example", 174_700, 174_800, 174_900)),
	}
	two.Hops[0].Duplicates, two.Hops[5].Late = 2, 1
	stopped.Pair, stopped.End = back, probe.Stopped
	wall := answer("100.64.0.9", "wall.example.net", 2_000, 2_001, 2_002)
	wall.Mark = "!X"
	stopped.Method, stopped.Fallback = probe.TraceUDP, "UDP probes, since there are no ping sockets"
	stopped.Hops = []probe.Hop{hop(1), hop(2, wall)}
	down.Pair, down.End, down.Reason, down.Hint = probe.Pair{From: "paris", To: "newyork"}, probe.TraceFailed, "connect: connection refused\x1b[31m", "is sshd running?"
	unresolved.Pair, unresolved.End, unresolved.Reason = probe.Pair{From: "paris", To: "nowhere"}, probe.NoTraceRoute, "nowhere.example.net: no such host"
	unresolved.Address = netip.Addr{}
	silent := base
	silent.Pair, silent.End = probe.Pair{From: "newyork", To: "paris"}, probe.HopLimit
	silent.Hops = []probe.Hop{hop(1, near...)}
	for ttl := 2; ttl <= 30; ttl++ {
		silent.Hops = append(silent.Hops, hop(ttl))
	}
	return []probe.Trace{one, two, stopped, down, unresolved, silent}
}

func hop(ttl int, answers ...probe.Answer) probe.Hop {
	return probe.Hop{TTL: ttl, Sent: 3, Answers: answers}
}

func answer(addr, name string, micros ...int) probe.Answer {
	a := probe.Answer{Addr: netip.MustParseAddr(addr), Name: name}
	for _, us := range micros {
		a.RTTs = append(a.RTTs, time.Duration(us)*time.Microsecond)
	}
	return a
}

// Traces implements report.History: of every detour one traceroute each way, of
// its first pair, six hours after it began.
func (s *Season) Traces(_ context.Context, from, to time.Time) ([]probe.Trace, error) {
	var traces []probe.Trace
	for _, e := range s.Events {
		at := e.From.Add(6 * time.Hour)
		if e.Kind != "detour" || at.Before(from) || !at.Before(to) {
			continue
		}
		over := s.host(e.Over)
		a, b := s.host(e.Pairs[0][0]), s.host(e.Pairs[0][1])
		traces = append(traces, s.trace(a, over, b, at), s.trace(b, over, a, at))
	}
	slices.SortStableFunc(traces, func(a, b probe.Trace) int { return a.At.Compare(b.At) })
	return traces, nil
}

func (s *Season) host(name string) int {
	return slices.IndexFunc(s.Fleet.Cities, func(c report.City) bool { return c.Name == name })
}

// trace is a traceroute over a third city, whose routers are named after it.
func (s *Season) trace(a, over, b int, at time.Time) probe.Trace {
	micros := func(ms float64) []int { return []int{int(ms*1000) + 40, int(ms * 1000), int(ms*1000) + 95} }
	there := s.Fleet.RTT(a, over)
	whole := there + s.Fleet.RTT(over, b)
	target := address(b, s.round(at) >= s.hosts[b].moved)
	return probe.Trace{
		Pair: s.pair([2]int{a, b}), Address: target, Method: probe.TraceICMP, Size: 56, At: at, Stamps: probe.KernelStamps, End: probe.Reached,
		Hops: []probe.Hop{
			hop(1, answer("100.64.0.1", "ge0.ar1."+s.name(a)+".example.net", micros(0.3)...)),
			hop(2, answer("100.64.0.2", "be2.ccr1."+s.name(over)+".example.net", micros(there)...)),
			hop(3, answer("100.64.0.3", "be7.ccr2."+s.name(b)+".example.net", micros(whole-0.4)...)),
			hop(4, answer(target.String(), s.Fleet.Cities[b].Host, micros(whole)...)),
		},
	}
}
