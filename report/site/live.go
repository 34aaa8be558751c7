package site

import (
	"bufio"
	_ "embed"
	"fmt"
	"io"
	"strings"
	"time"

	"matrix/report"
	"matrix/report/live"
)

var (
	//go:embed web/live.css
	liveCSS string
	//go:embed web/live.js
	liveJS string
)

// Addresses of what the live page refers to, below its own.
const (
	LiveStyle  = "live/style.css"
	LiveScript = "live/live.js"
	LiveState  = "live/state" // the part of the page that changes between two rounds
	LiveRound  = "round"      // the last round in full, as Page writes it
)

// LivePolicy is what the live page may do.
const LivePolicy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// LiveAssets are the style sheet and the script.
func LiveAssets() (style, script string) { return assetCSS + liveCSS, liveJS }

// liveView is the live page.
type liveView struct {
	page
	Stamp  string // of the round: another one is another page
	Every  int    // seconds until the page looks again
	Now    time.Time
	Ended  time.Time
	Age    string
	Stale  string // why the figures are not those of the present
	Trials []trial
	Tiles  []tile
	Round  *runningView
	Next   time.Time
	NextIn string
	Open   []openView
	Hosts  []hostView
	Ill    []hostView // those of them that are not up
	Matrix *view      // nil before the first round
}

// trial is something that the operator has to mend.
type trial struct {
	About, Text string
	Since       time.Time
}

type runningView struct {
	Done, All int // echo requests
	Text      string
}

type openView struct{ Word, Class, Text string }

type hostView struct{ Title, State, Class, Reason, Hint, Since, Next, Clock, Version string }

// Live writes the page of a service as it is now: the round under way, the last one
// with what stands out, and the hosts. It needs no script; the script only spares
// the reader the reloading.
func Live(w io.Writer, s *live.Snapshot, now time.Time) error {
	return writeLive(w, "live", s, now, true)
}

// LiveStatePart writes the part of the page that changes between two rounds.
func LiveStatePart(w io.Writer, s *live.Snapshot, now time.Time) error {
	return writeLive(w, "livestate", s, now, false)
}

func writeLive(w io.Writer, name string, s *live.Snapshot, now time.Time, whole bool) error {
	v := newLiveView(s, now)
	if whole && s.Report != nil {
		var err error
		if v.Matrix, err = newRoundView(s.Report); err != nil {
			return fmt.Errorf("write live page: %w", err)
		}
	}
	out := bufio.NewWriter(w)
	if err := webPages().ExecuteTemplate(out, name, v); err != nil {
		return fmt.Errorf("write live page: %w", err)
	}
	return out.Flush()
}

// newRoundView is a round as the live page shows it; its figures lead to the page
// of the round.
func newRoundView(r *report.Report) (*view, error) {
	v, err := newView(r)
	if err != nil {
		return nil, err
	}
	for i := range v.StandsOut {
		s := &v.StandsOut[i]
		s.Href, s.Traced = onRound(s.Href), "" // traces are on the page of the round
	}
	for p := range v.Panels {
		panel := &v.Panels[p]
		for y := range panel.Heads {
			panel.Heads[y].Href = onRound(panel.Heads[y].Href)
		}
		for y := range panel.Rows {
			row := &panel.Rows[y]
			row.Href = onRound(row.Href)
			for x := range row.Cells {
				row.Cells[x].Href = onRound(row.Cells[x].Href)
			}
		}
	}
	return v, nil
}

func onRound(anchor string) string {
	if anchor == "" {
		return ""
	}
	return LiveRound + anchor
}

