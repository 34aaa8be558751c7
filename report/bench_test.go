package report_test

import (
	"testing"

	"matrix/report"
	"matrix/report/reporttest"
)

func BenchmarkJudge250(b *testing.B) {
	r := report.New(reporttest.Synthetic(250), report.Options{})
	b.ReportAllocs()
	for b.Loop() {
		report.Judge(r, report.Thresholds{}, nil)
	}
}
