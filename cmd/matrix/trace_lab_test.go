package main

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"matrix/probe"
	"matrix/probe/lab"
	"matrix/probe/lacktest"
)

// mtrTrace is what a consumer of mtr's reports reads.
type mtrTrace struct {
	Report struct {
		Mtr    struct{ Src, Dst string }
		Hubs   []mtrHop
		Matrix struct{ Method, End string }
	}
}

type mtrHop struct {
	Count   int
	Host    string
	Loss    float64 `json:"Loss%"`
	Snt     int
	Best    float64
	Address string
	Mark    string
}

func (m mtrTrace) hosts() []string {
	var all []string
	for _, h := range m.Report.Hubs {
		all = append(all, h.Host)
	}
	return all
}

func (m mtrTrace) addresses() []string {
	var all []string
	for _, h := range m.Report.Hubs {
		all = append(all, h.Address)
	}
	return all
}

// trace runs matrix trace at the operator's and reads its reports.
func (w *world) trace(want int, args ...string) []mtrTrace {
	w.t.Helper()
	s := w.traced(append(args, "--json")...)
	if s.status != want {
		w.t.Errorf("%v: status %d\n%s\n%s", args, s.status, s.stdout, s.stderr)
	}
	return w.reports(s.stdout)
}

// reports reads what matrix trace --json prints.
func (w *world) reports(text string) []mtrTrace {
	w.t.Helper()
	var all []mtrTrace
	for decoder := json.NewDecoder(strings.NewReader(text)); ; {
		var m mtrTrace
		switch err := decoder.Decode(&m); {
		case errors.Is(err, io.EOF):
			return all
		case err != nil:
			w.t.Fatal(err)
		}
		all = append(all, m)
	}
}

func (w *world) traced(args ...string) session {
	w.t.Helper()
	return w.operator(append([]string{"trace", "--rsh", w.program + " lab exec", "--remote-path", w.program, "-i", "300ms"}, args...)...)
}

// inCity runs a command in a city.
func (w *world) inCity(city string, argv ...string) (int, string) {
	w.t.Helper()
	out, text := capture(w.t)
	status, err := lab.Exec(w.t.Context(), w.Door, lab.Command{City: city, Argv: argv, Stdout: out, Stderr: out})
	out.Close()
	if err != nil {
		w.t.Error(err)
	}
	return status, text()
}

// planned is the way from one city to another, as the lab was told, with the
// least round-trip time to each host on it, in ms.
func planned(config lab.Config, pair probe.Pair) (hosts []string, rtts []float64) {
	rtt := config.RTT[pair]
	var hops []lab.Hop
	for _, r := range config.Routes.Routes {
		if r.From == pair.From && r.To == pair.To {
			hops = r.Hops
			if r.RTT != nil {
				rtt = *r.RTT
			}
		}
	}
	if hops == nil { // two routers at each end, as lab.Routes says
		near, far := min(150*time.Microsecond, rtt/40), min(400*time.Microsecond, rtt/20)
		hops = []lab.Hop{
			{Name: "ge0.ar1." + pair.From + ".lab.example", Delay: near},
			{Name: "ae1.cr1." + pair.From + ".lab.example", Delay: far},
			{Name: "ae1.cr1." + pair.To + ".lab.example", Delay: rtt/2 - far},
			{Name: "ge0.ar1." + pair.To + ".lab.example", Delay: rtt/2 - near},
		}
	}
	for _, h := range hops {
		hosts, rtts = append(hosts, h.Name), append(rtts, 2*h.Delay.Seconds()*1000)
	}
	return append(hosts, pair.To+".lab.example"), append(rtts, rtt.Seconds()*1000)
}

