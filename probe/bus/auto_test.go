package bus_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"matrix/probe"
	"matrix/probe/bus"
	"matrix/probe/schedule"
)

// fleetPlan is a plan of rounds of all cities, of that many echo requests.
func (w *world) fleetPlan(every time.Duration, count int) bus.FleetPlan {
	w.t.Helper()
	o := probe.DefaultOptions()
	o.Count, o.Interval, o.Timeout = count, 100*time.Millisecond, time.Second
	p, err := bus.MakeFleetPlan(schedule.Schedule{Every: every}, w.cities, w.addresses(), o, "v7")
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// addresses are some on the loopback.
func (w *world) addresses() probe.Addresses {
	all := probe.Addresses{}
	for i, c := range w.cities {
		all[c.Name] = probe.Resolved{Addr: netip.AddrFrom4([4]byte{127, 0, byte(i >> 8), byte(i + 1)})}
	}
	return all
}

func (w *world) publish(b *bus.Bus, p bus.FleetPlan) bus.Published {
	w.t.Helper()
	now, err := b.Publish(w.t.Context(), p)
	if err != nil {
		w.t.Fatal(err)
	}
	return now
}

// held waits until all cities have looked at what was written last, and returns
// their signs.
func (w *world) held(b *bus.Bus, revision uint64) map[string]bus.Sign {
	w.t.Helper()
	var signs map[string]bus.Sign
	eventually(w.t, fmt.Sprintf("all agents have looked at revision %d", revision), func() bool {
		var err error
		if signs, err = b.Signs(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		for _, c := range w.cities {
			if signs[c.Name].Revision != revision {
				return false
			}
		}
		return true
	})
	return signs
}

// gather collects a round as a coordinator does, which waits until a time.
func (w *world) gather(held *bus.Held, until time.Time) measured {
	w.t.Helper()
	defer held.Release(context.WithoutCancel(w.t.Context()))
	plan, err := held.Plan()
	if err != nil {
		w.t.Fatal(err)
	}
	round, owing, err := collect(w.t.Context(), held, plan, until)
	if err != nil {
		w.t.Fatal(err)
	}
	return measured{round, owing, held.Start}
}

// discovered waits until there are so many open rounds.
func (w *world) discovered(b *bus.Bus, n int) []bus.Ticket {
	w.t.Helper()
	var open []bus.Ticket
	eventually(w.t, fmt.Sprintf("%d rounds are found", n), func() bool {
		if _, err := b.Discover(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		var err error
		if open, err = b.Open(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		return len(open) >= n
	})
	return open
}

// TestRoundsWithoutACoordinator: agents that have a plan measure by it while no
// coordinator is there. Whoever comes finds each round whole, and once.
func TestRoundsWithoutACoordinator(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a", "b", "c")
	for _, c := range w.cities {
		w.agent(c.Name, "", func() probe.Pinger { return generator{} })
	}
	first, err := bus.Connect(t.Context(), w.key(""), w.log)
	if err != nil {
		t.Fatal(err)
	}
	plan := w.publish(first, w.fleetPlan(4*time.Second, 5))
	for city, s := range w.held(first, plan.Revision) {
		if s.Wrong != "" || len(s.Plans) != 1 || s.Plans[0] != plan.Digest() {
			t.Errorf("%s: %+v", city, s)
		}
	}
	first.Close()
	time.Sleep(time.Until(plan.From.Add(2 * plan.Schedule.Every))) // nobody is there
	b := w.connect()
	open := w.discovered(b, 2)
	// What the books say of one is spoilt, and follows from the plan.
	if _, err := w.books().Put(t.Context(), open[0].Run, []byte("garbage")); err != nil {
		t.Fatal(err)
	}
	open = w.discovered(b, 2)
	seen := map[time.Time]bool{}
	for _, ticket := range open[:2] {
		if seen[ticket.Start] || ticket.Start.Before(plan.From) || ticket.Start.Truncate(plan.Schedule.Every) != ticket.Start {
			t.Errorf("a round of %v; the plan holds from %v", ticket.Start, plan.From)
		}
		seen[ticket.Start] = true
		held, err := b.Take(t.Context(), ticket.Run)
		if err != nil {
			t.Fatal(err)
		}
		round := w.gather(held, time.Now().Add(time.Minute))
		round.whole(t)
		if round.Count(probe.Measured) != 6 {
			t.Errorf("%d of 6 pairs", round.Count(probe.Measured))
		}
		for _, s := range round.Samples {
			if off := s.At.Sub(ticket.Start); off < -time.Second || off > 2*time.Second {
				t.Errorf("%v was measured %v after the round's time", s.Pair, off)
			}
		}
		held, err = b.Take(t.Context(), ticket.Run)
		if err != nil {
			t.Fatal(err)
		}
		if err := held.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Discover(t.Context()); err != nil {
		t.Fatal(err)
	}
	open, err = b.Open(t.Context())
	for _, ticket := range open {
		if seen[ticket.Start] {
			t.Errorf("the round of %v is there again", ticket.Start)
		}
	}
	if err != nil || strings.Contains(w.logged(), "not understood") {
		t.Error(err)
	}
}
