package report_test

import (
	"context"
	"errors"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"matrix/probe"
	"matrix/report"
	"matrix/report/reporttest"
)

var october = report.MonthSpan(2026, time.October)

// autumn is September and October 2026, hourly.
func autumn(cities int, seed uint64) *reporttest.Season {
	return reporttest.NewSeason(cities, seed, report.Span{From: october.From.AddDate(0, -1, 0), To: october.To}, time.Hour)
}

func newMonth(t testing.TB, h report.History, span report.Span) *report.Month {
	t.Helper()
	m, err := report.NewMonth(t.Context(), h, span)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestMonthFigures compares a month with what comes out of its rounds one by
// one, by definitions and not by methods.
func TestMonthFigures(t *testing.T) {
	s := reporttest.NewSeason(6, 3, report.Span{From: october.From, To: october.From.AddDate(0, 0, 9)}, time.Hour)
	s.Full = 5
	s.Down(2, october.From.AddDate(0, 0, 3), october.From.AddDate(0, 0, 5))
	m := newMonth(t, s, report.Span{From: s.Start, To: s.Start.AddDate(0, 0, 9)})
	if len(m.Pairs) != 30 || len(m.Rounds) != 216 {
		t.Fatalf("%d pairs of %d rounds", len(m.Pairs), len(m.Rounds))
	}
	for i := range m.Pairs {
		p := &m.Pairs[i]
		var want sums
		for r := range s.Count {
			round := s.Round(r)
			for k := range round.Samples {
				if round.Samples[k].Pair == p.Pair {
					want.take(&round.Samples[k], r)
				}
			}
		}
		want.compare(t, p)
	}
}

// sums are a month of a pair, the slow way.
type sums struct {
	states         [6]int
	sent, received int
	stats          [6][]float64
	queue          []float64
	floors         map[int][]float64 // by day
	hourly         map[int][]float64 // queue by hour
}

func micros(d time.Duration) float64 { return float64(d.Round(time.Microsecond) / time.Microsecond) }

func (s *sums) take(sample *probe.Sample, round int) {
	s.states[sample.State]++
	s.sent += sample.Sent
	s.received += sample.Received
	if sample.State != probe.Measured {
		return
	}
	if s.floors == nil {
		s.floors, s.hourly = map[int][]float64{}, map[int][]float64{}
	}
	summary := sample.Summary()
	var us [6]float64
	for stat := range s.stats {
		d, ok := summary.Get(probe.Stat(stat))
		if us[stat] = micros(d); ok {
			s.stats[stat] = append(s.stats[stat], us[stat])
		}
	}
	s.queue = append(s.queue, us[probe.Avg]-us[probe.Min])
	s.floors[round/24] = append(s.floors[round/24], us[probe.Min])
	s.hourly[round%24] = append(s.hourly[round%24], us[probe.Avg]-us[probe.Min])
}

// continuous is SQL's percentile_cont.
func continuous(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	at := q * float64(len(sorted)-1)
	low, high := sorted[int(math.Floor(at))], sorted[int(math.Ceil(at))]
	return low + (at-math.Floor(at))*(high-low)
}

func (s *sums) compare(t *testing.T, p *report.PairMonth) {
	t.Helper()
	if p.States != s.states || p.Sent+p.AwaySent != s.sent || p.Received != s.received {
		t.Errorf("%v: states %v, sent %d + %d, received %d; want %v, %d, %d", p.Pair, p.States, p.Sent, p.AwaySent, p.Received, s.states, s.sent, s.received)
	}
	same := func(what string, got time.Duration, want float64) {
		t.Helper()
		if math.Abs(float64(got)/1000-want) > 0.001 {
			t.Errorf("%v %s: %v, want %.4f µs", p.Pair, what, got, want)
		}
	}
	three := func(what string, got report.Quantiles, values []float64) {
		t.Helper()
		if got.N != len(values) {
			t.Errorf("%v %s: of %d, want %d", p.Pair, what, got.N, len(values))
		}
		same(what+" p5", got.P5, continuous(values, 0.05))
		same(what+" p50", got.P50, continuous(values, 0.5))
		same(what+" p95", got.P95, continuous(values, 0.95))
	}
	for stat, values := range s.stats {
		three(probe.Stat(stat).String(), p.Stats[stat], values)
	}
	three("queue", p.Queue, s.queue)
	same("least", p.Least, slices.Sorted(slices.Values(s.stats[probe.Min]))[2])
	for d, day := range p.Days {
		want := 0.
		if len(s.floors[d]) > 0 {
			want = math.Floor(continuous(s.floors[d], 0.5))
		}
		same("day", day.Floor.Duration(), want)
	}
	for h, hour := range p.Hours {
		same("hour", hour.Queue.Duration(), math.Floor(continuous(s.hourly[h], 0.5)))
	}
}

// TestMonthOfNothing: no round, no month.
func TestMonthOfNothing(t *testing.T) {
	_, err := report.NewMonth(t.Context(), autumn(3, 1), report.MonthSpan(2026, time.March))
	if !errors.Is(err, report.ErrNoRounds) {
		t.Errorf("error %v, want %v", err, report.ErrNoRounds)
	}
}

// TestMonthInAnyOrder: series come in no particular order, and from several
// goroutines.
func TestMonthInAnyOrder(t *testing.T) {
	s := autumn(12, 5)
	first := newMonth(t, s, october)
	for range 2 {
		if again := newMonth(t, s, october); !reflect.DeepEqual(first, again) {
			t.Fatal("another order, another month")
		}
	}
}

// broken hands out a series that cannot be.
type broken struct {
	*reporttest.Season
	change func(*probe.Series)
}

func (b broken) Series(ctx context.Context, from, to time.Time, visit func(*probe.Series) error) error {
	return b.Season.Series(ctx, from, to, func(s *probe.Series) error {
		b.change(s)
		return visit(s)
	})
}

func TestMonthOfBrokenSeries(t *testing.T) {
	for name, change := range map[string]func(*probe.Series){
		"a round that is not":     func(s *probe.Series) { s.Round[len(s.Round)-1] = 744 },
		"a round twice":           func(s *probe.Series) { s.Round[5] = s.Round[4] },
		"a city that nobody has":  func(s *probe.Series) { s.To = "atlantis" },
		"a column too short":      func(s *probe.Series) { s.Sent = s.Sent[:len(s.Sent)-1] },
		"a state that is none":    func(s *probe.Series) { s.State[3] = 77 },
		"an address that is none": func(s *probe.Series) { s.Address[3] = 9 },
		"all the same pair":       func(s *probe.Series) { s.Pair = probe.Pair{From: "x", To: "y"} },
		"a round before the span": func(s *probe.Series) { s.Round[0] = -1 },
	} {
		season := autumn(3, 1)
		season.Fleet.Cities[0].Name, season.Fleet.Cities[1].Name = "x", "y"
		if _, err := report.NewMonth(t.Context(), broken{season, change}, october); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestHostMonth: who was down, since when and for how long, is no loss of the
// pairs; who moved, and whose clock went wrong.
func TestHostMonth(t *testing.T) {
	s := autumn(16, 7)
	s.Quiet = true
	if err := s.Eventful(october); err != nil {
		t.Fatal(err)
	}
	m := newMonth(t, s, october)
	hosts := map[string]*report.HostMonth{}
	for i := range m.Hosts {
		hosts[m.Hosts[i].City] = &m.Hosts[i]
	}
	for _, e := range s.Events {
		h := hosts[e.City]
		switch e.Kind {
		case "down":
			if len(h.Down) != 1 || h.Down[0].Span != (report.Span{From: e.From, To: e.To}) || h.DownRounds != 72 || h.Down[0].Answered {
				t.Errorf("%s: down %+v, %d rounds; want %v to %v", e.City, h.Down, h.DownRounds, e.From, e.To)
			}
			delete(hosts, e.City)
		case "added":
			if !h.First.Equal(e.From) {
				t.Errorf("%s: since %v, want %v", e.City, h.First, e.From)
			}
		case "removed":
			if !h.Last.Equal(e.From.Add(-time.Hour)) {
				t.Errorf("%s: last %v, want before %v", e.City, h.Last, e.From)
			}
		case "moved":
			if len(h.Moves) != 2 || !h.Moves[1].Since.Equal(e.From) || h.Moves[1].Address != e.Address[1] {
				t.Errorf("%s: moves %v, want %v at %v", e.City, h.Moves, e.Address, e.From)
			}
		case "clock":
			if h.Clock == nil || (h.Clock.Offset-e.Offset).Abs() > 5*time.Second || h.Clock.Steps != 1 {
				t.Errorf("%s: clock %+v, want %v", e.City, h.Clock, e.Offset)
			}
		}
	}
	for city, h := range hosts {
		if len(h.Down) > 0 {
			t.Errorf("%s: down %v", city, h.Down)
		}
	}
	for _, p := range m.Pairs {
		lossy := slices.ContainsFunc(s.Events, func(e reporttest.Event) bool {
			return e.Kind == "lossy-hours" && slices.Contains(e.Pairs[0][:], p.From) && slices.Contains(e.Pairs[0][:], p.To)
		})
		if !lossy && p.Sent != p.Received {
			t.Errorf("%v: %d of %d came back", p.Pair, p.Received, p.Sent)
		}
	}
}