// Traceroutes both ways of all pairs show the routers of the plan, in order,
// and the times of the plan.
func TestTraceEveryPair(t *testing.T) {
	config, err := demoLab()
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, config)
	var pairs []probe.Pair
	for i, from := range config.Cities {
		for _, to := range config.Cities[:i] {
			pairs = append(pairs, probe.Pair{From: from.Name, To: to.Name})
		}
	}
	var off []float64
	var traces []mtrTrace
	var mu sync.Mutex
	inParallel(6, len(pairs), func(i int) {
		for _, m := range w.trace(exitMeasured, pairs[i].From, pairs[i].To, "-q", "5") {
			hosts, rtts := planned(config, probe.Pair{From: m.Report.Mtr.Src, To: m.Report.Mtr.Dst})
			if !slices.Equal(m.hosts(), hosts) {
				t.Errorf("%v: %q, want %q", pairs[i], m.hosts(), hosts)
				continue
			}
			mu.Lock()
			traces = append(traces, m)
			for k, h := range m.Report.Hubs {
				off = append(off, math.Abs(h.Best-rtts[k]))
				if h.Loss != 0 || h.Snt != 5 || math.Abs(h.Best-rtts[k]) > 1 {
					t.Errorf("%v, hop %d: %+v, planned %.3f ms", pairs[i], h.Count, h, rtts[k])
				}
			}
			mu.Unlock()
		}
	})
	slices.Sort(off)
	if len(off) > 0 {
		t.Logf("%d directions, %d hops; best of 5 is off the plan by %.3f ms in the median, %.3f at most",
			len(traces), len(off), off[len(off)/2], off[len(off)-1])
	}
	if n := 2 * len(pairs); len(traces) != n {
		t.Errorf("%d directions were traced, want %d", len(traces), n)
	}
	t.Run("peers", func(t *testing.T) { peersAgree(t, w, traces) })
}

const tricky = `
[[route]]
from = "a"
to = "b"
rtt = "60ms"
branches = [[
  {name = "near.lab.example", delay = "1ms"},
  {name = "one.lab.example", delay = "10ms"},
  {name = "far.lab.example", delay = "29ms"}], [
  {name = "near.lab.example", delay = "1ms"},
  {name = "two.lab.example", delay = "20ms"},
  {name = "far.lab.example", delay = "29ms"}]]
[[route]]
from = "a"
to = "c"
rtt = "20ms"
hops = [
  {name = "old.lab.example", delay = "1ms", quote = 28},
  {name = "quiet.lab.example", delay = "2ms", silent = true},
  {name = "busy.lab.example", delay = "3ms", rate = 0.5},
  {name = "labels.lab.example", delay = "4ms", labels = [24001, 17]}]
[[route]]
from = "b"
to = "c"
hops = [
  {name = "door.lab.example", delay = "1ms"},
  {name = "wall.lab.example", delay = "2ms", refuse = "!X"},
  {name = "behind.lab.example", delay = "3ms"}]
[[city]]
name = "gone"
down = true
`

func trickyWorld(t *testing.T) *world {
	config := ring("a", "b", "c", "gone")
	config.Sshd = false
	var err error
	if config.Routes, err = lab.ParseRoutes("tricky.toml", []byte(tricky)); err != nil {
		t.Fatal(err)
	}
	return newWorld(t, config)
}

func TestTraceTricky(t *testing.T) {
	w := trickyWorld(t)
	for _, method := range []string{"icmp", "udp", "tcp"} {
		for _, family := range []string{"-4", "-6"} {
			if family == "-6" && !hasIPv6() {
				lacktest.Skip(t, "this kernel has no IPv6")
				continue
			}
			t.Run(method+family, func(t *testing.T) { tricks(w, t, method, family) })
		}
	}
}

func tricks(w *world, t *testing.T, method, family string) {
	runs := []struct {
		want int
		args []string
	}{
		{exitMeasured, []string{"a", "b"}},
		{exitMeasured, []string{"a", "b", "--flows", "2"}},
		{exitMeasured, []string{"a", "c"}},
		{exitSomeMissed, []string{"b", "c"}},
	}
	traces := make([][]mtrTrace, len(runs))
	inParallel(len(runs), len(runs), func(i int) {
		traces[i] = w.trace(runs[i].want, append([]string{"--method", method, family, "--one-way"}, runs[i].args...)...)
	})
	single, flows, tricky, refused := traces[0], traces[1], traces[2], traces[3]

	one := []string{"near.lab.example", "one.lab.example", "far.lab.example", "b.lab.example"}
	two := []string{"near.lab.example", "two.lab.example", "far.lab.example", "b.lab.example"}
	if len(single) != 1 || !slices.Equal(single[0].hosts(), one) && !slices.Equal(single[0].hosts(), two) {
		t.Errorf("one flow took %v, want one of the two paths", single)
	}
	if len(flows) != 2 || slices.Equal(flows[0].hosts(), flows[1].hosts()) {
		t.Fatalf("two flows took %v, want both paths", flows)
	}
	for _, f := range flows {
		if !slices.Equal(f.hosts(), one) && !slices.Equal(f.hosts(), two) {
			t.Errorf("a flow took %q", f.hosts())
		}
	}

	if len(tricky) != 1 || len(refused) != 1 {
		t.Fatalf("%d and %d traces, want one each", len(tricky), len(refused))
	}
	want := []string{"old.lab.example", "???", "busy.lab.example", "labels.lab.example", "c.lab.example"}
	if hosts := tricky[0].hosts(); !slices.Equal(hosts, want) {
		t.Fatalf("%q, want %q", hosts, want)
	}
	got := tricky[0].Report.Hubs
	if got[1].Loss != 100 || got[2].Loss == 0 || got[3].Loss != 0 || got[4].Loss != 0 || got[4].Snt != 3 {
		t.Errorf("losses: %+v", got)
	}

	got = refused[0].Report.Hubs
	if last := got[len(got)-1]; len(got) != 2 || last.Host != "wall.lab.example" || last.Mark != "!X" {
		t.Errorf("refused: %+v", got)
	}
}

