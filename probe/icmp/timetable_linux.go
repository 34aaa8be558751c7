package icmp

import (
	"cmp"
	"slices"
	"time"

	"matrix/probe"
)

// timetable says which echo request is due next. Targets are in the order of
// their place in the interval; one pass over them is one interval. Every due
// time is then no earlier than the one before.
type timetable struct {
	interval time.Duration
	count    int
	stops    []stop
	pass, at int // the next
	left     int // echo requests that are not taken yet
}

// stop is one target in every pass.
type stop struct {
	target int32
	first  int           // the pass of its first echo request
	after  time.Duration // the beginning of a pass
}

func newTimetable(job probe.Job) *timetable {
	t := &timetable{interval: job.Interval, count: job.Count, left: job.Count * len(job.Targets)}
	for i, target := range job.Targets {
		t.stops = append(t.stops, stop{int32(i), int(target.Start / job.Interval), target.Start % job.Interval})
	}
	slices.SortStableFunc(t.stops, func(a, b stop) int { return cmp.Compare(a.after, b.after) })
	t.skip()
	return t
}

// next is when the next echo request is due; meaningful while some are left.
func (t *timetable) next() time.Duration {
	return time.Duration(t.pass)*t.interval + t.stops[t.at].after
}

// take takes the next echo request.
func (t *timetable) take() (target, slot int32) {
	s := t.stops[t.at]
	target, slot = s.target, int32(t.pass-s.first)
	t.left--
	t.at++
	t.skip()
	return target, slot
}

// skip passes over targets that are not yet, or no longer, to be pinged.
func (t *timetable) skip() {
	for t.left > 0 {
		if t.at == len(t.stops) {
			t.pass, t.at = t.pass+1, 0
		}
		if slot := t.pass - t.stops[t.at].first; slot >= 0 && slot < t.count {
			return
		}
		t.at++
	}
}

// pace is echo requests a second where the schedule is densest.
func pace(job probe.Job) float64 { return float64(len(job.Targets)) / job.Interval.Seconds() }

const (
	gather    = 50                     // echo requests worth a waking, which costs as much as ten of them
	shortTick = 20 * time.Millisecond  // a tick is longer only where gather demands it
	longTick  = 200 * time.Millisecond // progress is seen by people; at the usual 250 a second it gathers enough
)

// tickOf is how long echo requests that are due wait for company. Send stamps
// of the kernel make that free of error. A tick must not send more than room,
// or its replies might not fit into the receive buffer.
func tickOf(perSecond float64, room int) time.Duration {
	tick := time.Duration(gather / perSecond * float64(time.Second))
	tick = min(max(tick, shortTick), longTick)
	return min(tick, time.Duration(float64(room)/perSecond*float64(time.Second)))
}
