package main

import (
	"strings"
	"testing"

	"matrix/probe/lab"
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

const misled = `
[[route]]
from = "baltimore"
to = "newyork"
rtt = "174ms"
delay = "3ms"
hops = [
  {name = "ae1.cr1.baltimore.lab.example", delay = "0.4ms"},
  {name = "be1.tokyo1.lab.example", delay = "1.5ms"},
  {name = "be1.ccr41.jfk1.lab.example", delay = "2ms"}]
[[route]]
from = "newyork"
to = "baltimore"
rtt = "174ms"
delay = "171ms"
hops = [
  {name = "be2101.ccr41.jfk1.lab.example", delay = "0.6ms"},
  {name = "be3625.ccr31.cdg1.lab.example", delay = "80ms"},
  {name = "be3044.ccr41.iad1.lab.example", delay = "170ms"}]
`

// Only the way back is bent, and a router of the straight one lies.
func TestDrillReturnPath(t *testing.T) {
	config, err := demoLab()
	if err != nil {
		t.Fatal(err)
	}
	if config.Routes, err = lab.ParseRoutes("misled.toml", []byte(misled)); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, config)
	s := w.traced("baltimore", "newyork")
	for _, line := range []string{
		`calls itself "tokyo1" (Tokyo), which light cannot reach`, "not believed",
		"finding: return path: a detour on the way back over Paris (hop 2 of New York → Baltimore)",
		"to ask: lab.example, which runs hop 1",
	} {
		if !strings.Contains(strings.Join(strings.Fields(s.stdout), " "), line) {
			t.Errorf("no %q in\n%s\n%s", line, s.stdout, s.stderr)
		}
	}
	s = w.operator("ticket", "baltimore", "paris", "-c", "3", "-i", "200ms", "--rsh", w.program+" lab exec", "--remote-path", w.program)
	if s.status != exitSomeMissed || s.stdout != "" || !strings.Contains(s.stderr, "no ticket: nothing is wrong with Baltimore – Paris now") {
		t.Errorf("a pair that is well: status %d\n%s\n%s", s.status, s.stdout, s.stderr)
	}
}
