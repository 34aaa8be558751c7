package main

import (
	"strings"
	"testing"
)

// Baltimore → New York goes over London and Paris, and the drill-down says so.
func TestDrillParis(t *testing.T) {
	config, err := demoLab()
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, config)
	w.operator("-q", "-c", "3", "-i", "200ms", "--rsh", w.program+" lab exec", "--remote-path", w.program, "--out", w.path("out"))
	s := w.traced("baltimore", "newyork", "--in", w.path("out")+"/round.json")
	for _, line := range []string{
		"places: Baltimore → Washington → London → Paris → New York",
		"finding: detour over Paris (hop 5 of Baltimore → New York), +7,",
		"confirmed", "at hop 4 (London); to ask: lab.example, which runs hop 3",
	} {
		if !strings.Contains(strings.Join(strings.Fields(s.stdout), " "), line) {
			t.Errorf("no %q in\n%s\n%s", line, s.stdout, s.stderr)
		}
	}
	s = w.operator("ticket", "baltimore", "newyork", "--rsh", w.program+" lab exec", "--remote-path", w.program)
	for _, line := range []string{"Paris", "via Dallas", "be12265.ccr31.cdg1.lab.example", "198.18."} {
		if !strings.Contains(s.stdout, line) {
			t.Errorf("no %q in the ticket:\n%s\n%s", line, s.stdout, s.stderr)
		}
	}
	if n := strings.Count(s.stdout, "\n"); s.status != exitMeasured || n >= 60 {
		t.Errorf("status %d, %d lines\n%s", s.status, n, s.stderr)
	}
	t.Log("\n" + s.stdout)
}
