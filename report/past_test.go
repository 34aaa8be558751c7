package report_test

import (
	"net/netip"
	"testing"
	"time"

	"matrix/probe"
	"matrix/report"
)

// seriesOf is a pair in as many rounds, a minimum in ms each; 0 is a round in
// which nothing came back, and below it one in which the host did not run.
func seriesOf(pair probe.Pair, minima ...float64) *probe.Series {
	s := &probe.Series{Pair: pair, Addresses: []netip.Addr{netip.MustParseAddr("198.51.100.9")}}
	for i, ms := range minima {
		state, us := probe.Measured, int32(ms*1000)
		switch {
		case ms == 0:
			state, us = probe.Lost, probe.Unknown
		case ms < 0:
			state, us = probe.SourceDown, probe.Unknown
		}
		s.Round, s.State = append(s.Round, int32(i)), append(s.State, state)
		s.Sent, s.Received = append(s.Sent, 10), append(s.Received, 10)
		for stat := range s.Stats {
			s.Stats[stat] = append(s.Stats[stat], us)
		}
		s.Address = append(s.Address, 0)
	}
	return s
}

// The history is asked for the last round in which all was well, by the same
// numbers by which it is not now.
func TestPast(t *testing.T) {
	pair := probe.Pair{From: "newyork", To: "baltimore"}
	r := report.New(round2011(), report.Options{})
	begin := time.Date(2011, 6, 1, 0, 0, 0, 0, time.UTC)
	var rounds []*probe.Round
	for i := range 6 {
		rounds = append(rounds, &probe.Round{Start: begin.Add(time.Duration(i) * time.Hour)})
	}
	for _, test := range []struct {
		name      string
		out, back []float64
		done      bool
		want      string
	}{
		{"slower by one day", []float64{9, 8, 170, 171, 172, 174}, []float64{9.5, 8, 170, 171, 172, 174}, true,
			"2011-06-01 01:00 UTC, 8.0 ms to 198.51.100.9; so since 2011-06-01 02:00 UTC, in 4 rounds"},
		{"one direction is enough", []float64{9, -1, -1, -1, -1, -1}, []float64{-1, 8, 170, 171, 172, 20}, true,
			"2011-06-01 05:00 UTC, 20.0 ms to 198.51.100.9"},
		{"never", []float64{170, 170, 170, 170, 170, 0}, []float64{-1, -1, 170, -1, -1, 0}, false,
			"not known; so since 2011-06-01 00:00 UTC, in 5 rounds, the first ones that we have"},
		{"not there", []float64{-1, -1, -1, -1, -1, -1}, []float64{-1, -1, -1, -1, -1, -1}, false, ""},
		// What the relay takes is no news: 71.3 ms and a little more are not slow.
		{"as the relay", []float64{170, 80, 170, -1, -1, 174}, []float64{170, 81, 170, -1, -1, 174}, true,
			"2011-06-01 01:00 UTC, 80.0 ms to 198.51.100.9; so since 2011-06-01 02:00 UTC, in 2 rounds"},
	} {
		past := &report.Past{}
		done := r.Verdicts.Before(r.Verdicts.Pair("baltimore", "newyork"), past, rounds, seriesOf(pair, test.out...), seriesOf(pair.Reverse(), test.back...))
		if done != test.done || past.Text() != test.want {
			t.Errorf("%s: %v %q\nwant %v %q", test.name, done, past.Text(), test.done, test.want)
		}
	}
}

// Of a pair of which nothing came back the last answer counts, however slow.
func TestPastUnreachable(t *testing.T) {
	round := round2011()
	for i := range round.Samples {
		if s := &round.Samples[i]; s.From != "paris" && s.From != "dallas" && s.To != "paris" && s.To != "dallas" {
			*s = probe.Sample{Pair: s.Pair, State: probe.Lost, Sent: 20}
		}
	}
	r := report.New(round, report.Options{})
	pair := probe.Pair{From: "baltimore", To: "newyork"}
	rounds := []*probe.Round{{Start: round.Start.AddDate(0, 0, -2)}, {Start: round.Start.AddDate(0, 0, -1)}}
	past := &report.Past{}
	if !r.Verdicts.Before(r.Verdicts.Pair("baltimore", "newyork"), past, rounds, seriesOf(pair, 400, 0), seriesOf(pair.Reverse(), 400, 0)) {
		t.Error("no answer in 400 ms")
	}
	if want := "2011-06-29 12:00 UTC, 400.0 ms to 198.51.100.9; so since 2011-06-30 12:00 UTC"; past.Text() != want {
		t.Errorf("%q, want %q", past.Text(), want)
	}
}
