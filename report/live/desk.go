package live

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"matrix/report"
	"matrix/report/alarm"
)

// Desk is where rounds come in: it judges them, puts them on the board and says
// what changed. Narrow may be called from any goroutine; the rest is for one.
type Desk struct {
	Board  *Board
	Alarms *alarm.Tracker
	Tell   func(alarm.Event) error // nil: nobody is told

	mu    sync.Mutex // of those who put a round on the board
	stays func(report.City) bool
}

// Take takes a round that was measured: it is the last one from now on, without
// what has left the fleet meanwhile. It fails if somebody could not be told; the
// round is on the board all the same.
func (d *Desk) Take(round *report.Round, id string, options report.Options) error {
	return d.put(round, id, options, entry{counted: true, heeded: true, told: true})
}

// Recall is Take for a round of before the service began: it is not counted, and
// what changed with it is told only if it is after the last one that Alarms saw.
func (d *Desk) Recall(round *report.Round, id string, options report.Options, seen bool) error {
	return d.put(round, id, options, entry{heeded: !seen, told: !seen})
}

// Adopt is Recall for a round that another service has measured, and tells of.
func (d *Desk) Adopt(round *report.Round, id string, options report.Options) {
	_ = d.put(round, id, options, entry{heeded: true}) // only telling can fail
}

// entry is what becomes of a round beside that it is shown.
type entry struct {
	counted bool // as finished by this service
	heeded  bool // by Alarms
	told    bool // what changed for Alarms
}

func (d *Desk) put(round *report.Round, id string, options report.Options, as entry) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	round = narrowed(round, d.stays)
	r := report.New(round, options)
	var events []alarm.Event
	if as.heeded {
		events = d.Alarms.Next(r)
	}
	open := d.Alarms.Open()
	d.Board.Change(func(s *Snapshot) {
		s.Round, s.ID, s.Report, s.Open = round, id, r, open
		if as.counted {
			s.Counts.Finished++
		}
	})
	if !as.told {
		return nil
	}
	return d.tell(events)
}

// Improve puts more on a round on the board: what was found when its anomalies
// were looked into. If the board has another one meanwhile, such as what Narrow
// left of it, that stays.
func (d *Desk) Improve(was, round *report.Round, r *report.Report) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.Board.Current().Round == was {
		d.Board.Change(func(s *Snapshot) { s.Round, s.Report = round, r })
	}
}

// Narrow takes what has left the fleet off the board at once, and not with the
// next round. stays says what is still in it. When Narrow has returned nothing
// else is shown any more, and no round brings it back that was measured before.
func (d *Desk) Narrow(stays func(report.City) bool, options report.Options) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stays = stays
	old := d.Board.Current().Round
	if old == nil {
		return
	}
	if round := narrowed(old, stays); round != old {
		r := report.New(round, options)
		d.Board.Change(func(s *Snapshot) { s.Round, s.Report = round, r })
	}
}

// narrowed is a round without the cities that do not stay; the round itself if
// all do. Others may be reading it: nothing of it is changed.
func narrowed(old *report.Round, stays func(report.City) bool) *report.Round {
	if stays == nil {
		return old
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
		return old
	}
	in := func(city string) bool { return slices.Contains(names, city) }
	round.Samples, round.Self, round.Looks = slices.Clone(old.Samples), slices.Clone(old.Self), slices.Clone(old.Looks)
	round.Select(report.Selection{From: names, To: names})
	round.Looks = slices.DeleteFunc(round.Looks, func(l report.Look) bool { return !in(l.From) || !in(l.To) })
	round.Hosts = slices.DeleteFunc(slices.Clone(old.Hosts), func(h report.Host) bool { return !in(h.City) })
	return &round
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
