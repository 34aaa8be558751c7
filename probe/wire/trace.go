package wire

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	"matrix/probe"
)

// trace is a probe.Trace on the wire. Whom it is of and when it began the
// coordinator knows better.
type trace struct {
	Flow     int            `json:"flow"`
	Method   string         `json:"method"`
	End      probe.TraceEnd `json:"end"`
	Stamps   int            `json:"st,omitempty"`
	Reason   string         `json:"why,omitempty"`
	Fallback string         `json:"instead,omitempty"`
	Hops     []hop          `json:"hops"`
}

// hop is a probe.Hop; its TTL is its place in the list, from 1.
type hop struct {
	Sent       int      `json:"sent"`
	Answers    []answer `json:"from,omitempty"`
	Duplicates int      `json:"dup,omitempty"`
	Late       int      `json:"late,omitempty"`
}

type answer struct {
	Addr   netip.Addr    `json:"a"`
	Micros []int64       `json:"us"`
	Mark   string        `json:"mark,omitempty"`
	Labels []probe.Label `json:"mpls,omitempty"`
}

func encodeTrace(t probe.Trace) trace {
	on := trace{
		Flow: t.Flow, Method: t.Method.String(), End: t.End, Stamps: int(t.Stamps),
		Reason: t.Reason, Fallback: t.Fallback,
	}
	for _, h := range t.Hops {
		o := hop{Sent: h.Sent, Duplicates: h.Duplicates, Late: h.Late}
		for _, a := range h.Answers {
			to := answer{Addr: a.Addr, Mark: a.Mark, Labels: a.Labels}
			for _, rtt := range a.RTTs {
				to.Micros = append(to.Micros, max(1, rtt.Round(time.Microsecond).Microseconds()))
			}
			o.Answers = append(o.Answers, to)
		}
		on.Hops = append(on.Hops, o)
	}
	return on
}

// decode reads what encodeTrace made, or what a hostile far side made up:
// whatever it returns can be true of the job.
func (t trace) decode(job probe.TraceJob) (probe.Trace, error) {
	out := probe.Trace{
		Pair: job.Pair, Address: job.Addr, Size: job.Size,
		Flow: t.Flow, End: t.End, Reason: probe.Clean(t.Reason, 300), Fallback: probe.Clean(t.Fallback, 300),
	}
	if err := out.Method.UnmarshalText([]byte(t.Method)); err != nil {
		return out, err
	}
	if t.Stamps < 0 || t.Stamps > int(probe.KernelStamps) {
		return out, fmt.Errorf("a trace with time stamps of kind %d", t.Stamps)
	}
	out.Stamps = probe.Stamps(t.Stamps)
	for i, h := range t.Hops {
		to := probe.Hop{TTL: i + 1, Sent: h.Sent, Duplicates: h.Duplicates, Late: h.Late}
		for _, a := range h.Answers {
			decoded, err := a.decode()
			if err != nil {
				return out, fmt.Errorf("hop %d: %w", i+1, err)
			}
			to.Answers = append(to.Answers, decoded)
		}
		out.Hops = append(out.Hops, to)
	}
	return out, out.Check(job)
}

func (a answer) decode() (probe.Answer, error) {
	out := probe.Answer{Addr: a.Addr, Mark: a.Mark, Labels: a.Labels}
	for _, us := range a.Micros {
		if us < 1 || us > time.Hour.Microseconds() {
			return out, fmt.Errorf("a round-trip time of %d µs", us)
		}
		out.RTTs = append(out.RTTs, time.Duration(us)*time.Microsecond)
	}
	return out, nil
}

func decodeTraceJob(body string) (*probe.TraceJob, error) {
	var job probe.TraceJob
	if err := json.Unmarshal([]byte(body), &job); err != nil {
		return nil, fmt.Errorf("trace: %w", err)
	}
	if err := job.Check(); err != nil {
		return nil, fmt.Errorf("trace: %w", err)
	}
	return &job, nil
}

var _ probe.Tracer = (*session)(nil)

// Trace has the far side make a traceroute; see Ping.
func (s *session) Trace(ctx context.Context, job probe.TraceJob, emit func(probe.Trace)) error {
	if err := s.mustKnow(levelSending, job.Sending != (probe.Sending{}), "trace with --tos, --df or --interface"); err != nil {
		return err
	}
	most := job.Flows * job.MaxHops * 2048 * (job.Probes + 1) // an address and its labels for each probe
	return s.order(ctx, "trace", job, most, func(word, body string) (bool, error) {
		if word != "hops" {
			return false, nil
		}
		var on trace
		if err := json.Unmarshal([]byte(body), &on); err != nil {
			return true, s.nonsense(fmt.Errorf("hops: %w", err))
		}
		t, err := on.decode(job)
		if err != nil {
			return true, s.nonsense(err)
		}
		emit(t)
		return true, nil
	})
}

// trace makes a traceroute for the coordinator.
func (s *server) trace(ctx context.Context, job probe.TraceJob) (err error) {
	defer caught(&err)
	var failed error
	err = probe.TraceWith(ctx, s.pinger, job, func(t probe.Trace) {
		if failed == nil {
			failed = s.out.line("hops", encodeTrace(t))
		}
	})
	if failed != nil {
		return failed
	}
	return err
}
