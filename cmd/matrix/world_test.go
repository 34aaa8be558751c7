package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"matrix/data"
	"matrix/probe"
	"matrix/probe/lab"
	"matrix/probe/lacktest"
)

// program is matrix itself, built as for a release.
var program = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "matrix-test-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(folder, "matrix")
	build := exec.Command("go", "build", "-trimpath", "-o", path, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, os.Chmod(folder, 0o755) // for the ordinary users of some tests
})

func built(t *testing.T) string {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// world is a lab with a fleet, as an operator finds it.
type world struct {
	*lab.Lab
	t       *testing.T
	folder  string // with cities.csv
	program string
}

// onlyIfLong skips with -short what takes minutes in programs of its own, a lab's or
// a service's, where no race detector sees anything.
func onlyIfLong(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("programs that run for minutes")
	}
}

// newWorld starts a lab. Where this machine allows none the test is skipped,
// or fails if nothing may be missing.
func newWorld(t *testing.T, config lab.Config) *world {
	t.Helper()
	onlyIfLong(t)
	l, err := lab.Start(t.Context(), config)
	if errors.Is(err, lab.ErrForbidden) || errors.Is(err, lab.ErrNoSSH) {
		lacktest.Skip(t, err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	w := &world{Lab: l, t: t, folder: t.TempDir(), program: built(t)}
	w.inventory(config.Cities)
	return w
}

func (w *world) inventory(cities []probe.City) {
	w.t.Helper()
	text := "name,title,host,latitude,longitude\n"
	for _, c := range cities {
		text += fmt.Sprintf("%s,%s,%s,%v,%v\n", c.Name, c.Title, c.Host, c.Location.Latitude, c.Location.Longitude)
	}
	if err := os.WriteFile(w.path("cities.csv"), []byte(text), 0o666); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) path(name string) string { return filepath.Join(w.folder, name) }

// session is matrix, as the operator ran it.
type session struct {
	stdout, stderr string
	status         int
	took           time.Duration
}

// operator runs matrix at the operator's host until it ends.
func (w *world) operator(args ...string) session {
	w.t.Helper()
	wait := w.begin(nil, args...)
	return wait()
}

// begin starts matrix at the operator's host, and returns how to wait for it.
func (w *world) begin(signals <-chan os.Signal, args ...string) func() session {
	w.t.Helper()
	out, outText := capture(w.t)
	talk, talkText := capture(w.t)
	began := time.Now()
	type end struct {
		status int
		err    error
	}
	ended := make(chan end, 1)
	go func() {
		status, err := lab.Exec(w.t.Context(), w.Door, lab.Command{
			City:   lab.Operator,
			Argv:   append([]string{w.program, "--cities", w.path("cities.csv")}, args...),
			Stdout: out, Stderr: talk, Signals: signals,
		})
		out.Close()
		talk.Close()
		ended <- end{status, err}
	}()
	return func() session {
		w.t.Helper()
		e := <-ended
		if e.err != nil {
			w.t.Fatal(e.err)
		}
		return session{outText(), talkText(), e.status, time.Since(began)}
	}
}

// capture is a file to write to, and what was written in the end.
func capture(t *testing.T) (*os.File, func() string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer r.Close()
		_, _ = io.Copy(&text, r)
	}()
	return w, func() string { <-done; return text.String() }
}

// round reads the round that a session saved.
func (w *world) round(out string) *probe.Round {
	w.t.Helper()
	round, err := data.OpenRound(filepath.Join(out, "round.json"), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return round
}

// until waits for a condition, and fails if it does not come.
func (w *world) until(what string, condition func() bool) {
	w.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(2 * time.Minute); !condition(); <-tick.C {
		if time.Now().After(deadline) {
			w.t.Fatalf("waited two minutes for %s", what)
		}
	}
}
