package report_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"matrix/geo"
	"matrix/probe"
	"matrix/report"
	"matrix/report/reporttest"
)

func average(round *report.Round) *report.Report {
	return report.New(round, report.Options{Stat: report.Avg})
}

// TestPublished compares with the figures printed in 2011, whose miles are
// 0.58 % too long and whose fibre was 120.9 mi/ms.
func TestPublished(t *testing.T) {
	r := report.New(reporttest.Published(), report.Options{Stat: report.Avg, Fibre: 120.9})
	for _, test := range []struct {
		from, to            string
		miles, speed, fibre float64
	}{
		{"baltimore", "newyork", 171, 1.96, 1.62},
		{"baltimore", "brisbane", 9553, 79.81, 66.02},
		{"brisbane", "sydney", 457, 27.33, 22.60},
		{"dallas", "baltimore", 1216, 70.49, 58.31},
	} {
		p := r.Pair(test.from, test.to)
		for metric, want := range map[report.Metric]float64{report.Distance: test.miles, report.Speed: test.speed, report.Fibre: test.fibre} {
			got, ok := r.Value(p, metric)
			if !ok || math.Abs(got*1.0058/want-1) > 0.01 {
				t.Errorf("%v %v: got %.2f, published %.2f", p.Pair, metric, got, want)
			}
		}
	}
}

// given are distances from a file.
type given map[probe.Pair]geo.Miles

func (g given) Between(p probe.Pair) (geo.Miles, bool) { d, ok := g[p]; return d, ok }

// TestJoin: each way in which a pair ends without a speed has its mark and its
// reason, and none of them has a figure.
func TestJoin(t *testing.T) {
	ab := probe.Pair{From: "a", To: "b"}
	rtts := []time.Duration{6 * time.Millisecond, 2 * time.Millisecond, 4 * time.Millisecond}
	onlyAvg := probe.Summary{}
	onlyAvg.Set(probe.Avg, 2*time.Millisecond)
	for name, test := range map[string]struct {
		sample probe.Sample
		miles  geo.Miles
		stat   probe.Stat
		units  report.Units
		mark   string // "": a speed
		why    string
		speed  float64
	}{
		"speed":                       {probe.Sample{State: probe.Measured, RTTs: rtts}, 100, probe.Avg, 0, "", "", 50},
		"minimum":                     {probe.Sample{State: probe.Measured, RTTs: rtts}, 100, probe.Min, 0, "", "", 100},
		"unsorted median":             {probe.Sample{State: probe.Measured, RTTs: rtts}, 100, probe.Median, 0, "", "", 50},
		"km":                          {probe.Sample{State: probe.Measured, RTTs: rtts}, 100, probe.Avg, report.UseKm, "", "", 80.4672},
		"exactly 20":                  {probe.Sample{State: probe.Measured, RTTs: rtts}, 20, probe.Avg, 0, "", "", 10},
		"near":                        {probe.Sample{State: probe.Measured, RTTs: rtts}, 19.9, probe.Avg, 0, "near", "under 20 miles", 0},
		"near in km":                  {probe.Sample{State: probe.Measured, RTTs: rtts}, 19.9, probe.Avg, report.UseKm, "near", "under 32 km", 0},
		"no distance":                 {probe.Sample{State: probe.Measured, RTTs: rtts}, -1, probe.Avg, 0, "dist?", "distance not known", 0},
		"NaN distance":                {probe.Sample{State: probe.Measured, RTTs: rtts}, geo.Miles(math.NaN()), probe.Avg, 0, "dist?", "distance not known", 0},
		"imported":                    {probe.Sample{State: probe.Measured, Imported: probe.ImportedOf(onlyAvg)}, 100, probe.Avg, 0, "", "", 100},
		"no median":                   {probe.Sample{State: probe.Measured, Imported: probe.ImportedOf(onlyAvg)}, 100, probe.Median, 0, "stat?", "the source gives no median", 0},
		"too fast":                    {probe.Sample{State: probe.Measured, RTTs: rtts}, 200, probe.Avg, 0, "fast?", "faster than light in glass: a place or the RTT is wrong", 0},
		"zero RTT":                    {probe.Sample{State: probe.Measured, RTTs: []time.Duration{0}}, 100, probe.Avg, 0, "stat?", "the source gives no average", 0},
		"lost":                        {probe.Sample{State: probe.Lost, Sent: 3}, 100, probe.Avg, 0, "lost", "lost", 0},
		"lost and near":               {probe.Sample{State: probe.Lost, Sent: 3}, 1, probe.Avg, 0, "lost", "lost", 0},
		"down":                        {probe.Sample{State: probe.SourceDown, Reason: "no\x1b[1m route"}, 100, probe.Avg, 0, "down", "source-down: no [1m route", 0},
		"not measured, yet with RTTs": {probe.Sample{State: probe.NotRun, RTTs: rtts}, 100, probe.Avg, 0, "norun", "not-run", 0},
	} {
		test.sample.Pair = ab
		round := &probe.Round{Cities: []probe.City{{Name: "a"}, {Name: "b"}}, Samples: []probe.Sample{test.sample}}
		r := report.New(round, report.Options{Stat: test.stat, Units: test.units, Distances: given{ab: test.miles}})
		cell := r.Cell("a", "b", report.Speed)
		if got := cell.Text(4); test.mark != "" && got != test.mark || cell.Why != test.why {
			t.Errorf("%s: got %q because %q, want %q because %q", name, got, cell.Why, test.mark, test.why)
		}
		if test.mark == "" && math.Abs(cell.Value-test.speed) > 1e-9 {
			t.Errorf("%s: got speed %v, want %v", name, cell.Value, test.speed)
		}
		if test.mark != "" && (hasSpeed(r.Pair("a", "b")) || cell.Kind == report.Figure) {
			t.Errorf("%s: a speed where there is none", name)
		}
		if marks := r.Marks(report.Speed); test.mark != "" && (len(marks) != 1 || marks[0].Mark != test.mark) {
			t.Errorf("%s: legend %v does not explain %q", name, marks, test.mark)
		}
		if test.sample.State != probe.Measured {
			if v, ok := r.Value(r.Pair("a", "b"), report.RTT); ok {
				t.Errorf("%s: an RTT of %v", name, v)
			}
		}
	}
}

