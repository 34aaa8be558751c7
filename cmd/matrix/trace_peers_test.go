package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"sync"
	"testing"
)

func inParallel(n int, do func(i int)) {
	var all sync.WaitGroup
	room := make(chan struct{}, 6)
	for i := range n {
		room <- struct{}{}
		all.Go(func() {
			defer func() { <-room }()
			do(i)
		})
	}
	all.Wait()
}

var tracerouteLine = regexp.MustCompile(`(?m)^ *\d+  (?:(\S+)  [0-9.]+ ms|\*)`)

// peers are the traceroutes that people have, and what they saw.
var peers = map[string]func(w *world, from, to string) []string{
	"traceroute -I": func(w *world, from, to string) []string { return w.tracerouted(from, to, "-I") },
	"traceroute -U": func(w *world, from, to string) []string { return w.tracerouted(from, to, "-U") },
	"mtr": func(w *world, from, to string) []string {
		_, text := w.inCity(from, "mtr", "-4", "-n", "--json", "-c", "1", "-G", "1", to)
		var m mtrTrace
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			w.t.Errorf("%v: %s", err, text)
		}
		return m.hosts()
	},
}

func (w *world) tracerouted(from, to, method string) []string {
	_, text := w.inCity(from, "traceroute", "-4", "-n", method, "-q", "1", "-w", "2", to)
	var hosts []string
	for _, found := range tracerouteLine.FindAllStringSubmatch(text, -1) {
		hosts = append(hosts, found[1])
	}
	return hosts
}

// The traceroutes that people have see the same, hop by hop.
func TestTracePeersAgree(t *testing.T) {
	need(t, "traceroute", "mtr")
	config, err := demoLab()
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, config)
	var cities []string
	for _, c := range config.Cities[1:] {
		cities = append(cities, c.Name)
	}
	inParallel(len(cities), func(i int) {
		hub := config.Cities[0].Name
		for _, m := range w.trace(exitMeasured, "-n", hub, cities[i]) {
			from, to := m.Report.Mtr.Src, m.Report.Mtr.Dst
			for name, peer := range peers {
				if got := peer(w, from, to+".lab.example"); !slices.Equal(got, m.hosts()) {
					t.Errorf("%s → %s: %s saw %q, matrix trace %q", from, to, name, got, m.hosts())
				}
			}
		}
	})
}

// lacking skips a test for want of something on this machine, or fails it where
// nothing may be missing.
func lacking(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("MATRIX_TEST_REQUIRE") != "" {
		t.Fatalf("MATRIX_TEST_REQUIRE is set, but %s", what)
	}
	t.Skip(what)
}

func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			lacking(t, p+" is not installed")
		}
	}
}

func hasIPv6() bool {
	_, err := os.Stat("/proc/net/if_inet6")
	return err == nil
}
