// Package patience leaves hosts alone that are known to be down, and notices
// when they are back.
//
//	round ── Learn ──► away ── Run: try, wait twice as long, try … ──► back
//	round ◄── Open: at once, "known to be down" ◄──┘
//
// A round in which a host could not be reached has waited for it once. From then
// on rounds are told at once that it is down, and when it is tried again; the
// trying is done beside the rounds, so that it costs them nothing.
package patience

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"matrix/probe"
)

// Waits are how long a host is left alone.
type Waits struct {
	First   time.Duration // before the second try; 10s
	Longest time.Duration // each wait is twice the one before, up to this; 15m
}

const (
	tries    = 8               // at once
	tryLimit = 2 * time.Minute // of one, putting the program there included
)

// Away is a host that is known to be down.
type Away struct {
	City   string
	Since  time.Time // of the round that could not reach it
	Next   time.Time // when it is tried again
	Reason string    // that the last try met
}

// Opener is an Opener that knows which hosts are down. Its methods may be called
// from several goroutines.
type Opener struct {
	Waits   Waits
	Log     *slog.Logger // nil: silent
	Changed func([]Away) // nil, or told whenever a host went, was tried or came back

	mu    sync.Mutex
	inner probe.Opener
	ways  map[string]way // of the fleet, by city
	away  map[string]*host
	spent map[string]bool // cities whose sessions were refused here since Use: they say nothing new
	wake  chan struct{}   // closed when there may be an earlier try
}

var _ probe.Opener = (*Opener)(nil)

// way is how a city is reached: what is known of one way says nothing of another.
type way struct {
	city probe.City
	addr probe.Resolved
}

// host is one that is away.
type host struct {
	Away
	hint   string
	wait   time.Duration // before Next
	trying bool
}

// Use has a fleet opened by inner from now on. A city that is reached in another
// way than before, or was none of the fleet, is not known to be down.
func (o *Opener) Use(inner probe.Opener, cities []probe.City, addresses probe.Addresses) {
	o.mu.Lock()
	ways := make(map[string]way, len(cities))
	for _, c := range cities {
		ways[c.Name] = way{c, addresses[c.Name]}
	}
	forgotten := false
	for name := range o.away {
		if now, there := ways[name]; !there || !now.same(o.ways[name]) {
			delete(o.away, name)
			forgotten = true
		}
	}
	o.inner, o.ways, o.spent = inner, ways, make(map[string]bool)
	o.mu.Unlock()
	if forgotten {
		o.tell()
	}
}

func (w way) same(v way) bool {
	return w.city.Host == v.city.Host && w.city.SSH == v.city.SSH && w.addr.Addr == v.addr.Addr
}

// Open opens a session, or says at once that the host is known to be down.
func (o *Opener) Open(ctx context.Context, city probe.City) (probe.Session, error) {
	o.mu.Lock()
	inner, h := o.inner, o.away[city.Name]
	var down error
	if h != nil {
		down = h.error()
		o.spent[city.Name] = true
	}
	o.mu.Unlock()
	if down != nil {
		return nil, down
	}
	return inner.Open(ctx, city)
}

func (h *host) error() error {
	const clock = "2006-01-02 15:04:05"
	return &probe.HostError{
		Op:   "known to be down",
		Err:  fmt.Errorf("since %s, next try at %s UTC: %s", h.Since.UTC().Format(clock), h.Next.UTC().Format(clock), h.Reason),
		Hint: h.hint,
	}
}

// Learn takes from a round which hosts could not be reached. A round that was
// broken off must not be asked: its hosts were not given their time.
func (o *Opener) Learn(round *probe.Round) {
	now := time.Now()
	o.mu.Lock()
	learned := false
	for _, h := range round.Hosts {
		w, ours := o.ways[h.City]
		if h.Error == "" || h.Version != "" || !ours || o.away[h.City] != nil || o.spent[h.City] {
			continue // it could be reached, or was not asked; it may be back meanwhile
		}
		if o.away == nil {
			o.away = make(map[string]*host)
		}
		first := cmp.Or(o.Waits.First, 10*time.Second)
		o.away[h.City] = &host{
			Away: Away{City: w.city.Name, Since: round.Start, Next: now.Add(first).UTC(), Reason: h.Error},
			hint: h.Hint, wait: first,
		}
		learned = true
	}
	o.mu.Unlock()
	if learned {
		o.tell()
	}
}

