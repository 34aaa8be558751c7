package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"matrix/data/history"
	"matrix/probe"
	"matrix/probe/bus/server"
	"matrix/probe/icmp"
	"matrix/probe/pingtest"
)

// natsWorld is a fleet on the loopback: cities at 127.0.0.1 and up, a NATS
// server, and the program as an operator has it.
type natsWorld struct {
	t       *testing.T
	folder  string
	address string
	names   []string
}

func newNATSWorld(t *testing.T, names ...string) *natsWorld {
	t.Helper()
	pingtest.Require(t, &icmp.ByJob{})
	w := &natsWorld{t: t, folder: t.TempDir(), names: names}
	list := "city,host,latitude,longitude\n"
	for i, name := range names {
		list += fmt.Sprintf("%s,127.0.0.%d,%d,%d\n", name, i+1, 10*i, 10*i)
	}
	if err := os.WriteFile(w.path("list.csv"), []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, status := w.matrix("init", "--from-list", w.path("list.csv"), "--nats", "127.0.0.1", w.folder); status != 0 {
		t.Fatalf("status %d: %s", status, out)
	}
	w.startServer()
	return w
}

func (w *natsWorld) path(name string) string { return filepath.Join(w.folder, name) }

// startServer starts a server of its own, as a fleet with more than one
// coordinator has it.
func (w *natsWorld) startServer() {
	w.t.Helper()
	s, err := server.Start(w.t.Context(), server.Config{Folder: w.path("nats"), Listen: "127.0.0.1:0"})
	if err != nil {
		w.t.Fatal(err)
	}
	w.address = s.Address()
	w.t.Cleanup(s.Close)
}

func (w *natsWorld) via() string { return "tls://" + w.address }

// matrix runs the program in this process until it ends.
func (w *natsWorld) matrix(args ...string) (out string, status int) {
	w.t.Helper()
	var said bytes.Buffer
	status = run(w.t.Context(), args, streams{strings.NewReader(""), &said, &said})
	return said.String(), status
}

// measuring are the arguments of a round.
func (w *natsWorld) measuring(args ...string) []string {
	return append([]string{"--config", "none", "--cities", w.path("cities.csv"), "--via", w.via(), "--nats-key", w.path("nats/coordinator.key"),
		"--history", w.path("history"), "--trace", "none"}, args...)
}

func (w *natsWorld) collecting(command string) []string {
	return []string{command, "--config", "none", "--via", w.via(), "--nats-key", w.path("nats/coordinator.key"), "--history", w.path("history")}
}

// lineWatch is what is said, and who waits for a word of it.
type lineWatch struct {
	mu    sync.Mutex
	lines []string
	fresh chan bool
}

func (l *lineWatch) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, string(p))
	select {
	case l.fresh <- true:
	default:
	}
	return len(p), nil
}

func (l *lineWatch) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "")
}

func (l *lineWatch) await(t *testing.T, word string) {
	t.Helper()
	limit := time.After(time.Minute)
	for !strings.Contains(l.text(), word) {
		select {
		case <-l.fresh:
		case <-limit:
			t.Fatalf("not within a minute: %q; it said\n%s", word, l.text())
		}
	}
}

// agent runs a city's agent in this process until the test ends, or stop.
// It waits until it is connected.
func (w *natsWorld) agent(city string, more ...string) (said *lineWatch, stop func()) {
	w.t.Helper()
	said, stop = w.begin(city, more...)
	said.await(w.t, "is connected")
	return said, stop
}

// agents runs those of all cities.
func (w *natsWorld) agents() {
	w.t.Helper()
	for _, name := range w.names {
		w.agent(name)
	}
}

// begin is agent, without a server to begin with.
func (w *natsWorld) begin(city string, more ...string) (said *lineWatch, stop func()) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	said = &lineWatch{fresh: make(chan bool, 1)}
	ended := make(chan int, 1)
	go func() {
		args := append([]string{"agent", "--key", w.path("nats/agents/" + city + ".key"), "--via", w.via(), "--spool", w.path("spool-" + city)}, more...)
		ended <- run(ctx, args, streams{strings.NewReader(""), said, said})
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		if status := <-ended; status != 0 {
			w.t.Errorf("the agent of %s ended with status %d: %s", city, status, said.text())
		}
	})
	w.t.Cleanup(stop)
	return said, stop
}

