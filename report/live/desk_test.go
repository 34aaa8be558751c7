package live

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"matrix/report"
	"matrix/report/alarm"
	"matrix/report/reporttest"
)

// newDesk is a desk that remembers what it told.
func newDesk() (*Desk, *[]string) {
	var told []string
	return &Desk{Board: new(Board), Alarms: new(alarm.Tracker), Tell: func(e alarm.Event) error {
		told = append(told, fmt.Sprint(e.Event, " ", e.ID))
		return nil
	}}, &told
}

// without is a round in which a city answers nobody.
func without(city string) *report.Round {
	r := reporttest.Measured()
	for i := range r.Samples {
		if s := &r.Samples[i]; s.To == city {
			s.State, s.RTTs, s.Received = report.Lost, nil, 0
		}
	}
	return r
}

// TestTake: a round is the last one, judged, and what changed is told.
func TestTake(t *testing.T) {
	d, told := newDesk()
	for n, r := range []*report.Round{reporttest.Measured(), without("milan"), without("milan")} {
		if err := d.Take(r, fmt.Sprint(n), report.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	s := d.Board.Current()
	if s.ID != "2" || s.Report.Coverage.Measured != 81 || s.Counts.Finished != 3 {
		t.Errorf("%s: %v, %+v", s.ID, s.Report.Coverage, s.Counts)
	}
	if !slices.Contains(*told, "new host/milan") || !slices.ContainsFunc(s.Open, func(a alarm.Anomaly) bool { return a.City == "milan" }) {
		t.Errorf("told %q, open %+v", *told, s.Open)
	}
	d.Tell = func(alarm.Event) error { return errors.New("no room") }
	if err := d.Take(without("paris"), "3", report.Options{}); err != nil {
		t.Errorf("nothing was to be told yet: %v", err)
	}
	if err := d.Take(without("paris"), "4", report.Options{}); err == nil || d.Board.Current().ID != "4" {
		t.Errorf("%v, and the board has %s", err, d.Board.Current().ID)
	}
}

// TestRecall: a round of before the start is shown and not counted, and is news
// only if the tracker has not seen it.
func TestRecall(t *testing.T) {
	d, told := newDesk()
	for n, seen := range []bool{true, false, false} {
		if err := d.Recall(without("milan"), fmt.Sprint(n), report.Options{}, seen); err != nil {
			t.Fatal(err)
		}
		if n == 1 && len(*told) != 0 {
			t.Errorf("told %q of a round that was seen and one that was not", *told)
		}
	}
	if s := d.Board.Current(); s.ID != "2" || s.Counts.Finished != 0 || len(*told) == 0 {
		t.Errorf("%+v, told %q", s.Counts, *told)
	}
}

// TestAdopt: a round of another service is shown, and counts for the alarms, whose
// news are told by that one.
func TestAdopt(t *testing.T) {
	d, told := newDesk()
	for n := range 2 {
		d.Adopt(without("milan"), fmt.Sprint(n), report.Options{})
	}
	s := d.Board.Current()
	if s.ID != "1" || s.Counts.Finished != 0 || len(*told) != 0 {
		t.Errorf("%s: %+v, told %q", s.ID, s.Counts, *told)
	}
	if !slices.ContainsFunc(s.Open, func(a alarm.Anomaly) bool { return a.City == "milan" }) {
		t.Errorf("the alarms did not see it: %+v", s.Open)
	}
}

// TestNarrow: what has left the fleet is gone from the board, and the round
// that others still read is as it was.
func TestNarrow(t *testing.T) {
	d, _ := newDesk()
	round := reporttest.Measured()
	round.Hosts = []report.Host{{City: "milan"}, {City: "paris"}}
	if err := d.Take(round, "x", report.Options{}); err != nil {
		t.Fatal(err)
	}
	d.Narrow(func(report.City) bool { return true }, report.Options{})
	if d.Board.Current().Round != round {
		t.Error("nothing left, and there is another round")
	}
	d.Narrow(func(c report.City) bool { return c.Name != "milan" }, report.Options{})
	s := d.Board.Current()
	if len(s.Round.Cities) != 9 || s.Report.Coverage.Planned != 72 || len(s.Round.Hosts) != 1 || s.ID != "x" {
		t.Errorf("%d cities, %v, %+v", len(s.Round.Cities), s.Report.Coverage, s.Round.Hosts)
	}
	for _, p := range s.Report.Pairs() {
		if p.From == "milan" || p.To == "milan" {
			t.Fatalf("%s → %s is still there", p.From, p.To)
		}
	}
	d.Improve(round, reporttest.Measured(), s.Report)
	if d.Board.Current().Round != s.Round {
		t.Error("what has left came back with what was found in the round")
	}
	if len(round.Samples) != 90 || len(round.Cities) != 10 || len(round.Hosts) != 2 {
		t.Errorf("the round itself was changed: %d samples", len(round.Samples))
	}

	err := d.Take(round, "y", report.Options{}) // it was under way
	if s := d.Board.Current(); err != nil || len(s.Round.Cities) != 9 || s.Report.Coverage.Planned != 72 || s.ID != "y" {
		t.Errorf("what has left came back with a round: %d cities, %v, %v", len(s.Round.Cities), s.Report.Coverage, err)
	}
	d.Narrow(func(report.City) bool { return true }, report.Options{})
	if err := d.Take(round, "z", report.Options{}); err != nil || d.Board.Current().Round != round {
		t.Errorf("all are in the fleet again, and the round has %d cities, %v", len(d.Board.Current().Round.Cities), err)
	}
}

// TestNarrowWhileTaking: once a city has left, nobody sees it again, though rounds
// that have it come in all the time.
func TestNarrowWhileTaking(t *testing.T) {
	d, _ := newDesk()
	d.Tell = nil
	round := reporttest.Measured()
	var rounds sync.WaitGroup
	left, seen := make(chan struct{}), make(chan struct{})
	rounds.Go(func() {
		for n := 0; ; n++ {
			if err := d.Take(round, fmt.Sprint(n), report.Options{}); err != nil {
				t.Error(err)
			}
			if n == 2 {
				close(seen)
			}
			select {
			case <-left:
				return
			default:
			}
		}
	})
	<-seen
	d.Narrow(func(c report.City) bool { return c.Name != "milan" }, report.Options{})
	for changed := 0; changed < 5; changed++ {
		next := d.Board.Changed()
		s := d.Board.Current()
		if len(s.Round.Cities) != 9 || s.Report.Coverage.Planned != 72 {
			t.Errorf("milan is back with round %s", s.ID)
		}
		<-next
	}
	close(left)
	rounds.Wait()
}
