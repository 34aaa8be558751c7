package report

import (
	"context"
	"time"

	"matrix/probe"
)

// Span is a stretch of time, from From up to but not including To; UTC.
type Span struct{ From, To time.Time }

// MonthSpan is a calendar month in UTC.
func MonthSpan(year int, month time.Month) Span {
	from := time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
	return Span{from, from.AddDate(0, 1, 0)}
}

// Days is how many days of 24 hours the span has, a last broken one included.
func (s Span) Days() int { return int((s.To.Sub(s.From) + 24*time.Hour - 1) / (24 * time.Hour)) }

// Day is which day of the span a time is in, from 0.
func (s Span) Day(at time.Time) int { return int(at.Sub(s.From) / (24 * time.Hour)) }

// String names a calendar month as 2026-10, and anything else by its two ends.
func (s Span) String() string {
	if s == MonthSpan(s.From.Year(), s.From.Month()) {
		return s.From.Format("2006-01")
	}
	return s.From.Format(time.RFC3339) + "/" + s.To.Format(time.RFC3339)
}

// History is what a month's report reads. A round belongs to the span that its
// Start is in. What is damaged is left out; a history that also has a method
// Problems() []probe.Warning tells by it which files these were, so far.
type History interface {
	// Rounds are the headers of the rounds that began in the span, in the order
	// of time: rounds without samples.
	Rounds(ctx context.Context, from, to time.Time) ([]*probe.Round, error)
	// Series hands over every ordered pair that was planned in the span, and the
	// pings of cities to themselves, where it has them. visit is called from several goroutines at once, with pairs in no particular
	// order; a series is valid until visit returns. The first error of visit
	// ends it. Series.Round are indices into what Rounds returns for the same
	// span. Series.RTTs are not filled.
	Series(ctx context.Context, from, to time.Time, visit func(*probe.Series) error) error
	// Pair is the series of one ordered pair, with every RTT; one of length 0
	// if it was never planned.
	Pair(ctx context.Context, pair probe.Pair, from, to time.Time) (*probe.Series, error)
	// Traces are the traceroutes that were taken in the span, in order of time.
	Traces(ctx context.Context, from, to time.Time) ([]probe.Trace, error)
}
