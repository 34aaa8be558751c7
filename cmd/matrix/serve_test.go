package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"matrix/probe"
	"matrix/probe/lacktest"
	"matrix/report"
	"matrix/report/alarm"
	"matrix/report/reporttest"
	"matrix/report/webhook"
)

// TestMemory: what a service remembers comes back; a file that is damaged costs
// what is in it; and only one service at a time has it.
func TestMemory(t *testing.T) {
	t.Setenv("STATE_DIRECTORY", "")
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	m, err := openMemory("/history")
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("another matrix serve (process %d) measures for the history /history already", os.Getpid())
	if _, err := openMemory("/history"); err == nil || err.Error() != want {
		t.Errorf("a second service: %v", err)
	}
	other, err := openMemory("/other")
	if err != nil {
		t.Errorf("for another history: %v", err)
	}
	var alarms alarm.Tracker
	if seen, waiting, err := m.load(&alarms); !seen.IsZero() || waiting != nil || err != nil {
		t.Errorf("at first: %v, %v, %v", seen, waiting, err)
	}
	round := reporttest.Measured()
	for range 2 {
		alarms.Next(report.New(round, report.Options{}))
	}
	if len(alarms.Open()) == 0 {
		t.Fatal("the round of 2011 has nothing to remember")
	}
	wait := []webhook.Message{{Key: "k-1", Body: json.RawMessage(`{"a":1}`)}}
	if err := m.save(&alarms, round.Start, wait); err != nil {
		t.Fatal(err)
	}
	if err := m.close(); err != nil {
		t.Fatal(err)
	}
	if m, err = openMemory("/history"); err != nil {
		t.Fatal(err)
	}
	var back alarm.Tracker
	seen, waiting, err := m.load(&back)
	if err != nil || !seen.Equal(round.Start) || len(back.Open()) != len(alarms.Open()) || len(waiting) != 1 || waiting[0].Key != "k-1" {
		t.Errorf("%v, %d open, %+v, %v", seen, len(back.Open()), waiting, err)
	}
	for _, text := range []string{"", "{", `{"format":2}`, `{"format":1,"alarms":[]}`} {
		if err := os.WriteFile(m.path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		var none alarm.Tracker
		if seen, waiting, err := m.load(&none); err == nil || !seen.IsZero() || waiting != nil || len(none.Open()) != 0 {
			t.Errorf("%q: %v, %v, %v", text, seen, waiting, err)
		}
	}
	for _, open := range []*memory{m, other} {
		if err := open.close(); err != nil {
			t.Error(err)
		}
	}
}

// TestUnsaved: rounds that the history cannot take wait until it can, and each is
// counted as failed once; what still waits in the end is said to be lost.
func TestUnsaved(t *testing.T) {
	var talk strings.Builder
	s := &service{std: streams{nil, io.Discard, &talk}}
	path := filepath.Join(t.TempDir(), "history")
	var o serveFlags
	o.history = path
	s.regime.Store(&regime{serveFlags: &o})
	at := func(n int) *probe.Round {
		round := reporttest.Measured()
		round.Start, round.End = round.Start.Add(time.Duration(n)*time.Hour), round.End.Add(time.Duration(n)*time.Hour)
		return round
	}
	state := func(wantFailed uint64, wantWaiting int, wantTrouble string) {
		t.Helper()
		now, trouble := s.board.Current(), ""
		for _, one := range now.Trouble {
			trouble += one.About + ": " + one.Text
		}
		if now.Counts.Failed != wantFailed || len(s.unsaved) != wantWaiting || !strings.Contains(trouble, wantTrouble) || trouble != "" && wantTrouble == "" {
			t.Errorf("%d failed, %d wait, trouble %q; want %d, %d, %q", now.Counts.Failed, len(s.unsaved), trouble, wantFailed, wantWaiting, wantTrouble)
		}
	}
	if err := os.WriteFile(path, nil, 0o666); err != nil { // no folder can be there
		t.Fatal(err)
	}
	for n := range 2 {
		if saved := s.save(t.Context(), at(n)); saved.ID != "" {
			t.Errorf("saved as %s where there is no folder", saved.ID)
		}
	}
	state(2, 2, "history: ")
	state(2, 2, "in memory, until it can be saved: 2 rounds")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if saved := s.save(t.Context(), at(2)); saved.ID == "" {
		t.Error("not saved where there is a folder")
	}
	state(2, 0, "")

	impossible := at(3)
	impossible.Start = time.Time{}
	s.save(t.Context(), impossible)
	state(3, 1, "does not say when it began")
	s.save(t.Context(), at(4))
	state(3, 1, "does not say when it began")
	h, err := openHistory(path)
	if err != nil {
		t.Fatal(err)
	}
	if found, err := h.IDs(t.Context(), at(0).Start, at(9).Start); err != nil || len(found) != 4 {
		t.Errorf("%q in the history, want 4: %v", found, err)
	}
	if err := s.saveLast(t.Context()); err == nil || !strings.Contains(err.Error(), "lost with the service, in whose memory they were: 1 round") {
		t.Errorf("in the end: %v", err)
	}
}

// TestTrouble is told in a line, once, and nothing in it moves a terminal's cursor.
func TestTrouble(t *testing.T) {
	var talk strings.Builder
	s := &service{std: streams{nil, io.Discard, &talk}}
	s.regime.Store(&regime{serveFlags: &serveFlags{}})
	both := errors.Join(errors.New("one"), errors.New("two \x1b[2J"))
	for _, step := range []struct {
		about string
		err   error
	}{{"this", both}, {"that", nil}, {"this", both}, {"this", nil}, {"this", nil}} {
		s.trouble(step.about, step.err)
	}
	if want := "matrix: this: one; two [2J\nmatrix: this: it is well again\n"; talk.String() != want {
		t.Errorf("said %q, want %q", talk.String(), want)
	}
}

// TestNotify: systemd is told as sd_notify(3) says, and its watchdog is left to
// bite when the loop is not heard of.
func TestNotify(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	systemd, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		lacktest.Skip(t, err.Error()) // a system without systemd
	}
	defer systemd.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "30000000")
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	n, err := newNotifier()
	if err != nil {
		t.Fatal(err)
	}
	defer n.conn.Close()
	if n.watchdog != 30*time.Second || os.Getenv("NOTIFY_SOCKET") != "" {
		t.Errorf("watchdog %v; children see %q", n.watchdog, os.Getenv("NOTIFY_SOCKET"))
	}
	for want, tell := range map[string]func(){"READY=1": n.ready, "STOPPING=1": n.stopping} {
		tell()
		if got := told(t, systemd); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	n.reloading()
	if got := told(t, systemd); got != "RELOADING=1" {
		t.Errorf("%q", got)
	}
}

func told(t *testing.T, systemd *net.UnixConn) string {
	t.Helper()
	buf := make([]byte, 1000)
	if err := systemd.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	n, err := systemd.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}

// heard counts what is sent.
type heard struct {
	net.Conn
	n int
}

func (h *heard) Write(p []byte) (int, error) { h.n++; return len(p), nil }

func TestWatchdog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &heard{}
		n := &notifier{conn: h, watchdog: time.Minute, began: time.Now()}
		n.beat(5*time.Minute + time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
		defer cancel()
		n.run(ctx)
		if h.n != 16 { // at once, and every 20 s for five minutes
			t.Errorf("told %d times that all is well", h.n)
		}
	})
}
