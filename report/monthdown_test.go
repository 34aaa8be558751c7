package report_test

import (
	"net/netip"
	"testing"
	"time"

	"matrix/probe"
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

// TestRoundThatNobodyCouldRun: a round that failed at every host failed at the
// coordinator, and is none of theirs.
func TestRoundThatNobodyCouldRun(t *testing.T) {
	s := reporttest.NewSeason(6, 3, report.Span{From: october.From, To: october.From.AddDate(0, 0, 2)}, time.Hour)
	s.Quiet = true
	for host := range 6 {
		s.Down(host, october.From.Add(10*time.Hour), october.From.Add(15*time.Hour))
	}
	s.Down(2, october.From.Add(20*time.Hour), october.From.Add(24*time.Hour))
	m := newMonth(t, s, october)
	for i, h := range m.Hosts {
		want := 0
		if i == 2 {
			want = 4
		}
		if h.DownRounds != want {
			t.Errorf("%s: down in %d rounds, want %d: %+v", h.City, h.DownRounds, want, h.Down)
		}
	}
}

// TestOtherFamilyIsNoMove: a round over IPv6 between rounds over IPv4 moves
// nobody.
func TestOtherFamilyIsNoMove(t *testing.T) {
	s := reporttest.NewSeason(3, 3, report.Span{From: october.From, To: october.From.AddDate(0, 0, 2)}, time.Hour)
	six := broken{s, func(s *probe.Series) {
		s.Addresses = append(s.Addresses, netip.MustParseAddr("2001:db8::1"))
		for i := range s.Address {
			if i == 5 || i == 40 {
				s.Address[i] = int32(len(s.Addresses) - 1)
			}
		}
	}}
	m := monthReport(t, six, october)
	for _, h := range m.Hosts {
		if h.Word == "moved" {
			t.Errorf("%s: %s", h.City, h.Text)
		}
	}
	if moves := m.Month.Hosts[0].Moves; len(moves) != 2 {
		t.Errorf("addresses %v, want one of each family", moves)
	}
}
