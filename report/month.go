package report

import (
	"net/netip"
	"time"

	"matrix/probe"
)

// Month is what the rounds of a span, as a rule a calendar month, say of every
// ordered pair. It holds no single sample: a pair takes about a kilobyte.
type Month struct {
	Span   Span
	Rounds []*probe.Round // headers of the rounds, in the order of time
	Cities []probe.City   // every city of the rounds, as it was last, in the order of the last inventory; gone ones after
	Pairs  []PairMonth    // planned at least once; sorted by (From, To)
	Hosts  []HostMonth    // in the order of Cities
	Notes  []probe.Warning
}

// Quantiles are the exact p5, p50 and p95 of a pair's figures over the rounds,
// interpolated linearly between the two nearest ranks, as DuckDB's
// quantile_cont does. N is how many figures there were; with none, the rest
// means nothing.
type Quantiles struct {
	P5, P50, P95 time.Duration
	N            int
}

// PairMonth is a month of one ordered pair.
type PairMonth struct {
	probe.Pair
	Planned  int           // rounds that were to measure it
	States   [6]int        // how those ended, by probe.State
	Sent     int           // echo requests, where both counts are known
	Received int           //
	Stats    [6]Quantiles  // by probe.Stat
	Least    time.Duration // the smallest RTT that at least three rounds saw (one round: its minimum): for physics; 0: none
	Queue    Quantiles     // of average − minimum
	Days     []DayFigures  // by day of the span
	Hours    [24]HourFigures
	Moves    []AddressMove // addresses that were pinged, in order; one if it never changed
}

// DayFigures is a day of an ordered pair.
type DayFigures struct {
	Floor          time.Duration // median of the rounds' minima; 0: not measured
	Planned        int16
	Measured       int16
	Sent, Received int32
}

// HourFigures is an hour of day (UTC) of an ordered pair, over the span.
type HourFigures struct {
	Sent, Received int32
	Queue          time.Duration // median of average − minimum
	Measured       int16
}

// AddressMove is when a pair's target was first pinged at an address.
type AddressMove struct {
	Since   time.Time
	Address netip.Addr
}

// HostMonth is what the rounds say of a from-host itself.
type HostMonth struct {
	City         string
	Planned, Ran int       // rounds with pairs from it; those that it could run
	First, Last  time.Time // rounds in which it was in the fleet
	Down         []Span    // stretches in which it could not run, or nobody reached it, longest first; at most ten
	Versions     []string  // of the matrix that ran there
	Sick         int       // rounds in which its health was complained of
}
