package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"matrix/probe"
	"matrix/probe/lacktest"
)

func TestMain(m *testing.M) {
	if status, taken := TakeOver(); taken {
		os.Exit(status)
	}
	if status, taken := play(); taken {
		os.Exit(status)
	}
	os.Exit(m.Run())
}

// cities is a config of n cities whose table differs by direction.
func cities(n int) Config {
	c := Config{RTT: make(map[probe.Pair]time.Duration), Seed: 1}
	for i := range n {
		c.Cities = append(c.Cities, probe.City{Name: fmt.Sprintf("c%d", i)})
		for j := range n {
			rtt := time.Duration(10_000+(i*3701+j*1103)%290_000) * time.Microsecond
			c.RTT[probe.Pair{From: fmt.Sprintf("c%d", i), To: fmt.Sprintf("c%d", j)}] = rtt
		}
	}
	return c
}

// startLab starts a lab that ends with the test.
func startLab(t testing.TB, c Config) *Lab {
	t.Helper()
	begun := time.Now()
	l, err := Start(t.Context(), c)
	if errors.Is(err, ErrForbidden) || errors.Is(err, ErrNoSSH) {
		var host *probe.HostError
		if errors.As(err, &host) {
			err = fmt.Errorf("%w; %s", err, host.Hint)
		}
		lacktest.Skip(t, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d cities up in %v", len(c.Cities), time.Since(begun))
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error("close:", err)
		}
		if _, err := os.Stat(l.Folder); err == nil {
			t.Error("left:", l.Folder)
		}
	})
	return l
}

// output runs a command in a city and returns its status and what it said.
func (l *Lab) output(t testing.TB, city string, argv ...string) (int, string) {
	t.Helper()
	status, text, err := l.capture(t.Context(), city, argv...)
	if err != nil {
		t.Errorf("%s in %s: %v", argv, city, err)
	}
	return status, text
}

func (l *Lab) capture(ctx context.Context, city string, argv ...string) (int, string, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return 0, "", err
	}
	defer r.Close()
	said := make(chan string, 1)
	go func() {
		text, _ := io.ReadAll(r)
		said <- string(text)
	}()
	status, err := Exec(ctx, l.Door, Command{City: city, Argv: argv, Stdout: w, Stderr: w})
	w.Close()
	return status, <-said, err
}

// must is output of a command that has to succeed.
func (l *Lab) must(t testing.TB, city string, argv ...string) string {
	t.Helper()
	status, text := l.output(t, city, argv...)
	if status != 0 {
		t.Fatalf("%s in %s: status %d\n%s", argv, city, status, text)
	}
	return text
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("in vain: ", what)
		}
	}
}

// together does something for every number below n, eight at a time.
func together(n int, do func(i int)) {
	var all sync.WaitGroup
	room := make(chan struct{}, 8)
	for i := range n {
		all.Add(1)
		room <- struct{}{}
		go func() {
			defer all.Done()
			do(i)
			<-room
		}()
	}
	all.Wait()
}

func TestDoor(t *testing.T) {
	l := startLab(t, cities(3))
	if got := l.must(t, "c1", "echo $HOME; pwd; hostname; nice"); got != l.Folder+"/cities/c1/home\n"+l.Folder+"/cities/c1/home\nc1\n19\n" {
		t.Errorf("in a city: %q", got)
	}
	if got := l.must(t, "198.18.0.2", "/bin/echo", "a  b"); got != "a  b\n" {
		t.Errorf("a command of two words: %q", got)
	}
	if got := l.must(t, "c1", "env"); strings.Contains(got, EnvDoor) {
		t.Errorf("a city knows of the lab: %q", got)
	}
	if got := l.must(t, Operator, "hostname; echo $MATRIX_LAB $MATRIX_LAB_DIR $XDG_RUNTIME_DIR"); got != fmt.Sprintf("operator\n%s %s %s/run\n", l.Door, l.Folder, l.Folder) {
		t.Errorf("at the operator's: %q", got)
	}
	if status, _ := l.output(t, "c1", "exit 7"); status != 7 {
		t.Errorf("status %d, want 7", status)
	}
	if status, _ := l.output(t, "c1", "kill -TERM $$"); status != 128+15 {
		t.Errorf("status %d, want 143", status)
	}
	for _, c := range []Command{{City: "nowhere", Argv: []string{"true"}}, {City: "c1", Argv: []string{"no-such-program", "x"}}, {City: "c1"}} {
		if _, err := Exec(t.Context(), l.Door, c); err == nil {
			t.Errorf("%+v: no error", c)
		}
	}
	if status := strings.Fields(l.must(t, "c1", "grep CapAmb /proc/self/status"))[1]; strings.Trim(status, "0") != "" {
		t.Errorf("ambient capabilities in a city: %s", status)
	}
}

