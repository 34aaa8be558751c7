package report_test

import (
	"testing"

	"matrix/report"
	"matrix/report/reporttest"
)

// TestInStat: a report in another statistic is the report that would have been
// made with it, whatever happened in the round.
func TestInStat(t *testing.T) {
	round := reporttest.Mixed()
	first := report.New(round, report.Options{Stat: report.Avg})
	for _, stat := range []report.Stat{report.Min, report.Median, report.Avg, report.Max} {
		got, want := first.InStat(stat), report.New(round, report.Options{Stat: stat})
		if got.Method.Stat != stat || len(got.Pairs()) != len(want.Pairs()) {
			t.Fatalf("%v: is in %v, with %d of %d pairs", stat, got.Method.Stat, len(got.Pairs()), len(want.Pairs()))
		}
		for _, p := range want.Pairs() {
			q := got.Pair(p.From, p.To)
			for _, m := range report.Metrics() {
				a, okA := got.Value(q, m)
				b, okB := want.Value(p, m)
				if a != b || okA != okB || got.Why(q, m) != want.Why(p, m) {
					t.Errorf("%v of %v in %v: %v %v (%s), want %v %v (%s)", m, p.Pair, stat, a, okA, got.Why(q, m), b, okB, want.Why(p, m))
				}
			}
			if got.Verdict(q) != want.Verdict(p) {
				t.Errorf("%v in %v: %v, want %v", p.Pair, stat, got.Verdict(q), want.Verdict(p))
			}
		}
	}
	if v, _ := first.Value(first.Pair("paris", "milan"), report.RTT); first.Method.Stat != report.Avg || v == 0 {
		t.Error("the first report is no more what it was")
	}
}
