package schedule

import (
	"context"
	"time"
)

// lookAgain is the longest that the loop sleeps without a look at the clock: it
// may have been set, or the machine may have slept.
const lookAgain = 30 * time.Second

// Loop runs rounds, never two at once.
type Loop struct {
	// Schedule is asked before every wait; it may answer differently from time to
	// time.
	Schedule func() Schedule
	// Round runs one, which was due at a time, and returns when it is over.
	Round func(ctx context.Context, due time.Time)
	// Wait, if there is one, is told when the next round is due, and how many
	// have been left out since the last one: those that became due while it was
	// under way, or while the machine slept.
	Wait func(next time.Time, skipped uint64)
	// Poke, if there is one, has the loop ask for the schedule at once.
	Poke <-chan struct{}
	// Now is the clock on the wall; nil: time.Now.
	Now func() time.Time
}

// Run runs a round whenever one is due, until ctx ends; the first one at once if
// none has been run since last was due. A round under way is left to finish: it
// has the same ctx.
func (l *Loop) Run(ctx context.Context, last time.Time) {
	s := l.Schedule()
	done := s.Last(l.now()) // the last due time that is dealt with
	if last.Before(done) && ctx.Err() == nil {
		l.Round(ctx, done)
	}
	for ctx.Err() == nil {
		var due time.Time
		s, due = l.wait(ctx, s, done)
		if ctx.Err() != nil {
			return
		}
		l.Round(ctx, due)
		done = due
	}
}

// wait waits for the next round after the one that was due at done.
func (l *Loop) wait(ctx context.Context, s Schedule, done time.Time) (Schedule, time.Time) {
	now := l.now()
	due := s.Next(now)
	l.tell(due, s.Due(done, now))
	for {
		timer := time.NewTimer(min(due.Sub(l.now()), lookAgain))
		select {
		case <-ctx.Done():
			timer.Stop()
			return s, due
		case <-l.Poke:
			timer.Stop()
		case <-timer.C:
		}
		now := l.now()
		if changed := l.Schedule(); changed != s {
			s, due = changed, changed.Next(now)
			l.tell(due, 0)
			continue
		}
		switch late := now.Sub(due); {
		case late < 0 && due.Sub(now) > s.Every+s.Jitter: // the clock was set back
			due = s.Next(now)
			l.tell(due, 0)
		case late >= s.Every: // the machine slept, or the clock was set forward
			skipped := s.Due(due.Add(-1), now)
			due = s.Next(now)
			l.tell(due, skipped)
		case late >= 0:
			return s, due
		}
	}
}

func (l *Loop) tell(next time.Time, skipped uint64) {
	if l.Wait != nil {
		l.Wait(next, skipped)
	}
}

// now is without a monotonic reading, which would hide that the clock was set.
func (l *Loop) now() time.Time {
	if l.Now != nil {
		return l.Now().Round(0)
	}
	return time.Now().Round(0)
}
