package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"matrix/probe"
	"matrix/probe/bus/server"
	"matrix/probe/lab"
)

// natsServerEnv has the test's program be a NATS server, with the folder that it
// names.
const natsServerEnv = "MATRIX_TEST_NATS_FOLDER"

// serveNATS is that server, until it is killed.
func serveNATS(folder string) error {
	_, err := server.Start(context.Background(), server.Config{Folder: folder})
	if err != nil {
		return err
	}
	select {}
}

// overNATS starts a server at the operator's host, and an agent in every city.
func (w *world) overNATS(names []string) {
	w.t.Helper()
	host := lab.Operator + "." + lab.Domain
	if _, err := server.Make(w.path("nats"), []string{host}, names); err != nil {
		w.t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	w.background(lab.Operator, fmt.Sprintf("exec env %s=%s %s", natsServerEnv, w.path("nats"), self))
	var said []func() string
	for _, name := range names {
		said = append(said, w.background(name, fmt.Sprintf("exec %s agent --config none --key %s --spool %s 2>&1",
			w.program, w.path("nats/agents/"+name+".key"), w.path("spool-"+name))))
	}
	for i, name := range names {
		w.until("the agent of "+name, func() bool { return strings.Contains(said[i](), "is connected") })
	}
}

// background runs a command in a city until the test ends; said is what it has
// printed so far.
func (w *world) background(city, command string) (said func() string) {
	w.t.Helper()
	path := filepath.Join(w.t.TempDir(), "said")
	out, err := os.Create(path)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := lab.Exec(ctx, w.Door, lab.Command{City: city, Argv: []string{command}, Stdout: out, Stderr: out})
		out.Close()
		ended <- err
	}()
	w.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			w.t.Errorf("%s in %s: %v", command, city, err)
		}
	})
	return func() string {
		text, err := os.ReadFile(path)
		if err != nil {
			w.t.Fatal(err)
		}
		return string(text)
	}
}

// cost is what a round took at the operator's host.
type cost struct {
	wall, cpu time.Duration
}

func (c cost) String() string {
	return fmt.Sprintf("%.1f s, %.2f s of processor time", c.wall.Seconds(), c.cpu.Seconds())
}

// costly runs matrix, and counts its processor time and that of the ssh that it
// started, in the background as well.
func (w *world) costly(args ...string) cost {
	w.t.Helper()
	before := w.sshTime()
	out, text := capture(w.t)
	command := fmt.Sprintf("readlink /proc/self/ns/net >%s; %s --cities %s %s >%s 2>&1; echo status $?; times",
		w.path("ns"), w.program, w.path("cities.csv"), strings.Join(args, " "), w.path("said"))
	began := time.Now()
	_, err := lab.Exec(w.t.Context(), w.Door, lab.Command{City: lab.Operator, Argv: []string{command}, Stdout: out, Stderr: out})
	took := time.Since(began)
	out.Close()
	if err != nil {
		w.t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(text()), "\n")
	said, err := os.ReadFile(w.path("said"))
	if err != nil {
		w.t.Fatal(err)
	}
	if len(lines) != 3 || lines[0] != "status 0" || !strings.Contains(string(said), "2450 of 2450 pairs measured") {
		w.t.Fatalf("%q\n%s", lines, said)
	}
	c := cost{wall: took, cpu: w.sshTime() - before}
	for _, part := range strings.Fields(lines[2]) { // of the shell's children, 0m1.250000s: user and system
		d, err := time.ParseDuration(part)
		if err != nil {
			w.t.Fatal(err)
		}
		c.cpu += d
	}
	return c
}

