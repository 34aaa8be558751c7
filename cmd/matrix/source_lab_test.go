package main

import (
	"strings"
	"testing"

	"matrix/probe"
)

// An address that one host has costs the others' rows, which say why; the round
// remembers it, and how busy its measurers were.
func TestSourceOfOneHost(t *testing.T) {
	w := newWorld(t, ring("one", "two", "three"))
	s := w.operator("-I", "198.18.0.2", "-c", "2", "-i", "200ms", "-t", "1s", "--remote-path", w.program, "--out", w.path("out"))
	if s.status != exitSomeMissed || !strings.Contains(s.stdout, "2 of 6 pairs measured; 4 source-down") {
		t.Errorf("status %d\n%s\n%s", s.status, s.stdout, s.stderr)
	}
	round := w.round(w.path("out"))
	missing := expectation{probe.SourceDown, "send from 198.18.0.2: this host does not have that address"}
	expectations{rows: map[string]expectation{"one": missing, "three": missing}}.check(t, round)
	if round.Options.Source != "198.18.0.2" {
		t.Errorf("options %+v", round.Options)
	}
	for _, h := range round.Hosts {
		if h.Health.CPUs < 1 || h.Health.Load < 0 {
			t.Errorf("%s: health %+v", h.City, h.Health)
		}
		if h.City == "one" && !strings.Contains(h.Hint, "that host's interfaces are lo") {
			t.Errorf("the hint is %q", h.Hint)
		}
	}
	if s := w.traced("-I", "eth0", "--one-way", "one", "two"); s.status != exitMeasured || !strings.Contains(s.stdout, "Sent from eth0.") {
		t.Errorf("a traceroute by eth0: status %d\n%s\n%s", s.status, s.stdout, s.stderr)
	}
	s = w.traced("-I", "198.18.0.2", "one", "two")
	if s.status != exitSomeMissed || !strings.Contains(s.stdout, missing.reason) || !strings.Contains(s.stdout, "Sent from 198.18.0.2.") {
		t.Errorf("a traceroute from an address of one end: status %d\n%s\n%s", s.status, s.stdout, s.stderr)
	}
}
