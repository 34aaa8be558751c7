package report_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"matrix/probe"
	"matrix/report"
)

// An arrow is a direction: it stands only where the verdict is on one.
func TestStandsOutArrow(t *testing.T) {
	round := round2011()
	for i := range round.Samples {
		s := &round.Samples[i]
		switch s.Pair.String() {
		case (probe.Pair{From: "paris", To: "dallas"}).String(): // slower than the other direction
			for k := range s.RTTs {
				s.RTTs[k] += 60 * time.Millisecond
			}
		case (probe.Pair{From: "newyork", To: "paris"}).String(): // together these two lose enough
			s.Received, s.RTTs = 17, s.RTTs[:17]
		}
	}
	var names []string
	for _, l := range report.New(round, report.Options{}).StandsOut() {
		names = append(names, l.Verdict.String()+": "+l.Name)
	}
	for _, want := range []string{"extreme: Baltimore – New York", "asymmetric: Paris → Dallas", "lossy: New York – Paris"} {
		if !slices.Contains(names, want) {
			t.Errorf("no %q in %q", want, names)
		}
	}
}

// A partial round says whether pairs had no turn, or were only cut short.
func TestEndedEarly(t *testing.T) {
	round := round2011()
	round.Partial = true
	round.Samples[0].Cut = true
	if got := report.New(round, report.Options{}).EndedEarly(); !strings.Contains(got, "cut short") {
		t.Error(got)
	}
	round.Samples[1] = probe.Sample{Pair: round.Samples[1].Pair, State: probe.NotRun}
	if got := report.New(round, report.Options{}).EndedEarly(); !strings.Contains(got, "had its turn") {
		t.Error(got)
	}
}

// A step at the first hop is the host's own network.
func TestStepAtFirstHop(t *testing.T) {
	there := traceOf("baltimore", "newyork", step{"", 60}, step{"", 61})
	found, _ := report.Drill{Pair: there.Pair, Cities: fleet2011(), There: there}.Down()
	if text := strings.Join(found.Finding(), "\n"); !strings.Contains(text, "step: +60.0 ms at hop 1 of Baltimore → New York, the first one: the network by which the host itself is joined") {
		t.Error(text)
	}
}
