package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"matrix/probe/lacktest"
	"matrix/report"
	"matrix/report/live"
	"matrix/report/reporttest"
)

func pageHandler(s *service, after time.Duration) http.Handler {
	return Page(s, Options{Now: func() time.Time { return atTest.Add(after) }})
}

// TestPage: everything that the page refers to is served, under a policy that lets
// it do that and nothing else.
func TestPage(t *testing.T) {
	h := pageHandler(shown(t), 0)
	page := ask(h, http.MethodGet, "/")
	body := text(t, page)
	policy := page.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "form-action 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy lacks %s: %s", want, policy)
		}
	}
	if strings.Contains(policy, "unsafe") || regexp.MustCompile(`<script>|<style|style="|onclick|onerror=`).MatchString(body) {
		t.Error("the page has something inline, or may have")
	}
	for _, m := range regexp.MustCompile(`(?:href|src)="((?:live/|round)[^"#]*)`).FindAllStringSubmatch(body, -1) {
		answer := ask(h, http.MethodGet, "/"+m[1])
		if answer.StatusCode != http.StatusOK || answer.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %s", m[1], answer.Status)
		}
	}
	for address, kind := range map[string]string{
		"/live/style.css": "text/css; charset=utf-8", "/live/live.js": "text/javascript; charset=utf-8", "/live/state": htmlKind, "/round": htmlKind,
	} {
		answer := ask(h, http.MethodGet, address)
		if got := answer.Header.Get("Content-Type"); got != kind || answer.StatusCode != http.StatusOK {
			t.Errorf("%s is %s: %s", address, got, answer.Status)
		}
		if same := ask(h, http.MethodGet, address, "If-None-Match", answer.Header.Get("ETag")); same.StatusCode != http.StatusNotModified {
			t.Errorf("%s: %s", address, same.Status)
		}
	}
	if r := ask(h, http.MethodGet, "/round"); !strings.Contains(r.Header.Get("Content-Security-Policy"), "style-src 'sha256-") {
		t.Error("the round's page may have any style")
	}
	for address, want := range map[string]int{"/nothing": 404, "/?x=1": 400, "/live/": 404, "/index.html": 404} {
		if answer := ask(h, http.MethodGet, address); answer.StatusCode != want {
			t.Errorf("%s: %s", address, answer.Status)
		}
	}
	if answer := ask(h, http.MethodPost, "/"); answer.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %s", answer.Status)
	}
	if body := text(t, ask(pageHandler(shown(t), 3*time.Hour), http.MethodGet, "/")); !strings.Contains(body, "<strong>STALE</strong>") {
		t.Error("a stale round looks fresh")
	}
	var empty service
	empty.now.Store(&live.Snapshot{})
	if r := ask(pageHandler(&empty, 0), http.MethodGet, "/"); r.StatusCode != http.StatusOK || r.Header.Get(ageHeader) != "" {
		t.Errorf("before the first round: %s", r.Status)
	}
	if r := ask(pageHandler(&empty, 0), http.MethodGet, "/round"); r.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a round before the first: %s", r.Status)
	}
}

// TestPageLives lets Chromium wait on the page until another round is there: it
// comes without loading the page again, and leaves what the reader has opened and
// chosen.
func TestPageLives(t *testing.T) {
	const web = "../site/testdata/web/"
	lacktest.Programs(t, "node", "chromium")
	if _, err := os.Stat(web + "node_modules/puppeteer-core"); err != nil {
		lacktest.Skip(t, "no modules: npm ci --prefix report/site/testdata/web")
	}
	s := shown(t)
	h := pageHandler(s, 0)
	var looks atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/live/state" && looks.Add(1) == 2 {
			s.change(func(n *live.Snapshot) {
				round := reporttest.Only(n.Round, []string{"paris", "milan"}, nil)
				round.End = round.End.Add(time.Minute)
				n.Round, n.Report = round, report.New(round, report.Options{Stat: report.Avg})
			})
		}
		h.ServeHTTP(w, r)
	}))
	defer server.Close()
	cmd := exec.Command("node", web+"check.mjs", "live", server.URL+"/")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("node check.mjs: %v\n%s", err, stderr.String())
	}
	var after struct {
		Same, Open, Checked bool
		Rows                int
	}
	if err := json.Unmarshal(stdout.Bytes(), &after); err != nil {
		t.Fatalf("%s", stdout.String())
	}
	if !after.Same || !after.Open || !after.Checked || after.Rows != 2 {
		t.Errorf("%+v after %d looks", after, looks.Load())
	}
}
