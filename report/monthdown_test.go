package report_test

import (
	"testing"
	"time"

	"matrix/report"
	"matrix/report/reporttest"
)

// TestDownToTheLastRound: nobody knows what becomes of a host after the last
// round, which as a rule is not the end of the month yet.
func TestDownToTheLastRound(t *testing.T) {
	end := october.From.AddDate(0, 0, 9)
	s := reporttest.NewSeason(6, 3, report.Span{From: october.From, To: end}, time.Hour)
	s.Quiet = true
	s.Down(2, end.Add(-5*time.Hour), end)
	m := newMonth(t, s, october)
	down := m.Hosts[2].Down
	if len(down) != 1 || down[0].Rounds != 5 {
		t.Fatalf("down %+v, want one stretch of 5 rounds", down)
	}
	want := m.Rounds[len(m.Rounds)-1].End
	if want.IsZero() {
		want = end
	}
	if !down[0].To.Equal(want) {
		t.Errorf("down to %v, want %v", down[0].To, want)
	}
}
