package api

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"matrix/report"
	"matrix/report/live"
)

// TestFigures compares what the API says with what the report says.
func TestFigures(t *testing.T) {
	s := shown(t)
	h, r := handler(s, 0), s.Current().Report
	for _, stat := range []string{"", "min", "max"} {
		for _, m := range []report.Metric{report.RTT, report.Fibre, report.Speed} {
			var got struct {
				Rows, Columns []string
				Values        [][]*float64
				Gaps          []struct{ From, To, Why string }
				Unit          string
				Statistic     string
			}
			body := text(t, ask(h, http.MethodGet, Root+"matrix?metric="+m.String()+map[bool]string{true: "", false: "&stat=" + stat}[stat == ""]))
			if err := json.Unmarshal([]byte(body), &got); err != nil {
				t.Fatal(err)
			}
			want := r
			if stat != "" {
				var of report.Stat
				if err := of.UnmarshalText([]byte(stat)); err != nil {
					t.Fatal(err)
				}
				want = r.InStat(of)
			}
			if len(got.Rows) != 10 || len(got.Values) != 10 || got.Statistic != want.Method.Stat.String() {
				t.Fatalf("%v %s: %d rows, %d lists, in %s", m, stat, len(got.Rows), len(got.Values), got.Statistic)
			}
			why := map[string]string{}
			for _, g := range got.Gaps {
				why[g.From+" "+g.To] = g.Why
			}
			for y, from := range got.Rows {
				for x, to := range got.Columns {
					p, v := want.Pair(from, to), got.Values[y][x]
					figure, ok := want.Value(p, m)
					switch {
					case from == to || p == nil:
						ok = false
					case ok != (v != nil):
						t.Errorf("%v of %s %s: %v", m, from, to, v)
					case ok && (*v < figure-0.001 || *v > figure+0.001):
						t.Errorf("%v of %s %s: %v, want %v", m, from, to, *v, figure)
					case !ok && why[from+" "+to] != want.Why(p, m):
						t.Errorf("%v of %s %s is missing: %q, want %q", m, from, to, why[from+" "+to], want.Why(p, m))
					}
				}
			}
		}
	}
}

// TestUnchanged: an answer is sent once, in each coding, until it changes.
func TestUnchanged(t *testing.T) {
	s := shown(t)
	h := handler(s, 0)
	for _, a := range []string{"round", "matrix", "cities", "cities/milan", "pairs/milan/paris", "verdicts", "rounds", "month", "openapi.json"} {
		plain, packed := ask(h, http.MethodGet, Root+a), ask(h, http.MethodGet, Root+a, "Accept-Encoding", "br, gzip;q=0.5")
		tag, packedTag := plain.Header.Get("ETag"), packed.Header.Get("ETag")
		if tag == packedTag || !strings.HasPrefix(tag, `"`) || plain.Header.Get("Content-Encoding") != "" || packed.Header.Get("Content-Encoding") != "gzip" {
			t.Fatalf("%s: ETags %s and %s, codings %q and %q", a, tag, packedTag, plain.Header.Get("Content-Encoding"), packed.Header.Get("Content-Encoding"))
		}
		body := text(t, plain)
		unpacker, err := gzip.NewReader(packed.Body)
		if err != nil {
			t.Fatal(err)
		}
		var unpacked bytes.Buffer
		if _, err := io.Copy(&unpacked, unpacker); err != nil || unpacked.String() != body {
			t.Errorf("%s is another when unpacked: %v", a, err)
		}
		if n := plain.Header.Get("Content-Length"); n != fmt.Sprint(len(body)) {
			t.Errorf("%s: length %s of %d", a, n, len(body))
		}
		for _, coding := range [][2]string{{tag, "identity"}, {packedTag, "gzip"}} {
			same := ask(h, http.MethodGet, Root+a, "If-None-Match", coding[0], "Accept-Encoding", coding[1])
			if same.StatusCode != http.StatusNotModified || text(t, same) != "" || same.Header.Get("ETag") != coding[0] {
				t.Errorf("%s with %s: %s", a, coding[0], same.Status)
			}
			if same.Header.Get("Vary") != "Accept-Encoding" || same.Header.Get("Cache-Control") != "no-cache" {
				t.Errorf("%s: %v", a, same.Header)
			}
			if a != "openapi.json" && same.Header.Get(ageHeader) != "600" {
				t.Errorf("%s: age %q", a, same.Header.Get(ageHeader))
			}
		}
		if mixed := ask(h, http.MethodGet, Root+a, "If-None-Match", packedTag); mixed.StatusCode != http.StatusOK {
			t.Errorf("%s: the tag of another coding: %s", a, mixed.Status)
		}
		head := ask(h, http.MethodHead, Root+a)
		if head.StatusCode != http.StatusOK || text(t, head) != "" || head.Header.Get("ETag") != tag || head.ContentLength != int64(len(body)) {
			t.Errorf("HEAD %s: %s, %d, %v", a, head.Status, head.ContentLength, head.Header)
		}
		if a == "openapi.json" {
			continue
		}
		since := plain.Header.Get("Last-Modified")
		if same := ask(h, http.MethodGet, Root+a, "If-Modified-Since", since); since == "" || same.StatusCode != http.StatusNotModified {
			t.Errorf("%s since %q: %s", a, since, same.Status)
		}
		later := ask(handler(s, 3*time.Hour), http.MethodGet, Root+a, "If-None-Match", tag, "If-Modified-Since", since)
		if later.StatusCode != http.StatusOK || !strings.Contains(text(t, later), `"stale":true`) {
			t.Errorf("%s, stale: %s", a, later.Status)
		}
	}
}

