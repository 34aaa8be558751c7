package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"matrix/probe"
	"matrix/probe/bus"
)

// lateLimit is how long a round stays open for hosts that were cut off.
const lateLimit = time.Hour

// settleTime is how long what is in the stream may take to be read.
const settleTime = 5 * time.Second

// finish reads a round whose coordinator ended.
func (c *crossing) finish(ctx context.Context, run string) (*probe.Round, *booked, error) {
	held, err := c.bus.Take(ctx, run)
	if err != nil {
		return nil, nil, err
	}
	plan, err := held.Plan()
	if err != nil {
		held.Release(ctx)
		return nil, nil, fmt.Errorf("round %s: %w", run, err)
	}
	replay := &bus.Replay{Held: held, Until: time.Now().Add(settleTime)}
	if over := held.Over(plan); over.After(replay.Until) {
		replay.Until = over
	}
	coordinator := probe.Coordinator{
		Opener: replay.Opener(ctx, speaking(replay.Dial)), Log: c.log,
		Limits: probe.Limits{Grace: time.Until(replay.Until) + 2*settleTime},
	}
	round := coordinator.Run(ctx, plan)
	replay.Close()
	round.Start, round.Version = held.Start, held.Program
	if over := held.Over(plan); over.Before(round.End) {
		round.End = over.UTC()
	}
	return round, &booked{held, replay.Owing()}, nil
}

// finishAll saves rounds that other coordinators left open. What became of each
// is said, one after the other.
func (c *crossing) finishAll(ctx context.Context, open []bus.Ticket, history string, say func(format string, args ...any)) error {
	var failed []error
	for _, ticket := range open {
		became, _, err := c.finishOne(ctx, ticket.Run, history)
		switch of := ticket.Start.Format(time.RFC3339); {
		case errors.Is(err, bus.ErrSaved): // just now
		case errors.Is(err, bus.ErrTaken):
			say("matrix: the round of %s is being measured elsewhere", of)
		case err != nil:
			failed = append(failed, err)
		default:
			say("matrix: the round of %s %s", of, became)
		}
	}
	return errors.Join(failed...)
}

// finishOne saves a round whose coordinator ended, and says what became of it. It
// may have to wait for hosts that are cut off.
func (c *crossing) finishOne(ctx context.Context, run, history string) (became string, waits bool, err error) {
	round, book, err := c.finish(ctx, run)
	if err != nil {
		return "", false, err
	}
	defer book.Release(context.WithoutCancel(ctx))
	if ctx.Err() != nil {
		return "", false, context.Cause(ctx)
	}
	if len(book.owing) > 0 && time.Since(book.Start) < lateLimit {
		return fmt.Sprintf("waits for %s, cut off from NATS", someOf(book.owing)), true, nil
	}
	if err := book.Mine(ctx); err != nil {
		return "", false, err
	}
	shelf, err := openShelf(history)
	if err != nil {
		return "", false, err
	}
	if !ranNowhere(round) {
		if err := shelf.put(ctx, round); err != nil {
			return "", false, err
		}
	}
	switch {
	case shelf.saved > 0:
		became = fmt.Sprintf("is saved, which its coordinator had not finished: %d of %d pairs measured", round.Count(probe.Measured), round.Planned())
	case shelf.known+shelf.other > 0:
		became = "was saved already"
	default:
		became = "is given up: no host had begun"
	}
	return became, false, book.Close(ctx)
}

// someOf are the first names of a list.
func someOf(names []string) string {
	const shown = 5
	if len(names) <= shown {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:shown], ", "), len(names)-shown)
}
