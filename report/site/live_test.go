package site_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"matrix/report"
	"matrix/report/alarm"
	"matrix/report/live"
	"matrix/report/reporttest"
	"matrix/report/site"
)

var liveNow = time.Date(2026, 10, 31, 12, 0, 0, 0, time.UTC)

// liveSnapshot is a service whose round ended ten minutes ago.
func liveSnapshot(round *report.Round) *live.Snapshot {
	round.End = liveNow.Add(-10 * time.Minute)
	round.Start = round.End.Add(-time.Minute)
	for i, c := range round.Cities {
		h := report.Host{City: c.Name, Version: c.Title}
		h.Health.Offset, h.Health.OffsetError = 3*time.Second, 20*time.Millisecond
		if i == 2 {
			h.Error, h.Hint = c.Title+": connection refused", "is sshd running "+c.Title+"?"
		}
		round.Hosts = append(round.Hosts, h)
	}
	return &live.Snapshot{
		Every: time.Hour, MaxAge: 2 * time.Hour, Round: round, Report: report.New(round, report.Options{Stat: report.Avg}),
		Next:    liveNow.Add(50 * time.Minute),
		Running: &live.Running{Start: liveNow, Progress: report.Progress{Pairs: 90, PairsDone: 40, Echoes: 900, EchoesDone: 400, Started: true, Left: 70 * time.Second, HostsFailed: 1}},
		Away:    []live.Away{{City: round.Cities[4].Name, Since: liveNow.Add(-time.Hour), Next: liveNow.Add(3 * time.Minute), Reason: "no route to " + round.Cities[4].Title}},
		Open:    []alarm.Anomaly{{City: round.Cities[2].Name, Verdict: report.Unreachable, Summary: round.Cities[2].Title + " answers nobody"}},
		Counts:  live.Counts{Finished: 47, Skipped: 1},
		Trouble: []live.Trouble{{About: "inventory", Since: liveNow.Add(-time.Minute), Text: "cities.csv:3: no latitude for " + round.Cities[3].Title}},
	}
}

func livePage(t *testing.T, s *live.Snapshot, now time.Time) string {
	t.Helper()
	var b bytes.Buffer
	if err := site.Live(&b, s, now); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestLive: the page says how it is, before the first round, after it, and when the
// round is too old.
func TestLive(t *testing.T) {
	s := liveSnapshot(reporttest.Mixed())
	for name, test := range map[string]struct {
		s         *live.Snapshot
		after     time.Duration
		has, none []string
	}{
		"fresh": {s, 0, []string{
			"31 October 2026 11:50 UTC</time>, 10 minutes ago", `<progress max="900" value="400"`, "40 of 90 pairs, 1 minute to go, 1 host has failed",
			"in 50 minutes", "cities.csv:3: no latitude", "no route to Milan; since 31 October 11:00 UTC; the next try is in 3 minutes", "answers nobody",
			`href="round#p0-6"`, `http-equiv="refresh" content="3"`, ">8</b> <span>of 10<", "PARTIAL", "3.000 s ahead",
		}, []string{"STALE"}},
		"stale":  {s, 3 * time.Hour, []string{"<strong>STALE</strong> The last round ended 3 hours ago, which is longer than the 2 hours", "Due now"}, nil},
		"before": {&live.Snapshot{Next: liveNow.Add(time.Minute)}, 0, []string{"No round has ended yet", "Due in 1 minute", `content="30"`}, []string{"STALE", "progress", `id="matrix"`, "last round in full"}},
		"large":  {liveSnapshot(reporttest.NewFleet(120, 3).Round()), 0, []string{"from ↓ / to →", `href="round#c0"`}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if test.after > 0 {
				quiet := *test.s
				quiet.Running = nil
				test.s = &quiet
			}
			page := livePage(t, test.s, liveNow.Add(test.after))
			for _, want := range test.has {
				if !strings.Contains(page, want) {
					t.Errorf("%q is not there", want)
				}
			}
			for _, not := range test.none {
				if strings.Contains(page, not) {
					t.Errorf("%q is there", not)
				}
			}
		})
	}
	var part bytes.Buffer
	if err := site.LiveStatePart(&part, s, liveNow); err != nil || !strings.Contains(livePage(t, s, liveNow), part.String()) {
		t.Errorf("the page does not hold its part: %v", err)
	}
}

// TestLivePages: a validator, a checker of accessibility and a browser look at the
// live page, of a usual fleet and of one with hostile names.
func TestLivePages(t *testing.T) {
	dir := t.TempDir()
	style, script := site.LiveAssets()
	files := map[string]string{
		"index.html":    livePage(t, liveSnapshot(reporttest.Mixed()), liveNow.Add(3*time.Hour)),
		"hostile.html":  livePage(t, liveSnapshot(reporttest.Hostile()), liveNow),
		site.LiveStyle:  style,
		site.LiveScript: script,
		"metrics":       "", "api/v1/openapi.json": "{}",
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	// The round's page is known by its address alone; here all lead to one file.
	var round strings.Builder
	for _, made := range []*report.Round{reporttest.Mixed(), reporttest.Hostile()} {
		writeRound(t, &round, made)
	}
	if err := os.WriteFile(filepath.Join(dir, site.LiveRound), []byte(round.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	problems(t, check(t, "pages", dir, "index.html", "hostile.html"))
}

func writeRound(t *testing.T, w io.Writer, round *report.Round) {
	t.Helper()
	if err := site.Page(w, liveSnapshot(round).Report); err != nil {
		t.Fatal(err)
	}
}
