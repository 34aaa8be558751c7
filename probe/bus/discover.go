package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Stray is what a city told that belongs to no round, and was removed.
type Stray struct {
	City, Run, Why string
}

// mostStrays is how many are removed at a time.
const mostStrays = 200

// Discover enters rounds into the books that agents measured by themselves while
// no coordinator was there. What is told of rounds that there are not, or not any
// more, is removed from the stream.
func (b *Bus) Discover(ctx context.Context) (strays []Stray, err error) {
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	// The subjects come first: whoever measured by a plan had it from the bucket.
	told, err := b.subjects(ctx, saidPrefix+">")
	if err != nil {
		return nil, err
	}
	cities := map[string][]string{} // by run
	for subject := range told {
		city := cityOf(subject)
		run := subject[len(saidSubject(city, "")):]
		if _, _, ok := readRun(run); ok {
			cities[run] = append(cities[run], city)
		}
	}
	var failed []error
	for run, of := range cities {
		why, err := b.place(ctx, run)
		failed = append(failed, err)
		if why == "" || err != nil {
			continue
		}
		for _, city := range of {
			if len(strays) == mostStrays {
				return strays, errors.Join(failed...)
			}
			if err := b.stream.Purge(ctx, jetstream.WithPurgeSubject(saidSubject(city, run))); err != nil {
				failed = append(failed, fmt.Errorf("clear the stream of round %s: %w", run, err))
				continue
			}
			strays = append(strays, Stray{city, run, why})
		}
	}
	return strays, errors.Join(failed...)
}

// place enters a round that agents measured into the books, when it is over, or
// says why it belongs to none.
func (b *Bus) place(ctx context.Context, run string) (why string, err error) {
	var unreadable uint64 // revision of such an entry, if there is one: what it should say follows from the plan
	switch entry, err := b.rounds.Get(ctx, run); {
	case errors.Is(err, jetstream.ErrKeyNotFound):
	case err != nil:
		return "", fmt.Errorf("read the books: %w", err)
	case isClosed(entry):
		return "it came after the round was saved", nil
	default:
		if _, _, err := ticketOf(entry); err == nil {
			return "", nil
		}
		unreadable = entry.Revision()
	}
	aligned, _, _ := readRun(run)
	t, there, err := b.roundOf(ctx, run, aligned)
	if err != nil {
		return "", err
	}
	if !there && unreadable != 0 {
		return "", nil // it is kept for who can mend the entry
	}
	if !there {
		return "it was measured by another plan than the fleet had then", nil
	}
	if time.Now().Before(t.Start) {
		return "", nil // told by a clock that is ahead; the round will say so
	}
	if plan, err := t.Plan(); err != nil || time.Now().Before(t.Over(plan)) {
		return "", err
	}
	packed, err := packTicket(t)
	if err != nil {
		return "", err
	}
	if unreadable != 0 {
		_, err = b.rounds.Update(ctx, run, packed, unreadable)
	} else {
		_, err = b.rounds.Create(ctx, run, packed)
	}
	if err != nil && !errors.Is(err, jetstream.ErrKeyExists) {
		return "", fmt.Errorf("enter the round into the books: %w", err)
	}
	return "", nil
}

// roundOf is the round of that name, if the plan was in force then.
func (b *Bus) roundOf(ctx context.Context, run string, aligned time.Time) (Ticket, bool, error) {
	entries, err := b.planEntries(ctx)
	if err != nil {
		return Ticket{}, false, err
	}
	_, digest, _ := readRun(run)
	for _, e := range entries {
		if e.Operation() != jetstream.KeyValuePut {
			continue
		}
		p, err := readPlan(e.Value())
		if err != nil || p.digest != digest {
			continue
		}
		t, ok, err := b.DueAt(ctx, p.due(aligned))
		return t, ok && t.Run == run, err
	}
	return Ticket{}, false, nil
}
