package main

import (
	"fmt"
	"io"
	"log"
	"maps"
	"math"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"matrix/probe"
	"matrix/probe/lab"
	"matrix/probe/lacktest"
	"matrix/report/api"
	"matrix/report/metrics/metricstest"
)

// TestServePrometheus: a real Prometheus scrapes the service of a lab, its rules
// fire on faults put into the lab and resolve after them, and all that it ever
// scraped is what the history has.
func TestServePrometheus(t *testing.T) {
	lacktest.Programs(t, "prometheus")
	config := numbered(4)
	config.Sshd = false
	f := newFleet(t, config, 2*time.Second, time.Minute, "-c", "3", "-i", "100ms", "-t", "1s", "--trace", "none", "--rsh", built(t)+" lab exec")
	f.start()
	p := metricstest.Start(t, f.onLoopback(), "../../deploy/prometheus/rules.yml")
	a, b, away := f.cities[0].Name, f.cities[1].Name, f.cities[2].Name

	f.sees("every pair measured", func(s *api.Status) bool { return whole(s, 4) })
	f.alerts(p, "nothing is wrong")
	f.loses(a, b, 1)
	f.alerts(p, "one city's pings do not reach another", "PingmatrixPairUnreachable "+a+" "+b)
	f.loses(a, b, 0)
	f.alerts(p, "they reach it again")

	f.set(away, true)
	f.alerts(p, "a host is off: one alert, and none of its pairs", "PingmatrixCityUnreachable "+away)
	f.set(away, false)
	f.alerts(p, "the host is back")

	if s := f.end(syscall.SIGTERM); s.status != 0 {
		t.Errorf("told to stop it ended with %d: %s", s.status, s.stderr)
	}
	f.alerts(p, "the service is off", "PingmatrixAbsent")
	f.start()
	f.alerts(p, "the service is back")
	f.end(syscall.SIGTERM)
	f.scrapes(p)
}

// TestServePrometheusHostDown: a host whose sshd has ended, and its sessions, is
// one alert; so is one that is off, another one; and in a fleet of four neither is
// joined by one for all that is not measured.
func TestServePrometheusHostDown(t *testing.T) {
	lacktest.Programs(t, "prometheus")
	f := newFleet(t, numbered(4), 2*time.Second, time.Minute, "-c", "3", "-i", "100ms", "-t", "1s", "--trace", "none", "--rsh", quickSSH)
	f.start()
	p := metricstest.Start(t, f.onLoopback(), "../../deploy/prometheus/rules.yml")
	down := f.cities[2].Name

	f.sees("every pair measured", func(s *api.Status) bool { return whole(s, 4) })
	f.alerts(p, "nothing is wrong")
	// Stopped first: a session that it begins meanwhile would go on.
	f.in(lab.Operator, "pid=$(cat "+filepath.Join(f.Folder, "cities", down, "sshd.pid")+") && kill -STOP $pid && { pkill -P $pid; kill -KILL $pid; }")
	f.alerts(p, "a host has no sshd, and others reach it", "PingmatrixHostDown "+down)
	f.set(down, true)
	f.alerts(p, "the host is off", "PingmatrixCityUnreachable "+down)
	f.set(down, false)
	f.alerts(p, "the host is on again, without an sshd", "PingmatrixHostDown "+down)
	f.in(down, "PATH=$PATH:/usr/sbin; $(command -v sshd) -f ../sshd_config")
	f.alerts(p, "the host is back")
	f.end(syscall.SIGTERM)
}

// onLoopback has the service, which is in the lab, answer on this machine's
// loopback, and returns where.
func (f *fleet) onLoopback() string {
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: "matrix"})
	proxy.Transport = f.client.Transport
	proxy.ErrorLog = log.New(io.Discard, "", 0) // while the service is off
	s := httptest.NewServer(proxy)
	f.t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// loses has a share of one city's pings to another lost.
func (f *fleet) loses(from, to string, ratio float64) {
	f.t.Helper()
	if err := lab.Set(f.t.Context(), f.Door, lab.Change{From: from, To: to, Loss: &ratio}); err != nil {
		f.t.Fatal(err)
	}
}

