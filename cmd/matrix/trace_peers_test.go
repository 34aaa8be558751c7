package main

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"matrix/probe/lacktest"
)

// inParallel does n things, so many at once.
func inParallel(atOnce, n int, do func(i int)) {
	var all sync.WaitGroup
	room := make(chan struct{}, atOnce)
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
		argv := []string{"mtr", "-4", "-n", "--json", "-c", "1", "-G", "1"}
		if os.Getuid() == 0 { // others may not
			argv = append(argv, "-i", "0.2")
		}
		_, text := w.inCity(from, append(argv, to)...)
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

// peersAgree: the traceroutes that people have see the same, hop by hop. One that
// sees something else is asked once more: on a busy machine traceroute has missed
// the target's replies, once in some thousand ways; what is wrong stays wrong.
func peersAgree(t *testing.T, w *world, traces []mtrTrace) {
	lacktest.Programs(t, "traceroute", "mtr")
	began := time.Now()
	inParallel(24, len(traces), func(i int) {
		m := traces[i]
		from, to := m.Report.Mtr.Src, m.Report.Mtr.Dst
		for name, peer := range peers {
			got := peer(w, from, to+".lab.example")
			if !slices.Equal(got, m.addresses()) {
				t.Logf("%s → %s: %s saw %q, matrix trace %q; asked again", from, to, name, got, m.addresses())
				got = peer(w, from, to+".lab.example")
			}
			if !slices.Equal(got, m.addresses()) {
				t.Errorf("%s → %s: %s saw %q, matrix trace %q", from, to, name, got, m.addresses())
			}
		}
	})
	t.Logf("%d directions with %d traceroutes each took %v", len(traces), len(peers), time.Since(began))
}

func hasIPv6() bool {
	_, err := os.Stat("/proc/net/if_inet6")
	return err == nil
}
