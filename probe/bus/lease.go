package bus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"matrix/probe"
)

// How long a lease holds if it is not renewed, and how often it is.
const (
	leaseTime  = 15 * time.Second
	leaseEvery = 4 * time.Second
)

// ErrTaken says that another coordinator has the round, or had it; ErrSaved, which
// is one of them, that it was saved.
var (
	ErrTaken = errors.New("another coordinator has this round")
	ErrSaved = fmt.Errorf("%w, and has saved it", ErrTaken)
)

// TakenError is an ErrTaken about a lease that somebody has: it may be that whoever
// took it has ended without a word, or was this side before it was started again.
type TakenError struct {
	Holder string    // host and process
	Until  time.Time // when it runs out unless it is renewed
}

func (e *TakenError) Error() string {
	return fmt.Sprintf("%s has it, running or gone; if that is gone, it is free at %s UTC", e.Holder, e.Until.UTC().Format(time.TimeOnly))
}

func (e *TakenError) Unwrap() error { return ErrTaken }

// lease takes the lease of a round and renews it until it is released.
func (b *Bus) lease(ctx context.Context, t Ticket) (*Held, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	token := fmt.Appendf(nil, "%s, process %d, %s", host, os.Getpid(), nuid.Next())
	rev, err := b.leases.Create(ctx, t.Run, token)
	if errors.Is(err, jetstream.ErrKeyExists) {
		return nil, b.taken(ctx, t.Run)
	}
	if err != nil {
		return nil, fmt.Errorf("take the lease: %w", err)
	}
	renewing, cancel := context.WithCancel(context.WithoutCancel(ctx))
	h := &Held{Ticket: t, bus: b, cancel: cancel, token: token, rev: rev}
	h.over.Go(func() { h.renew(renewing) })
	return h, nil
}

// taken says who has a lease.
func (b *Bus) taken(ctx context.Context, run string) error {
	entry, err := b.leases.Get(ctx, run)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return ErrTaken // until just now
	}
	var ahead time.Duration
	if err == nil {
		_, ahead, err = b.serverClock(ctx)
	}
	if err != nil {
		return fmt.Errorf("%w; who, was not read: %w", ErrTaken, err)
	}
	holder := string(entry.Value())
	if unique := strings.LastIndex(holder, ", "); unique > 0 {
		holder = holder[:unique]
	}
	return &TakenError{probe.Clean(holder, 100), entry.Created().Add(leaseTime - ahead)}
}

// renew keeps the lease. While this side is cut off, it runs out, and somebody
// else may finish the round; Close finds out.
func (h *Held) renew(ctx context.Context) {
	every(ctx, leaseEvery, func() {
		limited, cancel := context.WithTimeout(ctx, leaseEvery)
		defer cancel()
		if err := h.refresh(limited); err != nil && ctx.Err() == nil {
			h.bus.log.Warn("the lease of the round was not renewed", "round", h.Run, "err", err)
		}
	})
}

// refresh renews the lease once. A renewal whose answer was lost is known by the
// token; one that ran out, and that nobody else took, is taken again.
func (h *Held) refresh(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	rev, err := h.bus.leases.Update(ctx, h.Run, h.token, h.rev)
	if err != nil {
		entry, getErr := h.bus.leases.Get(ctx, h.Run)
		switch {
		case errors.Is(getErr, jetstream.ErrKeyNotFound):
			rev, err = h.bus.leases.Create(ctx, h.Run, h.token)
		case getErr == nil && bytes.Equal(entry.Value(), h.token):
			rev, err = entry.Revision(), nil
		}
	}
	if err == nil {
		h.rev = rev
	}
	return err
}

// Mine says whether the round is still this coordinator's, at this moment. It
// is asked before the round is saved: nobody else saves it then, however long
// that takes, since the lease is renewed until the round is closed or released.
func (h *Held) Mine(ctx context.Context) error {
	err := h.refresh(ctx)
	if err == nil {
		var closed bool // what else became of its entry does not matter: this side knows the round
		if closed, err = h.bus.closed(ctx, h.Run); err == nil && !closed {
			return nil
		}
	}
	if err != nil && !errors.Is(err, jetstream.ErrKeyExists) {
		return fmt.Errorf("the lease of round %s cannot be seen to be this coordinator's; the next one saves it: %w", h.Run, err)
	}
	return fmt.Errorf("%w: the lease of round %s was lost while this side was cut off", ErrTaken, h.Run)
}

func (h *Held) stopRenewing() {
	h.cancel()
	h.over.Wait()
}

// Release gives the round up; it stays open unless it was closed.
func (h *Held) Release(ctx context.Context) {
	h.stopRenewing()
	if err := h.bus.leases.Delete(ctx, h.Run, jetstream.LastRevision(h.rev)); err != nil {
		h.bus.log.Debug("the lease runs out by itself", "round", h.Run, "err", err)
	}
}

// Alone takes a lease that is no round's, for work that two coordinators should
// not do at once; ErrTaken: another one does it. release ends it.
func (b *Bus) Alone(ctx context.Context, name string) (release func(), err error) {
	h, err := b.lease(ctx, Ticket{Run: name})
	if err != nil {
		return nil, err
	}
	return func() { h.Release(context.WithoutCancel(ctx)) }, nil
}