// alerts waits until these fire, with their cities, and no other of their kinds
// does; where there are none, until none is even pending.
func (f *fleet) alerts(p *metricstest.Prometheus, when string, want ...string) {
	f.t.Helper()
	kinds := []string{"PingmatrixAbsent", "PingmatrixCityUnreachable", "PingmatrixCoverage", "PingmatrixHostDown", "PingmatrixPairUnreachable"}
	metricstest.Until(f.t, when, func() (bool, string) {
		all, err := p.Alerts()
		var now []string
		for _, a := range all {
			if slices.Contains(kinds, a.Labels["alertname"]) && (a.State == "firing" || len(want) == 0) {
				now = append(now, strings.Join(strings.Fields(a.Labels["alertname"]+" "+a.Labels["host"]+" "+a.Labels["from"]+" "+a.Labels["to"]), " "))
			}
		}
		slices.Sort(now)
		return err == nil && slices.Equal(now, want), fmt.Sprintf("want %q, there is %v, %v", want, all, err)
	})
	f.t.Logf("%s: %s: %q", time.Now().UTC().Format(time.TimeOnly), when, want)
}

// series is one of those that show a round.
type series struct{ name, from, to, stat, state string }

// ofRounds are the names of series that a round shows of itself.
var ofRounds = []string{"pingmatrix_rtt_seconds", "pingmatrix_loss_ratio", "pingmatrix_pairs", "pingmatrix_coverage_ratio"}

// scrapes holds every scrape of Prometheus against the round in the history that
// it is of.
func (f *fleet) scrapes(p *metricstest.Prometheus) {
	f.t.Helper()
	rounds := f.saved()
	all, err := p.Scrapes(`{__name__=~"pingmatrix_.+"}`)
	if err != nil {
		f.t.Fatal(err)
	}
	seen, values := map[time.Time]bool{}, 0
	for at, scrape := range all {
		got, ended, stale := understood(scrape)
		want := map[series]float64{}
		if !stale {
			i := slices.IndexFunc(rounds, func(r *probe.Round) bool { return r.End.Sub(ended).Abs() < 2*time.Millisecond })
			if i < 0 {
				f.t.Fatalf("a round that ended at %v was scraped, and is not in the history", ended)
			}
			seen[rounds[i].End] = true
			want = shown(rounds[i])
		}
		if !maps.EqualFunc(got, want, func(a, b float64) bool { return math.Abs(a-b) < 1e-6 }) {
			f.t.Errorf("the scrape of %.3f has %v, the history %v", at, got, want)
		}
		values += len(got)
	}
	if len(seen) < 2 {
		f.t.Errorf("%d rounds were scraped; want at least one of each fault", len(seen))
	}
	f.t.Logf("%d scrapes of %d rounds have %d figures, all of them as in the history", len(all), len(seen), values)
}

// understood is what a scrape has of a round, and when that ended.
func understood(scrape []metricstest.Value) (got map[series]float64, ended time.Time, stale bool) {
	got = map[series]float64{}
	for _, v := range scrape {
		switch name := v.Metric["__name__"]; {
		case name == "pingmatrix_last_round_timestamp_seconds":
			ended = instant(v.Value)
		case name == "pingmatrix_stale":
			stale = v.Value == 1
		case slices.Contains(ofRounds, name):
			got[series{name, v.Metric["from"], v.Metric["to"], v.Metric["stat"], v.Metric["state"]}] = v.Value
		}
	}
	return got, ended, stale
}

// saved are the rounds in the history.
func (f *fleet) saved() []*probe.Round {
	f.t.Helper()
	h, found := f.listed()
	var rounds []*probe.Round
	for _, info := range found {
		round, err := h.Round(f.t.Context(), info.ID)
		if err != nil {
			f.t.Fatal(err)
		}
		rounds = append(rounds, round)
	}
	return rounds
}

// shown are the series that a round is to have.
func shown(round *probe.Round) map[series]float64 {
	all := map[series]float64{
		{name: "pingmatrix_coverage_ratio"}: float64(round.Count(probe.Measured)) / float64(round.Planned()),
	}
	for _, state := range []probe.State{probe.Measured, probe.Lost, probe.SourceDown, probe.Unresolved, probe.NotRun, probe.Excluded} {
		all[series{name: "pingmatrix_pairs", state: state.String()}] = float64(round.Count(state))
	}
	for i := range round.Samples {
		s := &round.Samples[i]
		for _, stat := range []probe.Stat{probe.Min, probe.Avg, probe.Max} {
			if d, ok := s.Summary().Get(stat); ok {
				all[series{"pingmatrix_rtt_seconds", s.From, s.To, stat.String(), ""}] = d.Seconds()
			}
		}
		if loss, ok := s.Loss(); ok {
			all[series{"pingmatrix_loss_ratio", s.From, s.To, "", ""}] = loss
		}
	}
	return all
}