// Away are the hosts that are known to be down, by city.
func (o *Opener) Away() []Away {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := make([]Away, 0, len(o.away))
	for _, h := range o.away {
		all = append(all, h.Away)
	}
	slices.SortFunc(all, func(a, b Away) int { return cmp.Compare(a.City, b.City) })
	return all
}

// tell hands out the list, and has Run look at it.
func (o *Opener) tell() {
	o.mu.Lock()
	if o.wake != nil {
		close(o.wake)
		o.wake = nil
	}
	o.mu.Unlock()
	if o.Changed != nil {
		o.Changed(o.Away())
	}
}

// Run tries hosts again when it is time, until ctx ends.
func (o *Opener) Run(ctx context.Context) {
	var under sync.WaitGroup
	defer under.Wait()
	tokens := make(chan struct{}, tries)
	for ctx.Err() == nil {
		due, next, wake := o.due(time.Now())
		for _, city := range due {
			under.Go(func() {
				select {
				case tokens <- struct{}{}:
					defer func() { <-tokens }()
					o.try(ctx, city)
				case <-ctx.Done():
				}
			})
		}
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-wake:
		}
		timer.Stop()
	}
}

// due marks the cities that are to be tried now, and says how long it is until
// another one is. Waits are short, so that a clock that was set does not matter.
func (o *Opener) due(now time.Time) (cities []probe.City, next time.Duration, wake <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	next = time.Minute
	for name, h := range o.away {
		switch left := h.Next.Sub(now.Round(0)); {
		case h.trying:
		case left <= 0 || left > 2*h.wait:
			h.trying = true
			cities = append(cities, o.ways[name].city)
		default:
			next = min(next, left)
		}
	}
	if o.wake == nil {
		o.wake = make(chan struct{})
	}
	return cities, next, o.wake
}

// try opens a session and closes it again.
func (o *Opener) try(ctx context.Context, city probe.City) {
	o.mu.Lock()
	inner, h := o.inner, o.away[city.Name]
	o.mu.Unlock()
	if h == nil {
		return // it has left the fleet meanwhile, or is reached in another way
	}
	limited, cancel := context.WithTimeoutCause(ctx, tryLimit, errors.New("no session within 2m"))
	defer cancel()
	err := knock(limited, inner, city)
	if ctx.Err() != nil {
		return
	}
	o.log().Info("tried again", "from", city.Name, "back", err == nil, "err", err)
	o.mu.Lock()
	if o.away[city.Name] == h {
		if err == nil {
			delete(o.away, city.Name)
		} else {
			h.failed(err, cmp.Or(o.Waits.Longest, 15*time.Minute))
		}
	}
	o.mu.Unlock()
	o.tell()
}

// knock is one try. A panic in it is a failed one.
func knock(ctx context.Context, inner probe.Opener, city probe.City) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	session, err := inner.Open(ctx, city)
	if err != nil {
		return err
	}
	_ = session.Close() // it was opened: that is what was asked
	return nil
}

// failed has the host left alone twice as long as before, give or take a tenth:
// hosts that went down together need not be tried together for ever.
func (h *host) failed(err error, longest time.Duration) {
	h.wait = min(2*h.wait, longest)
	h.Next = time.Now().Add(h.wait - rand.N(h.wait/10+1)).UTC()
	h.Reason, h.hint, h.trying = probe.Clean(err.Error(), 400), "", false
	var known *probe.HostError
	if errors.As(err, &known) {
		h.hint = known.Hint
	}
}

func (o *Opener) log() *slog.Logger {
	if o.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return o.Log
}
