package metrics

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"matrix/report"
	"matrix/report/reporttest"
)

// server is a real Prometheus on the loopback, which scrapes a handler of ours
// and keeps our rules, with their patience shortened.
type server struct{ url string }

const prometheusConfig = `global: {scrape_interval: 250ms, scrape_timeout: 250ms, evaluation_interval: 250ms}
rule_files: [rules.yml]
scrape_configs: [{job_name: matrix, static_configs: [{targets: ["%s"]}]}]
`

// startPrometheus starts one that ends with the test.
func startPrometheus(t *testing.T, target string) *server {
	t.Helper()
	require(t, "prometheus")
	folder := t.TempDir()
	rules, err := os.ReadFile("../../deploy/prometheus/rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	rules = regexp.MustCompile(`(?m)for: \d+m$`).ReplaceAll(rules, []byte("for: 500ms"))
	for name, text := range map[string]string{"prometheus.yml": fmt.Sprintf(prometheusConfig, target), "rules.yml": string(rules)} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	address := freeAddress(t)
	log, err := os.Create(filepath.Join(folder, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "prometheus", "--config.file="+filepath.Join(folder, "prometheus.yml"),
		"--storage.tsdb.path="+filepath.Join(folder, "data"), "--web.listen-address="+address)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // ends by our signal
	}()
	t.Cleanup(func() {
		<-ended // the test's context has ended it
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("prometheus said:\n%s", text)
		}
		log.Close()
	})
	return &server{"http://" + address}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// until waits for a condition, which it asks again and again.
func until(t *testing.T, what string, is func() (bool, string)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for {
		ok, news := is()
		if ok {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("in a minute not %s: %s", what, news)
		case <-again.C:
		}
	}
}

// get asks Prometheus' API.
func (p *server) get(path string, query url.Values, into any) error {
	answer, err := http.Get(p.url + path + "?" + query.Encode())
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	var body struct {
		Status, Error string
		Data          json.RawMessage
	}
	if err := json.NewDecoder(answer.Body).Decode(&body); err != nil {
		return fmt.Errorf("%s: %w", answer.Status, err)
	}
	if body.Status != "success" {
		return fmt.Errorf("%s", body.Error)
	}
	return json.Unmarshal(body.Data, into)
}

// series is how many a query returns.
func (p *server) series(query string) (int, error) {
	var data struct{ Result []json.RawMessage }
	err := p.get("/api/v1/query", url.Values{"query": {query}}, &data)
	return len(data.Result), err
}

// firing are the alerts that fire: their names and what they are about.
func (p *server) firing() ([]string, error) {
	var data struct {
		Alerts []struct {
			State  string
			Labels map[string]string
		}
	}
	err := p.get("/api/v1/alerts", nil, &data)
	var names []string
	for _, a := range data.Alerts {
		if a.State == "firing" {
			names = append(names, strings.Trim(a.Labels["alertname"]+" "+a.Labels["host"]+a.Labels["to"], " "))
		}
	}
	slices.Sort(names)
	return slices.Compact(names), err
}

// TestRealPrometheus: a real one scrapes the real endpoint, its rules fire on
// faults and resolve after them, and all queries of the dashboard return data.
func TestRealPrometheus(t *testing.T) {
	round := fresh(nil)
	s := &service{last: made(round)}
	endpoint := httptest.NewServer(Handler(s, Options{Version: "1.2.3", MaxAge: time.Hour}))
	t.Cleanup(endpoint.Close)
	p := startPrometheus(t, strings.TrimPrefix(endpoint.URL, "http://"))

	until(t, "two scrapes", func() (bool, string) {
		n, err := p.series("count_over_time(pingmatrix_stale[1m]) >= 3")
		return n == 1, fmt.Sprint(err)
	})
	t.Run("dashboard", func(t *testing.T) { dashboard(t, p) })

	usual, err := p.firing()
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range []struct {
		name  string
		round func() *report.Report
		fires []string
	}{
		{"Milan answers nobody", func() *report.Report {
			return made(fresh(func(x *report.Sample) {
				if x.To == "milan" {
					x.State, x.RTTs, x.Received = report.Lost, nil, 0
				}
			}))
		}, []string{"PingmatrixCityUnreachable milan"}},
		{"one pair", func() *report.Report {
			return made(fresh(func(x *report.Sample) {
				if x.To == "milan" && x.From == "paris" {
					x.State, x.RTTs, x.Received = report.Lost, nil, 0
				}
			}))
		}, []string{"PingmatrixPairUnreachable milan"}},
		{"Dallas cannot ping", func() *report.Report {
			return made(fresh(func(x *report.Sample) {
				if x.From == "dallas" {
					x.State, x.RTTs, x.Sent, x.Received = report.SourceDown, nil, 0, 0
				}
			}))
		}, []string{"PingmatrixHostDown dallas"}},
		{"stale", func() *report.Report {
			old := fresh(nil)
			old.End = old.End.Add(-2 * time.Hour)
			return made(old)
		}, []string{"PingmatrixStale"}},
	} {
		s.set(fault.round())
		until(t, fault.name+" fires", func() (bool, string) {
			now, err := p.firing()
			ok := err == nil && !slices.ContainsFunc(fault.fires, func(want string) bool { return !slices.Contains(now, want) })
			return ok, fmt.Sprint(now, err)
		})
		t.Logf("%s: fired", fault.name)
		s.set(made(fresh(nil)))
		until(t, fault.name+" resolved", func() (bool, string) {
			now, err := p.firing()
			left := slices.ContainsFunc(fault.fires, func(was string) bool { return slices.Contains(now, was) })
			return err == nil && !left, fmt.Sprint(now, err)
		})
	}
	until(t, "as before", func() (bool, string) {
		now, err := p.firing()
		more := slices.ContainsFunc(now, func(a string) bool {
			return !slices.Contains(usual, a) && a != "PingmatrixDetours" // the table has two extreme pairs
		})
		return err == nil && !more, fmt.Sprint(now, " before: ", usual)
	})
}

// fresh is a round of just now, with its samples changed.
func fresh(change func(*report.Sample)) *report.Round {
	round := reporttest.Measured()
	took := round.End.Sub(round.Start)
	round.End = time.Now()
	round.Start = round.End.Add(-took)
	for i := range round.Samples {
		if change != nil {
			change(&round.Samples[i])
		}
	}
	round.Hosts = []report.Host{{City: "milan"}}
	round.Hosts[0].Health.Offset = time.Second
	return round
}

// dashboard runs every query of the dashboard, its variables' as well.
func dashboard(t *testing.T, p *server) {
	text, err := os.ReadFile("../../deploy/grafana/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Templating struct {
			List []struct{ Name, Type, Definition string }
		}
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	values := strings.NewReplacer("$from", "paris", "$to", "milan", "$__rate_interval", "1m")
	queries := 0
	for _, panel := range board.Panels {
		for _, target := range panel.Targets {
			queries++
			if n, err := p.series(values.Replace(target.Expr)); err != nil || n == 0 {
				t.Errorf("%s: %s: %d series, %v", panel.Title, target.Expr, n, err)
			}
		}
	}
	for _, v := range board.Templating.List {
		label := regexp.MustCompile(`^label_values\((.*), (\w+)\)$`).FindStringSubmatch(v.Definition)
		if v.Type != "query" {
			continue
		}
		var found []string
		if err := p.get("/api/v1/label/"+label[2]+"/values", url.Values{"match[]": {label[1]}}, &found); err != nil || len(found) != 10 {
			t.Errorf("%s: %v, %v", v.Name, found, err)
		}
	}
	if queries < 20 {
		t.Errorf("only %d queries were found", queries)
	}
	t.Logf("%d queries returned data", queries)
}