func TestCells(t *testing.T) {
	r := average(reporttest.Only(reporttest.Mixed(), []string{"paris", "milan"}, nil))
	for _, test := range []struct {
		from, to string
		metric   report.Metric
		kind     report.CellKind
		text     string
	}{
		{"milan", "paris", report.RTT, report.Missing, "lost"},
		{"milan", "paris", report.Loss, report.Figure, "100.0"},
		{"milan", "paris", report.Distance, report.Figure, "397.4"},
		{"paris", "paris", report.RTT, report.Self, "·"},
		{"dallas", "paris", report.RTT, report.Unplanned, ""},
		{"paris", "milan", report.RTT, report.Figure, "21.3"},
		{"paris", "fremont", report.Distance, report.NoFigure, "dist?"},
	} {
		c := r.Cell(test.from, test.to, test.metric)
		if c.Kind != test.kind || c.Text(1) != test.text {
			t.Errorf("%s → %s %v: got kind %d %q, want %d %q", test.from, test.to, test.metric, c.Kind, c.Text(1), test.kind, test.text)
		}
	}
	published := average(reporttest.Published())
	if c := published.Cell("paris", "milan", report.Loss); c.Mark != "stat?" || c.Why == "" {
		t.Errorf("loss that is not known: got %+v", c)
	}
}

func names(pairs []*report.Pair) []string {
	var names []string
	for _, p := range pairs {
		names = append(names, p.Pair.String())
	}
	return names
}

