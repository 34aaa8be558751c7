package probe

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"
)

// Examination is what is found out about a host without measuring its network.
type Examination struct {
	City    string
	Took    time.Duration // to open the session
	Version string        // of the matrix there; "" if no session could be opened
	Err     error         // why no session could be opened, or why it ended early; nil: it is well
	PingErr error         // why the host may not, or cannot, ping; nil: it can
	Health  Health
	Self    time.Duration // least round-trip time to its own loopback address; 0: not known
}

// selfJob has a host ping itself, which asks nothing of any network and needs
// every right that a round needs. It lasts long enough for its clock to be
// compared more than once.
func selfJob(city City) Job {
	o := DefaultOptions()
	o.Count, o.Interval, o.Timeout = 6, 100*time.Millisecond, time.Second
	return Job{From: city.Name, Options: o, Targets: []Target{{City: city.Name, Addr: netip.AddrFrom4([4]byte{127, 0, 0, 1})}}}
}

// Examine opens a session in every city, in parallel within the limits, and
// says how each is, in the order of the cities. A host that hangs, or panics,
// costs nobody else anything.
func (c *Coordinator) Examine(ctx context.Context, cities []City) []Examination {
	limits := c.Limits.withDefaults()
	r := &run{Coordinator: c, limits: limits, log: c.Log, dials: make(chan struct{}, limits.Dials)}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	found := make([]Examination, len(cities))
	var all sync.WaitGroup
	for i, city := range cities {
		all.Go(func() { found[i] = r.examine(ctx, city) })
	}
	all.Wait()
	return found
}

// examine leaves a session behind that does not end with its context.
func (r *run) examine(ctx context.Context, city City) Examination {
	ended := make(chan Examination, 1)
	go func() { ended <- r.examineSession(ctx, city) }()
	select {
	case e := <-ended:
		return e
	case <-ctx.Done():
	}
	abandon := time.NewTimer(r.limits.Grace)
	defer abandon.Stop()
	select {
	case e := <-ended:
		return e
	case <-abandon.C:
		return Examination{City: city.Name, Err: context.Cause(ctx)}
	}
}

func (r *run) examineSession(ctx context.Context, city City) (e Examination) {
	e.City = city.Name
	defer func() {
		if p := recover(); p != nil {
			e.Err = fmt.Errorf("panic: %v", p)
		}
	}()
	session, took, err := r.openInTurn(ctx, city)
	if err != nil {
		e.Err = err
		return e
	}
	defer session.Close()
	e.Version, e.Took = Clean(session.Version(), 60), took
	job := selfJob(city)
	ctx, cancel := context.WithTimeoutCause(ctx, job.Length()+r.limits.Grace, errOutOfTime)
	defer cancel()
	e.PingErr = e.ping(ctx, session, job)
	e.Health = HealthOf(session)
	return e
}

// ping has the host ping itself.
func (e *Examination) ping(ctx context.Context, session Session, job Job) error {
	c := newCollector(job)
	if err := session.Ping(ctx, job, func(echo Echo) { _ = c.add(echo) }); err != nil { // what cannot be true is not counted
		return err
	}
	sample := c.sample(0, time.Now(), ending{SourceDown, "it did not say what became of its pings"})
	if sample.State != Measured {
		return &HostError{Op: "ping itself", Err: errors.New(sample.State.String() + " " + sample.Reason)}
	}
	e.Self = sample.RTTs[0]
	for _, rtt := range sample.RTTs {
		e.Self = min(e.Self, rtt)
	}
	return nil
}
