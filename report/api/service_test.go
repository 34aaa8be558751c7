package api

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"matrix/report"
	"matrix/report/alarm"
	"matrix/report/live"
	"matrix/report/reporttest"
)

// service shows what a test puts there.
type service struct{ now atomic.Pointer[live.Snapshot] }

func (s *service) Current() *live.Snapshot { return s.now.Load() }

// atTest is when the tests look: ten minutes after the round ended.
var atTest = time.Date(2026, 10, 31, 12, 0, 0, 0, time.UTC)

// shown is a service that has much to show: a round in which nearly everything
// happened, a month, hosts that are down, and a round under way.
func shown(t testing.TB) *service {
	t.Helper()
	round := reporttest.Mixed()
	return show(t, round, report.New(round, report.Options{Stat: report.Avg}))
}

func show(t testing.TB, round *report.Round, r *report.Report) *service {
	t.Helper()
	took := round.End.Sub(round.Start)
	round.End = atTest.Add(-10 * time.Minute)
	round.Start = round.End.Add(-took)
	r.Method.Start, r.Method.End = round.Start, round.End
	for _, c := range round.Cities {
		h := report.Host{City: c.Name, Version: "1.2.3"}
		h.Health.Offset, h.Health.OffsetError = 3*time.Second, 20*time.Millisecond
		if c.Name == "dallas" {
			h.Error, h.Hint = "connect: connection refused", "is sshd running there?"
		}
		round.Hosts = append(round.Hosts, h)
	}
	s := &service{}
	s.now.Store(&live.Snapshot{
		Version: "1.2.3", Began: atTest.Add(-48 * time.Hour), Every: time.Hour, MaxAge: 2 * time.Hour,
		Round: round, ID: "20261031T115000Z", Report: r, Month: month(t),
		Recent: []report.RoundLine{{
			ID: "20261031T115000Z", File: "2026-10/x.parquet", Start: round.Start, End: round.End, Source: "live", Version: "1.2.3", Cities: 10,
			Planned: 90, States: map[report.State]int{report.Measured: 80, report.Lost: 10}, Warnings: round.Warnings,
		}},
		Next:    atTest.Add(50 * time.Minute),
		Running: &live.Running{Start: atTest.Add(-time.Minute), Progress: report.Progress{Pairs: 90, PairsDone: 40, Hosts: 10, HostsUp: 9, Started: true, Left: time.Minute}},
		Away:    []live.Away{{City: "milan", Since: atTest.Add(-time.Hour), Next: atTest.Add(time.Hour), Reason: "no route to host"}},
		Open:    []alarm.Anomaly{{City: "dallas", Verdict: report.Unreachable, Severity: report.Urgent, Pairs: 9, Summary: "Dallas: nothing comes back", Details: []string{"x"}}},
		Counts:  live.Counts{Finished: 47, Skipped: 1, Failed: 0},
		Trouble: []live.Trouble{{About: "inventory", Since: atTest.Add(-time.Minute), Text: "cities.csv:3: no latitude"}},
	})
	return s
}

func month(t testing.TB) *report.MonthReport {
	t.Helper()
	span := report.MonthSpan(2026, time.October)
	season := reporttest.NewSeason(15, 7, report.Span{From: span.From.AddDate(0, -1, 0), To: span.To}, 6*time.Hour)
	if err := season.Eventful(span); err != nil {
		t.Fatal(err)
	}
	m, err := report.NewMonthReport(t.Context(), season, report.MonthOptions{Span: span, Options: report.Options{Stat: report.Avg}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (s *service) change(edit func(*live.Snapshot)) {
	next := *s.Current()
	edit(&next)
	s.now.Store(&next)
}

func handler(s *service, after time.Duration) http.Handler {
	return Handler(s, Options{Now: func() time.Time { return atTest.Add(after) }})
}

// ask asks for an address with headers, which are name, value, name, value.
func ask(h http.Handler, method, address string, headers ...string) *http.Response {
	request := httptest.NewRequest(method, address, nil)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, request)
	return answer.Result()
}

func text(t testing.TB, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
