package live

import (
	"fmt"
	"slices"
	"time"

	"matrix/report"
	"matrix/report/alarm"
)

// Desk is where rounds come in: it judges them, puts them on the board and says
// what changed. One goroutine at a time uses it.
type Desk struct {
	Board  *Board
	Alarms *alarm.Tracker
	Tell   func(alarm.Event) error // nil: nobody is told
}

// Take takes a round that was measured: it is the last one from now on. It fails
// if somebody could not be told; the round is on the board all the same.
func (d *Desk) Take(round *report.Round, id string, options report.Options) (*report.Report, error) {
	r := report.New(round, options)
	events := d.Alarms.Next(r)
	open := d.Alarms.Open()
	d.Board.Change(func(s *Snapshot) {
		s.Round, s.ID, s.Report, s.Open = round, id, r, open
		s.Counts.Finished++
	})
	return r, d.tell(events)
}

// Recall is Take for a round of before the service began: it is not counted, and
// what changed with it is told only if it is after the last one that Alarms saw.
func (d *Desk) Recall(round *report.Round, id string, options report.Options, seen bool) error {
	r := report.New(round, options)
	var events []alarm.Event
	if !seen {
		events = d.Alarms.Next(r)
	}
	open := d.Alarms.Open()
	d.Board.Change(func(s *Snapshot) { s.Round, s.ID, s.Report, s.Open = round, id, r, open })
	return d.tell(events)
}

// Improve puts more on a round on the board: what was found when its anomalies
// were looked into. If the board has another one meanwhile, such as what Narrow
// left of it, that stays.
func (d *Desk) Improve(was, round *report.Round, r *report.Report) {
	d.exchange(was, round, r)
}

// exchange puts a round in the place of the one that it was made of, if the board
// still has that.
func (d *Desk) exchange(was, round *report.Round, r *report.Report) {
	d.Board.Change(func(s *Snapshot) {
		if s.Round == was {
			s.Round, s.Report = round, r
		}
	})
}

// Narrow takes what has left the fleet off the board at once, and not with the
// next round. stays says what is still in it. A round that comes in meanwhile
// stays as it is. Unlike the rest, Narrow may be called from any goroutine.
func (d *Desk) Narrow(stays func(report.City) bool, options report.Options) {
	old := d.Board.Current().Round
	if old == nil {
		return
	}
	round, names := *old, []string{}
	round.Cities = nil
	for _, c := range old.Cities {
		if stays(c) {
			round.Cities = append(round.Cities, c)
			names = append(names, c.Name)
		}
	}
	if len(names) == len(old.Cities) {
		return
	}
	in := func(city string) bool { return slices.Contains(names, city) }
	// The old round is still being read: nothing of it is changed.
	round.Samples, round.Self, round.Looks = slices.Clone(old.Samples), slices.Clone(old.Self), slices.Clone(old.Looks)
	round.Select(report.Selection{From: names, To: names})
	round.Looks = slices.DeleteFunc(round.Looks, func(l report.Look) bool { return !in(l.From) || !in(l.To) })
	round.Hosts = slices.DeleteFunc(slices.Clone(old.Hosts), func(h report.Host) bool { return !in(h.City) })
	d.exchange(old, &round, report.New(&round, options))
}

func (d *Desk) tell(events []alarm.Event) error {
	if d.Tell == nil {
		return nil
	}
	for _, e := range events {
		if err := d.Tell(e); err != nil {
			return fmt.Errorf("tell of %s: %w", e.ID, err)
		}
	}
	return nil
}

// Progress says how far the round under way is; nil: none is.
func (d *Desk) Progress(running *Running) {
	d.Board.Change(func(s *Snapshot) { s.Running = running })
}

// Due says when the next round is due, and how many were left out since the last.
func (d *Desk) Due(next time.Time, skipped uint64) {
	d.Board.Change(func(s *Snapshot) {
		s.Next = next
		s.Counts.Skipped += skipped
	})
}
