package report_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"matrix/probe"
	"matrix/report"
	"matrix/report/reporttest"
)

// inMemory is a history whose columns are in memory already: those of a few
// hundred pairs, handed out as those of all.
type inMemory struct {
	*reporttest.Season
	columns []probe.Series
	pairs   []probe.Pair
}

func newInMemory(b *testing.B, s *reporttest.Season, span report.Span) *inMemory {
	h := &inMemory{Season: s}
	for _, from := range s.Fleet.Cities {
		for _, to := range s.Fleet.Cities {
			if from.Name != to.Name {
				h.pairs = append(h.pairs, probe.Pair{From: from.Name, To: to.Name})
			}
		}
	}
	for i := range 500 {
		series, err := s.Pair(b.Context(), h.pairs[i*113%len(h.pairs)], span.From, span.To)
		if err != nil {
			b.Fatal(err)
		}
		series.RTTs = nil
		h.columns = append(h.columns, *series)
	}
	return h
}

func (h *inMemory) Series(_ context.Context, _, _ time.Time, visit func(*probe.Series) error) error {
	var all sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		all.Go(func() {
			for i := w; i < len(h.pairs); i += workers {
				series := h.columns[i%len(h.columns)]
				series.Pair = h.pairs[i]
				if err := visit(&series); err != nil {
					panic(err)
				}
			}
		})
	}
	all.Wait()
	return nil
}

var november = report.MonthSpan(2026, time.November)

// BenchmarkMonth250 builds a month of 250 cities, 720 rounds: 44.8 million
// samples. kept-MB is what the month then holds.
func BenchmarkMonth250(b *testing.B) {
	h := newInMemory(b, reporttest.NewSeason(250, 1, november, time.Hour), november)
	var m *report.Month
	before := heap()
	b.ReportAllocs()
	for b.Loop() {
		m = newMonth(b, h, november)
	}
	b.ReportMetric(float64(heap()-before)/(1<<20), "kept-MB")
	runtime.KeepAlive(h)
	runtime.KeepAlive(m)
}

// heap is how much is in use.
func heap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// BenchmarkJudgeMonth250 is what a month of 250 cities takes beyond that, and
// the month before: judging, comparing and putting in order.
func BenchmarkJudgeMonth250(b *testing.B) {
	h := newInMemory(b, reporttest.NewSeason(250, 1, november, time.Hour), november)
	m := newMonth(b, h, november)
	b.ReportAllocs()
	for b.Loop() {
		m.Report(report.Options{Stat: report.Avg})
	}
}

// BenchmarkSeason is what the generator takes for a sample.
func BenchmarkSeason(b *testing.B) {
	s := reporttest.NewSeason(250, 1, november, time.Hour)
	s.Full = 10
	samples := 0
	for b.Loop() {
		for i, round := range s.All() {
			samples += len(round.Samples)
			if i == 9 {
				break
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(samples), "ns/sample")
}
