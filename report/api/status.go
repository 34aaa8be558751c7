package api

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"matrix/report"
	"matrix/report/alarm"
	"matrix/report/live"
)

// Status is the state of the service.
type Status struct {
	Head
	AgeSeconds *float64        `json:"age_seconds"` // of the last round
	Version    string          `json:"version"`     // of the program
	Began      *time.Time      `json:"began"`       // when the service did
	Schedule   Schedule        `json:"schedule"`
	Running    *Running        `json:"running"` // the round under way; null: none is
	Last       *LastRound      `json:"last"`    // null before the first
	Rounds     Counts          `json:"rounds"`
	Hosts      []Host          `json:"hosts"`     // that measure, in the order of the inventory
	Anomalies  []alarm.Anomaly `json:"anomalies"` // that were told and are not over
	Trouble    []Trouble       `json:"trouble"`   // with the service itself
}

// Schedule is when rounds are.
type Schedule struct {
	EverySeconds  float64    `json:"every_seconds"`
	Next          *time.Time `json:"next"`
	MaxAgeSeconds float64    `json:"max_age_seconds"` // from which a round is stale
}

// Running is how far the round under way is.
type Running struct {
	Start       time.Time `json:"start"`
	Pairs       int       `json:"pairs"`
	PairsDone   int       `json:"pairs_done"`
	Echoes      int       `json:"echoes"` // echo requests
	EchoesDone  int       `json:"echoes_done"`
	Hosts       int       `json:"hosts"`
	HostsUp     int       `json:"hosts_up"`
	HostsFailed int       `json:"hosts_failed"`
	HostsDone   int       `json:"hosts_done"`
	LeftSeconds *float64  `json:"left_seconds"` // until the plan is carried out; null before the first echo request
}

// LastRound is the round that all figures are of.
type LastRound struct {
	ID       string         `json:"id"` // in the history; "" if it is not there
	Start    time.Time      `json:"start"`
	End      *time.Time     `json:"end"`
	Planned  int            `json:"planned"` // pairs
	Measured int            `json:"measured"`
	States   map[string]int `json:"states"`  // those that occurred
	Partial  bool           `json:"partial"` // it ended before every pair had its turn
}

// Counts count since the service began.
type Counts struct {
	Finished uint64 `json:"finished"`
	Skipped  uint64 `json:"skipped"` // that were due while another was under way
	Failed   uint64 `json:"failed"`  // that could not be measured or saved
}

// Host is a host that measures.
type Host struct {
	City        string     `json:"city"`
	Title       string     `json:"title"`
	State       string     `json:"state"` // up, failed (in the last round), away (known to be down: tried now and then)
	Reason      *string    `json:"reason"`
	Hint        *string    `json:"hint"` // what a person can do about it
	Since       *time.Time `json:"since"`
	NextTry     *time.Time `json:"next_try"`
	Version     *string    `json:"version"` // of the matrix there
	Offset      *float64   `json:"clock_offset_s"`
	Uncertainty *float64   `json:"clock_uncertainty_s"`
}

// Trouble is something that the operator has to mend.
type Trouble struct {
	About string     `json:"about"`
	Since *time.Time `json:"since"`
	Text  string     `json:"text"`
}

func (q *asked) status() (*answer, error) {
	s := q.newStatus()
	a := &answer{kind: jsonKind, write: func(w io.Writer) error {
		text, err := json.MarshalIndent(s, "", "  ")
		if err != nil {
			return fmt.Errorf("write status: %w", err)
		}
		_, err = w.Write(append(text, '\n'))
		return err
	}}
	a.age = q.Ended()
	return a, nil
}

func (q *asked) newStatus() *Status {
	s := &Status{
		Head: q.head(), Version: q.Version, Began: moment(q.Began),
		Schedule: Schedule{q.Every.Seconds(), moment(q.Next), q.MaxAge.Seconds()},
		Rounds:   Counts{q.Counts.Finished, q.Counts.Skipped, q.Counts.Failed},
		Hosts:    []Host{}, Anomalies: append([]alarm.Anomaly{}, q.Open...), Trouble: []Trouble{},
	}
	if s.MeasuredAt != nil {
		age := float64(q.Age(q.now).Milliseconds()) / 1000
		s.AgeSeconds = &age
	}
	if r := q.Snapshot.Running; r != nil {
		s.Running = newRunning(r)
	}
	if r := q.Round; r != nil && q.Report != nil {
		s.Last = q.lastRound(r)
		s.Hosts = hosts(q.Snapshot)
	}
	for _, t := range q.Snapshot.Trouble {
		s.Trouble = append(s.Trouble, Trouble{t.About, moment(t.Since), report.Clean(t.Text, maxText)})
	}
	return s
}

const maxText = 300

func newRunning(r *live.Running) *Running {
	p := r.Progress
	out := &Running{
		Start: r.Start.UTC(), Pairs: p.Pairs, PairsDone: p.PairsDone, Echoes: p.Echoes, EchoesDone: p.EchoesDone,
		Hosts: p.Hosts, HostsUp: p.HostsUp, HostsFailed: p.HostsFailed, HostsDone: p.HostsDone,
	}
	if p.Started {
		left := max(0, p.Left.Seconds())
		out.LeftSeconds = &left
	}
	return out
}

func (q *asked) lastRound(r *report.Round) *LastRound {
	last := &LastRound{
		ID: q.ID, Start: r.Start.UTC(), End: moment(r.End), Planned: r.Planned(), Measured: r.Count(report.Measured),
		States: map[string]int{}, Partial: r.Partial,
	}
	for i := range r.Samples {
		last.States[r.Samples[i].State.String()]++
	}
	return last
}

func hosts(s *live.Snapshot) []Host {
	list := []Host{}
	for _, h := range s.Hosts() {
		list = append(list, newHost(s.Report, h))
	}
	return list
}

func newHost(r *report.Report, h live.Host) Host {
	out := Host{
		City: report.Clean(h.City, maxText), Title: r.Title(h.City), State: string(h.State), Reason: optional(h.Reason), Hint: optional(h.Hint),
	}
	if h.Round != nil {
		out.Version = optional(h.Round.Version)
		if off := h.Round.Health; off.OffsetError > 0 {
			offset, uncertainty := off.Offset.Seconds(), off.OffsetError.Seconds()
			out.Offset, out.Uncertainty = &offset, &uncertainty
		}
	}
	if h.Away != nil {
		out.Since, out.NextTry = moment(h.Away.Since), moment(h.Away.Next)
	}
	return out
}

// optional is a cleaned text, or null for none.
func optional(text string) *string {
	if text = report.Clean(text, maxText); text == "" {
		return nil
	}
	return &text
}
