package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"matrix/probe"
	"matrix/probe/lab"
	"matrix/report/api"
)

// fleet is a service in a lab, and what was seen of it.
type fleet struct {
	*world
	flags   []string
	every   time.Duration
	maxAge  time.Duration
	cities  []probe.City // in the inventory now
	spare   probe.City   // a host that no city has
	history string
	client  *http.Client

	mu      sync.Mutex
	running bool            // the service is to be there
	seen    map[string]bool // ids of rounds that were shown
	checks  int
	wrong   []string
	flat    []footprint

	signals chan os.Signal
	wait    func() session
}

// footprint is what the service takes.
type footprint struct {
	at         time.Duration // since its start
	memory     float64       // resident, bytes
	goroutines float64       // between two rounds
}

// numbered are so many cities and a spare host.
func numbered(n int) lab.Config {
	var names []string
	for i := range n + 1 {
		names = append(names, fmt.Sprintf("city%02d", i))
	}
	return ring(names...)
}

// newFleet starts a lab, whose last host is spare.
func newFleet(t *testing.T, config lab.Config, every, maxAge time.Duration, flags ...string) *fleet {
	n := len(config.Cities) - 1
	f := &fleet{world: newWorld(t, config), every: every, maxAge: maxAge, seen: map[string]bool{}}
	f.cities, f.spare = config.Cities[:n:n], config.Cities[n]
	f.history = f.path("history")
	socket := f.path("s")
	f.client = &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}
	t.Cleanup(f.client.CloseIdleConnections)
	if err := os.WriteFile(f.path("matrix.toml"), fmt.Appendf(nil, "every = %q\nmax-age = %q\n", every, maxAge), 0o666); err != nil {
		t.Fatal(err)
	}
	f.flags = append([]string{"serve", "--config", f.path("matrix.toml"), "--listen", "unix:" + socket, "--history", f.history,
		"--remote-path", f.program, "--site", f.path("site")}, flags...)
	f.inventory(f.cities)
	return f
}

// start starts the service; more flags go last.
func (f *fleet) start(more ...string) {
	f.t.Helper()
	f.signals = make(chan os.Signal, 4)
	f.wait = f.begin(f.signals, append(slices.Clone(f.flags), more...)...)
	f.until("the service to answer", func() bool { _, err := f.get("/healthz"); return err == nil })
	f.mu.Lock()
	f.running = true
	f.mu.Unlock()
}

// end sends signals until the service has ended.
func (f *fleet) end(all ...os.Signal) session {
	f.t.Helper()
	f.mu.Lock()
	f.running = false
	f.mu.Unlock()
	for _, s := range all {
		f.signals <- s
	}
	return f.wait()
}

// get reads what is served at a path.
func (f *fleet) get(path string) (string, error) {
	answer, err := f.client.Get("http://matrix" + path)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", path, answer.Status)
	}
	return string(text), err
}

// status is what the API says of the service.
func (f *fleet) status() (s api.Status, err error) {
	text, err := f.get(api.Root + "status")
	if err == nil {
		err = json.Unmarshal([]byte(text), &s)
	}
	return s, err
}

// sees waits until the status is as wanted.
func (f *fleet) sees(what string, is func(*api.Status) bool) {
	f.t.Helper()
	var last string
	tick := time.NewTicker(f.every / 20)
	defer tick.Stop()
	for deadline := time.Now().Add(4*time.Minute + 4*f.every); ; <-tick.C {
		s, err := f.status()
		if err == nil && is(&s) {
			f.t.Logf("%s: %s", time.Now().UTC().Format(time.TimeOnly), what)
			return
		}
		text, _ := json.Marshal(s)
		last = fmt.Sprint(string(text), err)
		if time.Now().After(deadline) {
			f.t.Fatalf("never came: %s; the last status was %s", what, last)
		}
	}
}

// whole says whether the last round measured every pair of so many cities.
func whole(s *api.Status, cities int) bool {
	return s.Last != nil && s.Last.Measured == cities*(cities-1) && s.Last.Planned == s.Last.Measured
}

// rounds waits for so many rounds more.
func (f *fleet) rounds(n uint64) {
	f.t.Helper()
	s, err := f.status()
	if err != nil {
		f.t.Fatal(err)
	}
	f.sees(fmt.Sprint(n, " rounds more"), func(now *api.Status) bool { return now.Rounds.Finished >= s.Rounds.Finished+n })
}

// values are the metrics by their name and labels.
func (f *fleet) values() (map[string]float64, error) {
	text, err := f.get("/metrics")
	if err != nil {
		return nil, err
	}
	all := map[string]float64{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "} "); ok && !strings.HasPrefix(line, "#") {
			all[name+"}"], _ = strconv.ParseFloat(value, 64)
		} else if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && !strings.HasPrefix(line, "#") {
			all[name], _ = strconv.ParseFloat(value, 64)
		}
	}
	return all, nil
}

func instant(seconds float64) time.Time { return time.UnixMilli(int64(seconds * 1000)) }

func (f *fleet) set(city string, down bool) {
	f.t.Helper()
	if err := lab.Set(f.t.Context(), f.Door, lab.Change{From: city, Down: &down}); err != nil {
		f.t.Fatal(err)
	}
}

// hostState is what the status says of a host.
func hostState(s *api.Status, city string) string {
	for _, h := range s.Hosts {
		if h.City == city {
			return h.State
		}
	}
	return "not there"
}

// quickSSH gives up soon on a host that is down.
const quickSSH = "ssh -o ConnectTimeout=3 -o ServerAliveInterval=2 -o ServerAliveCountMax=2"