func TestRanks(t *testing.T) {
	shuffled := reporttest.Measured()
	slices.Reverse(shuffled.Samples)
	for _, r := range []*report.Report{average(reporttest.Measured()), average(shuffled)} {
		if got, want := names(r.Worst(3)), []string{"baltimore → newyork", "zurich → paris", "sydney → brisbane"}; !slices.Equal(got, want) {
			t.Errorf("worst: got %q, want %q", got, want)
		}
		if got := names(r.Best(1)); !slices.Equal(got, []string{"paris → newyork"}) {
			t.Errorf("best: got %q", got)
		}
	}
	if all := average(reporttest.Measured()).Worst(1000); len(all) != 45 {
		t.Errorf("got %d pairs of cities, want 45", len(all))
	}
	if r := average(&report.Round{}); len(r.Worst(3))+len(r.Best(3))+len(r.Lossy(3)) != 0 {
		t.Error("ranks of nothing")
	}
	if got := names(average(reporttest.Mixed()).Lossy(5)); !slices.Equal(got, []string{"baltimore → brisbane"}) {
		t.Errorf("lossy: got %q", got)
	}
}

// TestTooFast: a misplaced city is noted, and its pairs have no speed; the two
// directions of one pair alone accuse nobody.
func hasSpeed(p *report.Pair) bool {
	_, ok := p.Speed()
	return ok
}

func TestTooFast(t *testing.T) {
	round := reporttest.Published()
	if r := average(round); len(r.Footnotes()) != 0 {
		t.Errorf("footnotes on a sound table: %q", r.Footnotes())
	}
	round.Cities = slices.Clone(round.Cities)
	round.Cities[6].Location = round.Cities[8].Location // New York, said to be in Sydney
	r := average(round)
	p := r.Pair("newyork", "dallas")
	if c := r.Cell("newyork", "dallas", report.Fibre); !p.Impossible() || hasSpeed(p) || c.Kind != report.NoFigure || c.Mark != "fast?" {
		t.Errorf("New York → Dallas: %+v, shown as %+v", p, c)
	}
	if r.Flag(r.Pair("paris", "zurich")) != "!" || r.Flag(r.Pair("paris", "milan")) != "" {
		t.Errorf("flags: %q %q", r.Flag(r.Pair("paris", "milan")), r.Flag(r.Pair("paris", "zurich")))
	}
	if got := hosts(r); !slices.Equal(got, []string{"misplaced newyork"}) {
		t.Errorf("got %q", got)
	}
	if p := r.Pair("moscow", "newyork"); hasSpeed(p) || r.Cell("moscow", "newyork", report.Fibre).Text(1) != "fast?" {
		t.Errorf("a misplaced city has a speed: %+v", p)
	}
	pair := average(reporttest.Only(round, []string{"newyork", "dallas"}, []string{"newyork", "dallas"}))
	if got := pair.Verdicts.Pair("dallas", "newyork"); len(hosts(pair)) != 0 || got.Verdict() != report.TooFast {
		t.Errorf("one pair alone: %q, %v", hosts(pair), got.Verdicts)
	}
}

func TestCoverage(t *testing.T) {
	if got := average(reporttest.Measured()).Coverage.String(); got != "90 of 90 pairs measured" {
		t.Errorf("got %q", got)
	}
	r := average(reporttest.Mixed())
	if got, want := r.Coverage.String(), "69 of 90 pairs measured; 1 lost, 9 source-down, 8 unresolved, 2 not-run, 1 excluded"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	var where []string
	total := 0
	for _, g := range r.Gaps() {
		where = append(where, g.State.String()+" "+g.Where)
		total += len(g.Pairs)
	}
	want := []string{"lost Milan → Paris", "source-down from Dallas", "unresolved to Sydney", "not-run Zurich → New York, Zurich → Paris", "excluded Moscow → Zurich"}
	if !slices.Equal(where, want) || total != 21 {
		t.Errorf("gaps: got %q of %d pairs", where, total)
	}
	most := r.MostMissing(2)
	if len(most) != 2 || most[0].City != "dallas" || most[0].From != 9 || most[0].FromAll != 9 || most[0].To != 0 || most[1].City != "sydney" {
		t.Errorf("most missing: got %+v", most)
	}
}

