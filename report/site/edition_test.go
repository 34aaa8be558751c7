package site_test

import (
	"context"
	"io"
	"testing"
	"time"

	"matrix/report"
	"matrix/report/reporttest"
	"matrix/report/site"
)

// edition is a month of a made-up fleet, with events, and the month before.
func edition(t testing.TB, cities int, month time.Month, every time.Duration) *site.Edition {
	t.Helper()
	span := report.MonthSpan(2026, month)
	whole := report.Span{From: span.From.AddDate(0, -1, 0), To: span.To}
	season := reporttest.NewSeason(cities, 7, whole, every)
	if cities >= 15 {
		if err := season.Eventful(span); err != nil {
			t.Fatal(err)
		}
	}
	options := report.MonthOptions{Span: span, Options: report.Options{Stat: report.Avg}}
	m, err := report.NewMonthReport(context.Background(), season, options, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &site.Edition{
		Name: span.String(), Month: m, Traces: reporttest.Traces(),
		Pairs: func(ctx context.Context, pairs []report.CityPair, visit func(*report.Series) error) error {
			for _, pair := range pairs {
				series, err := season.Pair(ctx, pair, span.From, span.To)
				if err != nil {
					return err
				}
				if series.Len() == 0 {
					continue
				}
				if err := visit(series); err != nil {
					return err
				}
			}
			return nil
		},
		Files: []site.File{{Name: "rtt.csv", About: "The latency matrix, rows from, columns to.", Write: func(w io.Writer) error {
			_, err := io.WriteString(w, "from,to\n")
			return err
		}}},
	}
}

func write(t testing.TB, dir string, e *site.Edition) {
	t.Helper()
	if err := site.Write(context.Background(), dir, e, nil); err != nil {
		t.Fatal(err)
	}
}
