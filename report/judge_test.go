package report_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"matrix/geo"
	"matrix/report"
	"matrix/report/reporttest"
)

// hosts are the verdicts on hosts, but for those that only inform.
func hosts(r *report.Report) []string {
	var all []string
	for _, h := range r.Verdicts.Hosts {
		if h.Verdict != report.PoorlyJoined {
			all = append(all, h.Verdict.String()+" "+h.City)
		}
	}
	return all
}

// flagged are the pairs with one of some verdicts.
func flagged(r *report.Report, verdicts ...report.Verdict) []string {
	var all []string
	for p := range r.Verdicts.Pairs() {
		if slices.ContainsFunc(verdicts, p.Has) {
			all = append(all, p.From+" "+p.To)
		}
	}
	return all
}

// TestVerdicts2011 is what is known of the published tables.
func TestVerdicts2011(t *testing.T) {
	r := average(reporttest.Published())
	for _, test := range []struct {
		verdicts []report.Verdict
		want     []string
	}{
		{[]report.Verdict{report.Detour, report.Severe, report.Extreme}, []string{"baltimore newyork", "paris zurich"}},
		{[]report.Verdict{report.SlowUnproven}, []string{"brisbane moscow", "moscow sydney"}},
		{[]report.Verdict{report.Asymmetric}, []string{"baltimore zurich", "brisbane sydney", "newyork sydney"}},
		{[]report.Verdict{report.Lossy, report.Unreachable, report.Congested, report.TooFast, report.Unjudged}, nil},
	} {
		if got := flagged(r, test.verdicts...); !slices.Equal(got, test.want) {
			t.Errorf("%v: got %q, want %q", test.verdicts, got, test.want)
		}
	}
	if len(r.Verdicts.Hosts) != 0 || len(slices.Collect(r.Verdicts.Pairs())) != 45 {
		t.Errorf("%d pairs, hosts %+v", len(slices.Collect(r.Verdicts.Pairs())), r.Verdicts.Hosts)
	}
	newYork, zurich := r.Verdicts.Pair("newyork", "baltimore"), r.Verdicts.Pair("paris", "zurich")
	if newYork.Relay != "dallas" || zurich.Relay != "milan" {
		t.Errorf("relays %s and %s", newYork.Relay, zurich.Relay)
	}
	if w := newYork.Waypoints; len(w) != 1 || w[0].City != "paris" || len(zurich.Waypoints) != 0 {
		t.Errorf("waypoints %+v and %+v", w, zurich.Waypoints)
	}
}

// TestLines2011 shows the lines as a person reads them, and how each came about.
func TestLines2011(t *testing.T) {
	r := average(reporttest.Published())
	var b strings.Builder
	for _, l := range r.StandsOut() {
		fmt.Fprintf(&b, "%v: %s\n", l.Verdict, l.Text())
	}
	for _, pair := range [][2]string{{"newyork", "baltimore"}, {"brisbane", "moscow"}, {"dallas", "paris"}} {
		fmt.Fprintf(&b, "\n%s\n", strings.Join(r.ExplainPair(pair[0], pair[1]), "\n"))
	}
	fmt.Fprintf(&b, "\n%s\n", strings.Join(r.ExplainCity("sydney"), "\n"))
	reporttest.Golden(t, "2011.txt", []byte(b.String()))
	if r.ExplainPair("paris", "atlantis") != nil || r.ExplainCity("atlantis") != nil {
		t.Error("something is said of a city that is not there")
	}
}

// shuffled is the round with its cities and its samples in another order.
func shuffled(round *report.Round, seed uint64) *report.Round {
	random := rand.New(rand.NewPCG(seed, seed))
	other := *round
	other.Cities, other.Samples = slices.Clone(round.Cities), slices.Clone(round.Samples)
	random.Shuffle(len(other.Cities), func(i, j int) { other.Cities[i], other.Cities[j] = other.Cities[j], other.Cities[i] })
	random.Shuffle(len(other.Samples), func(i, j int) { other.Samples[i], other.Samples[j] = other.Samples[j], other.Samples[i] })
	return &other
}

