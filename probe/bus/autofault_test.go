package bus_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"matrix/probe"
	"matrix/probe/bus"
)

// TestClocksThatAreOff: a little, and the row is of its round, dated by the
// coordinator's clock; a lot, and it is refused and says why. No round comes of it.
func TestClocksThatAreOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "right", "ahead", "behind", "early", "late")
	offsets := map[string]time.Duration{"ahead": time.Hour, "behind": -time.Hour, "early": 3 * time.Second, "late": -3 * time.Second}
	for _, c := range w.cities {
		w.agentLike(c.Name, "", bus.Agent{Clock: func() time.Time { return time.Now().Add(offsets[c.Name]) }})
	}
	b := w.connect()
	const every = 16 * time.Second // up to 8 s are right
	now := w.publish(b, w.fleetPlan(every, 3))
	w.held(b, now.Revision)
	// The clock that is ahead has measured rounds of times to come by then, and the
	// one that is behind will measure some of times before there was a plan.
	round := w.next(b)
	for _, s := range round.Samples {
		off, bad := offsets[s.From], offsets[s.From].Abs() == time.Hour
		switch {
		case bad && (s.State != probe.SourceDown || !strings.Contains(s.Reason, "its clock is 1h0m")):
			t.Errorf("%v is %v: %s", s.Pair, s.State, s.Reason)
		case !bad && (s.State != probe.Measured || len(s.RTTs) != 3):
			t.Errorf("%v is %v: %s", s.Pair, s.State, s.Reason)
		case !bad:
			if at := s.At.Sub(round.start); (at + off).Abs() > 2500*time.Millisecond {
				t.Errorf("%v was measured at %v, by a clock that is %v ahead", s.Pair, at, off)
			}
		}
	}
	for _, h := range round.Hosts {
		if off := offsets[h.City]; off.Abs() < time.Hour && (h.Health.Offset-off).Abs() > 2500*time.Millisecond {
			t.Errorf("%s is said to be %v ahead, and is %v", h.City, h.Health.Offset, off)
		}
	}
	if len(round.owing) > 0 {
		t.Errorf("%v are owing", round.owing)
	}
	if open, err := b.Open(t.Context()); err != nil || len(open) != 1 {
		t.Errorf("there are more rounds: %v, %v", open, err)
	}
}

// TestAnAgentEndsInMidRound: what it measured counts, the rest is missing and says
// why, and it begins with the next round again.
func TestAnAgentEndsInMidRound(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a", "b")
	begun := make(chan bool, 10)
	first := w.agentLike("a", "", bus.Agent{Serve: serving(func() probe.Pinger { return generator{begun} })})
	w.agentLike("b", "", bus.Agent{})
	b := w.connect()
	now := w.publish(b, w.fleetPlan(10*time.Second, 40))
	w.held(b, now.Revision)
	go func() {
		<-begun
		first.stop()
		w.agentLike("a", first.folder, bus.Agent{})
	}()
	round := w.next(b)
	for _, s := range round.Samples {
		if whole := s.From == "b"; whole != (len(s.RTTs) == 40) || whole == s.Cut || len(s.RTTs) == 0 {
			t.Errorf("%v: %d replies, %s", s.Pair, len(s.RTTs), s.Reason)
		}
	}
	if len(round.owing) > 0 {
		t.Errorf("%v are owing", round.owing)
	}
	w.wholeRound(b)
}

// TestTheServerIsKilledInMidRoundOfAgents: they go on, and deliver when it is back.
func TestTheServerIsKilledInARoundOfAgents(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, "a", "b", "c")
	kill := w.process("127.0.0.1:0")
	begun := make(chan bool, 10)
	for _, c := range w.cities {
		w.agentLike(c.Name, "", bus.Agent{Serve: serving(func() probe.Pinger { return generator{begun} })})
	}
	b := w.connect()
	now := w.publish(b, w.fleetPlan(10*time.Second, 30))
	w.held(b, now.Revision)
	for range w.cities {
		<-begun
	}
	kill()
	w.process(w.address)
	fresh := w.connect()
	open := w.discovered(fresh, 1)
	held, err := fresh.Take(t.Context(), open[0].Run)
	if err != nil {
		t.Fatal(err)
	}
	w.gather(held, time.Now().Add(time.Minute)).whole(t)
	w.wholeRound(fresh)
}

// TestAnAgentOfAPlanIsCutOff until after the round: it is owing, and the round is
// whole when it has delivered. One that is there and has nothing more owes nothing.
func TestAnAgentOfAPlanIsCutOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a", "b", "c")
	v := newValve(t, w.address)
	begun := make(chan bool, 10)
	w.agentLike("a", "", bus.Agent{})
	w.agentLike("b", "", bus.Agent{})
	direct := w.address
	w.address = v.listener.Addr().String()
	w.agentLike("c", "", bus.Agent{Serve: serving(func() probe.Pinger { return generator{begun} })})
	w.address = direct
	b := w.connect()
	now := w.publish(b, w.fleetPlan(20*time.Second, 20))
	w.held(b, now.Revision)
	ticket := w.due(b)
	held, err := b.Begin(t.Context(), ticket)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		<-begun
		v.set(true)
	}()
	round := w.gather(held, ticket.Start.Add(8*time.Second))
	if fmt.Sprint(round.owing) != "[c]" || round.Count(probe.Measured) < 4 {
		t.Fatalf("%v are owing, %d pairs are measured", round.owing, round.Count(probe.Measured))
	}
	if still, err := b.StillOwing(t.Context(), ticket, round.owing); err != nil || fmt.Sprint(still) != "[c]" {
		t.Errorf("still owing are %v, %v", still, err)
	}
	v.set(false)
	eventually(t, "c has delivered all", func() bool {
		still, err := b.StillOwing(t.Context(), ticket, round.owing)
		if err != nil {
			t.Fatal(err)
		}
		return len(still) == 0
	})
	held, err = b.Take(t.Context(), ticket.Run)
	if err != nil {
		t.Fatal(err)
	}
	w.gather(held, time.Now().Add(20*time.Second)).whole(t)
}
