package report_test

import (
	"context"
	"testing"
	"time"

	"matrix/probe"
	"matrix/report"
	"matrix/report/reporttest"
)

// withSelf is a season in which a city also pings itself.
type withSelf struct {
	*reporttest.Season
	self *probe.Series
}

func (h withSelf) Series(ctx context.Context, from, to time.Time, visit func(*probe.Series) error) error {
	if err := visit(h.self); err != nil {
		return err
	}
	return h.Season.Series(ctx, from, to, visit)
}

// TestMonthKnowsSelfPings: a host that takes long to reach itself is an invalid
// source in a month as it is in a round, and no pair.
func TestMonthKnowsSelfPings(t *testing.T) {
	s := reporttest.NewSeason(8, 3, report.Span{From: october.From, To: october.From.AddDate(0, 0, 2)}, time.Hour)
	city := s.Fleet.Cities[1].Name
	self := &probe.Series{
		Pair: probe.Pair{From: city, To: city}, Round: []int32{0, 1, 2}, Sent: []int32{3, 3, 3}, Received: []int32{3, 3, 3},
		State: []probe.State{probe.Measured, probe.Measured, probe.Measured}, Address: []int32{-1, -1, -1},
	}
	for stat := range self.Stats {
		self.Stats[stat] = []int32{79_000, 90_000, 80_000}
	}
	m := monthReport(t, withSelf{s, self}, october)
	var found bool
	for _, h := range m.Verdicts.Hosts {
		if h.City == city && h.Verdict == report.InvalidSource {
			found = h.SelfPing != nil && *h.SelfPing == 80
		}
	}
	if !found {
		t.Errorf("%s reaches itself in 80 ms and is no invalid source: %+v", city, m.Verdicts.Hosts)
	}
	if m.Month.Pair(city, city) != nil {
		t.Error("a city and itself are a pair of the month")
	}
}
