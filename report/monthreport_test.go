package report_test

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"matrix/geo"
	"matrix/probe"
	"matrix/report"
	"matrix/report/reporttest"
)

func monthReport(t testing.TB, h report.History, span report.Span) *report.MonthReport {
	t.Helper()
	o := report.MonthOptions{Span: span, Atlas: geo.World()}
	o.Stat, o.Gazetteer = report.Avg, geo.World()
	m, err := report.NewMonthReport(t.Context(), h, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// changed are the pairs that a report calls slower or faster than before, with
// the days.
func changed(m *report.MonthReport) map[string]string {
	all := map[string]string{}
	for p := range m.Verdicts.Pairs() {
		for _, c := range p.Changes {
			until := ""
			if !c.Until.IsZero() {
				until = c.Until.Format(time.DateOnly)
			}
			all[p.From+" "+p.To] += fmt.Sprintf("%v %s %s;", c.Verdict, c.Since.Format(time.DateOnly), until)
		}
	}
	return all
}

// TestEventsAreFound: every event that was put into a month is in its report,
// on the right day and of the right cities, and nothing else is called degraded,
// recovered, lossy, down, moved or wrong in its clock.
func TestEventsAreFound(t *testing.T) {
	notIfShort(t)
	for _, n := range []int{16, 45} {
		for seed := range uint64(3) {
			s := autumn(n, seed)
			if err := s.Eventful(october); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			m := monthReport(t, s, october)
			name := fmt.Sprintf("%d cities, seed %d", n, seed)
			wantChanges, wantLossy, wantHosts := map[string]string{}, []string{}, []string{}
			for _, e := range s.Events {
				switch e.Kind {
				case "detour":
					for _, p := range e.Pairs {
						wantChanges[p[0]+" "+p[1]] += fmt.Sprintf("degraded %s %s;", e.From.Format(time.DateOnly), e.To.Format(time.DateOnly))
					}
				case "lossy-hours":
					wantLossy = append(wantLossy, fmt.Sprintf("%s %s %v", e.Pairs[0][0], e.Pairs[0][1], e.Hours))
				case "removed":
					wantHosts = append(wantHosts, hostWord(e.Kind, e.City, e.From.Add(-time.Hour)))
				default:
					wantHosts = append(wantHosts, hostWord(e.Kind, e.City, e.From))
				}
			}
			if got := changed(m); !maps.Equal(got, wantChanges) {
				t.Errorf("%s: changed\n%v\nwant\n%v", name, got, wantChanges)
			}
			if got := lossy(m); !slices.Equal(got, wantLossy) {
				t.Errorf("%s: lossy %v, want %v", name, got, wantLossy)
			}
			if got := befell(m); !sameSet(got, wantHosts) {
				t.Errorf("%s: hosts\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(wantHosts, "\n"))
			}
		}
	}
}

func hostWord(word, city string, since time.Time) string {
	if word == "clock" { // a clock is off only after it has drifted for some hours
		return word + " " + city + " " + since.Format(time.DateOnly)
	}
	return word + " " + city + " " + since.Format(time.RFC3339)
}

// befell are the notes on hosts but for verdicts.
func befell(m *report.MonthReport) []string {
	var got []string
	for _, h := range m.Hosts {
		if h.Word != report.PoorlyJoined.String() {
			got = append(got, hostWord(h.Word, h.City, h.Since))
		}
	}
	return got
}

func lossy(m *report.MonthReport) []string {
	got := []string{}
	for p := range m.Verdicts.Pairs() {
		if p.Has(report.Lossy) {
			got = append(got, p.From+" "+p.To)
		}
		if p.Has(report.LossyHours) {
			got = append(got, fmt.Sprintf("%s %s [%d %d]", p.From, p.To, p.Hours[0].Begin, p.Hours[0].End))
		}
	}
	return got
}

// TestLossInAMonth: pairs that lose 2 % of some 7,400 echo requests each way, as
// many as ten in each hour of a month are, are lossy. Those that lose half a
// percent are not, nor those that lose what all do.
func TestLossInAMonth(t *testing.T) {
	notIfShort(t)
	for _, n := range []int{8, 15, 30, 60} {
		put, found, flags := 0, 0, 0
		for seed := range uint64(2) {
			s := reporttest.NewSeason(n, seed, october, 3*time.Hour)
			want := map[string]bool{}
			for a := range n {
				for b := range a {
					switch (a*n + b + int(seed)) % 10 {
					case 0:
						s.Evenings(a, b, 0, 24, 0.02, october.From, october.To)
						p := s.Events[len(s.Events)-1].Pairs[0]
						want[p[0]+" "+p[1]] = true
					case 1, 2:
						s.Evenings(a, b, 0, 24, 0.005, october.From, october.To)
					}
				}
			}
			put += len(want)
			for _, p := range lossy(monthReport(t, s, october)) {
				flags++
				if want[p] {
					found++
				}
			}
		}
		t.Logf("%d cities: %d pairs with 2 %%, %d of them found, %d called lossy", n, put, found, flags)
		if put < 4 || float64(found) < 0.95*float64(put) || float64(found) < 0.99*float64(flags) {
			t.Errorf("%d cities: %d pairs with 2 %%, %d of them found, %d called lossy", n, put, found, flags)
		}
	}
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// TestNothingHappened: of a month without events nothing is told, whatever the
// fleet.
func TestNothingHappened(t *testing.T) {
	notIfShort(t)
	for _, n := range []int{2, 5, 30} {
		for seed := range uint64(3) {
			m := monthReport(t, autumn(n, seed), october)
			if got := changed(m); len(got) > 0 {
				t.Errorf("%d cities, seed %d: %v", n, seed, got)
			}
			if got := lossy(m); len(got) > 0 {
				t.Errorf("%d cities, seed %d: lossy %v", n, seed, got)
			}
			if got := befell(m); len(got) > 0 {
				t.Errorf("%d cities, seed %d: hosts %v", n, seed, got)
			}
		}
	}
}

// TestReportInAnyOrder: whatever order the history has, the report is the same.
func TestReportInAnyOrder(t *testing.T) {
	s := autumn(20, 3)
	if err := s.Eventful(october); err != nil {
		t.Fatal(err)
	}
	a, b := monthReport(t, s, october), monthReport(t, s, october)
	same := sameVerdicts(a.Verdicts, b.Verdicts)
	a.Verdicts, b.Verdicts = nil, nil
	if !same || !reflect.DeepEqual(a, b) {
		t.Error("another order, another report")
	}
}

// TestAcrossTheEnd: a detour that begins in one month and ends in the next is
// told once as a change for the worse and once as one for the better.
func TestAcrossTheEnd(t *testing.T) {
	for _, day := range []int{20, 29, 30, 31} {
		s := reporttest.NewSeason(12, 4, report.Span{From: october.From, To: november.To}, time.Hour)
		began, ended := october.From.AddDate(0, 0, day-1), november.From.AddDate(0, 0, 20)
		a, b, over := bendable(t, s)
		s.Detour("", [][2]int{{a, b}}, over, began, ended)
		var told []string
		for _, span := range []report.Span{october, november} {
			for _, changes := range changed(monthReport(t, s, span)) {
				told = append(told, changes)
			}
		}
		got := strings.Join(told, " ")
		want := fmt.Sprintf("degraded %s ; recovered 2026-11-21 ;", began.Format(time.DateOnly))
		if day > 29 { // it had not been held for three days when October ended
			want = fmt.Sprintf("degraded %s 2026-11-21;", began.Format(time.DateOnly))
		}
		if got != want {
			t.Errorf("from the %dth: %q, want %q", day, got, want)
		}
	}
}

// TestWithoutAMonthBefore: changes within the month are found all the same.
func TestWithoutAMonthBefore(t *testing.T) {
	s := reporttest.NewSeason(12, 4, october, time.Hour)
	a, b, over := bendable(t, s)
	s.Detour("", [][2]int{{a, b}}, over, october.From.AddDate(0, 0, 9), october.From.AddDate(0, 0, 19))
	m := monthReport(t, s, october)
	got := slices.Collect(maps.Values(changed(m)))
	if m.Before != nil || !slices.Equal(got, []string{"degraded 2026-10-10 2026-10-20;"}) {
		t.Errorf("beside %v: %q", m.Before, got)
	}
}

// TestMoveBetweenMonths: a host that has another address from the first round
// on has moved, and its pairs are not slower; nor are they movers.
func TestMoveBetweenMonths(t *testing.T) {
	s := autumn(12, 4)
	s.Readdress(3, 60, october.From)
	m := monthReport(t, s, october)
	if got := changed(m); len(got) > 0 {
		t.Errorf("changed: %v", got)
	}
	if got, want := befell(m), []string{hostWord("moved", s.Fleet.Cities[3].Name, october.From)}; !slices.Equal(got, want) {
		t.Errorf("hosts: %q, want %q", got, want)
	}
	for _, p := range m.Movers {
		if p.From == s.Fleet.Cities[3].Name || p.To == s.Fleet.Cities[3].Name {
			t.Errorf("moved by %.1f ms: %s – %s", p.After-p.Before, p.From, p.To)
		}
	}
	if _, ok := m.Change(s.Fleet.Cities[3].Name, s.Fleet.Cities[5].Name); ok {
		t.Error("a change is told of a host that moved")
	}
}

// TestAnEveningIsNoHabit: losses of two evenings are losses, and no hours of day.
func TestAnEveningIsNoHabit(t *testing.T) {
	for seed := range uint64(3) {
		s := autumn(10, seed)
		s.Evenings(1, 2, 18, 22, 0.4, october.From.AddDate(0, 0, 4), october.From.AddDate(0, 0, 6))
		for _, word := range lossy(monthReport(t, s, october)) {
			if strings.HasSuffix(word, "]") {
				t.Errorf("seed %d: %s", seed, word)
			}
		}
	}
}

// bendable is a pair and a third host over which it takes far longer.
func bendable(t *testing.T, s *reporttest.Season) (a, b, over int) {
	t.Helper()
	for a := range s.Fleet.Cities {
		for b := range a {
			for c := range b {
				if s.Fleet.RTT(a, c)+s.Fleet.RTT(c, b) > 2*s.Fleet.RTT(a, b)+50 {
					return a, b, c
				}
			}
		}
	}
	t.Fatal("no such pair")
	return 0, 0, 0
}

// TestPublishedMonth: a table of averages, as the one of 2011, is a month of one
// round. Every figure of its round is a figure of the month.
func TestPublishedMonth(t *testing.T) {
	round := reporttest.Published()
	round.Start = october.From.Add(time.Hour)
	m := monthReport(t, single{round}, october)
	plain := report.New(round, report.Options{Stat: report.Avg, Gazetteer: geo.World()})
	for _, p := range plain.Pairs() {
		for _, metric := range report.Metrics() {
			want, ok := plain.Value(p, metric)
			got, ok2 := m.Value(m.Pair(p.From, p.To), metric)
			if ok != ok2 || want != got {
				t.Errorf("%v %v: %v %v, want %v %v", p.Pair, metric, got, ok2, want, ok)
			}
		}
	}
	was, now := slices.Collect(plain.Verdicts.Pairs()), slices.Collect(m.Verdicts.Pairs())
	for i, p := range was {
		if got := now[i]; !reflect.DeepEqual(got, p) {
			t.Errorf("%s – %s: %+v, want %+v", p.From, p.To, got, p)
		}
	}
}

// single is a history of one round.
type single struct{ round *report.Round }

func (s single) Rounds(_ context.Context, from, to time.Time) ([]*probe.Round, error) {
	if s.round.Start.Before(from) || !s.round.Start.Before(to) {
		return nil, nil
	}
	header := *s.round
	header.Samples = nil
	return []*probe.Round{&header}, nil
}

func (s single) Series(_ context.Context, from, to time.Time, visit func(*probe.Series) error) error {
	for i := range s.round.Samples {
		sample := &s.round.Samples[i]
		series := probe.Series{Pair: sample.Pair, Round: []int32{0}, State: []probe.State{sample.State},
			Sent: []int32{probe.Unknown}, Received: []int32{probe.Unknown}, Address: []int32{probe.Unknown}}
		for stat := range series.Stats {
			series.Stats[stat] = []int32{probe.Unknown}
			if d, ok := sample.Summary().Get(probe.Stat(stat)); ok {
				series.Stats[stat][0] = int32(d / time.Microsecond)
			}
		}
		if err := visit(&series); err != nil {
			return err
		}
	}
	return nil
}

func (s single) Pair(context.Context, probe.Pair, time.Time, time.Time) (*probe.Series, error) {
	return nil, nil
}

func (s single) Traces(context.Context, time.Time, time.Time) ([]probe.Trace, error) { return nil, nil }
