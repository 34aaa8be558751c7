package main

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"matrix/probe"
	"matrix/probe/bus"
)

// TestAgentsMeasureByThemselves: a service gives the plan and collects; while none
// is there the agents go on, and the next collects what they measured, each round
// once. A change of the inventory reaches them with SIGHUP; a wrong one changes
// nothing. Two services collect each round once.
func TestAgentsMeasureByThemselves(t *testing.T) {
	onlyIfLong(t)
	t.Parallel()
	w := newNATSWorld(t, "paris", "zurich", "milan")
	w.agents()
	const every = 20 * time.Second
	one := w.serve("one", every, "--autonomous")
	one.said.await(t, "the fleet's plan is that of")
	one.said.await(t, "3 of 3 agents have the fleet's plan of")
	eventually(t, "a round is saved", func() bool { return len(w.rounds()) >= 1 })
	eventually(t, "it is shown", one.healthy)
	one.kill()

	last := w.rounds()[len(w.rounds())-1].Start
	time.Sleep(time.Until(last.Add(2*every + every/2))) // two rounds that nobody collects
	back, other := w.serve("back", every, "--autonomous"), w.serve("other", every, "--autonomous")
	eventually(t, "the rounds in between are saved", func() bool { return len(w.rounds()) >= 4 })
	eventually(t, "who came back shows a round", back.healthy)
	eventually(t, "so does the other", other.healthy)
	for _, s := range []*standing{one, back, other} {
		if strings.Contains(s.said.text(), "its agent has the job") {
			t.Error("a service gave a job")
		}
	}

	list, err := os.ReadFile(w.path("cities.csv"))
	if err != nil {
		t.Fatal(err)
	}
	w.inventory(back, string(list)+"oops\n")
	back.said.await(t, "what held before goes on to hold")
	lines := strings.SplitAfter(string(list), "\n")
	w.inventory(back, strings.Join(append(lines[:1], lines[2:]...), "")) // without the first city
	back.said.await(t, "read the settings and the inventory again: 2 hosts")
	other.said.await(t, "another coordinator has published or withdrawn the fleet's plan")
	eventually(t, "a round of two cities", func() bool {
		rounds := w.rounds()
		return len(rounds[len(rounds)-1].Cities) == 2
	})
	out, _ := w.matrix("status", "--config", "none", "--cities", w.path("cities.csv"), "--via", w.via(), "--nats-key", w.path("nats/coordinator.key"))
	if !strings.Contains(out, "2 of 2 agents have the fleet's plan of") {
		t.Errorf("status says\n%s", out)
	}
	back.kill()
	other.kill()
	w.checkAlone(every)

	// A service that starts rounds itself takes the plan back.
	classic := w.serve("classic", every)
	classic.said.await(t, "from now on this service starts the rounds")
	eventually(t, "it gives out jobs", func() bool { return classic.gave(w.names[1:]) })
}

// inventory writes another one and has a service read it.
func (w *natsWorld) inventory(s *standing, list string) {
	w.t.Helper()
	if err := os.WriteFile(w.path("cities.csv"), []byte(list), 0o600); err != nil {
		w.t.Fatal(err)
	}
	if err := s.Process.Signal(syscall.SIGHUP); err != nil {
		w.t.Fatal(err)
	}
}

// checkAlone sees that there is one round of each time, whole.
func (w *natsWorld) checkAlone(every time.Duration) {
	w.t.Helper()
	slots := map[time.Time]bool{}
	var before time.Time
	for _, r := range w.rounds() {
		slot := r.Start.Truncate(every)
		if slots[slot] {
			w.t.Errorf("two rounds of %v", slot)
		}
		slots[slot] = true
		if !before.IsZero() && slot.Sub(before) > every {
			w.t.Errorf("no round between %v and %v", before, slot)
		}
		before = slot
		if !r.Complete() {
			w.t.Errorf("the round of %v is not whole: %d of %d pairs: %v", r.Start, r.Count(probe.Measured), r.Planned(), r.Warnings)
		}
		for _, s := range r.Samples {
			if off := s.At.Sub(r.Start); len(s.RTTs) != 12 || off < -5*time.Second || off > 10*time.Second {
				w.t.Errorf("%v: %v has %d of 12 replies, %v after the round's time", r.Start, s.Pair, len(s.RTTs), off)
			}
		}
	}
}

