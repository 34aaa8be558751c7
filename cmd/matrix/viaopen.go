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

// finish reads a round whose coordinator ended, or which had none.
func (c *crossing) finish(ctx context.Context, run string) (*probe.Round, *booked, error) {
	held, err := c.bus.Take(ctx, run)
	if err != nil {
		return nil, nil, err
	}
	return c.read(ctx, held, nil)
}

// read reads a round from the stream.
func (c *crossing) read(ctx context.Context, held *bus.Held, progress func(probe.Progress)) (*probe.Round, *booked, error) {
	plan, err := held.Plan()
	if err != nil {
		held.Release(ctx)
		return nil, nil, fmt.Errorf("round %s: %w", held.Run, err)
	}
	until, over := time.Now().Add(settleTime), held.Over(plan)
	if over.After(until) {
		until = over
	}
	coordinator := probe.Coordinator{Log: c.log, Progress: progress}
	var round *probe.Round
	var owing []string
	if held.FleetPlan != "" {
		round, owing, err = gather(ctx, held, plan, until, coordinator)
	} else {
		round, owing = replay(ctx, held, plan, until, coordinator)
	}
	if err != nil {
		held.Release(ctx)
		return nil, nil, err
	}
	round.Start, round.Version = held.Start, held.Program
	if over.Before(round.End) {
		round.End = over.UTC()
	}
	return round, &booked{held, owing}, nil
}

// replay reads a round that a coordinator began.
func replay(ctx context.Context, held *bus.Held, plan probe.Plan, until time.Time, with probe.Coordinator) (round *probe.Round, owing []string) {
	r := &bus.Replay{Held: held, Until: until}
	with.Opener = r.Opener(ctx, speaking(r.Dial))
	with.Limits = probe.Limits{Grace: time.Until(until) + 2*settleTime}
	round = with.Run(ctx, plan)
	r.Close()
	return round, r.Owing()
}

// gather reads a round that the agents measure by themselves. They all begin at
// once, and nobody connects to them.
func gather(ctx context.Context, held *bus.Held, plan probe.Plan, until time.Time, with probe.Coordinator) (round *probe.Round, owing []string, err error) {
	g, err := held.Gather(ctx, plan, until)
	if err != nil {
		return nil, nil, err
	}
	heard, patience := speaking(g.Dial), g.Patience()
	heard.Handshake = patience
	with.Opener = g.Opener(heard)
	with.Limits = probe.Limits{Dials: len(plan.Jobs), Attempts: 1, Connect: patience, Open: patience, Grace: patience}
	round = with.Run(ctx, plan)
	g.Close()
	return round, g.Owing(), nil
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
			say("matrix: the round of %s is left: %v", of, err)
		case err != nil:
			failed = append(failed, err)
		default:
			say("matrix: the round of %s %s", of, became)
		}
	}
	return errors.Join(failed...)
}

// finishOne saves a round whose coordinator ended, and says what became of it. It
// may have to wait for hosts that are cut off, which are owing.
func (c *crossing) finishOne(ctx context.Context, run, history string) (became string, owing []string, err error) {
	round, book, err := c.finish(ctx, run)
	if err != nil {
		return "", nil, err
	}
	defer book.Release(context.WithoutCancel(ctx))
	if ctx.Err() != nil {
		return "", nil, context.Cause(ctx)
	}
	if len(book.owing) > 0 && time.Since(book.Start) < lateLimit {
		return fmt.Sprintf("waits for %s, cut off from NATS", someOf(book.owing)), book.owing, nil
	}
	if err := book.Mine(ctx); err != nil {
		return "", nil, err
	}
	shelf, err := openShelf(history)
	if err != nil {
		return "", nil, err
	}
	if !ranNowhere(round) {
		if err := shelf.put(ctx, round); err != nil {
			return "", nil, err
		}
	}
	whose := "which its coordinator had not finished"
	if book.FleetPlan != "" {
		whose = "which the agents measured by themselves"
	}
	switch {
	case shelf.saved > 0:
		became = fmt.Sprintf("is saved, %s: %d of %d pairs measured", whose, round.Count(probe.Measured), round.Planned())
	case shelf.known+shelf.other > 0:
		became = "was saved already"
	default:
		became = "is given up: NATS has nothing that a host told of it"
	}
	return became, nil, book.Close(ctx)
}

// discover finds rounds that agents measured by themselves. What is told of no
// round is said, and a warning of the next round.
func (c *crossing) discover(ctx context.Context, say func(format string, args ...any)) error {
	strays, err := c.bus.Discover(ctx)
	for _, s := range strays {
		text := fmt.Sprintf("what %s told of the round %s is not used: %s", s.City, s.Run, s.Why)
		c.violated(text)
		say("%s", text)
	}
	return err
}

// someOf are the first names of a list.
func someOf(names []string) string {
	const shown = 5
	if len(names) <= shown {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:shown], ", "), len(names)-shown)
}
