package report_test

import (
	"slices"
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
