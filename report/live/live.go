// Package live is what a running service shows of itself at any moment.
//
//	service ── Board.Change ──► Snapshot ──► metrics, API, pages
//
// A Snapshot is a value that nobody changes: who reads it sees one moment of the
// service, whatever happens meanwhile. The Board hands out the latest one.
package live

import (
	"sync"
	"sync/atomic"
	"time"

	"matrix/report"
	"matrix/report/alarm"
)

// Snapshot is the service at one moment. Neither it nor what it points to is
// changed by anybody.
type Snapshot struct {
	Version string        // of the program
	Began   time.Time     // when the service did
	Every   time.Duration // from one round to the next
	MaxAge  time.Duration // a round that ended longer ago is stale

	Round  *report.Round       // the last one, as it was measured; nil before the first
	ID     string              // of that round in the history; "" if it is not there
	Report *report.Report      // on that round; nil before the first
	Recent []report.RoundLine  // the last rounds of the history, the latest first
	Month  *report.MonthReport // the month of that round, as it was not long ago; nil before it was made

	Next    time.Time       // when the next round is due
	Running *Running        // the round under way; nil if none is
	Away    []Away          // hosts that are known to be down, by city
	Open    []alarm.Anomaly // that were told and are not over, by ID
	Counts  Counts
	Trouble []Trouble // with the service itself, the latest last; empty if all is well
}

// Running is a round under way.
type Running struct {
	Start    time.Time
	Progress report.Progress
}

// Away is a host that is known to be down.
type Away struct {
	City   string
	Since  time.Time // of the first try that failed
	Next   time.Time // of the next try
	Reason string    // what the last one met
}

// Counts count since the service began.
type Counts struct {
	Finished uint64 // rounds
	Skipped  uint64 // rounds that were due while another was under way
	Failed   uint64 // rounds that could not be measured or saved
}

// Trouble is something that the operator has to mend.
type Trouble struct {
	About string    `json:"about"` // "settings", "round", "history", "site", "alarms"
	Since time.Time `json:"since"`
	Text  string    `json:"text"` // with file, line and field where there are any
}

// Ended is when the last round did; the zero time before the first.
func (s *Snapshot) Ended() time.Time {
	switch {
	case s.Round == nil:
		return time.Time{}
	case s.Round.End.IsZero():
		return s.Round.Start
	}
	return s.Round.End
}

// Stale says whether nothing of the last round may be shown as the present: it
// is too old, is not there, or is of a time that has not come yet.
func (s *Snapshot) Stale(now time.Time) bool {
	ended := s.Ended()
	return ended.IsZero() || now.Sub(ended) > s.MaxAge || ended.After(now.Add(time.Minute))
}

// Board hands out the latest snapshot. Its methods may be called from several
// goroutines. The zero Board has an empty snapshot.
type Board struct {
	latest atomic.Pointer[Snapshot]

	mu      sync.Mutex // of those who change it
	changed chan struct{}
}

// Current is the latest snapshot; never nil.
func (b *Board) Current() *Snapshot {
	if s := b.latest.Load(); s != nil {
		return s
	}
	return &Snapshot{}
}

// Change publishes a snapshot that differs from the latest one by what edit does
// to it. What is behind its pointers and slices must be replaced, not edited.
func (b *Board) Change(edit func(*Snapshot)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	next := *b.Current()
	edit(&next)
	b.latest.Store(&next)
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}

// Changed is closed when there is a snapshot after the latest one. Ask for it
// before Current, so that none is missed.
func (b *Board) Changed() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.changed == nil {
		b.changed = make(chan struct{})
	}
	return b.changed
}

// Report says that something is wrong with a part of the service, or, with an
// empty text, that it is well again.
func (b *Board) Report(about, text string, now time.Time) {
	b.Change(func(s *Snapshot) {
		var rest []Trouble
		since := now
		for _, t := range s.Trouble {
			if t.About != about {
				rest = append(rest, t)
			} else if t.Text == text {
				since = t.Since
			}
		}
		if text != "" {
			rest = append(rest, Trouble{About: about, Since: since, Text: text})
		}
		s.Trouble = rest
	})
}
