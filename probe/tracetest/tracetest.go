// Package tracetest is the contract of probe.Tracer as a test suite. Every
// engine and every transport passes it, on the loopback network alone.
package tracetest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"matrix/probe"
	"matrix/probe/lacktest"
)

// Conform runs the suite on tracers that make returns.
func Conform(t *testing.T, make func(t *testing.T) probe.Tracer) {
	for _, method := range []probe.TraceMethod{probe.TraceICMP, probe.TraceUDP, probe.TraceTCP} {
		for _, addr := range []string{"127.0.0.1", "::1"} {
			t.Run(fmt.Sprintf("%v to %s", method, addr), func(t *testing.T) { reaches(t, make(t), job(addr, method)) })
		}
	}
	t.Run("flows", func(t *testing.T) {
		j := job("127.0.0.1", probe.TraceICMP)
		j.Flows = 5
		reaches(t, make(t), j)
	})
	t.Run("one after the other", func(t *testing.T) {
		tracer := make(t)
		reaches(t, tracer, job("127.0.0.1", probe.TraceICMP))
		reaches(t, tracer, job("127.0.0.2", probe.TraceUDP))
	})
	t.Run("cancelled in the middle", func(t *testing.T) { cancelled(t, make(t)) })
}

// Require skips a test where this user may not trace at all, and fails it where
// the setting says that nothing may be missing.
func Require(t *testing.T, tracer probe.Tracer) {
	t.Helper()
	err := tracer.Trace(t.Context(), job("127.0.0.1", probe.TraceICMP), func(probe.Trace) {})
	if err != nil {
		lacktest.Skip(t, err)
	}
}

func job(addr string, method probe.TraceMethod) probe.TraceJob {
	o := probe.DefaultTraceOptions(method)
	o.Interval, o.MaxHops, o.Timeout = 50*time.Millisecond, 4, time.Second
	return probe.TraceJob{Pair: probe.Pair{From: "here", To: addr}, Addr: netip.MustParseAddr(addr), TraceOptions: o}
}

// collect runs a job, and checks what must never happen.
func collect(t *testing.T, ctx context.Context, tracer probe.Tracer, j probe.TraceJob) (map[int]probe.Trace, error) {
	t.Helper()
	traces := map[int]probe.Trace{}
	var inside atomic.Bool
	err := tracer.Trace(ctx, j, func(trace probe.Trace) {
		if !inside.CompareAndSwap(false, true) {
			t.Error("two traces are emitted at once")
		}
		defer inside.Store(false)
		if err := trace.Check(j); err != nil {
			t.Errorf("%+v: %v", trace, err)
		}
		if _, twice := traces[trace.Flow]; twice {
			t.Errorf("flow %d ended twice", trace.Flow)
		}
		traces[trace.Flow] = trace
	})
	return traces, err
}

// reaches: this host is one hop away from itself, and loses nothing.
func reaches(t *testing.T, tracer probe.Tracer, j probe.TraceJob) {
	t.Helper()
	traces, err := collect(t, t.Context(), tracer, j)
	if err != nil {
		t.Fatal(err)
	}
	if len(traces) != j.Flows {
		t.Errorf("%d flows ended, want %d", len(traces), j.Flows)
	}
	for flow, trace := range traces {
		if trace.End != probe.Reached || len(trace.Hops) != 1 || trace.Method != j.Method {
			t.Errorf("flow %d: %+v", flow, trace)
			continue
		}
		if h := trace.Hops[0]; h.Sent != j.Probes || h.Received() != j.Probes || h.Answers[0].Addr != j.Addr {
			t.Errorf("flow %d: %+v", flow, h)
		}
	}
}

// cancelled ends a long job early: soon, and without inventing an end.
func cancelled(t *testing.T, tracer probe.Tracer) {
	j := job("127.0.0.1", probe.TraceICMP)
	j.Interval, j.Probes = time.Minute, 10
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	began := time.Now()
	traces, err := collect(t, ctx, tracer, j)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	for _, trace := range traces {
		if trace.End == probe.HopLimit || trace.End == probe.Stopped {
			t.Errorf("ended as %v", trace.End)
		}
	}
}