func newLiveView(s *live.Snapshot, now time.Time) *liveView {
	v := &liveView{
		page: page{Title: "Network latency, live", Policy: LivePolicy, Version: fingerprint(assetCSS + liveCSS + liveJS)},
		Now:  now.UTC(), Ended: s.Ended().UTC(), Next: s.Next.UTC(), Every: 30, Stamp: fmt.Sprint(s.Ended().UnixMilli()),
	}
	if s.Report != nil {
		v.Method = s.Report.Method.String()
		v.Age = ago(s.Age(now))
		v.Tiles = liveTiles(s, now)
	}
	if s.Report != nil && s.Stale(now) {
		v.Stale = "The last round ended " + v.Age + ", which is longer than the " + words(s.MaxAge) + " for which a round may stand. What follows is how it was then."
	}
	if !s.Next.IsZero() {
		v.NextIn = within(s.Next.Sub(now))
	}
	for _, t := range s.Trouble {
		v.Trials = append(v.Trials, trial{report.Clean(t.About, 60), report.Clean(t.Text, 300), t.Since.UTC()})
	}
	if r := s.Running; r != nil {
		v.Round, v.Every = newRunningView(r), 3
	}
	for _, a := range s.Open {
		v.Open = append(v.Open, openView{a.Verdict.String(), wordClass(a.Verdict), report.Clean(a.Summary, 300)})
	}
	for _, h := range s.Hosts() {
		line := newHostView(s.Report, h, now)
		v.Hosts = append(v.Hosts, line)
		if h.State != live.HostUp {
			v.Ill = append(v.Ill, line)
		}
	}
	return v
}

func liveTiles(s *live.Snapshot, now time.Time) []tile {
	hosts := s.Hosts()
	up := 0
	for _, h := range hosts {
		if h.State == live.HostUp {
			up++
		}
	}
	c := s.Report.Coverage
	number, unit, _ := strings.Cut(words(s.Age(now)), " ")
	return []tile{
		{"Pairs measured", fmt.Sprint(c.Measured), fmt.Sprintf("of %d", c.Planned), ""},
		{"Hosts up", fmt.Sprint(up), fmt.Sprintf("of %d", len(hosts)), ""},
		{"Age of the figures", number, unit, "stale after " + words(s.MaxAge)},
		{"Rounds since the start", fmt.Sprint(s.Counts.Finished), "", fmt.Sprintf("%d skipped, %d failed", s.Counts.Skipped, s.Counts.Failed)},
	}
}

func newRunningView(r *live.Running) *runningView {
	p := r.Progress
	v := &runningView{Done: p.EchoesDone, All: max(1, p.Echoes)}
	switch {
	case !p.Started:
		v.Text = fmt.Sprintf("%d of %d hosts are ready", p.HostsUp, p.Hosts)
	default:
		v.Text = fmt.Sprintf("%d of %d pairs, %s to go", p.PairsDone, p.Pairs, words(max(0, p.Left)))
	}
	if p.HostsFailed > 0 {
		v.Text += fmt.Sprintf(", %s failed", count(p.HostsFailed, "host has", "hosts have"))
	}
	return v
}

func newHostView(r *report.Report, h live.Host, now time.Time) hostView {
	v := hostView{Title: report.Clean(h.City, 60), State: string(h.State), Reason: report.Clean(h.Reason, 300), Hint: report.Clean(h.Hint, 300)}
	if r != nil {
		v.Title = r.Title(h.City)
	}
	if h.State != live.HostUp {
		v.Class = "o"
	}
	if h.Round != nil {
		v.Version = report.Clean(h.Round.Version, 60)
		if h.Round.Health.OffsetError > 0 {
			v.Clock = report.ClockWords(h.Round.Health)
		}
	}
	if h.Away != nil {
		v.Since, v.Next = "since "+h.Away.Since.UTC().Format("2 January 15:04 UTC"), within(h.Away.Next.Sub(now))
	}
	return v
}

// ago is a time in the past.
func ago(d time.Duration) string {
	if d < time.Minute {
		return "just now"
	}
	return words(d) + " ago"
}

// within is a time to come.
func within(d time.Duration) string {
	if d <= 0 {
		return "now"
	}
	return "in " + words(d)
}

// words are a duration as people say it: "2 hours".
func words(d time.Duration) string {
	switch {
	case d < time.Minute:
		return count(int(d.Round(time.Second).Seconds()), "second", "seconds")
	case d < 2*time.Hour:
		return count(int(d.Minutes()), "minute", "minutes")
	case d < 48*time.Hour:
		return count(int(d.Hours()), "hour", "hours")
	}
	return count(int(d.Hours()/24), "day", "days")
}
