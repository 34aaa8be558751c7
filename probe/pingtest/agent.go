package pingtest

import (
	"context"
	"net/netip"
	"sync"
	"testing"
	"time"

	"matrix/probe"
)

// ConformAgent is the contract of a probe.Opener, and of the sessions that it
// opens, as a test suite: what a coordinator relies on, however a host is
// reached. make returns an opener, and a city that it reaches, whose host may
// ping and runs this program's version.
func ConformAgent(t *testing.T, make func(t *testing.T) (probe.Opener, probe.City)) {
	open := func(t *testing.T) probe.Session {
		t.Helper()
		opener, city := make(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		session, err := opener.Open(ctx, city)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { session.Close() })
		return session
	}
	Conform(t, func(t *testing.T) probe.Pinger { return open(t) })
	t.Run("it says its version", func(t *testing.T) {
		if v := open(t).Version(); v == "" {
			t.Error("it has none")
		}
	})
	t.Run("one job after the other", func(t *testing.T) {
		session := open(t)
		for range 3 {
			everyEcho(t, session, loopback(2), 2)
		}
	})
	t.Run("a job after one that was cancelled", func(t *testing.T) {
		session := open(t)
		cancelled(t, session)
		everyEcho(t, session, loopback(2), 2)
	})
	t.Run("health", func(t *testing.T) {
		session := open(t)
		everyEcho(t, session, loopback(1), 2)
		if h := probe.HealthOf(session); h.Engine == "" || h.Stamps == 0 {
			t.Errorf("it says %+v", h)
		}
	})
	t.Run("two sessions at once", func(t *testing.T) {
		a, b := open(t), open(t)
		var both sync.WaitGroup
		both.Go(func() { everyEcho(t, a, loopback(5), 5) })
		both.Go(func() { everyEcho(t, b, loopback(5), 5) })
		both.Wait()
	})
	t.Run("traceroute", func(t *testing.T) { traced(t, open(t)) })
	t.Run("closed twice", func(t *testing.T) {
		session := open(t)
		session.Close()
		session.Close()
	})
	t.Run("nobody waits for it", func(t *testing.T) {
		opener, city := make(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if session, err := opener.Open(ctx, city); err == nil {
			session.Close() // a session in this program needs no time
		}
	})
	t.Run("a round", func(t *testing.T) { aRound(t, make) })
}

func traced(t *testing.T, session probe.Session) {
	tracer, ok := session.(probe.Tracer)
	if !ok {
		t.Fatal("it cannot trace")
	}
	job := probe.TraceJob{
		Pair: probe.Pair{From: "here", To: "there"}, Addr: netip.AddrFrom4([4]byte{127, 0, 0, 1}),
		TraceOptions: probe.DefaultTraceOptions(probe.TraceICMP),
	}
	job.Probes = 1
	n := 0
	err := tracer.Trace(t.Context(), job, func(trace probe.Trace) {
		n++
		if trace.End != probe.Reached || len(trace.Hops) != 1 {
			t.Errorf("to the host itself: %v", trace)
		}
	})
	if err != nil || n != 1 {
		t.Errorf("%d traces, error %v", n, err)
	}
}

// aRound has a coordinator measure with it.
func aRound(t *testing.T, make func(t *testing.T) (probe.Opener, probe.City)) {
	opener, city := make(t)
	other := probe.City{Name: "elsewhere", Host: "127.0.0.9"}
	options := probe.DefaultOptions()
	options.Count, options.Interval, options.Timeout = 4, 50*time.Millisecond, time.Second
	plan, err := probe.MakePlan([]probe.City{city, other},
		probe.Addresses{other.Name: {Addr: netip.AddrFrom4([4]byte{127, 0, 0, 9})}, city.Name: {Addr: netip.AddrFrom4([4]byte{127, 0, 0, 1})}},
		probe.Selection{From: []string{city.Name}}, options)
	if err != nil {
		t.Fatal(err)
	}
	round := (&probe.Coordinator{Opener: opener}).Run(t.Context(), plan)
	// Warnings say how busy this machine is.
	if !round.Complete() || len(round.Samples) != 1 || len(round.Samples[0].RTTs) != 4 {
		t.Errorf("%+v", round)
	}
}
