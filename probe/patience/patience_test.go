package patience

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"matrix/probe"
)

// fleet opens sessions at once in cities that are up, and fails after 20 s in
// the others.
type fleet struct {
	mu    sync.Mutex
	down  map[string]bool
	tried map[string][]time.Duration // since began
	began time.Time
}

func newFleet(down ...string) *fleet {
	f := &fleet{down: map[string]bool{}, tried: map[string][]time.Duration{}, began: time.Now()}
	for _, city := range down {
		f.down[city] = true
	}
	return f
}

func (f *fleet) set(city string, down bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down[city] = down
}

// triedOf is when the city was tried so far.
func (f *fleet) triedOf(city string) []time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.tried[city])
}

func (f *fleet) Open(ctx context.Context, city probe.City) (probe.Session, error) {
	f.mu.Lock()
	f.tried[city.Name] = append(f.tried[city.Name], time.Since(f.began))
	down := f.down[city.Name]
	f.mu.Unlock()
	if !down {
		return session{}, nil
	}
	select {
	case <-time.After(20 * time.Second):
		return nil, &probe.HostError{Op: "connect", Err: errors.New("timed out"), Hint: "look at it", Again: true}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

type session struct{}

func (session) Ping(_ context.Context, job probe.Job, emit func(probe.Echo)) error {
	for t := range job.Targets {
		for n := range job.Count {
			emit(probe.Echo{Target: t, Seq: n, Outcome: probe.Replied, RTT: time.Millisecond})
		}
	}
	return nil
}
func (session) Version() string { return "v1" }
func (session) Close() error    { return nil }

func cities(names ...string) ([]probe.City, probe.Addresses) {
	addresses := probe.Addresses{}
	var all []probe.City
	for i, name := range names {
		all = append(all, probe.City{Name: name, Host: name})
		addresses[name] = probe.Resolved{Addr: netip.AddrFrom4([4]byte{127, 0, 0, byte(i + 1)})}
	}
	return all, addresses
}

// round measures the fleet through an opener, and has it learn.
func round(t *testing.T, o *Opener, f *fleet, names ...string) (*probe.Round, time.Duration) {
	t.Helper()
	all, addresses := cities(names...)
	o.Use(f, all, addresses)
	options := probe.DefaultOptions()
	options.Count = 1
	plan, err := probe.MakePlan(all, addresses, probe.Selection{}, options)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	c := probe.Coordinator{Opener: o}
	r := c.Run(t.Context(), plan)
	o.Learn(r)
	return r, time.Since(began)
}

// TestKnownDown: the first round waits for a host that is down, the next ones do
// not, and say why and when it is tried again; what it is a target of is
// measured.
func TestKnownDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet("b")
		o := &Opener{}
		if r, took := round(t, o, f, "a", "b", "c"); r.Count(probe.SourceDown) != 2 || took < 20*time.Second {
			t.Errorf("the first round took %v: %+v", took, r.Samples)
		}
		r, took := round(t, o, f, "a", "b", "c")
		if took > time.Second || r.Count(probe.SourceDown) != 2 || r.Count(probe.Measured) != 4 {
			t.Errorf("the second took %v: %+v", took, r.Samples)
		}
		away := o.Away()
		if len(away) != 1 || away[0].City != "b" || away[0].Reason != "connect: timed out" {
			t.Fatalf("%+v", away)
		}
		for _, s := range r.Samples {
			want := fmt.Sprintf("known to be down: since 2000-01-01 00:00:00, next try at %s UTC: connect: timed out", away[0].Next.Format(time.DateTime))
			if s.From == "b" && s.Reason != want {
				t.Errorf("%q, want %q", s.Reason, want)
			}
		}
		if h := r.Hosts[1]; h.Hint != "look at it" {
			t.Errorf("%+v", h)
		}
	})
}

// TestBackoff: the waits double up to the longest, and a host that is back is
// noticed, measured, and forgotten.
func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet("b")
		var told atomic.Int64
		o := &Opener{Waits: Waits{First: 10 * time.Second, Longest: 2 * time.Minute}, Changed: func([]Away) { told.Add(1) }}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); o.Run(ctx) }()
		round(t, o, f, "a", "b")
		before := len(f.triedOf("b"))
		time.Sleep(15 * time.Minute)
		tried := f.triedOf("b")[before:]
		for i := range tried[1:] {
			wait := tried[i+1] - tried[i] - 20*time.Second // that a try takes
			want := min(20*time.Second<<i, 2*time.Minute)
			if wait > want || wait < want*9/10-time.Second {
				t.Errorf("wait %d was %v, want %v or a tenth less", i, wait, want)
			}
		}
		if len(tried) < 7 || told.Load() < int64(len(tried)) {
			t.Errorf("%d tries, told of %d", len(tried), told.Load())
		}
		f.set("b", false)
		time.Sleep(3 * time.Minute)
		if away := o.Away(); len(away) != 0 {
			t.Errorf("it is back, and not noticed: %+v", away)
		}
		if r, _ := round(t, o, f, "a", "b"); r.Count(probe.Measured) != 2 {
			t.Errorf("%+v", r.Samples)
		}
		cancel()
		<-ended
	})
}

// TestOtherWay: what is known of a host is forgotten when it is reached in
// another way, or has left.
func TestOtherWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet("b", "c")
		o := &Opener{}
		round(t, o, f, "a", "b", "c")
		all, addresses := cities("a", "b")
		o.Use(f, all, addresses)
		if away := o.Away(); len(away) != 1 || away[0].City != "b" {
			t.Errorf("c has left: %+v", away)
		}
		addresses["b"] = probe.Resolved{Addr: netip.MustParseAddr("127.0.0.99")}
		o.Use(f, all, addresses)
		if away := o.Away(); len(away) != 0 {
			t.Errorf("b has another address: %+v", away)
		}
	})
}

// TestManyDown: a hundred hosts that went together are all tried, a few at once,
// and all end with the context.
func TestManyDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		names := []string{"up", "well"}
		for i := range 100 {
			names = append(names, fmt.Sprintf("c%02d", i))
		}
		f := newFleet(names[2:]...)
		o := &Opener{}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); o.Run(ctx) }()
		round(t, o, f, names...)
		for _, name := range names[2:] {
			f.set(name, false)
		}
		time.Sleep(30 * time.Minute)
		if away := o.Away(); len(away) != 0 {
			t.Errorf("%d are still away", len(away))
		}
		f.set("c00", true)
		round(t, o, f, names...)
		cancel() // while it is being tried, or waits
		<-ended
		if away := o.Away(); len(away) != 1 || !strings.Contains(away[0].Reason, "timed out") {
			t.Errorf("%+v", away)
		}
	})
}

// TestBackMeanwhile: a host that comes back while a round is under way, which did
// not ask it, is back.
func TestBackMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet("b")
		o := &Opener{}
		round(t, o, f, "a", "b")
		all, addresses := cities("a", "b")
		o.Use(f, all, addresses)
		if _, err := o.Open(t.Context(), all[1]); err == nil {
			t.Error("it is not known to be down")
		}
		f.set("b", false)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		o.Run(ctx)
		if away := o.Away(); len(away) != 0 {
			t.Fatalf("it is not back: %+v", away)
		}
		o.Learn(&probe.Round{Hosts: []probe.Host{{City: "b", Error: "known to be down: since long ago"}}})
		if away := o.Away(); len(away) != 0 {
			t.Errorf("%+v", away)
		}
	})
}
