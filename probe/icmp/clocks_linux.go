package icmp

import (
	"math"
	"time"

	"golang.org/x/sys/unix"
)

// reading is both clocks at one moment, in ns: the wall clock, by which the
// kernel stamps packets, and the monotonic one, which nobody can step.
type reading struct{ wall, mono int64 }

// clock reads both; tests replace it.
type clock func() reading

// systemClock reads the system's clocks. Go reads them one after the other,
// 20 to 50 ns apart.
func systemClock() clock {
	begin := time.Now()
	return func() reading {
		now := time.Now()
		return reading{now.UnixNano(), int64(now.Sub(begin))}
	}
}

// bootTime is CLOCK_MONOTONIC, of which Go's own monotonic time is a part.
func bootTime() int64 {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) // cannot fail
	return now.Nano()
}

const (
	// stepLeast is the smallest step of the wall clock that is believed. The
	// kernel slews both clocks alike, so that their difference never drifts:
	// what is less is the time between the two readings.
	stepLeast = 5_000
	// readingSlack is how much a stamp may seem to lie outside the time in
	// which it was taken.
	readingSlack = 20_000
)

// step is a change of the difference between the clocks.
type step struct {
	before       int64 // difference
	since, noted int64 // it happened between these, monotonic
}

// timeline turns the kernel's wall-clock stamps into monotonic time. A step of
// the wall clock between two stamps shows as a change of its difference to the
// monotonic clock.
type timeline struct {
	clock clock
	diff  int64 // wall − mono, now
	last  int64 // when diff was last found true, monotonic
	steps []step
}

func newTimeline(c clock) *timeline {
	t := &timeline{clock: c}
	first := c()
	t.diff, t.last = first.wall-first.mono, first.mono
	// Being interrupted between the two readings makes the difference small.
	for range 8 {
		r := c()
		t.diff, t.last = max(t.diff, r.wall-r.mono), r.mono
	}
	return t
}

// now is the monotonic time, and looks for a step.
func (t *timeline) now() int64 {
	r := t.clock()
	if away(r.wall-r.mono, t.diff) <= stepLeast {
		t.last = r.mono
		return r.mono
	}
	return t.suspect(r)
}

// suspect tells a step from a reading that was interrupted half-way: the next
// readings are as before then, or agree with none. Two may agree by chance, on a
// machine that interrupts often; three do not.
func (t *timeline) suspect(r reading) int64 {
	seen, agreed := r.wall-r.mono, 1
	for range 16 {
		r = t.clock()
		diff := r.wall - r.mono
		if away(diff, t.diff) <= stepLeast {
			break
		}
		if away(diff, seen) > stepLeast {
			seen, agreed = diff, 1
			continue
		}
		if agreed++; agreed == 3 {
			t.steps = append(t.steps, step{before: t.diff, since: t.last, noted: r.mono})
			t.diff = diff
			break
		}
	}
	t.last = r.mono
	return r.mono
}

// mono is the monotonic time of a wall-clock stamp that was taken between from
// and to. It is false if there is none, or more than one that fits. A difference
// of the clocks holds for stamps from its own time alone.
func (t *timeline) mono(stamp, from, to int64) (int64, bool) {
	if len(t.steps) == 0 {
		m := stamp - t.diff
		return m, m >= from-readingSlack && m <= to+readingSlack
	}
	found, at := 0, int64(0)
	since := int64(math.MinInt64 / 2)
	try := func(diff, until int64) {
		m := stamp - diff
		if since <= to && until >= from && m >= max(from, since)-readingSlack && m <= min(to, until)+readingSlack {
			found, at = found+1, m
		}
	}
	for _, s := range t.steps {
		try(s.before, s.noted)
		since = s.since
	}
	try(t.diff, math.MaxInt64/2)
	return at, found == 1
}

func away(a, b int64) int64 { return max(a-b, b-a) }