// TestAddressesThatNoPlanHas end the service when it starts, or cost their city.
func TestAddressesThatNoPlanHas(t *testing.T) {
	w := newNATSWorld(t, "paris", "zurich", "milan")
	for hosts, want := range map[string]string{
		"127.0.1.1 192.0.2.2 192.0.2.3": "matrix: the fleet's plan: paris has the address 127.0.1.1, at which every other host reaches itself",
		"192.0.2.1 192.0.2.2 localhost": "matrix: the fleet's plan: milan has the address 127.0.0.1, at which every other host reaches itself",
		"localhost 127.0.0.1 127.0.0.3": "matrix: the fleet's plan: paris and zurich have the same address, 127.0.0.1: give every city a host of its own",
		"224.0.0.1 0.0.0.0 127.0.0.3":   "without an address in it: paris (224.0.0.1: 224.0.0.1 is not the address of one host), zurich (0.0.0.0: 0.0.0.0 is not the address of one host)",
	} {
		list := "name,host,latitude,longitude\n"
		for i, host := range strings.Fields(hosts) {
			list += w.names[i] + "," + host + ",1,1\n"
		}
		if err := os.WriteFile(w.path("cities.csv"), []byte(list), 0o600); err != nil {
			t.Fatal(err)
		}
		service := w.serve("one", time.Hour, "--autonomous")
		service.said.await(t, want)
		if !strings.Contains(want, "the fleet's plan: ") {
			service.kill()
		} else if _ = service.Wait(); service.ProcessState.ExitCode() != exitArguments {
			t.Errorf("%s: %v", hosts, service.ProcessState)
		}
	}
}

// TestAnAgentThatRefusesThePlan is named with its reason by the service, by status,
// and in the round.
func TestAnAgentThatRefusesThePlan(t *testing.T) {
	onlyIfLong(t)
	t.Parallel()
	w := newNATSWorld(t, "paris", "zurich")
	w.agent("paris")
	said, _ := w.agent("zurich", "--most-rate", "1")
	service := w.serve("one", 20*time.Second, "--autonomous")
	said.await(t, "a plan of the fleet is refused")
	const refused = "zurich (refuses it: refused by the host: the job sends 4 echo requests a second, it allows 1"
	service.said.await(t, refused)
	out, _ := w.matrix("status", "--config", "none", "--cities", w.path("cities.csv"), "--via", w.via(), "--nats-key", w.path("nats/coordinator.key"))
	if !strings.Contains(out, "1 of 2 agents have the fleet's plan") || !strings.Contains(out, refused) {
		t.Errorf("status says\n%s", out)
	}
	eventually(t, "a round is saved", func() bool { return len(w.rounds()) >= 1 })
	for _, s := range w.rounds()[0].Samples {
		if s.From == "paris" && s.State != probe.Measured || s.From == "zurich" && (s.State != probe.SourceDown || !strings.Contains(s.Reason, "refuses the fleet's plan")) {
			t.Errorf("%v is %v: %s", s.Pair, s.State, s.Reason)
		}
	}
}

// TestWellAgain is said of what is, and not because something else changed.
func TestWellAgain(t *testing.T) {
	onlyIfLong(t)
	t.Parallel()
	w := newNATSWorld(t, "paris", "zurich")
	w.agent("paris")
	service := w.serve("one", 10*time.Second, "--autonomous")
	said := func(text string) int { return strings.Count(service.said.text(), text) }
	service.said.await(t, "matrix: plan: 1 of 2 agents have the fleet's plan of")

	list, err := os.ReadFile(w.path("cities.csv"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(w.path("cities.csv")); err != nil {
		t.Fatal(err)
	}
	if err := service.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	service.said.await(t, "no such file or directory")
	w.inventory(service, strings.ReplaceAll(string(list), "zurich,", "milan,")) // another plan, for agents to take
	service.said.await(t, "matrix: settings: it is well again")
	service.said.await(t, "not: milan (not heard of)")
	if n := said("plan: it is well again"); n > 0 {
		t.Errorf("it is said %d times of a plan that not all agents have", n)
	}
	w.inventory(service, string(list))
	w.agent("zurich")
	service.said.await(t, "matrix: plan: it is well again")

	// A history that takes no round is broken as long as it is.
	if err := os.Rename(w.path("history"), w.path("away")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.path("history"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	const unsaved, measured = "NATS has it until it can be saved", " 2 of 2 pairs measured, "
	service.said.await(t, unsaved)
	n := said(measured)
	eventually(t, "two rounds more", func() bool { return said(measured) >= n+2 })
	if said("round: it is well again") > 0 || said(unsaved) != 1 {
		t.Error("the round was well in between")
	}
	if err := os.Remove(w.path("history")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(w.path("away"), w.path("history")); err != nil {
		t.Fatal(err)
	}
	service.said.await(t, "matrix: round: it is well again")
}

// TestTwoAgentsWithOneKey are named by the service, once.
func TestTwoAgentsWithOneKey(t *testing.T) {
	var said strings.Builder
	s := &service{std: streams{err: &said}}
	for range 3 {
		for _, host := range []string{"paris-1", "copy"} {
			s.lookForTwins(map[string]bus.Sign{"paris": {City: "paris", At: time.Now(), Host: host, Instance: host}})
		}
	}
	const want = "matrix: agents: paris: two agents run with its key, on copy and on paris-1, and it is chance whose pings are used; end one of them\n"
	if said.String() != want {
		t.Errorf("said is %q, want %q", said.String(), want)
	}
}
