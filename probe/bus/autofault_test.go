package bus_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

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

// badSigns are such as must not cost a row: by what is wrong with them, how they are
// written over a city's own.
func (w *world) badSigns(city string) map[string]func() {
	thief := w.raw(city, make(chan error, 100))
	say := func(text string, clock time.Time) {
		m := nats.NewMsg("matrix.sign." + city)
		m.Header.Set("Matrix-Clock", clock.UTC().Format(time.RFC3339Nano))
		m.Data = []byte(text)
		if _, err := thief.RequestMsg(m, time.Minute); err != nil {
			w.t.Fatal(err)
		}
	}
	const none = `{"revision":1,"wrong":"","plans":[],"waiting":0}`
	return map[string]func(){
		"garbage":            func() { say("garbage", time.Now()) },
		"of another plan":    func() { say(none, time.Now()) },
		"of a refusal":       func() { say(strings.Replace(none, `""`, `"no"`, 1), time.Now()) },
		"of another clock":   func() { say(none, time.Now().Add(-time.Hour)) },
		"of nobody any more": func() { w.purgeSigns() },
	}
}

func (w *world) purgeSigns() {
	w.t.Helper()
	js, err := jetstream.New(w.raw("", make(chan error, 100)))
	if err != nil {
		w.t.Fatal(err)
	}
	signs, err := js.Stream(w.t.Context(), "MATRIX_SIGNS")
	if err == nil {
		err = signs.Purge(w.t.Context())
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// TestSamplesOutrankSigns: a row that is told is of the round, whatever the last sign
// of life said.
func TestSamplesOutrankSigns(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a", "b")
	b := w.connect()
	for _, c := range w.cities {
		w.agentLike(c.Name, "", bus.Agent{})
	}
	now := w.publish(b, w.fleetPlan(4*time.Second, 5))
	w.held(b, now.Revision)
	for what, spoil := range w.badSigns("a") {
		ticket := w.coming(b)
		time.Sleep(time.Until(ticket.Start.Add(-time.Second))) // nothing of it is there yet when it is asked for
		spoil()
		held, err := b.Begin(t.Context(), ticket)
		if err != nil {
			t.Fatal(err)
		}
		t.Log(what)
		w.gather(held, ticket.Start.Add(20*time.Second)).whole(t)
	}
}

// TestAnAgentOfAPlanIsCutOff until after the round: it is owing, also if its sign of
// life cannot be read, and the round is whole when it has delivered. One that is there
// and has nothing more owes nothing.
func TestAnAgentOfAPlanIsCutOff(t *testing.T) {
	for name, spoil := range map[string]bool{"with a sign": false, "with garbage for one": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testPlanCutOff(t, spoil)
		})
	}
}

func testPlanCutOff(t *testing.T, spoil bool) {
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
	garbage := w.badSigns("c")["garbage"]
	now := w.publish(b, w.fleetPlan(20*time.Second, 20))
	w.held(b, now.Revision)
	ticket := w.due(b)
	held, err := b.Begin(t.Context(), ticket)
	if err != nil {
		t.Fatal(err)
	}
	told := w.lines("c", ticket.Run)
	go func() {
		<-begun
		eventually(t, "c has told something", func() bool { return told() > 0 })
		v.set(true)
		if spoil {
			garbage()
		}
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

// TestWhatSomebodyRemoved from the server is made again, and the next round is whole.
func TestWhatSomebodyRemoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a", "b")
	b := w.connect()
	for _, c := range w.cities {
		w.agentLike(c.Name, "", bus.Agent{})
	}
	now := w.publish(b, w.fleetPlan(12*time.Second, 5)) // half of it is how late a slow machine may begin
	w.held(b, now.Revision)
	w.wholeRound(b)
	if made, err := b.Mend(t.Context()); len(made) > 0 || err != nil {
		t.Errorf("made again while nothing was missing: %v, %v", made, err)
	}
	js, err := jetstream.New(w.raw("", make(chan error, 100)))
	if err != nil {
		t.Fatal(err)
	}
	for _, removed := range [][]string{{"MATRIX"}, {"MATRIX", "MATRIX_SIGNS", "KV_matrix_rounds", "KV_matrix_leases", "KV_matrix_plans"}} {
		for _, name := range removed {
			if err := js.DeleteStream(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
		made, err := b.Mend(t.Context())
		if want := strings.ReplaceAll(fmt.Sprint(removed), "KV_", ""); err != nil || fmt.Sprint(made) != want {
			t.Errorf("made %v again, want %v: %v", made, want, err)
		}
		w.publish(b, now.FleetPlan)
		w.next(b) // what was told of it before may be lost
		w.wholeRound(b)
	}
}