// TestStale: nothing is fresh for longer than it may be, and an answer that was
// kept is not used after that.
func TestStale(t *testing.T) {
	s := shown(t)
	now := atTest
	h := Handler(s, Options{Now: func() time.Time { return now }})
	stale := func() (is bool, tag string) {
		var head Head
		answer := ask(h, http.MethodGet, Root+"verdicts")
		if err := json.NewDecoder(answer.Body).Decode(&head); err != nil {
			t.Fatal(err)
		}
		if want := s.Current().Round.End; !head.MeasuredAt.Equal(want) || !head.StaleAt.Equal(want.Add(2*time.Hour)) {
			t.Errorf("%+v", head)
		}
		return head.Stale, answer.Header.Get("ETag")
	}
	is, first := stale()
	now = s.Current().Round.End.Add(2 * time.Hour)
	if still, tag := stale(); is || still || tag != first {
		t.Error("stale too early, or another for no reason")
	}
	now = now.Add(time.Millisecond)
	if is, tag := stale(); !is || tag == first {
		t.Error("not stale, or not another answer")
	}
	now = atTest
	s.change(func(n *live.Snapshot) {
		round := *n.Round
		round.Samples = round.Samples[:30]
		n.Round, n.Report = &round, report.New(&round, report.Options{})
	})
	if _, tag := stale(); tag == first {
		t.Error("the next round has the answer of the last")
	}
}

// TestProblems: what cannot be answered is explained.
func TestProblems(t *testing.T) {
	router, h := described(t), handler(shown(t), 0)
	var empty service
	empty.now.Store(&live.Snapshot{Next: atTest.Add(time.Minute)})
	for _, test := range []struct {
		method, address string
		h               http.Handler
		status          int
		detail          string
	}{
		{"GET", "cities/atlantis", h, 404, `there is no city "atlantis"; /api/v1/cities lists them`},
		{"GET", "pairs/paris/atlantis", h, 404, `there is no city "atlantis"`},
		{"GET", "pairs/paris/paris", h, 404, `nothing on "paris" and "paris"`},
		{"GET", "matrix?metric=rt", h, 400, `metric: unknown metric "rt": want one of rtt, speed, fibre, loss, distance`},
		{"GET", "matrix?stat=p95", h, 400, `stat: unknown statistic`},
		{"GET", "matrix?stat=mdev", h, 400, `want min, median, avg or max`},
		{"GET", "matrix?metric=loss&stat=min", h, 400, `loss has no statistics`},
		{"GET", "matrix?metric=rtt&metric=loss", h, 400, `the parameter metric is there 2 times`},
		{"GET", "matrix?colour=red", h, 400, `there is no parameter "colour": want metric, stat`},
		{"GET", "status?x=1", h, 400, `this address has none`},
		{"GET", "matrix?metric=%zz", h, 400, `the query cannot be read`},
		{"POST", "status", h, 405, `by GET or HEAD`},
		{"DELETE", "round", h, 405, `by GET or HEAD`},
		{"GET", "round", handler(&empty, 0), 503, `no round has been measured yet`},
		{"GET", "month", handler(&empty, 0), 503, `the month has not been read yet`},
	} {
		answer := ask(test.h, test.method, Root+test.address)
		body := text(t, answer)
		if test.method == "GET" {
			conforms(t, router, test.h, test.method, Root+test.address)
		}
		var p problem
		if err := json.Unmarshal([]byte(body), &p); err != nil || answer.StatusCode != test.status || p.Status != test.status || !strings.Contains(p.Detail, test.detail) {
			t.Errorf("%s %s: %s: %s", test.method, test.address, answer.Status, body)
		}
		if kind := answer.Header.Get("Content-Type"); kind != "application/problem+json" || answer.Header.Get("ETag") != "" {
			t.Errorf("%s: %v", test.address, answer.Header)
		}
		if allow := answer.Header.Get("Allow"); (test.status == 405) != (allow == "GET, HEAD") {
			t.Errorf("%s: Allow %q", test.address, allow)
		}
		if retry := answer.Header.Get("Retry-After"); test.address == "round" && test.status == 503 && retry != "61" {
			t.Errorf("retry after %q", retry)
		}
	}
	if answer := ask(h, "GET", "/nowhere"); answer.StatusCode != 404 || !strings.Contains(text(t, answer), "openapi.json") {
		t.Error("an address that is not there is there")
	}
}

