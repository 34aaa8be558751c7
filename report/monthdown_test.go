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

// TestSkippedForDays: a host whose pings were not run for days is named, and so
// is one whose name nobody could resolve; that is no time in which it was down.
func TestSkippedForDays(t *testing.T) {
	s := reporttest.NewSeason(6, 3, report.Span{From: october.From, To: october.From.AddDate(0, 0, 9)}, time.Hour)
	s.Quiet = true
	skipped, nameless := s.Fleet.Cities[2].Name, s.Fleet.Cities[4].Name
	m := monthReport(t, broken{s, func(s *probe.Series) {
		for i, round := range s.Round {
			var state probe.State
			switch {
			case s.From == skipped && round >= 48 && round < 120:
				state = probe.NotRun
			case s.To == nameless && round >= 24 && round < 72:
				state = probe.Unresolved
			default:
				continue
			}
			s.State[i], s.Sent[i], s.Received[i], s.Address[i] = state, probe.Unknown, probe.Unknown, probe.Unknown
			for stat := range s.Stats {
				s.Stats[stat][i] = probe.Unknown
			}
		}
	}}, october)
	found := map[string]string{}
	for _, h := range m.Hosts {
		found[h.City+" "+h.Word] = h.Text
	}
	want := map[string]string{
		skipped + " not-run":     "none of its pings were run from 3 October 00:00 to 6 October 00:00 UTC (3 days)",
		nameless + " unresolved": "its name had no address from 2 October 00:00 to 4 October 00:00 UTC (2 days)",
	}
	for key, text := range want {
		if found[key] != text {
			t.Errorf("%s: %q, want %q; all: %v", key, found[key], text, found)
		}
	}
	for _, h := range m.Month.Hosts {
		if h.DownRounds > 0 {
			t.Errorf("%s is called down: %+v", h.City, h.Down)
		}
	}
}

// TestOnlyOneRan: rounds that only the coordinator's own host could run say
// nothing of the others, which answered it.
func TestOnlyOneRan(t *testing.T) {
	s := reporttest.NewSeason(6, 3, report.Span{From: october.From, To: october.From.AddDate(0, 0, 4)}, time.Hour)
	s.Quiet = true
	here, dead := s.Fleet.Cities[1].Name, s.Fleet.Cities[5].Name
	s.Down(5, october.From.Add(30*time.Hour), october.From.Add(60*time.Hour))
	m := newMonth(t, broken{s, func(s *probe.Series) {
		for i, round := range s.Round {
			if s.From != here && round >= 24 && round < 72 {
				s.State[i], s.Sent[i], s.Received[i] = probe.SourceDown, 0, 0
				for stat := range s.Stats {
					s.Stats[stat][i] = probe.Unknown
				}
			}
		}
	}}, october)
	for _, h := range m.Hosts {
		want := 0
		if h.City == dead {
			want = 30
		}
		if h.DownRounds != want {
			t.Errorf("%s: down in %d rounds, want %d: %+v", h.City, h.DownRounds, want, h.Down)
		}
	}
}
