package icmp

import (
	"slices"

	"matrix/probe"
)

// trace is what is known of one flow.
func (t *tracing) trace(flow int) probe.Trace {
	f := t.trails[flow]
	out := probe.Trace{
		Pair: t.job.Pair, Address: t.job.Addr, Method: t.method, Flow: flow, Size: t.job.Size,
		Stamps: f.worst, Fallback: t.fallback, Hops: hopsOf(t.shots, flow, f.limit(t.job.MaxHops)),
	}
	cut := t.alarm.rung.Load() && (t.waiting() || t.route.more())
	out.End, out.Reason = endOf(f.reachedAt, f.stoppedAt, len(out.Hops), cut, f.unsent)
	return out
}

// endOf is how a flow ended. One that was cut short has shown what it has shown
// of its target; its hops have fewer probes.
func endOf(reachedAt, stoppedAt, hops int, cut bool, unsent string) (probe.TraceEnd, string) {
	switch {
	case reachedAt > 0 && cut:
		return probe.Reached, errCut.Error()
	case reachedAt > 0:
		return probe.Reached, ""
	case cut:
		return probe.Unfinished, errCut.Error()
	case stoppedAt > 0:
		return probe.Stopped, ""
	case hops == 0:
		return probe.Stopped, unsent
	}
	return probe.HopLimit, ""
}

// hopsOf gathers a flow's probes by hop. Where a hop answered probes that were
// sent alone, those that were sent together say nothing of it: their answers
// may have come, and not have said what they were about.
func hopsOf(shots []shot, flow, limit int) []probe.Hop {
	hops := make([]probe.Hop, limit)
	alone := make([]bool, limit)
	for _, s := range shots {
		if s.flow == flow && s.ttl <= limit && s.alone && s.answered {
			alone[s.ttl-1] = true
		}
	}
	for i := range hops {
		hops[i].TTL = i + 1
	}
	for i := range shots {
		s := &shots[i]
		if s.flow != flow || s.ttl > limit || s.failed || s.under() || s.alone != alone[s.ttl-1] {
			continue
		}
		add(&hops[s.ttl-1], s)
	}
	for len(hops) > 0 && hops[len(hops)-1].Sent == 0 {
		hops = hops[:len(hops)-1]
	}
	return hops
}

func add(h *probe.Hop, s *shot) {
	h.Sent++
	h.Duplicates += s.again
	h.Late += s.late
	if !s.answered {
		return
	}
	i := slices.IndexFunc(h.Answers, func(a probe.Answer) bool { return a.Addr == s.from })
	if i < 0 {
		i = len(h.Answers)
		h.Answers = append(h.Answers, probe.Answer{Addr: s.from})
	}
	a := &h.Answers[i]
	a.RTTs = append(a.RTTs, s.rtt)
	if s.mark != "" {
		a.Mark = s.mark
	}
	if s.labels != nil {
		a.Labels = s.labels
	}
}
