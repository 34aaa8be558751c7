package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"matrix/data/history"
	"matrix/probe"
	"matrix/probe/bus"
)

// A service over NATS may be one of several with one schedule and one history:
//
//	due ─ Begin ─┬─ mine ─── measure or gather, save, close
//	             └─ taken ── wait ─┬─ saved: show it
//	                               └─ its coordinator ended: finish it, show it
//
// Rounds that are left over from before are finished beside all that.

const (
	// waitElsewhere is how long it takes, at most, until another coordinator's
	// round is seen to be over.
	waitElsewhere = 2 * time.Second
	// leaseLate is how much later than it should a lease may be seen to end.
	leaseLate = 200 * time.Millisecond
	// makeWay is how long before the next round it is left to tidy: one that becomes due
	// while the loop is about another is left out.
	makeWay = time.Second
	// tidyEvery is how often the books are looked at for rounds that were left.
	tidyEvery = 15 * time.Second
)

// runOf is the name of a round that was due: each service is late by a chance of
// its own.
func (r *regime) runOf(due time.Time) string { return bus.RunAt(r.schedule.Aligned(due)) }

// keep saves a round that was measured here. One in the books is closed there, or
// stays until it can be saved, which tidy does.
func (s *service) keep(ctx context.Context, book *booked, round *probe.Round) history.Saved {
	if book == nil {
		s.trouble("round", nil)
		return s.save(ctx, round)
	}
	defer book.Release(ctx)
	if len(book.owing) > 0 {
		s.say("not saved yet: %s measured, and cannot be reached", someOf(book.owing))
		return history.Saved{}
	}
	saved, err := s.enter(ctx, book, round)
	if err != nil {
		s.failed(fmt.Errorf("%w; NATS has it until it can be saved", err))
		return history.Saved{}
	}
	s.trouble("round", nil)
	s.list(round, saved)
	return saved
}

// enter saves a round of the books, once, and closes it there.
func (s *service) enter(ctx context.Context, book *booked, round *probe.Round) (history.Saved, error) {
	if err := book.Mine(ctx); err != nil {
		return history.Saved{}, err
	}
	h, err := openHistory(s.regime.Load().history)
	if err != nil {
		return history.Saved{}, err
	}
	saved, err := h.Save(ctx, round)
	var onItsWay *history.Waiting
	switch {
	case errors.As(err, &onItsWay):
		s.trouble("history", err) // it is whole on this machine's disk
	case err != nil:
		return saved, err
	default:
		s.trouble("history", nil)
	}
	s.trouble("closing rounds", book.Close(ctx))
	return saved, nil
}

// strike takes a round off the books that nothing was measured in.
func (s *service) strike(ctx context.Context, book *booked) {
	if book != nil {
		s.trouble("closing rounds", book.Close(ctx))
	}
}

// elsewhere waits for a round that another coordinator has, and shows it. If that one
// ended before the round was saved, it is finished here, as soon as the lease has run
// out: it may be one that was killed, and started again as this one.
func (s *service) elsewhere(ctx context.Context, r *regime, run string, due time.Time, why error) {
	of := due.Format(time.RFC3339)
	if taken := (*bus.TakenError)(nil); errors.As(why, &taken) {
		s.say("round of %s: %v, and finished here", of, taken)
	} else {
		s.say("round of %s: it was begun already, and is finished here unless it is saved", of)
	}
	next := r.schedule.Next(time.Now())
	s.notify.beat(time.Until(next) + 5*time.Minute)
	ctx, cancel := context.WithDeadline(ctx, next.Add(-makeWay))
	defer cancel()
	for {
		became, owing, err := s.crossing.finishOne(ctx, run, r.history)
		switch {
		case errors.Is(err, bus.ErrSaved):
			s.trouble("round", s.showLast(ctx, r, due, false))
			return
		case ctx.Err() != nil:
			return // tidy sees to it
		case errors.Is(err, bus.ErrTaken):
		case err != nil: // such as a server that is gone, and may be back
			s.trouble("round", err)
		default:
			s.say("the round of %s %s", of, became)
			if len(owing) == 0 {
				s.trouble("round", s.showLast(ctx, r, due, true))
				s.tendNow()
			}
			return
		}
		select {
		case <-time.After(untilFree(err, waitElsewhere)):
		case <-ctx.Done():
		}
	}
}

// untilFree is how long to wait for a round that somebody has: at most so long, and not
// past the end of a lease that is not renewed.
func untilFree(taken error, most time.Duration) time.Duration {
	lease := (*bus.TakenError)(nil)
	if !errors.As(taken, &lease) {
		return most
	}
	return min(most, max(leaseLate, time.Until(lease.Until)))
}