// sameVerdicts compares all that two judgements say.
func sameVerdicts(a, b *report.Verdicts) bool {
	return reflect.DeepEqual(a.Thresholds, b.Thresholds) && reflect.DeepEqual(a.Fit, b.Fit) && reflect.DeepEqual(a.Hosts, b.Hosts) &&
		reflect.DeepEqual(slices.Collect(a.Pairs()), slices.Collect(b.Pairs()))
}

// TestOrder: nothing depends on the order of cities or samples, to the last
// digit.
func TestOrder(t *testing.T) {
	for name, round := range map[string]*report.Round{
		"measured": reporttest.Measured(), "mixed": reporttest.Mixed(), "synthetic": reporttest.Synthetic(30),
	} {
		want := average(round)
		for seed := range uint64(5) {
			got := average(shuffled(round, seed))
			if !sameVerdicts(got.Verdicts, want.Verdicts) || !reflect.DeepEqual(got.StandsOut(), want.StandsOut()) {
				t.Errorf("%s: another order, other verdicts", name)
			}
		}
	}
}

// lossRound is a round between three cities without coordinates.
func lossRound(sent int, lost map[[2]string]int) *report.Round {
	round := &report.Round{}
	names := []string{"a", "b", "c"}
	for _, name := range names {
		round.Cities = append(round.Cities, report.City{Name: name, Title: strings.ToUpper(name)})
	}
	for _, from := range names {
		for _, to := range names {
			if from == to {
				continue
			}
			s := report.Sample{State: report.Measured, Sent: sent, Received: sent - lost[[2]string{from, to}]}
			s.From, s.To = from, to
			if s.Received == 0 {
				s.State = report.Lost
			} else {
				s.Imported.Set(report.Min, 10e6)
				s.Imported.Set(report.Avg, 10e6)
			}
			round.Samples = append(round.Samples, s)
		}
	}
	return round
}

func TestLoss(t *testing.T) {
	for _, test := range []struct {
		sent, out, back int
		want            report.Verdict
		from            string
	}{
		{10, 0, 0, report.Unjudged, ""},
		{10, 1, 0, report.Unjudged, ""}, // an accident
		{10, 1, 1, report.Lossy, ""},
		{10, 2, 0, report.Lossy, ""},
		{200, 5, 0, report.Lossy, "a"}, // both together: 1.3 %, from 0.5 %
		{200, 0, 5, report.Lossy, "b"},
		{1000, 10, 10, report.Unjudged, ""}, // 1 % is allowed
		{1000, 20, 0, report.Lossy, "a"},
		{10, 10, 0, report.Lossy, ""},
		{10, 10, 10, report.Unreachable, ""},
	} {
		r := average(lossRound(test.sent, map[[2]string]int{{"a", "b"}: test.out, {"b", "a"}: test.back}))
		p := r.Verdicts.Pair("a", "b")
		if p.Verdict() != test.want || p.LossFrom != test.from {
			t.Errorf("%d and %d of %d: got %v from %q, want %v from %q", test.out, test.back, test.sent, p.Verdicts, p.LossFrom, test.want, test.from)
		}
	}
}

func TestVerdictWords(t *testing.T) {
	for v := report.Fine; v <= report.InvalidSource; v++ {
		text, _ := v.MarshalText()
		var back report.Verdict
		if err := back.UnmarshalText(text); err != nil || back != v || v.Meaning() == "" {
			t.Errorf("%s: %v, %v", text, back, err)
		}
	}
	var v report.Verdict
	if v.UnmarshalText([]byte("crooked")) == nil {
		t.Error("want an error")
	}
}