// rounds are those in the history.
func (w *natsWorld) rounds() []*probe.Round {
	w.t.Helper()
	h, err := history.Open(w.path("history"))
	if err != nil {
		w.t.Fatal(err)
	}
	ids, err := h.IDs(w.t.Context(), time.Time{}, time.Now().Add(time.Hour))
	if err != nil {
		w.t.Fatal(err)
	}
	var all []*probe.Round
	for _, id := range ids {
		r, err := h.Round(w.t.Context(), id)
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

func TestARoundOverNATS(t *testing.T) {
	w := newNATSWorld(t, "paris", "zurich", "milan")
	for _, name := range w.names[:2] {
		w.agent(name)
	}
	out, status := w.matrix(w.measuring("-c", "3", "-i", "100ms", "-t", "1s")...)
	if status != exitSomeMissed || !strings.Contains(out, "4 of 6 pairs measured") || !strings.Contains(out, "no agent of this city is connected to NATS") {
		t.Errorf("status %d\n%s", status, out)
	}
	if rounds := w.rounds(); len(rounds) != 1 || rounds[0].Count(probe.Measured) != 4 {
		t.Errorf("the history has %v", rounds)
	}
	if out, status := w.matrix(w.collecting("collect")...); status != 0 || strings.Contains(out, "round") {
		t.Errorf("something was left open: status %d: %s", status, out)
	}
	out, status = w.matrix("status", "--config", "none", "--cities", w.path("cities.csv"), "--via", w.via(), "--nats-key", w.path("nats/coordinator.key"))
	if status != exitSomeMissed || !strings.Contains(out, "no agent of this city") || strings.Count(out, "OK") < 2 {
		t.Errorf("status %d\n%s", status, out)
	}
	out, status = w.matrix("trace", "paris", "zurich", "-q", "1", "--config", "none", "--cities", w.path("cities.csv"), "--via", w.via(), "--nats-key", w.path("nats/coordinator.key"))
	if status != exitMeasured || !strings.Contains(out, "Reached in 1 hop") {
		t.Errorf("status %d\n%s", status, out)
	}
}

// TestTheServerInTheProgram: nothing but the program is needed. The agents wait
// for a server that comes and goes with the commands. A key that was revoked is
// refused, and that is said.
func TestTheServerInTheProgram(t *testing.T) {
	w := newNATSWorld(t, "paris", "zurich", "milan")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.address = listener.Addr().String()
	listener.Close()
	for _, name := range w.names {
		w.begin(name)
	}
	embedded := []string{"--config", "none", "--cities", w.path("cities.csv"), "--nats-listen", w.address, "--nats-key", w.path("nats/coordinator.key"),
		"--history", w.path("history"), "--trace", "none", "-c", "2", "-i", "100ms", "-t", "1s"}
	if out, status := w.matrix(embedded...); status != exitMeasured {
		t.Errorf("status %d\n%s", status, out)
	}
	// On a busy machine the server may end before an agent has told all of it.
	for deadline := time.Now().Add(3 * time.Minute); len(w.rounds()) == 0 && time.Now().Before(deadline); {
		out, status := w.matrix("collect", "--config", "none", "--nats-listen", w.address, "--nats-key", w.path("nats/coordinator.key"), "--history", w.path("history"))
		t.Logf("collect: status %d\n%s", status, out)
	}
	if n := len(w.rounds()); n != 1 {
		t.Errorf("%d rounds are saved, want 1", n)
	}
	if out, status := w.matrix("keys", "revoke", "zurich", "--nats-dir", w.path("nats")); status != 0 {
		t.Fatal(out)
	}
	if out, status := w.matrix("keys", "--nats-dir", w.path("nats")); status != 0 || !strings.Contains(out, "revoked 20") || strings.Count(out, "holds") != 3 {
		t.Errorf("status %d: %s", status, out)
	}
	out, status := w.matrix(embedded...)
	if status != exitSomeMissed || !strings.Contains(out, "4 of 6 pairs measured") || !strings.Contains(out, "refused: ") {
		t.Errorf("status %d\n%s", status, out)
	}
}

// coordinator is a process of its own, which can be killed.
func (w *natsWorld) coordinator(args ...string) (*exec.Cmd, *lineWatch) {
	w.t.Helper()
	cmd := exec.Command(built(w.t), w.measuring(append(args, "--verbose")...)...)
	said := &lineWatch{fresh: make(chan bool, 1)}
	talk, err := cmd.StderrPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	go func() {
		for lines := bufio.NewScanner(talk); lines.Scan(); {
			fmt.Fprintln(said, lines.Text())
		}
	}()
	w.t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd, said
}

// TestACoordinatorIsKilled: the agents go on, and the next coordinator saves the
// whole round, once, with the times at which it was measured.
func TestACoordinatorIsKilled(t *testing.T) {
	w := newNATSWorld(t, "paris", "zurich", "milan")
	w.agents()
	cmd, said := w.coordinator("-c", "12", "-i", "250ms", "-t", "1s")
	for _, name := range w.names {
		said.await(t, `msg="its agent has the job" from=`+name)
	}
	given := time.Now() // all jobs; the next coordinator must wait for the lease to run out
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // of a process that was killed
	eventually(t, "the round is finished by the next", func() bool {
		out, status := w.matrix(w.collecting("collect")...)
		if status != 0 {
			t.Fatalf("status %d: %s", status, out)
		}
		return strings.Contains(out, "6 of 6 pairs measured")
	})
	rounds := w.rounds()
	if len(rounds) != 1 || !rounds[0].Complete() {
		t.Fatalf("the history has %v", rounds)
	}
	for _, s := range rounds[0].Samples {
		if len(s.RTTs) != 12 || s.At.Sub(given) > 5*time.Second {
			t.Errorf("%v: %d of 12 replies, at %v; the jobs were given before %v", s.Pair, len(s.RTTs), s.At, given)
		}
	}
	if out, _ := w.matrix(w.collecting("collect")...); strings.Contains(out, "saved") {
		t.Errorf("it is saved twice: %s", out)
	}
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(3 * time.Minute); !holds(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within three minutes: %s", what)
		}
	}
}
