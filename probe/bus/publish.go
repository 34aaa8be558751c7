package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"matrix/probe"
)

// Published is the fleet's plan as the server has it.
type Published struct {
	FleetPlan        // that which is, or will be, carried out; a zero Format: none
	Revision  uint64 // of what was written last
	Wrong     string // why agents refuse what was written last, and go on with the plan before; "" if it is right
	Withdrawn bool   // there is to be no plan any more
}

// Publish gives the fleet a plan, unless it has the same already. It holds some
// seconds later, so that all agents have it by then.
func (b *Bus) Publish(ctx context.Context, p FleetPlan) (Published, error) {
	before, err := b.Plan(ctx)
	if err != nil {
		return before, err
	}
	if before.Wrong == "" && !before.Withdrawn && before.Format != 0 && before.same(p) {
		return before, b.announce(before.Revision)
	}
	if p, err = p.dated(time.Now()); err != nil {
		return before, err
	}
	revision, err := b.plans.Put(ctx, planKey, p.packed)
	if err != nil {
		return before, fmt.Errorf("publish the fleet's plan: %w", err)
	}
	return Published{FleetPlan: p, Revision: revision}, b.announce(revision)
}

// Withdraw takes the fleet's plan back, if there is one: agents go on with the round
// under way, and begin no other.
func (b *Bus) Withdraw(ctx context.Context) (was bool, err error) {
	before, err := b.Plan(ctx)
	if err != nil || before.Revision == 0 || before.Withdrawn {
		return false, err
	}
	if err := b.plans.Delete(ctx, planKey); err != nil {
		return false, fmt.Errorf("withdraw the fleet's plan: %w", err)
	}
	return true, b.Remind(ctx)
}

// Remind says again that there is a plan, to agents that may not have heard it.
func (b *Bus) Remind(ctx context.Context) error {
	now, err := b.Plan(ctx)
	if err != nil || now.Revision == 0 {
		return err
	}
	return b.announce(now.Revision)
}

func (b *Bus) announce(revision uint64) error {
	return b.nc.Publish(planSubject, strconv.AppendUint(nil, revision, 10))
}

// Plan is the fleet's plan.
func (b *Bus) Plan(ctx context.Context) (now Published, err error) {
	entries, err := b.planEntries(ctx)
	if err != nil || len(entries) == 0 {
		return now, err
	}
	now.Revision = entries[0].Revision()
	for _, e := range entries { // the newest first
		if e.Operation() != jetstream.KeyValuePut {
			now.Withdrawn = now.Wrong == ""
			return now, nil
		}
		p, err := readPlan(e.Value())
		if err == nil {
			now.FleetPlan = p
			return now, nil
		}
		if now.Wrong == "" {
			now.Wrong = probe.Clean(err.Error(), mostWhy)
		}
	}
	return now, nil
}

// planEntries are what was written, the newest first.
func (b *Bus) planEntries(ctx context.Context) ([]jetstream.KeyValueEntry, error) {
	entries, err := b.plans.History(ctx, planKey)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the fleet's plan: %w", err)
	}
	slices.Reverse(entries)
	return entries, nil
}

// DueAt is the round that agents which have the right plan measure by themselves at
// a time; false: there is none.
func (b *Bus) DueAt(ctx context.Context, due time.Time) (Ticket, bool, error) {
	entries, err := b.planEntries(ctx)
	if err != nil {
		return Ticket{}, false, err
	}
	for _, e := range entries {
		if e.Operation() != jetstream.KeyValuePut {
			if !e.Created().After(due) {
				return Ticket{}, false, nil
			}
			continue
		}
		p, err := readPlan(e.Value())
		if err != nil || due.Before(p.From) {
			continue // nobody went by it
		}
		t, ok := p.Ticket(due)
		return t, ok, nil
	}
	return Ticket{}, false, nil
}

// Signs are the last signs of life of all agents, by city.
func (b *Bus) Signs(ctx context.Context) (map[string]Sign, error) {
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	info, ahead, err := b.serverClock(ctx)
	if err != nil || info.State.Msgs == 0 {
		return nil, err
	}
	signs := make(map[string]Sign, info.State.Msgs)
	var unread error
	err = readLast(ctx, b.signs, signPrefix+"*", func(m jetstream.Msg) (more bool) {
		about, err := m.Metadata()
		if err != nil {
			unread = err
			return false
		}
		if s, err := readSign(m, about.Timestamp.Add(-ahead)); err != nil {
			b.log.Warn("a sign of life is not understood", "from", cityOf(m.Subject()), "err", err)
		} else {
			signs[s.City] = s
		}
		return about.NumPending > 0
	})
	return signs, errors.Join(err, unread)
}

func readSign(m jetstream.Msg, at time.Time) (s Sign, err error) {
	if err := json.Unmarshal(m.Data(), &s); err != nil {
		return s, err
	}
	clock, err := time.Parse(time.RFC3339Nano, m.Headers().Get(headerClock))
	if err != nil {
		return s, err
	}
	s.City, s.At, s.Ahead = cityOf(m.Subject()), at, clock.Sub(at)
	s.Wrong, s.Host = probe.Clean(s.Wrong, mostWhy), probe.Clean(s.Host, 100)
	return s, nil
}

// serverClock asks for the stream of the signs, and so for the server's clock: how
// far it is ahead of this one.
func (b *Bus) serverClock(ctx context.Context) (*jetstream.StreamInfo, time.Duration, error) {
	var (
		info  *jetstream.StreamInfo
		asked time.Time
		trip  time.Duration
	)
	err := ask(ctx, func(ctx context.Context) (err error) {
		asked = time.Now()
		info, err = b.signs.Info(ctx)
		trip = time.Since(asked)
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("read the signs of life: %w", err)
	}
	if info.TimeStamp.IsZero() {
		return info, 0, nil // an old server
	}
	return info, info.TimeStamp.Sub(asked.Add(trip / 2).Round(0)), nil
}