// sshTime is the processor time so far of ssh's masters at the operator's host,
// which belong to no round.
func (w *world) sshTime() time.Duration {
	w.t.Helper()
	home, err := os.ReadFile(w.path("ns"))
	if errors.Is(err, os.ErrNotExist) {
		return 0 // before the first round
	}
	stats, globErr := filepath.Glob("/proc/[0-9]*/stat")
	if err := errors.Join(err, globErr); err != nil {
		w.t.Fatal(err)
	}
	ticks := 0
	for _, path := range stats {
		ns, nsErr := os.Readlink(filepath.Join(filepath.Dir(path), "ns/net"))
		text, err := os.ReadFile(path)
		if nsErr != nil || err != nil || ns != strings.TrimSpace(string(home)) {
			continue // it has ended, or is another's
		}
		_, rest, found := strings.Cut(string(text), " (ssh) ")
		fields := strings.Fields(rest)
		if !found || len(fields) < 13 {
			continue
		}
		for _, field := range fields[11:13] { // utime and stime, proc_pid_stat(5)
			n, err := strconv.Atoi(field)
			if err != nil {
				w.t.Fatal(err)
			}
			ticks += n
		}
	}
	const second = 100 // ticks, on every architecture of Linux
	return time.Duration(ticks) * time.Second / second
}

// TestFiftyCitiesBothWays: over ssh and over NATS a lab of 50 cities gives the same
// matrix, and over NATS with less work. MATRIX_TEST_LAB_ROUNDS repeats it.
func TestFiftyCitiesBothWays(t *testing.T) {
	var names []string
	for i := range 50 {
		names = append(names, fmt.Sprintf("city%02d", i))
	}
	w := newWorld(t, ring(names...))
	usual := []string{"--config", "none", "--trace", "none", "-c", "3", "-t", "2s"}
	ssh := slices.Concat(usual, []string{"--remote-path", w.program, "--history", w.path("history-ssh"), "--out", w.path("ssh")})
	t.Logf("over ssh, the first round: %v", w.costly(ssh...))
	w.overNATS(names)
	nats := slices.Concat(usual, []string{"--via", "tls://" + lab.Operator + "." + lab.Domain + ":4222", "--nats-key", w.path("nats/coordinator.key"),
		"--history", w.path("history"), "--out", w.path("nats-out")})
	rounds := 1
	if n := os.Getenv("MATRIX_TEST_LAB_ROUNDS"); n != "" {
		var err error
		if rounds, err = strconv.Atoi(n); err != nil || rounds < 1 {
			t.Fatalf("MATRIX_TEST_LAB_ROUNDS=%s: want a number from 1", n)
		}
	}
	var overSSH, overNATS []cost
	for range rounds {
		overSSH, overNATS = append(overSSH, w.costly(ssh...)), append(overNATS, w.costly(nats...))
		t.Logf("over ssh again: %v; over NATS: %v", overSSH[len(overSSH)-1], overNATS[len(overNATS)-1])
	}
	if s, n := usualCPU(overSSH), usualCPU(overNATS); n >= s {
		t.Errorf("processor time over NATS %v, over ssh %v", n, s)
	}
	// One city is 4 ms from the next: a pair that was taken for another differs by
	// as much at least.
	apart := differences(t, w.round(w.path("ssh")), w.round(w.path("nats-out")))
	t.Logf("the matrices differ by %v in the median, %v in 95 %%, %v at most",
		apart[len(apart)/2], apart[len(apart)*95/100], apart[len(apart)-1])
	if half := apart[len(apart)/2]; half > time.Millisecond {
		t.Errorf("half of the pairs differ by more than %v", half)
	}
	if most := apart[len(apart)*95/100]; most > 4*time.Millisecond {
		t.Errorf("one pair in twenty differs by more than %v", most)
	}
}

// usualCPU is the median of the processor times.
func usualCPU(all []cost) time.Duration {
	var times []time.Duration
	for _, c := range all {
		times = append(times, c.cpu)
	}
	slices.Sort(times)
	return times[len(times)/2]
}

// differences are the differences between two rounds' shortest times, in order.
func differences(t *testing.T, one, other *probe.Round) []time.Duration {
	t.Helper()
	var all []time.Duration
	for i := range one.Samples {
		a, b := &one.Samples[i], &other.Samples[i]
		first, known := a.Summary().Get(probe.Min)
		second, alsoKnown := b.Summary().Get(probe.Min)
		if a.Pair != b.Pair || !known || !alsoKnown {
			t.Fatalf("%v is %v, %v is %v", a.Pair, a.State, b.Pair, b.State)
		}
		all = append(all, (first - second).Abs())
	}
	slices.Sort(all)
	return all
}
