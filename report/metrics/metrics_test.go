package metrics

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"matrix/probe/lacktest"
	"matrix/report"
	"matrix/report/reporttest"
)

// service is one whose rounds a test makes.
type service struct {
	mu       sync.Mutex
	last     *report.Report
	counters Counters
}

func (s *service) Last() *report.Report {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

func (s *service) Counters() Counters {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counters
}

func (s *service) set(r *report.Report) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = r
}

func made(round *report.Round) *report.Report {
	return report.New(round, report.Options{Stat: report.Avg})
}

// scrape is what Prometheus would read.
func scrape(t testing.TB, rounds Rounds, options Options) string {
	t.Helper()
	answer := httptest.NewRecorder()
	Handler(rounds, options).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if answer.Code != http.StatusOK {
		t.Fatalf("%d: %s", answer.Code, answer.Body)
	}
	return answer.Body.String()
}

// ours are the lines of our own metrics.
func ours(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.Contains(line, "pingmatrix_") {
			b.WriteString(line)
		}
	}
	return b.String()
}

func at(round *report.Round, later time.Duration) Options {
	return Options{Version: "1.2.3", MaxAge: time.Hour, Now: func() time.Time { return round.End.Add(later) }}
}

func TestScrape(t *testing.T) {
	round := reporttest.Mixed()
	round.Hosts = []report.Host{{City: "milan"}, {City: "paris"}, {City: "atlantis"}}
	for i, offset := range []time.Duration{-70 * time.Second, 0, time.Second} {
		round.Hosts[i].Health.Offset = offset
	}
	s := &service{last: made(round), counters: Counters{Finished: 7, Skipped: 2, Failed: 1, WebhookSent: 5, WebhookFailed: 4, WebhookDropped: 3}}
	reporttest.Golden(t, "mixed.prom", []byte(ours(scrape(t, s, at(round, time.Minute)))))
}

// TestStale: what is too old is not shown, and that is said.
func TestStale(t *testing.T) {
	round := reporttest.Measured()
	s := &service{last: made(round)}
	if text := scrape(t, s, at(round, time.Hour)); !strings.Contains(text, "\npingmatrix_stale 0\n") || !strings.Contains(text, "pingmatrix_rtt_seconds{") {
		t.Error("a round of an hour ago is not shown")
	}
	timeless := *round
	timeless.Start, timeless.End = time.Time{}, time.Time{}
	for name, s := range map[string]*service{"old": s, "none": {}, "timeless": {last: made(&timeless)}} {
		text := scrape(t, s, at(round, time.Hour+time.Second))
		if !strings.Contains(text, "\npingmatrix_stale 1\n") {
			t.Errorf("%s: nothing says that it is stale", name)
		}
		for _, m := range []*metric{rtt, loss, fibre, pairs, coverage, hostUp, pairVerdicts, duration} {
			if strings.Contains(text, "\n"+m.name) {
				t.Errorf("%s: %s is shown", name, m.name)
			}
		}
		if got := strings.Contains(text, "\n"+timestamp.name+" "); got != (name == "old") {
			t.Errorf("%s: the time of the round is shown: %v", name, got)
		}
	}
}

// TestGone: a pair that left the fleet is gone with the next round.
func TestGone(t *testing.T) {
	round := reporttest.Measured()
	s := &service{last: made(round)}
	text := func() string { return scrape(t, s, at(round, 0)) }
	if before := text(); !strings.Contains(before, `to="zurich"`) {
		t.Fatal("Zurich is not there")
	}
	s.set(made(reporttest.Only(round, []string{"paris"}, []string{"milan"})))
	if after := text(); strings.Contains(after, `to="zurich"`) || !strings.Contains(after, `from="paris",to="milan"`) {
		t.Error("Zurich is still there, or nothing is")
	}
}

// TestHostile: no name spoils a scrape.
func TestHostile(t *testing.T) {
	round := reporttest.Measured()
	for i := range round.Samples {
		if round.Samples[i].From == "paris" {
			round.Samples[i].From = "pa\xffris\"\n}"
		}
	}
	s := &service{last: made(round)}
	if text := scrape(t, s, at(round, 0)); !strings.Contains(text, `from="pa`+"\ufffd"+`ris\"\n}"`) {
		t.Error("the name is not escaped")
	}
}

// TestPromtool lets Prometheus' own tool judge names, units and help.
func TestPromtool(t *testing.T) {
	lacktest.Programs(t, "promtool")
	round := reporttest.Mixed()
	round.Hosts = []report.Host{{City: "milan"}}
	round.Hosts[0].Health.Offset = time.Second
	text := scrape(t, &service{last: made(round)}, at(round, 0))
	for _, name := range Names() {
		if !strings.Contains(text, "\n"+name) {
			t.Errorf("%s is not in the scrape", name)
		}
	}
	cmd := exec.Command("promtool", "check", "metrics")
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}

// TestRules lets promtool prove the alert rules: each fires on its fault and is
// gone after it.
func TestRules(t *testing.T) {
	lacktest.Programs(t, "promtool")
	rules, err := os.ReadFile("../../deploy/prometheus/rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	proofs, err := os.ReadFile("../../deploy/prometheus/rules_test.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, alert := range regexp.MustCompile(`alert: (\w+)`).FindAllSubmatch(rules, -1) {
		asked := regexp.MustCompile(`alertname: `+string(alert[1])+`\n\s+exp_alerts: ?(\[\])?\n`).FindAllSubmatch(proofs, -1)
		fires, rests := false, false
		for _, a := range asked {
			fires, rests = fires || len(a[1]) == 0, rests || len(a[1]) > 0
		}
		if !fires || !rests {
			t.Errorf("%s is not proved to fire (%v) and to rest (%v)", alert[1], fires, rests)
		}
	}
	for _, args := range [][]string{{"check", "rules", "rules.yml"}, {"test", "rules", "rules_test.yml"}} {
		cmd := exec.Command("promtool", args...)
		cmd.Dir = "../../deploy/prometheus"
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}
}

// TestDocumented keeps docs/metrics.md true: every metric, its labels and its
// kind are in it, and no other.
func TestDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, m := range regexp.MustCompile("(?m)^\\| `(pingmatrix_[^`]*)` \\|").FindAllSubmatch(page, -1) {
		said = append(said, string(m[1]))
	}
	var want []string
	for _, m := range all {
		name := m.name
		if len(m.labels) > 0 {
			name += "{" + strings.Join(m.labels, ",") + "}"
		}
		want = append(want, name)
	}
	if got, want := strings.Join(said, "\n"), strings.Join(want, "\n"); got != want {
		t.Errorf("docs/metrics.md has\n%s\nand there are\n%s", got, want)
	}
}

// BenchmarkScrape is of 250 cities: 62,250 pairs.
func BenchmarkScrape(b *testing.B) {
	round := reporttest.Synthetic(250)
	h := Handler(&service{last: made(round)}, at(round, 0))
	for _, encoding := range []string{"", "gzip"} {
		b.Run(fmt.Sprintf("encoding=%s", encoding), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				answer, request := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/metrics", nil)
				request.Header.Set("Accept-Encoding", encoding)
				h.ServeHTTP(answer, request)
				n, _ := io.Copy(io.Discard, bytes.NewReader(answer.Body.Bytes()))
				b.ReportMetric(float64(n)/1e6, "MB")
			}
		})
	}
}
