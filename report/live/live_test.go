package live

import (
	"sync"
	"testing"
	"time"

	"matrix/report"
	"matrix/report/reporttest"
)

var noon = time.Date(2026, 10, 3, 12, 0, 0, 0, time.UTC)

func TestStale(t *testing.T) {
	ended := func(end time.Duration) *report.Round {
		r := reporttest.Measured()
		r.Start, r.End = noon.Add(end-time.Minute), noon.Add(end)
		return r
	}
	noEnd := ended(0)
	noEnd.End = time.Time{}
	for name, test := range map[string]struct {
		round *report.Round
		stale bool
	}{
		"before the first round":  {nil, true},
		"just now":                {ended(0), false},
		"as old as it may be":     {ended(-time.Hour), false},
		"older":                   {ended(-time.Hour - time.Second), true},
		"tomorrow":                {ended(24 * time.Hour), true},
		"a clock a little behind": {ended(30 * time.Second), false},
		"only its start is known": {noEnd, false},
	} {
		s := &Snapshot{Round: test.round, MaxAge: time.Hour}
		if got := s.Stale(noon); got != test.stale {
			t.Errorf("%s: stale %v", name, got)
		}
	}
}

// TestBoard: who reads sees one moment, and is told of the next.
func TestBoard(t *testing.T) {
	var b Board
	if b.Current() == nil || b.Current().Round != nil {
		t.Error("an empty board has no empty snapshot")
	}
	before, changed := b.Current(), b.Changed()
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() { b.Change(func(s *Snapshot) { s.Counts.Finished++ }) })
	}
	<-changed
	all.Wait()
	if n := b.Current().Counts.Finished; n != 50 || before.Counts.Finished != 0 {
		t.Errorf("%d changes arrived, and an old snapshot says %d", n, before.Counts.Finished)
	}
	select {
	case <-b.Changed():
		t.Error("nothing changed after that")
	default:
	}
}

// TestTrouble: the same trouble is one, since it began, until it is mended.
func TestTrouble(t *testing.T) {
	var b Board
	b.Report("inventory", "cities.csv:3: no latitude", noon)
	b.Report("site", "disk full", noon.Add(time.Minute))
	b.Report("inventory", "cities.csv:3: no latitude", noon.Add(time.Hour))
	all := b.Current().Trouble
	if len(all) != 2 || all[1].About != "inventory" || !all[1].Since.Equal(noon) {
		t.Errorf("%+v", all)
	}
	b.Report("inventory", "", noon.Add(2*time.Hour))
	if all := b.Current().Trouble; len(all) != 1 || all[0].About != "site" {
		t.Errorf("%+v", all)
	}
}
