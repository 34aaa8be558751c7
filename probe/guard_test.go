package probe

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// recorder is a Pinger that answers everything, and keeps its job.
type recorder struct {
	job    Job
	called bool
	traced TraceJob
}

func (r *recorder) Ping(_ context.Context, job Job, emit func(Echo)) error {
	r.job, r.called = job, true
	for target := range job.Targets {
		for seq := range job.Count {
			emit(Echo{Target: target, Seq: seq, Outcome: Replied, RTT: time.Millisecond})
		}
	}
	return nil
}

func (r *recorder) Trace(_ context.Context, job TraceJob, _ func(Trace)) error {
	r.traced = job
	return nil
}

func guarded(networks ...string) (*Guard, *recorder) {
	r := &recorder{}
	g := &Guard{Pinger: r}
	for _, n := range networks {
		g.Allow = append(g.Allow, netip.MustParsePrefix(n))
	}
	return g, r
}

func toAddresses(addresses ...string) Job {
	job := Job{From: "a", Options: DefaultOptions()}
	job.Count = 2
	for _, a := range addresses {
		job.Targets = append(job.Targets, Target{City: a, Addr: netip.MustParseAddr(a)})
	}
	return job
}

func TestTargetsOutsideAreRefusedAndNotLost(t *testing.T) {
	g, inner := guarded("198.18.0.0/24", "2001:db8::/32")
	job := toAddresses("203.0.113.9", "198.18.0.7", "2001:db9::1", "2001:db8::1", "127.0.0.1", "::ffff:203.0.113.9", "::ffff:198.18.0.8")
	collected := newCollector(job)
	if err := g.Ping(t.Context(), job, func(e Echo) {
		if err := collected.add(e); err != nil {
			t.Error(err)
		}
	}); err != nil {
		t.Fatal(err)
	}
	for i, want := range []State{SourceDown, Measured, SourceDown, Measured, Measured, SourceDown, Measured} {
		s := collected.sample(i, time.Time{}, ending{})
		if s.State != want {
			t.Errorf("%s is %v, want %v", s.To, s.State, want)
		}
		if refused := strings.Contains(s.Reason, "refused by the host: "); refused != (want == SourceDown) || s.Sent != s.Received {
			t.Errorf("%s: %d of %d, %q", s.To, s.Received, s.Sent, s.Reason)
		}
	}
	if len(inner.job.Targets) != 4 {
		t.Errorf("%d targets were pinged, want 4", len(inner.job.Targets))
	}
}

func TestNothingIsSentWhereAllIsRefused(t *testing.T) {
	g, inner := guarded("198.18.0.0/24")
	if err := g.Ping(t.Context(), toAddresses("203.0.113.9"), func(Echo) {}); err != nil || inner.called {
		t.Errorf("error %v, pinged %v", err, inner.called)
	}
	job := TraceJob{Addr: netip.MustParseAddr("203.0.113.9"), TraceOptions: DefaultTraceOptions(TraceICMP)}
	if err := g.Trace(t.Context(), job, nil); err == nil || !strings.Contains(err.Error(), "outside the networks") {
		t.Errorf("a trace of another network: %v", err)
	}
	job.Addr = netip.MustParseAddr("198.18.0.1")
	if err := g.Trace(t.Context(), job, nil); err != nil || inner.traced.Addr != job.Addr {
		t.Errorf("a trace that is allowed: %v, of %v", err, inner.traced.Addr)
	}
}

func TestTheHostsRateHolds(t *testing.T) {
	g, inner := guarded()
	g.MostRate = 20
	job := toAddresses("198.18.0.1", "198.18.0.2")
	job.Interval = 100 * time.Millisecond // 20 a second
	if err := g.Ping(t.Context(), job, func(Echo) {}); err != nil {
		t.Fatal(err)
	}
	if inner.job.Rate != 20 {
		t.Errorf("the engine may send %d a second, want 20", inner.job.Rate)
	}
	inner.called = false
	job.Interval = 99 * time.Millisecond
	err := g.Ping(t.Context(), job, func(Echo) {})
	if err == nil || inner.called || hintOf(err) != "measure with --rate 20, or a longer --interval" {
		t.Errorf("a job that is too fast: %v, hint %q", err, hintOf(err))
	}
	// What MakePlan makes of --rate 20 fits.
	cities, addresses := fleet(8)
	o := DefaultOptions()
	o.Rate, o.Interval = 20, 10*time.Millisecond
	plan, err := MakePlan(cities, addresses, Selection{}, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, job := range plan.Jobs {
		if err := g.Ping(t.Context(), job, func(Echo) {}); err != nil {
			t.Error(err)
		}
	}
	if err := g.Trace(t.Context(), TraceJob{Addr: netip.MustParseAddr("198.18.0.1"), TraceOptions: DefaultTraceOptions(TraceICMP)}, nil); err == nil {
		t.Error("a traceroute, at 250 a second, is allowed")
	}
}