func TestDoorIsQuick(t *testing.T) {
	l := startLab(t, cities(2))
	begun := time.Now()
	const times = 20
	for range times {
		l.must(t, "c0", "true")
	}
	each := time.Since(begun) / times
	t.Logf("%v a command", each)
	if each > 200*ms { // 5 ms alone; the machine may be busy
		t.Errorf("%v a command", each)
	}
}

func TestDoorSignals(t *testing.T) {
	l := startLab(t, cities(2))
	signals := make(chan os.Signal, 1)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	done := make(chan int, 1)
	go func() {
		status, _ := Exec(context.Background(), l.Door, Command{City: "c0", Argv: []string{"trap 'exit 9' INT; echo up; while :; do sleep 0.01; done"}, Stdout: w, Signals: signals})
		w.Close()
		done <- status
	}()
	if _, err := io.ReadFull(r, make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	signals <- os.Interrupt
	if status := <-done; status != 9 {
		t.Errorf("status %d, want that of the trap, 9", status)
	}
}

// When the client goes, the command goes, and so do its children.
func TestDoorClientGone(t *testing.T) {
	l := startLab(t, cities(2))
	ctx, cancel := context.WithCancel(t.Context())
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	done := make(chan error, 1)
	go func() {
		_, err := Exec(ctx, l.Door, Command{City: "c0", Argv: []string{"sleep 4711 & echo up; wait"}, Stdout: w})
		w.Close()
		done <- err
	}()
	if _, err := io.ReadFull(r, make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want cancelled", err)
	}
	// The pipe's last writer is the sleep.
	if _, err := io.Copy(io.Discard, r); err != nil {
		t.Error(err)
	}
}

func TestRun(t *testing.T) {
	startLab(t, cities(1)) // skips where there is none
	for _, c := range []struct{ at, want string }{{"", Operator}, {"c1", "c1"}} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		config := cities(3)
		config.At, config.Stdout = c.at, w
		status, err := Run(t.Context(), config, []string{"sh", "-c", "hostname; pwd; exit 5"})
		w.Close()
		if err != nil || status != 5 {
			t.Errorf("status %d, %v; want 5", status, err)
		}
		said, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		here, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		if want := c.want + "\n" + here + "\n"; string(said) != want {
			t.Errorf("at %q: %q, want %q", c.at, said, want)
		}
	}
	if _, err := Run(t.Context(), cities(2), nil); err == nil {
		t.Error("ran nothing")
	}
	if status, err := Run(t.Context(), cities(2), []string{"no-such-program"}); err == nil {
		t.Errorf("ran no-such-program: %d", status)
	}
}

func TestStartCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if l, err := Start(ctx, cities(2)); err == nil {
		t.Errorf("started: %v", errors.Join(l.Close()))
	} else if !errors.Is(err, context.Canceled) && !errors.Is(err, ErrForbidden) {
		t.Error(err)
	}
}

// ledgerOf is the ledger as its readers get it.
func (l *Lab) ledgerOf(t testing.TB) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var text bytes.Buffer
	read := make(chan error, 1)
	go func() {
		_, err := io.Copy(&text, r)
		read <- err
	}()
	if err := errors.Join(Ledger(t.Context(), l.Door, w), w.Close(), <-read); err != nil {
		t.Fatal(err)
	}
	return text.String()
}
