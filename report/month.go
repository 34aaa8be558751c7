package report

import (
	"net/netip"
	"time"

	"matrix/probe"
)

// Month is what the rounds of a span, as a rule a calendar month, say of every
// ordered pair. It holds no single sample: a pair takes a little more than a
// kilobyte.
type Month struct {
	Span   Span
	Rounds []*probe.Round // headers of the rounds, in the order of time, without hosts and warnings
	Cities []probe.City   // every city of the rounds, as it was last, in the order of the last inventory; gone ones after
	Pairs  []PairMonth    // planned at least once; sorted by (From, To)
	Hosts  []HostMonth    // in the order of Cities
	Notes  []probe.Warning

	Self map[string]time.Duration // by city: median of its RTTs to itself, where it pinged itself or its health says it

	LeftOut int // files of the history, damaged; Notes name them
}

// Micros is a time in microseconds, where there are very many.
type Micros int32

// Duration is the same with Go's unit.
func (u Micros) Duration() time.Duration { return time.Duration(u) * time.Microsecond }

// Ms is the same in milliseconds.
func (u Micros) Ms() Ms { return Ms(u) / 1000 }

// Quantiles are the exact p5, p50 and p95 of a pair's figures over the rounds,
// interpolated linearly between the two nearest ranks, as DuckDB's
// quantile_cont does, to the nanosecond. N is how many figures there were; with
// none, the rest means nothing.
type Quantiles struct {
	P5, P50, P95 time.Duration
	N            int
}

// PairMonth is a month of one ordered pair.
type PairMonth struct {
	probe.Pair
	Planned  int           // rounds that were to measure it
	States   [6]int        // how those ended, by probe.State
	Sent     int           // echo requests, where both counts are known and the to-host was not down
	Received int           //
	AwaySent int           // echo requests to the to-host while it was down (HostMonth.Down): no loss of the pair
	Stats    [6]Quantiles  // by probe.Stat
	Base     probe.Stat    // of which Least and the floors are: Min, or the next best that the source gives
	Least    time.Duration // the smallest RTT that at least three rounds saw (one round: its minimum): for physics; 0: none
	Queue    Quantiles     // of average − minimum
	Days     []DayFigures  // by day of the span; a report lets go of them when it is made
	Hours    []HourFigures // by hour of day, as Days
	Moves    []AddressMove // addresses that were pinged, in order; one a family if it never changed
}

// DayFigures is a day of an ordered pair.
type DayFigures struct {
	Floor          Micros // median of the rounds' minima; 0: not measured
	Queue          Micros // median of average − minimum
	Planned        int16
	Measured       int16
	Sent, Received int32 // as those of PairMonth
}

// HourFigures is an hour of day (UTC) of an ordered pair, over the span.
type HourFigures struct {
	Sent, Received int32  // as those of PairMonth
	Queue          Micros // median of average − minimum
	Measured       int16
	Counted        int16 // rounds whose loss is known
	Lossy          int16 // of those, rounds in which something was lost
}

// AddressMove is when a target was first pinged at an address.
type AddressMove struct {
	Since   time.Time
	Address netip.Addr
}

// HostMonth is what the rounds say of a from-host itself.
type HostMonth struct {
	City         string
	Planned, Ran int           // rounds with pairs from it; those that it could run
	First, Last  time.Time     // rounds in which it was in the fleet
	Down         []Stretch     // in which it could not run, or nobody reached it, longest first; at most ten
	DownRounds   int           // rounds in which it was down, those of shorter stretches included
	Skipped      []Stretch     // in which none of its pairs was run, though others' were, as Down
	Nameless     []Stretch     // in which its name could not be resolved, as Down
	Versions     []string      // of the matrix that ran there
	Sick         int           // rounds in which its health was complained of
	Moves        []AddressMove // addresses at which it was pinged, in order; one a family if it never changed
	Clock        *ClockMonth   // nil: nothing is wrong with it, or nobody looked
}

// Stretch is a time in which a host was down: up to the first round in which it
// was not, or to the end of the last one.
type Stretch struct {
	Span
	Rounds   int
	Answered bool // it answered pings all the while: only its own could not be run
}

// ClockMonth is what was wrong with a host's clock.
type ClockMonth struct {
	First, Last time.Time     // rounds in which it stepped, or was off
	Rounds      int           // how many those are
	Steps       int           // of the clock in the middle of a round, in all
	Offset      time.Duration // the largest, ahead of the coordinator's positive
}
