package reporttest

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"matrix/geo"
	"matrix/probe"
	"matrix/report"
)

// stop is a hop of a made-up traceroute: a router's name and its least RTT in
// ms; a negative one is silent.
type stop struct {
	name string
	rtt  float64
}

var (
	parisThere = []stop{{"rack7.internal", 0.3}, {"be2056.ccr41.iad1.carrier.example", 2.4}, {"be3043.ccr22.lhr1.carrier.example", 83.8},
		{"be12265.ccr31.cdg1.carrier.example", 95.6}, {"", -1}, {"", -1}, {"be3627.ccr41.jfk1.carrier.example", 173.4}, {"ny-7.internal", 174.7}}
	parisBack = []stop{{"rack1.internal", 0.3}, {"be2101.ccr41.jfk1.carrier.example", 1.2}, {"ae1.tokyo2.carrier.example", 2}, {"be3625.ccr31.cdg1.carrier.example", 79},
		{"be3044.ccr41.iad1.carrier.example", 172.2}, {"b-1.internal", 174.6}}
	zurich = []stop{{"ge0.ar1.paris.carrier.example", 0.3}, {"", 107.1}, {"zurich.lab.example", 108}}
)

// Traced is the published round with what was found out about its worst
// anomalies: one that is confirmed, one whose routers say nothing, one that was
// gone, one that could not be measured again. Names go through rename.
func Traced(rename func(string) string) *report.Report {
	round := Published()
	round.Cities = slices.Clone(round.Cities)
	for i := range round.Cities {
		round.Cities[i].Title = rename(round.Cities[i].Title)
	}
	r := report.New(round, report.Options{Stat: report.Avg})
	r.Traced = []*report.Traced{
		traced(r, "paris", "zurich", report.Extreme), traced(r, "baltimore", "newyork", report.Extreme),
		traced(r, "moscow", "sydney", report.SlowUnproven), traced(r, "brisbane", "moscow", report.SlowUnproven),
	}
	for i, ways := range [][2][]stop{{zurich, nil}, {parisThere, parisBack}} {
		t := r.Traced[i]
		t.Traces = []report.Trace{traceOf(t.Pair, ways[0], rename), traceOf(t.Pair.Reverse(), ways[1], rename)}
		if ways[1] == nil {
			t.Traces[1].End, t.Traces[1].Reason = probe.TraceFailed, rename("ssh: no route to host")
		}
		t.Drill(report.Drill{Cities: round.Cities, Verdicts: r.Verdicts, Atlas: geo.World()})
	}
	well := *r.Verdicts.Pair("dallas", "newyork")
	r.Traced[2].Remeasured(&well)
	r.Traced[3].Again, r.Traced[3].Failed = nil, rename("ssh: no route to host")
	return r
}

// traced is an anomaly that was measured again, with the same result.
func traced(r *report.Report, from, to string, v report.Verdict) *report.Traced {
	p := r.Verdicts.Pair(from, to)
	t := &report.Traced{Anomaly: report.Anomaly{Pair: probe.Pair{From: from, To: to}, Verdict: v, RTT: p.RTT}}
	t.Remeasured(p)
	return t
}

func traceOf(pair probe.Pair, stops []stop, rename func(string) string) report.Trace {
	t := report.Trace{Pair: pair, Method: probe.TraceICMP, End: probe.Reached, Address: netip.MustParseAddr("198.51.100.9"),
		At: time.Date(2011, 7, 1, 12, 0, 0, 0, time.UTC)}
	for i, s := range stops {
		h := hop(i + 1)
		if s.rtt >= 0 {
			addr := fmt.Sprintf("203.0.113.%d", i+1)
			if i == len(stops)-1 {
				addr = t.Address.String()
			}
			h.Answers = []probe.Answer{answer(addr, s.name, int(1000*s.rtt)+500, int(1000*s.rtt))}
			if s.name != "" {
				h.Answers[0].Name = rename(s.name)
			}
		}
		t.Hops = append(t.Hops, h)
	}
	return t
}
