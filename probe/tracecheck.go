package probe

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Check refuses a trace that cannot be true of a job. Traces come from hosts
// that may lie.
func (t Trace) Check(job TraceJob) error {
	switch {
	case t.Flow < 0 || t.Flow >= job.Flows:
		return fmt.Errorf("a trace of flow %d of %d", t.Flow, job.Flows)
	case t.Method < TraceICMP || t.Method > TraceTCP:
		return fmt.Errorf("a trace by no known method")
	case t.End > HopLimit:
		return fmt.Errorf("a trace that ended as %v", t.End)
	case t.Stamps > KernelStamps:
		return fmt.Errorf("a trace with time stamps of kind %d", t.Stamps)
	case len(t.Hops) > job.MaxHops:
		return fmt.Errorf("a trace of %d hops, of at most %d", len(t.Hops), job.MaxHops)
	case t.End == Reached && (len(t.Hops) == 0 || len(t.Hops[len(t.Hops)-1].Answers) == 0):
		return errors.New("a trace that reached its target without an answer")
	}
	for i, h := range t.Hops {
		if h.TTL != i+1 {
			return fmt.Errorf("hop %d with TTL %d", i+1, h.TTL)
		}
		if err := h.check(job); err != nil {
			return fmt.Errorf("hop %d: %w", h.TTL, err)
		}
	}
	return nil
}

// Plausible refuses a trace that no job can have led to, whatever it asked for:
// one from a file.
func (t Trace) Plausible() error {
	if err := t.Sending.Check(); err != nil {
		return err
	}
	if t.End > HopLimit { // it was never made
		switch {
		case t.Method < TraceICMP || t.Method > TraceTCP:
			return errors.New("a trace by no known method")
		case len(t.Hops) > 0:
			return fmt.Errorf("hops of a trace that ended as %v", t.End)
		}
		return nil
	}
	return t.Check(TraceJob{Pair: t.Pair, Addr: t.Address, TraceOptions: TraceOptions{
		Probes: maxTraceProbes, MaxHops: maxTraceHops, Flows: maxTraceFlows, Timeout: time.Minute,
	}})
}

func (h Hop) check(job TraceJob) error {
	// A flow whose routers quote too little is asked again, hop by hop.
	const most = 1 << 20
	switch {
	case h.Sent < 0 || h.Sent > 2*job.Probes:
		return fmt.Errorf("%d probes sent, of %d", h.Sent, job.Probes)
	case h.Received() > h.Sent || len(h.Answers) > h.Sent:
		return fmt.Errorf("%d answers to %d probes", max(h.Received(), len(h.Answers)), h.Sent)
	case h.Duplicates < 0 || h.Duplicates > most || h.Late < 0 || h.Late > most:
		return fmt.Errorf("%d duplicates, %d late", h.Duplicates, h.Late)
	}
	for i, a := range h.Answers {
		if err := a.check(job); err != nil {
			return err
		}
		if slices.ContainsFunc(h.Answers[:i], func(b Answer) bool { return b.Addr == a.Addr }) {
			return fmt.Errorf("%v answers twice", a.Addr)
		}
	}
	return nil
}

// maxLabels is more than any network stacks, and what fits into an answer.
const maxLabels = 32

func (a Answer) check(job TraceJob) error {
	switch {
	case !a.Addr.IsValid() || a.Addr.Is4In6() || a.Addr.Unmap().Is4() != job.Addr.Unmap().Is4():
		return fmt.Errorf("an answer from %v", a.Addr)
	case len(a.RTTs) == 0:
		return fmt.Errorf("no answer from %v", a.Addr)
	case a.Mark != "" && !isMark(a.Mark):
		return fmt.Errorf("the mark %q", Clean(a.Mark, 10))
	case len(a.Labels) > maxLabels:
		return fmt.Errorf("%d MPLS labels", len(a.Labels))
	}
	for _, rtt := range a.RTTs {
		if rtt <= 0 || rtt > job.Timeout+time.Microsecond { // they are rounded on the way
			return fmt.Errorf("a round-trip time of %v", rtt)
		}
	}
	for _, l := range a.Labels {
		if l.Value >= 1<<20 || l.Class >= 1<<3 {
			return fmt.Errorf("the MPLS label %d of class %d", l.Value, l.Class)
		}
	}
	return nil
}
