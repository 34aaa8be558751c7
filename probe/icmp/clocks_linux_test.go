package icmp

import (
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"matrix/probe"
	"matrix/probe/pingtest"
)

// bench is a clock whose wall clock is ahead of the monotonic one by as much as
// is set, and that is interrupted between the two as often as is set.
type bench struct {
	mono, ahead int64
	interrupted int
}

func (b *bench) read() reading {
	b.mono += 50
	r := reading{b.mono + b.ahead, b.mono}
	if b.interrupted > 0 {
		b.interrupted--
		b.mono += 1e6 + rand.Int64N(7e6)
		r.mono = b.mono
	}
	return r
}

func TestStampsBecomeMonotonic(t *testing.T) {
	const start, ms = int64(1e18), int64(time.Millisecond)
	for _, size := range []time.Duration{time.Hour, -time.Hour, time.Second, -time.Second, 15 * time.Millisecond, -15 * time.Millisecond} {
		b := &bench{ahead: start}
		line := newTimeline(b.read)
		sent := line.now()
		left := b.mono + 10_000 + b.ahead // the stamp, before the step
		b.mono += 10 * ms
		line.now()
		before := line.last
		early := b.mono + 1_000 + b.ahead // a reply just before the step
		b.mono += ms
		b.ahead += int64(size)
		late := b.mono + 1_000 + b.ahead // and one just after
		b.mono += 8 * ms
		now := line.now()
		if len(line.steps) != 1 {
			t.Fatalf("a step of %v: %d were seen", size, len(line.steps))
		}
		for _, test := range []struct {
			name            string
			stamp, from, to int64
			want            int64
		}{
			{"the request", left, sent, before, sent + 10_000},
			{"the reply before", early, before, now, before + 1_000},
			{"the reply after", late, before, now, before + ms + 1_000},
			{"the request, read late", left, sent, now, sent + 10_000},
			{"the reply before, read late", early, sent, now, before + 1_000},
			{"the reply after, read late", late, sent, now, before + ms + 1_000},
		} {
			got, ok := line.mono(test.stamp, test.from, test.to)
			if !ok && size == -15*time.Millisecond && strings.HasSuffix(test.name, "read late") {
				continue // a clock set back shows some times twice
			}
			if !ok || away(got, test.want) > 1_000 {
				t.Errorf("a step of %v: %s is off by %v, %v", size, test.name, time.Duration(got-test.want), ok)
			}
		}
	}
}

// A difference of the clocks that held later, or earlier, is not tried.
func TestOldStampsAreNotOfANewClock(t *testing.T) {
	const ms = int64(time.Millisecond)
	for _, size := range []int64{40 * ms, -40 * ms} {
		b := &bench{ahead: 1e18}
		line := newTimeline(b.read)
		from := line.now()
		b.mono += 100 * ms
		at, stamp := b.mono, b.mono+b.ahead
		for range 5 {
			b.mono += 20 * ms
			line.now()
		}
		b.ahead += size
		to := line.now()
		if got, ok := line.mono(stamp, from, to); !ok || got != at {
			t.Errorf("a step of %v: %v off, %v", time.Duration(size), time.Duration(got-at), ok)
		}
	}
}

func TestInterruptionsAreNoSteps(t *testing.T) {
	b := &bench{ahead: 1e18}
	line := newTimeline(b.read)
	for range 100 {
		b.mono += 1e6
		b.interrupted = rand.IntN(4)
		line.now()
	}
	if len(line.steps) != 0 || line.diff != 1e18 {
		t.Errorf("%d steps were seen, the difference is off by %d", len(line.steps), line.diff-1e18)
	}
	b.interrupted = 3
	line = newTimeline(b.read)
	if line.diff != 1e18 {
		t.Errorf("the first difference is off by %d", line.diff-1e18)
	}
}

func TestAStampThatCannotBeIsNotBelieved(t *testing.T) {
	b := &bench{ahead: 1e18}
	line := newTimeline(b.read)
	from := line.now()
	b.mono += 1e6
	to := line.now()
	for _, stamp := range []int64{1, 1e18 - 1e9, b.mono + b.ahead + 1e9} {
		if at, ok := line.mono(stamp, from, to); ok {
			t.Errorf("stamp %d is believed to be of %d", stamp, at)
		}
	}
}

// TestStepsDoNotShow steps the wall clock, as the engine sees it, to and fro
// while it pings: in its readings and in the kernel's stamps alike.
func TestStepsDoNotShow(t *testing.T) {
	pingtest.Require(t, &Kernel{})
	real := systemClock()
	first := real()
	begin := first.wall
	step := func(wall int64) int64 { // every 300 ms by another, up and down
		return []int64{0, 3e9, -3e9, 40e6}[(wall-begin)/300e6%4]
	}
	k := &Kernel{
		clock: func() reading {
			r := real()
			r.wall += step(r.wall)
			return r
		},
		warp: func(stamp int64) int64 { return stamp + step(stamp) },
	}
	job := loopbackJob(70, 10)
	kernel := 0
	err := k.Ping(t.Context(), job, func(e probe.Echo) {
		switch {
		case e.Outcome == probe.Unsent && e.Reason == unclear:
		case e.Outcome != probe.Replied || e.RTT > 20*time.Millisecond:
			t.Errorf("a step shows: %+v", e)
		case e.Stamps == probe.KernelStamps:
			kernel++
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if k.Health().Steps < 3 || kernel < 500 {
		t.Errorf("%d steps were seen, %d of 700 replies have kernel stamps", k.Health().Steps, kernel)
	}
}

func loopbackJob(count, targets int) probe.Job {
	j := probe.Job{From: "here", Options: probe.DefaultOptions()}
	j.Count, j.Interval, j.Timeout, j.Rate = count, 20*time.Millisecond, time.Second, 10_000
	for i := range targets {
		addr := netip.AddrFrom4([4]byte{127, 0, 0, byte(i + 1)})
		j.Targets = append(j.Targets, probe.Target{City: addr.String(), Addr: addr})
	}
	return j
}
