package icmp

import (
	"time"

	"matrix/probe"
)

// sendAlone asks again what asking together left open, one probe at a time. It
// says when there is something to do, and whether there is anything left.
func (t *tracing) sendAlone(now int64) (until int64, more bool) {
	for flow, f := range t.trails {
		if f.unquoted > 0 {
			if ttl := t.unheard(flow); ttl > 0 {
				t.launch(flow, ttl, true)
				return t.deadline(now), true
			}
		}
		if ttl := t.doubted(flow); ttl > 0 {
			last := &t.shots[len(t.shots)-1]
			if due := last.sent + int64(rationed); due > now {
				return due, true
			}
			f.asked = ttl
			t.launch(flow, ttl, true)
			return t.deadline(now), true
		}
	}
	return 0, false
}

// unheard is the next hop of a flow that is to be asked alone, since answers
// came that quote too little; 0 if there is none. A hop that did not answer
// alone is not asked again.
func (t *tracing) unheard(flow int) int {
	hops := t.tally(flow)
	for ttl := 1; ttl <= t.trails[flow].limit(t.job.MaxHops); ttl++ {
		if c := hops[ttl]; c.together == 0 && c.alone == c.heard && c.alone < t.job.Probes {
			return ttl
		}
	}
	return 0
}

// count is how many probes a hop was sent alone, how many of those it answered,
// and how many others.
type count struct{ alone, heard, together int }

func (t *tracing) tally(flow int) []count {
	hops := make([]count, t.job.MaxHops+1)
	for i := range t.shots {
		s := &t.shots[i]
		c := &hops[s.ttl]
		switch {
		case s.flow != flow:
		case s.alone:
			c.alone++
			if s.answered {
				c.heard++
			}
		case s.answered:
			c.together++
		}
	}
	return hops
}

// rationed is how long a host may hold its next ICMP error back: a second in
// Linux (icmp_ratelimit, icmp(7)), and a tenth of one to be sure.
const rationed = 1100 * time.Millisecond

// doubted is the hop that is to be asked alone to find out how far the target
// is; 0 if that is known. A target rations its errors and may answer one of a
// burst only, which need not be the first; so where hops in front of it were
// silent, any of them may be the target. They are searched by halves, in no
// haste, so that it answers every time.
func (t *tracing) doubted(flow int) int {
	f := t.trails[flow]
	switch {
	case t.method != probe.TraceUDP, f.reachedAt == 0 && f.stoppedAt > 0, f.reachedAt == 0 && f.asked > 0:
		return 0
	case f.reachedAt == 0:
		return t.job.MaxHops // it may have answered none of a burst
	}
	if f.asked > 0 && f.asked < f.reachedAt { // it is not the target, or else that would have been nearer
		f.beyond = max(f.beyond, f.asked)
	}
	hops := t.tally(flow)
	least := f.reachedAt
	for least-1 > f.beyond && hops[least-1].together+hops[least-1].heard == 0 {
		least--
	}
	if least == f.reachedAt {
		return 0
	}
	return (least + f.reachedAt - 1) / 2
}
