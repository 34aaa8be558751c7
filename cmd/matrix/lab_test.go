package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"matrix/data"
	"matrix/probe"
	"matrix/probe/lab"
)

// ring is a fleet of n cities along the equator, 100 ms from one to the
// farthest.
func ring(names ...string) lab.Config {
	config := lab.Config{RTT: map[probe.Pair]time.Duration{}, Sshd: true}
	for i, name := range names {
		config.Cities = append(config.Cities, probe.City{
			Name: name, Title: strings.ToUpper(name[:1]) + name[1:], Host: name + ".lab.example",
			Location: &probe.Location{Longitude: float64(i) * 3},
		})
		for j, other := range names[:i] {
			rtt := time.Duration(10+4*(i-j)) * time.Millisecond
			config.RTT[probe.Pair{From: name, To: other}] = rtt
			config.RTT[probe.Pair{From: other, To: name}] = rtt
		}
	}
	return config
}

func TestTenCitiesOverSSH(t *testing.T) {
	w := newWorld(t, lab.Config{Cities: data.Cities2011().Cities, RTT: rttTable(data.Round2011()), Sshd: true})
	s := w.operator("-c", "3", "-i", "500ms", "--out", w.path("out"))
	if s.status != exitMeasured || !strings.Contains(s.stdout, "90 of 90 pairs measured") {
		t.Fatalf("status %d\n%s\n%s", s.status, s.stdout, s.stderr)
	}
	t.Logf("the first round, with nothing on the hosts yet, took %v", s.took)
	for _, h := range w.round(w.path("out")).Hosts {
		if h.Version == "" || h.Error != "" {
			t.Errorf("%s: %+v", h.City, h)
		}
	}
	// One city now: the time of its pings and 5 s.
	s = w.operator("--from", "baltimore", "-c", "5", "--trace", "none")
	if s.status != exitMeasured || !strings.Contains(s.stdout, "9 of 9 pairs measured") {
		t.Fatalf("status %d\n%s\n%s", s.status, s.stdout, s.stderr)
	}
	t.Logf("--from baltimore took %v", s.took)
	if most := 5*time.Second + 5*time.Second; s.took > most {
		t.Errorf("--from baltimore took %v, want at most %v", s.took, most)
	}
}

func TestFiftyCitiesOverSSH(t *testing.T) {
	var names []string
	for i := range 50 {
		names = append(names, fmt.Sprintf("city%02d", i))
	}
	w := newWorld(t, ring(names...))
	s := w.operator("-c", "3", "--remote-path", w.program, "--out", w.path("out"))
	if s.status != exitMeasured || !strings.Contains(s.stdout, "2450 of 2450 pairs measured") {
		t.Fatalf("status %d\n%s\n%s", s.status, s.stdout, s.stderr)
	}
	t.Logf("took %v", s.took)
}

