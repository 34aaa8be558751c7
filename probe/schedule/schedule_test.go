package schedule

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		panic(err)
	}
	return t
}

// TestAligned: rounds are due at multiples in UTC, whatever the zone of the
// question.
func TestAligned(t *testing.T) {
	for _, test := range []struct{ every, after, next string }{
		{"1h", "2026-10-03T12:00:00Z", "2026-10-03T13:00:00Z"},
		{"1h", "2026-10-03T12:59:59.999999999Z", "2026-10-03T13:00:00Z"},
		{"1h", "2026-10-03T17:31:00+05:30", "2026-10-03T13:00:00Z"},
		{"24h", "2026-10-03T12:00:00Z", "2026-10-04T00:00:00Z"},
		{"15m", "2026-12-31T23:50:00Z", "2027-01-01T00:00:00Z"},
		{"30s", "2026-10-03T12:00:29Z", "2026-10-03T12:00:30Z"},
		{"1s", "1969-12-31T23:59:58.5Z", "1969-12-31T23:59:59Z"},
	} {
		every, err := time.ParseDuration(test.every)
		if err != nil {
			t.Fatal(err)
		}
		s := Schedule{Every: every}
		if next := s.Next(at(test.after)); !next.Equal(at(test.next)) || next.Location() != time.UTC {
			t.Errorf("every %v after %s: %v, want %s", every, test.after, next, test.next)
		}
	}
}

// TestJitter: each round is late by its own chance, within bounds; the same
// seed gives the same, another one others.
func TestJitter(t *testing.T) {
	s, err := New(time.Hour, 1)
	if err != nil {
		t.Fatal(err)
	}
	other, _ := New(time.Hour, 2)
	seen := map[time.Duration]bool{}
	same := 0
	now := at("2026-10-03T12:00:00Z").Add(-time.Nanosecond)
	for n := range 1000 {
		next := s.Next(now)
		aligned := next.Truncate(time.Hour)
		if late := next.Sub(aligned); late < 0 || late >= s.Jitter {
			t.Fatalf("round %d is %v late, more than %v", n, late, s.Jitter)
		} else {
			seen[late] = true
		}
		if again := s.Next(next.Add(-time.Nanosecond)); !again.Equal(next) || !s.Last(next).Equal(next) || s.Due(now, next) != 1 {
			t.Fatalf("round %d is at %v, and at %v; last %v, %d due", n, next, again, s.Last(next), s.Due(now, next))
		}
		if other.Next(now).Equal(next) {
			same++
		}
		now = next
	}
	if len(seen) < 990 || same > 10 {
		t.Errorf("%d different delays, %d shared with another seed", len(seen), same)
	}
	if s.Jitter != 30*time.Second {
		t.Errorf("an hour has a jitter of %v", s.Jitter)
	}
}

func TestDue(t *testing.T) {
	s := Schedule{Every: time.Hour}
	noon := at("2026-10-03T12:00:00Z")
	for _, test := range []struct {
		from, to time.Duration
		due      uint64
	}{{0, 0, 0}, {0, time.Hour, 1}, {0, time.Hour - 1, 0}, {-1, 0, 1}, {0, 10 * time.Hour, 10}, {time.Hour, 0, 0}} {
		if n := s.Due(noon.Add(test.from), noon.Add(test.to)); n != test.due {
			t.Errorf("from %v to %v: %d due, want %d", test.from, test.to, n, test.due)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, every := range []time.Duration{0, -time.Hour, 500 * time.Millisecond, 1500 * time.Millisecond, 8 * 24 * time.Hour} {
		if s, err := New(every, 0); err == nil {
			t.Errorf("every %v is %+v", every, s)
		}
	}
}

// course is a loop in a bubble: what it did, in words.
type course struct {
	Loop
	schedule atomic.Pointer[Schedule]
	took     []time.Duration // of the rounds, in order; then 1s
	said     []string
	running  bool
}

func newCourse(t *testing.T, every time.Duration, took ...time.Duration) *course {
	c := &course{took: took}
	c.schedule.Store(&Schedule{Every: every})
	c.Loop.Schedule = func() Schedule { return *c.schedule.Load() }
	c.Loop.Round = func(_ context.Context, due time.Time) {
		if c.running {
			t.Error("two rounds at once")
		}
		c.running = true
		defer func() { c.running = false }()
		length := time.Second
		if len(c.took) > 0 {
			length, c.took = c.took[0], c.took[1:]
		}
		c.said = append(c.said, due.Format("15:04:05"))
		time.Sleep(length)
	}
	c.Loop.Wait = func(_ time.Time, skipped uint64) {
		if skipped > 0 {
			c.said = append(c.said, fmt.Sprint("skipped ", skipped))
		}
	}
	return c
}

// in runs the loop for a while. The bubble's clock begins at midnight.
func (c *course) in(t *testing.T, length time.Duration, last time.Time, want ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	c.Run(ctx, last)
	if !slices.Equal(c.said, want) {
		t.Errorf("%q, want %q", c.said, want)
	}
}

// TestOnTime: a round is due, runs, and the next one waits for its time.
func TestOnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(20 * time.Minute)
		c := newCourse(t, time.Hour)
		c.in(t, 3*time.Hour, time.Now(), "01:00:00", "02:00:00", "03:00:00")
	})
}

// TestFirst: the first round waits for nothing, unless there was one already.
func TestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(20 * time.Minute)
		newCourse(t, time.Hour).in(t, time.Hour, time.Time{}, "00:00:00", "01:00:00")
	})
	synctest.Test(t, func(t *testing.T) {
		started := time.Now().Add(time.Minute)
		time.Sleep(20 * time.Minute)
		newCourse(t, time.Hour).in(t, time.Hour, started, "01:00:00")
	})
}

// TestLate: rounds that take too long cost those that they cover, and those
// alone: nothing piles up.
func TestLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCourse(t, time.Minute, 150*time.Second, time.Second, 60*time.Second)
		c.in(t, 8*time.Minute+30*time.Second, time.Now(),
			"00:01:00", "skipped 2", "00:04:00", "00:05:00", "skipped 1", "00:07:00", "00:08:00")
	})
}

// TestClockSet: a clock that is set back costs no wait for the old time, and one
// that is set forward no pile of rounds.
func TestClockSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCourse(t, time.Hour)
		var off atomic.Int64
		set := func(to time.Duration) func() { return func() { off.Store(int64(to)) } }
		c.Now = func() time.Time { return time.Now().Add(time.Duration(off.Load())) }
		time.AfterFunc(90*time.Minute, set(-24*time.Hour)) // at 01:30, for 02:00 of the day before
		time.AfterFunc(150*time.Minute, set(10*time.Hour))
		c.in(t, 4*time.Hour+time.Minute, time.Now(), "01:00:00", "02:00:00", "skipped 34", "13:00:00", "14:00:00") // 34 hours forward in all
	})
}

// TestPoke: a new schedule holds at once.
func TestPoke(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCourse(t, 24*time.Hour)
		poke := make(chan struct{}, 1)
		c.Poke = poke
		time.AfterFunc(90*time.Minute, func() {
			c.schedule.Store(&Schedule{Every: time.Hour})
			poke <- struct{}{}
		})
		c.in(t, 3*time.Hour+time.Minute, time.Now(), "02:00:00", "03:00:00")
	})
}

// TestStop: a loop that waits ends at once, and a round is not begun.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		c := newCourse(t, time.Hour)
		began := time.Now()
		c.Run(ctx, time.Time{})
		if len(c.said) != 0 || time.Since(began) > 0 {
			t.Errorf("%q after %v", c.said, time.Since(began))
		}
	})
}