// What a person sees: branches, labels, marks and silence, within 80 columns.
func TestTraceShown(t *testing.T) {
	t.Setenv("COLUMNS", "80")
	w := trickyWorld(t)
	tests := []struct {
		args   []string
		status int
		lines  []string
	}{
		{[]string{"a", "b", "--flows", "2"}, exitMeasured, []string{
			`(?m)^A → B \(198\.18\.0\.2\)$`, `(?m)^1\.  near\.lab\.example +0\.0% +6 `, `(?m)^2\.  ├1 (one|two)\.lab`, `(?m)^    └2 (one|two)\.lab`,
			`(?m)^B → A `, `(?m)^  Reached in 4 hops\.$`}},
		{[]string{"a", "c"}, exitMeasured, []string{`(?m)^2\. +\?\?\? +100\.0% +3$`, `\[MPLS: Lbl 24001 TC 0 S 0 TTL 1\]`, `\[MPLS: Lbl 17 TC 0 S 1 TTL 1\]`}},
		{[]string{"b", "c"}, exitSomeMissed, []string{`(?m)^2\. +!X wall\.lab`, `Stopped at hop 2: wall\.lab\.example says administratively prohibited\.`}},
		{[]string{"a", "gone", "-m", "9"}, exitSomeMissed, []string{`(?m)^5–9\. +\?\?\? +100`, `Not reached in 9 hops\.`, `(?m)^1–9\. +\?\?\?`}},
		{[]string{"--one-way", "-n", "a", "b"}, exitMeasured, []string{`(?m)^1\. +100\.64\.`}},
	}
	inParallel(len(tests), len(tests), func(i int) {
		test := tests[i]
		s := w.traced(test.args...)
		if s.status != test.status {
			t.Errorf("%v: status %d, want %d: %s", test.args, s.status, test.status, s.stderr)
		}
		for _, line := range test.lines {
			if !regexp.MustCompile(line).MatchString(s.stdout) {
				t.Errorf("%v: no %s in\n%s", test.args, line, s.stdout)
			}
		}
		for line := range strings.Lines(s.stdout) {
			if n := len([]rune(strings.TrimRight(line, "\n"))); n > 80 {
				t.Errorf("%v: a line of %d columns: %s", test.args, n, line)
			}
		}
	})
}

// A target that rations its ICMP errors, as Linux does, is as far away as it
// is, however soon it is asked again.
func TestTraceRationedTarget(t *testing.T) {
	if os.Getuid() != 0 {
		lacktest.Skip(t, "only root can have a city ration its errors")
	}
	w := trickyWorld(t)
	if status, text := w.inCity("c", "echo 1000 > /proc/sys/net/ipv4/icmp_ratelimit && echo 6168 > /proc/sys/net/ipv4/icmp_ratemask"); status != 0 {
		t.Fatal(text)
	}
	want := []string{"old.lab.example", "???", "busy.lab.example", "labels.lab.example", "c.lab.example"}
	for i, probes := range []string{"3", "1", "1"} {
		for _, m := range w.trace(exitMeasured, "--method", "udp", "--one-way", "-q", probes, "a", "c") {
			got := m.hosts()
			if len(got) > 2 && got[2] == "???" { // it answers once in two seconds
				got[2] = want[2]
			}
			if !slices.Equal(got, want) {
				t.Errorf("run %d: %q, want %q", i, got, want)
			}
		}
	}
}