// Every fault at once: each costs its own pairs and no other, and the round
// ends inside its deadline.
func TestFaultsOverSSH(t *testing.T) {
	shell := func(text string) string {
		path := t.TempDir() + "/shell"
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	config := ring("well", "fine", "down", "refusing", "wrongkey", "hanging", "garbage", "banner", "protocol", "full", "killed", "far", "ghost")
	all := 1.0
	third := 0.3
	config.Routes = &lab.Routes{
		Routes: []lab.Route{{From: "well", To: "far", Loss: &all}, {From: "fine", To: "far", Loss: &third}},
		Cities: []lab.Fault{
			{Name: "down", Down: true},
			{Name: "refusing", SSHD: "none"},
			{Name: "wrongkey", Key: "wrong"},
			{Name: "hanging", Shell: shell("exec sleep 1000")},
			{Name: "garbage", Shell: shell("while echo 'Segmentation fault in /usr/bin/lotusnotes'; do :; done")},
			{Name: "banner", Shell: shell("echo 'Welcome to Banner! You have new mail.'; exec /bin/sh \"$@\"")},
			{Name: "protocol", Shell: shell("echo 'matrix-probe 99 {\"version\":\"v99\"}'; exec cat")},
			{Name: "full", Disk: "1M"},
		},
	}
	w := newWorld(t, config)
	config.Cities[len(config.Cities)-1].Host = "ghost.invalid"
	w.inventory(config.Cities)

	wait := w.begin(nil, "-c", "12", "-i", "500ms", "-t", "2s", "--out", w.path("out"))
	w.killMidRound("killed")
	s := wait()
	if s.status != exitUnknown {
		t.Errorf("status %d, want %d for a name that does not exist", s.status, exitUnknown)
	}
	if most := 30*time.Second + 8*time.Second + 10*time.Second; s.took > most {
		t.Errorf("took %v, want at most %v", s.took, most)
	}
	t.Logf("took %v", s.took)
	round := w.round(w.path("out"))
	expectations{
		rows: map[string]expectation{
			"down":     {probe.SourceDown, "connect: "},
			"refusing": {probe.SourceDown, "Connection refused"},
			"wrongkey": {probe.SourceDown, "the host's key is not the one in known_hosts: refused"},
			"hanging":  {probe.SourceDown, "no greeting within 15s"},
			"garbage":  {probe.SourceDown, "no greeting in 200 lines"},
			"protocol": {probe.SourceDown, "its matrix speaks protocol 99, this one speaks 1"},
			"full":     {probe.SourceDown, "No space left on device"},
			"ghost":    {probe.SourceDown, "Could not resolve hostname"},
		},
		columns: map[string]expectation{
			"down":  {probe.Lost, ""},
			"ghost": {probe.Unresolved, "ghost.invalid: no such host"},
		},
		pairs: map[probe.Pair]expectation{
			{From: "well", To: "far"}:    {probe.Lost, ""},
			{From: "killed", To: "down"}: {probe.SourceDown, "the far side was killed, or the link broke"}, // before it could know
		},
	}.check(t, round)
	for _, sample := range round.Samples {
		switch loss, _ := sample.Loss(); {
		case sample.From == "killed" && sample.State == probe.Measured && sample.Sent >= 12:
			t.Errorf("%v: %d sent, though the probe was killed in mid-round", sample.Pair, sample.Sent)
		case sample.Pair == probe.Pair{From: "fine", To: "far"} && (loss == 0 || loss > 0.8):
			t.Errorf("%v: loss %v, want about 0.3", sample.Pair, loss)
		}
	}
	for _, words := range []string{"known_hosts", "No space left", "lotusnotes", "killed, or the link broke"} {
		if !strings.Contains(s.stdout, words) {
			t.Errorf("the output does not say %q:\n%s", words, s.stdout)
		}
	}
}

// killMidRound kills a city's probe as soon as it has sent a few echo requests.
func (w *world) killMidRound(city string) {
	w.t.Helper()
	w.until("echoes of "+city, func() bool { return w.echoesOf(city) > 40 })
	status, err := lab.Exec(w.t.Context(), w.Door, lab.Command{City: city, Argv: []string{"pkill -KILL -f [/]" + city + "/home/.cache/matrix/"}})
	if err != nil || status != 0 {
		w.t.Fatalf("kill the probe: status %d, %v", status, err)
	}
}

// echoesOf counts the echo requests of a city that were delivered.
func (w *world) echoesOf(city string) int {
	w.t.Helper()
	out, text := capture(w.t)
	err := lab.Ledger(w.t.Context(), w.Door, out)
	out.Close()
	if err != nil {
		w.t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(text()) {
		if fields := strings.Split(line, ","); len(fields) > 3 && fields[1] == city && fields[3] == "request" {
			n++
		}
	}
	return n
}

type expectation struct {
	state  probe.State
	reason string // part of it
}

// expectations are what a round's pairs should be; those that are not named
// should be measured.
type expectations struct {
	rows, columns map[string]expectation
	pairs         map[probe.Pair]expectation
}

func (e expectations) check(t *testing.T, round *probe.Round) {
	t.Helper()
	if n := len(round.Cities) * (len(round.Cities) - 1); round.Planned() != n {
		t.Errorf("%d pairs, want %d", round.Planned(), n)
	}
	for _, s := range round.Samples {
		want := expectation{state: probe.Measured}
		if column, ok := e.columns[s.To]; ok {
			want = column
		}
		if row, ok := e.rows[s.From]; ok && want.state != probe.Unresolved {
			want = row
		}
		if pair, ok := e.pairs[s.Pair]; ok {
			want = pair
		}
		if s.State != want.state || !strings.Contains(s.Reason, want.reason) {
			t.Errorf("%v is %v (%s), want %v (%s)", s.Pair, s.State, s.Reason, want.state, want.reason)
		}
	}
}

// Ctrl-C saves what is there, apart from the last whole result, and says so.
func TestInterrupt(t *testing.T) {
	w := newWorld(t, ring("one", "two", "three"))
	signals := make(chan os.Signal, 1)
	wait := w.begin(signals, "-c", "100", "--remote-path", w.program, "--out", w.path("out"))
	w.until("echoes", func() bool { return w.echoesOf("three") > 4 })
	signals <- syscall.SIGINT
	s := wait()
	if s.status != exitSomeMissed && s.status != exitMeasured || s.took > 20*time.Second {
		t.Errorf("status %d after %v\n%s", s.status, s.took, s.stderr)
	}
	if !strings.Contains(s.stderr, "interrupted") || !strings.Contains(s.stdout, "PARTIAL") {
		t.Errorf("it does not say that it was interrupted:\n%s\n%s", s.stderr, s.stdout)
	}
	round := w.round(w.path("out/partial"))
	if !round.Partial || round.Count(probe.Measured) != 6 {
		t.Errorf("partial %v, %d of 6 pairs measured", round.Partial, round.Count(probe.Measured))
	}
}