// TestFailing: what cannot be made is a 500, is logged, and is not kept.
func TestFailing(t *testing.T) {
	s := &server{Options: Options{}.filled(), shelf: newShelf()}
	fails := &answer{kind: jsonKind, source: s, write: func(io.Writer) error { return fmt.Errorf("no ink") }}
	request, w := httptest.NewRequest(http.MethodGet, Root+"status", nil), httptest.NewRecorder()
	s.explain(w, request, s.send(w, request, fails))
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "ink") || len(s.shelf.kept) != 0 {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
}

// TestShelf keeps what is asked for often, and never more than it may.
func TestShelf(t *testing.T) {
	s, source, made := newShelf(), new(int), 0
	of := func(source any, size int) *answer {
		return &answer{source: source, write: func(w io.Writer) error {
			made++
			noise := make([]byte, size)
			for i := range noise {
				noise[i] = byte(i * i * 31 >> 3)
			}
			_, err := w.Write(noise)
			return err
		}}
	}
	get := func(address string, a *answer) {
		t.Helper()
		if _, err := s.body(t.Context(), address, a); err != nil {
			t.Fatal(err)
		}
	}
	get("a", of(source, 10))
	get("a", of(source, 10))
	if made != 1 {
		t.Errorf("made %d times", made)
	}
	get("a", of(new(int), 10))
	get("b", of(nil, 10))
	get("b", of(nil, 10))
	if made != 4 || len(s.kept) != 1 {
		t.Errorf("made %d times, kept %d", made, len(s.kept))
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	s.makers <- struct{}{}
	s.makers <- struct{}{}
	if _, err := s.body(cancelled, "c", of(source, 1)); err == nil {
		t.Error("who has gone is waited for")
	}
	<-s.makers
	<-s.makers
	before := s.bytes
	for i := range 100 {
		get(fmt.Sprint(i), of(source, 1<<16))
	}
	if s.bytes <= before || s.bytes > shelfBytes {
		t.Errorf("%d bytes are kept", s.bytes)
	}
}

func TestGzip(t *testing.T) {
	for header, want := range map[string]bool{
		"": false, "gzip": true, "GZIP": true, "deflate, gzip": true, "gzip;q=0": false, "gzip; q=0.0": false, "*": true, "br;q=1, *;q=0.1": true,
		"identity": false, "gzipx": false, "gzip;q=1.0": true, "gzip;q=zz": false,
	} {
		if got := takesGzip([]string{header}); got != want {
			t.Errorf("%q: %v", header, got)
		}
	}
}

// TestStatus: the states of hosts, and what is wrong.
func TestStatus(t *testing.T) {
	s := shown(t)
	var got struct {
		Age     float64 `json:"age_seconds"`
		Running Running
		Last    LastRound
		Rounds  Counts
		Hosts   []Host
		Trouble []Trouble
	}
	body := text(t, ask(handler(s, 0), http.MethodGet, Root+"status"))
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	states := map[string]string{}
	for _, h := range got.Hosts {
		states[h.City] = h.State
	}
	if len(states) != 10 || states["milan"] != "away" || states["dallas"] != "failed" || states["paris"] != "up" {
		t.Errorf("%v", states)
	}
	if got.Age != 600 || *got.Running.LeftSeconds != 60 || got.Rounds.Finished != 47 || got.Last.Planned != 90 || got.Trouble[0].About != "inventory" {
		t.Errorf("%s", body)
	}
}