// showLast puts the round that was due on the board, as the history has it. Who
// finished it tells of its alarms; another coordinator only keeps count of them.
func (s *service) showLast(ctx context.Context, r *regime, due time.Time, tell bool) error {
	h, err := openHistory(r.history)
	if err != nil {
		return err
	}
	infos, err := h.List(ctx, r.schedule.Aligned(due), time.Now().Add(time.Minute))
	if err != nil {
		return err
	}
	for i := len(infos) - 1; i >= 0; i-- {
		if !isWhole(&infos[i]) {
			continue
		}
		round, err := h.Round(ctx, infos[i].ID)
		if err != nil {
			return err
		}
		if tell {
			err = s.desk.Recall(round, infos[i].ID, r.show.options, false)
		} else {
			s.desk.Adopt(round, infos[i].ID, r.show.options)
		}
		s.recent(roundLine(&infos[i]))
		return errors.Join(err, s.remember())
	}
	s.say("round of %s: %s has no whole round of that time; coordinators with one schedule need one history", due.Format(time.RFC3339), h.Dir())
	return nil
}

// tidy finishes the rounds that were left open, by others or for hosts that are
// cut off, until ctx ends.
func (s *service) tidy(ctx context.Context) {
	seen, pause := map[string]waiting{}, tidyEvery
	for {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
		var err error
		pause, err = s.tidyOnce(ctx, seen)
		if ctx.Err() == nil {
			s.trouble("books", err)
		}
	}
}

// waiting is a round that waits for hosts which are cut off.
type waiting struct {
	said  uint64 // what the stream had of it
	owing []string
}

// tidyOnce says also when there may be something to do again.
func (s *service) tidyOnce(ctx context.Context, seen map[string]waiting) (pause time.Duration, err error) {
	pause = tidyEvery
	s.mend(ctx)
	found := s.crossing.discover(ctx, s.say)
	open, err := s.crossing.bus.Open(ctx)
	failed := []error{found}
	if unreadable := (*bus.UnreadableError)(nil); err == nil || errors.As(err, &unreadable) {
		s.trouble("unreadable rounds", err)
	} else {
		failed = append(failed, err)
	}
	for _, ticket := range open {
		if awaited := s.awaited.Load(); awaited != nil && *awaited == ticket.Run {
			continue
		}
		said, err := s.crossing.bus.Said(ctx, ticket.Run)
		if before, waits := seen[ticket.Run]; err == nil && waits && before.said == said && s.stillWaits(ctx, ticket, before.owing) {
			continue
		}
		var became string
		var owing []string
		if err == nil {
			became, owing, err = s.crossing.finishOne(ctx, ticket.Run, s.regime.Load().history)
		}
		switch {
		case errors.Is(err, bus.ErrTaken): // it is being measured, or was saved just now
			pause = min(pause, untilFree(err, tidyEvery))
		case err != nil:
			failed = append(failed, err)
		default:
			s.say("the round of %s %s", ticket.Start.Format(time.RFC3339), became)
		}
		if delete(seen, ticket.Run); len(owing) > 0 {
			seen[ticket.Run] = waiting{said, owing}
		} else if err == nil {
			s.tendNow()
		}
	}
	return pause, errors.Join(failed...)
}

// mend makes the stream and the books again if somebody removed them.
func (s *service) mend(ctx context.Context) {
	made, err := s.crossing.bus.Mend(ctx)
	if len(made) > 0 {
		err = errors.Join(fmt.Errorf("somebody removed %s from NATS, and what was there and not saved is lost; it is made again, and agents deliver what they still have", strings.Join(made, ", ")),
			s.settleAgain(ctx))
	}
	if ctx.Err() == nil {
		s.trouble("NATS", err)
	}
}

// settleAgain gives the fleet its plan again if it was lost.
func (s *service) settleAgain(ctx context.Context) error {
	now, err := s.crossing.bus.Plan(ctx)
	if err != nil || now.Revision > 0 {
		return err
	}
	return s.settle(ctx, s.regime.Load())
}

// stillWaits says whether there is no use yet in reading a round again of which
// nothing more has come.
func (s *service) stillWaits(ctx context.Context, ticket bus.Ticket, owing []string) bool {
	if ticket.FleetPlan != "" {
		still, err := s.crossing.bus.StillOwing(ctx, ticket, owing)
		if err == nil && len(still) < len(owing) {
			return false
		}
	}
	return time.Since(ticket.Start) < lateLimit
}
