// Package pingtest is the contract of probe.Pinger as a test suite. Every
// engine and every transport passes it, on the loopback network alone.
package pingtest

import (
	"context"
	"errors"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"matrix/probe"
	"matrix/probe/lacktest"
)

// Conform runs the suite on pingers that make returns.
func Conform(t *testing.T, make func(t *testing.T) probe.Pinger) {
	t.Run("every echo has one fate", func(t *testing.T) { everyEcho(t, make(t), loopback(3), 5) })
	t.Run("one target, one echo", func(t *testing.T) { everyEcho(t, make(t), loopback(1), 1) })
	t.Run("a hundred targets", func(t *testing.T) { everyEcho(t, make(t), loopback(100), 3) })
	t.Run("IPv6", func(t *testing.T) { everyEcho(t, make(t), []netip.Addr{netip.IPv6Loopback()}, 3) })
	t.Run("what cannot be sent is not lost", func(t *testing.T) { unsendable(t, make(t)) })
	t.Run("cancelled in the middle", func(t *testing.T) { cancelled(t, make(t)) })
	t.Run("cancelled before it begins", func(t *testing.T) { cancelledBefore(t, make(t)) })
	t.Run("the schedule is kept", func(t *testing.T) { schedule(t, make(t)) })
}

// Require skips a test where this user may not ping at all, and fails it where
// the setting says that nothing may be missing.
func Require(t *testing.T, pinger probe.Pinger) {
	t.Helper()
	err := pinger.Ping(t.Context(), job(loopback(1), 1), func(probe.Echo) {})
	if err != nil {
		lacktest.Skip(t, err)
	}
}

func loopback(n int) []netip.Addr {
	addrs := make([]netip.Addr, n)
	for i := range addrs {
		addrs[i] = netip.AddrFrom4([4]byte{127, 0, 0, byte(i + 1)})
	}
	return addrs
}

func job(addrs []netip.Addr, count int) probe.Job {
	j := probe.Job{From: "here", Options: probe.DefaultOptions()}
	j.Count, j.Interval, j.Timeout = count, 50*time.Millisecond, time.Second
	for i, addr := range addrs {
		start := time.Duration(i) * j.Interval / time.Duration(len(addrs))
		j.Targets = append(j.Targets, probe.Target{City: addr.String(), Addr: addr, Start: start})
	}
	return j
}

// collected is what a pinger emitted, checked for what must never happen.
func collect(t *testing.T, ctx context.Context, p probe.Pinger, j probe.Job) (map[[2]int]probe.Echo, error) {
	t.Helper()
	echoes := map[[2]int]probe.Echo{}
	var inside atomic.Bool
	err := p.Ping(ctx, j, func(e probe.Echo) {
		if !inside.CompareAndSwap(false, true) {
			t.Error("two echoes are emitted at once")
		}
		defer inside.Store(false)
		if e.Outcome == probe.Odd {
			return
		}
		key := [2]int{e.Target, e.Seq}
		if _, twice := echoes[key]; twice {
			t.Errorf("target %d, echo %d has two fates", e.Target, e.Seq)
		}
		if e.Outcome == probe.Replied && (e.RTT <= 0 || e.RTT > j.Timeout) {
			t.Errorf("a reply after %v", e.RTT)
		}
		echoes[key] = e
	})
	return echoes, err
}

func everyEcho(t *testing.T, p probe.Pinger, addrs []netip.Addr, count int) {
	echoes, err := collect(t, t.Context(), p, job(addrs, count))
	if err != nil {
		t.Fatal(err)
	}
	for target := range addrs {
		for seq := range count {
			if e := echoes[[2]int{target, seq}]; e.Outcome != probe.Replied {
				t.Errorf("target %d, echo %d: %+v", target, seq, e)
			}
		}
	}
	if want := len(addrs) * count; len(echoes) != want {
		t.Errorf("%d echoes, want %d", len(echoes), want)
	}
}

// unsendable pings an address that no system can send to, one on the link of an
// interface that is not there, beside one that is well.
func unsendable(t *testing.T, p probe.Pinger) {
	addrs := []netip.Addr{netip.MustParseAddr("fe80::1%4095"), netip.MustParseAddr("127.0.0.1")}
	echoes, err := collect(t, t.Context(), p, job(addrs, 3))
	if err != nil {
		t.Fatal(err)
	}
	for seq := range 3 {
		if e := echoes[[2]int{0, seq}]; e.Outcome != probe.Unsent || e.Reason == "" {
			t.Errorf("echo %d to nowhere: %+v", seq, e)
		}
		if e := echoes[[2]int{1, seq}]; e.Outcome != probe.Replied {
			t.Errorf("echo %d to the loopback: %+v", seq, e)
		}
	}
}

// cancelled ends a long job after its first echo: soon, and without inventing
// a fate for the rest.
func cancelled(t *testing.T, p probe.Pinger) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	j := job(loopback(2), 10_000)
	began := time.Now()
	n := 0
	err := p.Ping(ctx, j, func(e probe.Echo) {
		n++
		if e.Outcome != probe.Replied {
			t.Errorf("target %d, echo %d: %v", e.Target, e.Seq, e.Outcome)
		}
		cancel()
	})
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if took := time.Since(began); took > 5*time.Second || n == 0 || n > 100 {
		t.Errorf("%d echoes in %v", n, took)
	}
}

func cancelledBefore(t *testing.T, p probe.Pinger) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	echoes, _ := collect(t, ctx, p, job(loopback(2), 5))
	for key, e := range echoes {
		if e.Outcome != probe.Replied {
			t.Errorf("%v: %+v", key, e)
		}
	}
}

// schedule: a job lasts from its first echo request to its last, no less.
func schedule(t *testing.T, p probe.Pinger) {
	began := time.Now()
	if _, err := collect(t, t.Context(), p, job(loopback(2), 5)); err != nil {
		t.Fatal(err)
	}
	if took, least := time.Since(began), 225*time.Millisecond; took < least {
		t.Errorf("took %v, but the last echo request was due after %v", took, least)
	}
}