func TestMethod(t *testing.T) {
	want := "average round-trip time of 10 echo requests a pair, 1s apart, timeout 5s, 56 bytes; speed: 2 × distance / RTT, in mi/ms, none under 20 miles; " +
		"fibre: 100 % is 121.08 mi/ms (0.65 c); distance: great circle on a sphere of 6371.01 km; measured 2026-10-03 14:02:11–14:02:27 UTC; matrix 0.1.0"
	if got := average(reporttest.Measured()).Method.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	r := report.New(reporttest.Published(), report.Options{Stat: report.Min, Units: report.UseKm, Fibre: 120.9, Distances: given{}, Model: "miles.csv"})
	want = "minimum round-trip time; speed: 2 × distance / RTT, in km/ms, none under 32 km; fibre: 100 % is 194.57 km/ms (0.649 c); distance: miles.csv; source: ping-ms.csv"
	if got := r.Method.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	day := report.Method{Start: reporttest.Start, End: reporttest.Start.Add(24 * time.Hour)}
	if got := day.When(); got != "2026-10-03 14:02:11 – 2026-10-04 14:02:11 UTC" {
		t.Errorf("got %q", got)
	}
}

func TestSpread(t *testing.T) {
	round := &report.Round{Cities: []report.City{{Name: "a"}, {Name: "b"}}}
	for _, ms := range []int{50, 10, 40, 20, 30} {
		s := probe.Sample{State: probe.Measured, RTTs: []time.Duration{time.Duration(ms) * time.Millisecond}}
		s.From, s.To = "a", "b"
		round.Samples = append(round.Samples, s)
	}
	s, ok := average(round).Spread(report.RTT)
	want := report.Spread{Pairs: 5, Min: 10, P5: 12, Median: 30, P95: 48, Max: 50}
	if !ok || s.Pairs != want.Pairs || s.Min != want.Min || math.Abs(s.P5-want.P5) > 1e-9 || s.Median != want.Median || math.Abs(s.P95-want.P95) > 1e-9 || s.Max != want.Max {
		t.Errorf("got %+v, want %+v", s, want)
	}
	if _, ok := average(round).Spread(report.Speed); ok {
		t.Error("a distribution of nothing")
	}
}

// TestHostile: what the renderers are given holds no controls.
func TestHostile(t *testing.T) {
	r := average(reporttest.Hostile())
	texts := append(r.Footnotes(), r.Method.String())
	for _, c := range r.Cities {
		texts = append(texts, r.Title(c.Name))
	}
	for _, g := range r.Gaps() {
		texts = append(texts, g.Reason, g.Where)
	}
	for _, p := range r.Pairs() {
		texts = append(texts, p.Status(), r.Why(p, report.Fibre))
	}
	for _, text := range texts {
		if strings.ContainsAny(text, "\x1b\x07\n\r\t\u202e\u2066\u200b\u009b") || len([]rune(text)) > 700 {
			t.Errorf("not clean: %q", text)
		}
	}
	if got := r.Title("nobody\x1b[m"); got != "nobody [m" {
		t.Errorf("a city that is not in the inventory: %q", got)
	}
}

func TestText(t *testing.T) {
	for _, m := range report.Metrics() {
		var back report.Metric
		if err := back.UnmarshalText([]byte(m.String())); err != nil || back != m {
			t.Errorf("%v does not come back: %v, %v", m, back, err)
		}
	}
	var m report.Metric
	var u report.Units
	if m.UnmarshalText([]byte("ping")) == nil || u.UnmarshalText([]byte("yards")) == nil {
		t.Error("unknown words were taken")
	}
	if u.UnmarshalText([]byte("km")) != nil || u != report.UseKm {
		t.Error("km is not kilometres")
	}
}
