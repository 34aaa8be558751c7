package icmp

import (
	"time"

	"matrix/probe"
)

// route is the timetable of a traceroute: in each pass every flow asks every
// hop once, the nearest first, so that the target is found before most of the
// hops behind it were asked, and its own answers are not used up by those.
type route struct {
	probes, hops, flows int
	gap, pass           time.Duration
	at                  int
}

func newRoute(job probe.TraceJob) route {
	r := route{probes: job.Probes, hops: job.MaxHops, flows: job.Flows, gap: job.Gap()}
	r.pass = max(job.Interval, r.gap*time.Duration(job.MaxHops*job.Flows))
	return r
}

func (r *route) more() bool { return r.at < r.probes*r.hops*r.flows }

// next is the probe that comes next, and when it is due.
func (r *route) next() (flow, ttl int, due int64) {
	pass, place := r.at/(r.hops*r.flows), r.at%(r.hops*r.flows)
	return place % r.flows, 1 + place/r.flows, int64(time.Duration(pass)*r.pass + time.Duration(place)*r.gap)
}

func (r *route) skip() { r.at++ }
