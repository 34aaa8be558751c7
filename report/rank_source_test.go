package report_test

import (
	"testing"
	"time"

	"matrix/probe"
	"matrix/report"
	"matrix/report/reporttest"
)

// TestBestLeavesInvalidSourcesOut: what an invalid source measured is no record.
func TestBestLeavesInvalidSourcesOut(t *testing.T) {
	round := reporttest.NewSeason(8, 3, report.Span{From: october.From, To: october.From.AddDate(0, 0, 1)}, time.Hour).Round(0)
	from := round.Cities[0].Name
	self := probe.Sample{Pair: probe.Pair{From: from, To: from}, State: probe.Measured}
	self.Imported.Set(probe.Min, 80*time.Millisecond)
	count := func() (n int) {
		r := report.New(round, report.Options{Stat: report.Min})
		for _, p := range append(r.Best(100), r.Worst(100)...) {
			if p.From == from {
				n++
			}
		}
		return n
	}
	if count() == 0 {
		t.Fatalf("%s is in no list while nothing is wrong with it", from)
	}
	round.Self = append(round.Self, self)
	if n := count(); n != 0 {
		t.Errorf("%d pairs that %s measured are ranked", n, from)
	}
}
