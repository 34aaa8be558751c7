package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"matrix/probe/lab"
)

// measured runs matrix at the operator's, quickly, without ssh.
func (w *world) measured(args ...string) session {
	w.t.Helper()
	return w.operator(w.quickly(args...)...)
}

func (w *world) quickly(args ...string) []string {
	return append([]string{"-c", "3", "-i", "200ms", "--rsh", w.program + " lab exec", "--remote-path", w.program}, args...)
}

// Baltimore → New York goes over London and Paris, and the drill-down says so.
func TestDrillParis(t *testing.T) {
	config, err := demoLab()
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, config)
	w.measured("--trace", "none", "--out", w.path("out"))
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
	well := func() session {
		return w.operator("ticket", "baltimore", "paris", "-c", "5", "-i", "200ms", "--rsh", w.program+" lab exec", "--remote-path", w.program)
	}
	s = well()
	for range 2 { // the lab holds packets too long where the machine is busy, which is congestion indeed
		if !strings.Contains(s.stdout, "where packets between Baltimore and Paris wait") {
			break
		}
		t.Logf("congested; asked again\n%s", s.stdout)
		s = well()
	}
	if s.status != exitSomeMissed || s.stdout != "" || !strings.Contains(s.stderr, "no ticket: nothing is wrong with Baltimore – Paris now") {
		t.Errorf("a pair that is well: status %d\n%s\n%s", s.status, s.stdout, s.stderr)
	}
}

// Routers without names leave it at a likely finding: what they say is when, and
// the fleet's own times say where.
func TestDrillNameless(t *testing.T) {
	config, err := demoLab()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range config.Routes.Routes {
		for i := range r.Hops {
			r.Hops[i].Nameless = true
		}
	}
	w := newWorld(t, config)
	s := w.measured("--trace", "2", "--out", w.path("out"))
	_, found, _ := strings.Cut(s.stdout, "Looked into: Baltimore → New York")
	found, _, _ = strings.Cut(found, "\n\n9")
	for _, line := range []string{
		"measured again: 17", "no router says where it goes (confidence: likely)", "step: +81.", "whoever runs hop 3 (100.64.", "over Paris add up to the same",
	} {
		if !strings.Contains(strings.Join(strings.Fields(found), " "), line) {
			t.Errorf("no %q in\n%s\n%s", line, s.stdout, s.stderr)
		}
	}
	if strings.Contains(found, "confirmed") {
		t.Errorf("confirmed without a name:\n%s", found)
	}
	s = w.operator("ticket", "baltimore", "newyork", "--rsh", w.program+" lab exec", "--remote-path", w.program)
	for _, line := range []string{"Perhaps the packets go over Paris", "UDP finds the same routers"} {
		if !strings.Contains(s.stdout, line) {
			t.Errorf("no %q in the ticket:\n%s\n%s", line, s.stdout, s.stderr)
		}
	}
	if n := strings.Count(s.stdout, "\n"); s.status != exitMeasured || n >= 60 {
		t.Errorf("ticket: status %d, %d lines\n%s", s.status, n, s.stderr)
	}
}

// shortcut is a fleet of three in which only one pair is a detour, and an rsh
// that does something in the second session of that pair's first city: when the
// anomaly is measured again.
func shortcut(t *testing.T, do string) (*world, []string) {
	config := ring("alpha", "beta", "gamma")
	config.Sshd = false
	for pair := range config.RTT {
		if !slices.Contains([]string{pair.From, pair.To}, "gamma") {
			config.RTT[pair] *= 10
		}
	}
	w := newWorld(t, config)
	script := "#!/bin/sh\nmkdir " + w.folder + "/first-$1 2>/dev/null || { " + do + "\n}\nexec " + w.program + " lab exec \"$@\"\n"
	if err := os.WriteFile(w.path("rsh"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return w, append(w.quickly(), "--rsh", w.path("rsh"), "--out", w.path("out"))
}

// An anomaly that is gone when it is measured again is dropped, and the round
// keeps what it measured.
func TestDrillVanishes(t *testing.T) {
	program := built(t)
	w, args := shortcut(t, "for way in alpha,beta beta,alpha; do "+program+" lab set $way rtt=15ms || exit 1; done")
	s := w.operator(args...)
	for _, line := range []string{"extreme Alpha – Beta 1", "Looked into: Alpha → Beta gone on re-measuring: 15.", "ms in the round"} {
		if !strings.Contains(strings.Join(strings.Fields(s.stdout), " "), line) {
			t.Errorf("no %q in\n%s\n%s", line, s.stdout, s.stderr)
		}
	}
	text, err := os.ReadFile(filepath.Join(w.path("out"), "traces.json"))
	if err != nil {
		t.Fatal(err)
	}
	var saved struct {
		Traced []struct {
			Gone   bool
			RTT    float64 `json:"rtt_ms"`
			Again  float64 `json:"again_rtt_ms"`
			Traces []any
		}
	}
	if err := json.Unmarshal(text, &saved); err != nil {
		t.Fatal(err)
	}
	if len(saved.Traced) != 1 || !saved.Traced[0].Gone || saved.Traced[0].RTT < 100 || saved.Traced[0].Again > 30 || len(saved.Traced[0].Traces) != 0 {
		t.Errorf("saved: %s", text)
	}
	for _, sample := range w.round(w.path("out")).Samples {
		if sample.From == "alpha" && sample.To == "beta" && sample.RTTs[0].Milliseconds() < 100 {
			t.Errorf("the round has %v, which was measured after it", sample.RTTs)
		}
	}
}

// Ctrl-C while anomalies are traced keeps the round, whole, and what there is.
func TestDrillInterrupted(t *testing.T) {
	w, args := shortcut(t, "touch $0.again")
	signals := make(chan os.Signal, 1)
	wait := w.begin(signals, args...)
	w.until("measuring again", func() bool {
		_, err := os.Stat(w.path("rsh.again"))
		return err == nil
	})
	signals <- syscall.SIGINT
	s := wait()
	if s.status != exitMeasured || !strings.Contains(s.stdout, "was interrupted") || strings.Contains(s.stdout, "PARTIAL") {
		t.Errorf("status %d\n%s\n%s", s.status, s.stdout, s.stderr)
	}
	if round := w.round(w.path("out")); !round.Complete() || round.Partial {
		t.Errorf("the round is not whole: %d of %d", round.Count(0), round.Planned())
	}
}
