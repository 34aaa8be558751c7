package report_test

import (
	"testing"

	"matrix/geo"
	"matrix/report"
	"matrix/report/reporttest"
)

func BenchmarkJudge250(b *testing.B) { judgeSynthetic(b, 250) }

func BenchmarkJudge1000(b *testing.B) { judgeSynthetic(b, 1000) }

func judgeSynthetic(b *testing.B, n int) {
	r := report.New(reporttest.Synthetic(n), report.Options{})
	b.ReportAllocs()
	for b.Loop() {
		report.Judge(r, report.Thresholds{}, nil)
	}
}

// BenchmarkJudgeWorld250 judges a fleet that is made like a real one, with all
// large towns as places where its hosts may stand.
func BenchmarkJudgeWorld250(b *testing.B) {
	r := report.New(reporttest.NewFleet(250, 0).Round(), report.Options{})
	b.ReportAllocs()
	for b.Loop() {
		report.Judge(r, report.Thresholds{}, geo.World())
	}
}