// TestThresholds: each can be set by its name, and is heeded.
func TestThresholds(t *testing.T) {
	var all report.Thresholds
	for _, name := range report.ThresholdNames() {
		if all.Set(name+"=7") != nil && all.Set(name+"=7ms") != nil {
			t.Errorf("%s cannot be set", name)
		}
	}
	if v := reflect.ValueOf(all); v.NumField() != len(report.ThresholdNames()) {
		t.Error("a threshold has no name")
	}
	for _, bad := range []string{"", "x=1", "detour", "detour=x", "detour=-1", "detour=NaN", "detour=Inf", "over=20", "over=-1ms", "least-lost=1.5"} {
		if all.Set(bad) == nil {
			t.Errorf("%q: want an error", bad)
		}
	}
	for setting, want := range map[string]int{"detour=2.5": 1, "over=90ms": 1, "over=200ms": 0, "detour=1": 2} {
		var set report.Thresholds
		if err := set.Set(setting); err != nil {
			t.Fatal(err)
		}
		r := report.New(reporttest.Published(), report.Options{Stat: report.Avg, Thresholds: set})
		if got := flagged(r, report.Detour, report.Severe, report.Extreme); len(got) != want {
			t.Errorf("%s: got %q, want %d", setting, got, want)
		}
	}
}

// TestSelection: a row of a round is judged with all of the round.
func TestSelection(t *testing.T) {
	whole := average(reporttest.Published())
	row := report.New(reporttest.Only(reporttest.Published(), []string{"baltimore"}, nil), report.Options{Stat: report.Avg, Verdicts: whole.Verdicts})
	lines := row.StandsOut()
	if len(lines) != 2 || lines[0].Verdict != report.Extreme || lines[1].Verdict != report.Asymmetric || len(slices.Collect(row.JudgedPairs())) != 9 {
		t.Errorf("got %+v", lines)
	}
}

// TestLossOfAMonth: 2 % in the hourly rounds of a month is called lossy, 0.5 %
// is not.
func TestLossOfAMonth(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 2))
	for range 200 {
		lost := map[[2]string]int{}
		for range 7200 {
			if random.Float64() < 0.02 {
				lost[[2]string{"a", "b"}]++
			}
			if random.Float64() < 0.005 {
				lost[[2]string{"a", "c"}]++
			}
		}
		r := average(lossRound(7200, lost))
		if got := flagged(r, report.Lossy); !slices.Equal(got, []string{"a b"}) {
			t.Fatalf("%v: got %q", lost, got)
		}
	}
}

// everywhere is a gazetteer that knows where the ten cities are.
type everywhere struct{}

func (everywhere) Places(name, _ string) []report.Place {
	for _, c := range reporttest.Published().Cities {
		if c.Title == name {
			at, _ := geo.NewPoint(c.Location.Latitude, c.Location.Longitude)
			return []report.Place{{Name: name, Country: c.Country, Latitude: c.Location.Latitude, Longitude: c.Location.Longitude, Point: at}}
		}
	}
	return nil
}

func (everywhere) Large() []report.Place { return nil }

// TestOneOfTwo: of a single impossible pair the gazetteer knows which of the
// two is meant; without it their other RTTs tell, if there are enough of them.
func TestOneOfTwo(t *testing.T) {
	round := reporttest.Published()
	round.Cities = slices.Clone(round.Cities)
	round.Cities[1].Location = &report.Location{Latitude: 27.4698, Longitude: 153.0251} // Brisbane, north of the equator
	alone := average(round)
	if got := flagged(alone, report.TooFast); !slices.Equal(hosts(alone), []string{"misplaced brisbane"}) || len(got) != 0 {
		t.Errorf("got %q and %q", hosts(alone), got)
	}
	four := []string{"brisbane", "sydney", "moscow", "paris"}
	few := average(reporttest.Only(round, four, four))
	if got := flagged(few, report.TooFast); len(hosts(few)) != 0 || !slices.Equal(got, []string{"brisbane sydney"}) {
		t.Errorf("of four: got %q and %q", hosts(few), got)
	}
	known := report.New(round, report.Options{Stat: report.Avg, Gazetteer: everywhere{}})
	if got := hosts(known); !slices.Equal(got, []string{"misplaced brisbane", "coordinates-suspect brisbane"}) {
		t.Errorf("got %q", got)
	}
	if got := flagged(known, report.TooFast, report.SlowUnproven); !slices.Equal(got, []string{"moscow sydney"}) {
		t.Errorf("got %q", got)
	}
}
