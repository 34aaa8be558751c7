// Package metricstest runs a real Prometheus on the loopback, for tests of what it
// scrapes and of the alerts of deploy/prometheus/rules.yml.
package metricstest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"

	"matrix/probe/lacktest"
)

// Prometheus is one that scrapes, and keeps our rules, four times a second.
type Prometheus struct{ url string }

const config = `global: {scrape_interval: 250ms, scrape_timeout: 250ms, evaluation_interval: 250ms}
rule_files: [rules.yml]
scrape_configs: [{job_name: matrix, static_configs: [{targets: ["%s"]}]}]
`

// Start starts one that scrapes a target, HOST:PORT, and ends with the test. The
// patience of the rules, a file, is shortened to half a second.
func Start(t *testing.T, target, rules string) *Prometheus {
	t.Helper()
	lacktest.Programs(t, "prometheus")
	folder := t.TempDir()
	text, err := os.ReadFile(rules)
	if err != nil {
		t.Fatal(err)
	}
	text = regexp.MustCompile(`(?m)for: \d+m$`).ReplaceAll(text, []byte("for: 500ms"))
	for name, text := range map[string]string{"prometheus.yml": fmt.Sprintf(config, target), "rules.yml": string(text)} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return &Prometheus{"http://" + run(t, folder)}
}

// listening is what it logs once it has an address.
var listening = regexp.MustCompile(`msg="Listening on" address=(127\.0\.0\.1:[1-9]\d*)`)

// run runs Prometheus in a folder until the test's end, and returns its address.
func run(t *testing.T, folder string) string {
	t.Helper()
	log, err := os.Create(filepath.Join(folder, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "prometheus", "--config.file="+filepath.Join(folder, "prometheus.yml"),
		"--storage.tsdb.path="+filepath.Join(folder, "data"), "--web.listen-address=127.0.0.1:0")
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
	var address string
	Until(t, "an address of Prometheus", func() (bool, string) {
		text, err := os.ReadFile(log.Name())
		if found := listening.FindSubmatch(text); found != nil {
			address = string(found[1])
		}
		return address != "", fmt.Sprint(err)
	})
	return address
}

// limit is how long a condition may take: on a busy machine much takes long.
const limit = 3 * time.Minute

// Until waits for a condition, which it asks again and again; the condition
// says what it saw instead.
func Until(t *testing.T, what string, is func() (bool, string)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
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
			t.Fatalf("in %v not: %s: %s", limit, what, news)
		case <-again.C:
		}
	}
}

// Get asks Prometheus' API.
func (p *Prometheus) Get(path string, query url.Values, into any) error {
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

// Series is how many a query returns.
func (p *Prometheus) Series(query string) (int, error) {
	var data struct{ Result []json.RawMessage }
	err := p.Get("/api/v1/query", url.Values{"query": {query}}, &data)
	return len(data.Result), err
}

// Metric is a series: its labels, and its name under __name__.
type Metric map[string]string

// Scrapes are all values of the series that a selector names, by the time of their
// scrape in Unix seconds.
func (p *Prometheus) Scrapes(selector string) (map[float64][]Value, error) {
	var data struct {
		Result []struct {
			Metric Metric
			Values [][2]any
		}
	}
	if err := p.Get("/api/v1/query", url.Values{"query": {selector + "[1h]"}}, &data); err != nil {
		return nil, err
	}
	scrapes := map[float64][]Value{}
	for _, series := range data.Result {
		for _, pair := range series.Values {
			at, isTime := pair[0].(float64)
			text, isText := pair[1].(string)
			value, err := strconv.ParseFloat(text, 64)
			if !isTime || !isText || err != nil {
				return nil, fmt.Errorf("%v: the value %v: %w", series.Metric, pair, err)
			}
			scrapes[at] = append(scrapes[at], Value{series.Metric, value})
		}
	}
	return scrapes, nil
}

// Value is that of a series in one scrape.
type Value struct {
	Metric
	Value float64
}

// Alert is one that is pending or firing.
type Alert struct {
	State  string
	Labels map[string]string // its name under alertname
}

// Alerts are all that are not inactive.
func (p *Prometheus) Alerts() ([]Alert, error) {
	var data struct{ Alerts []Alert }
	err := p.Get("/api/v1/alerts", nil, &data)
	return data.Alerts, err
}
