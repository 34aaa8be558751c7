package probe

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"time"
)

// Guard is a Pinger that does only what its host allows, whoever asks. It is
// the host's own limit: a coordinator cannot lift it.
type Guard struct {
	Pinger
	Allow    []netip.Prefix // where packets may go, besides the host itself; none: everywhere
	MostRate int            // echo requests or traceroute probes a second; 0: as asked
	Budget   Budget         // of MostRate, shared with other sessions; nil: this one has it for itself
}

// Budget is what all sessions on a host may send together.
type Budget interface {
	// Take sets packets a second aside until give is called: at least least, and
	// up to most if nobody else has them. It waits a little for others to end; an
	// error says why there was nothing to be had.
	Take(ctx context.Context, least, most int) (got int, give func(), err error)
}

var (
	_ Pinger   = (*Guard)(nil)
	_ Tracer   = (*Guard)(nil)
	_ Examined = (*Guard)(nil)
)

// Ping sends to the targets that are allowed. Echo requests to the others are
// Unsent, with the reason: they are not lost.
func (g *Guard) Ping(ctx context.Context, job Job, emit func(Echo)) error {
	if err := g.Check(job); err != nil {
		return err
	}
	rate := perSecond(job)
	most, give, err := g.take(ctx, rate, rate+rate/4+1) // what is more lets it catch up after a delay
	if err != nil {
		return err
	}
	defer give()
	if most > 0 {
		job.Rate = min(job.Rate, most) // which bounds bursts too
	}
	var places []int // in the job, of the allowed targets
	allowed := job
	allowed.Targets = nil
	for i, target := range job.Targets {
		if !g.allows(target.Addr) {
			refuse(i, job, emit)
			continue
		}
		places = append(places, i)
		allowed.Targets = append(allowed.Targets, target)
	}
	if len(places) == 0 {
		return ctx.Err()
	}
	return g.Pinger.Ping(ctx, allowed, func(e Echo) {
		if e.Target >= 0 && e.Target < len(places) {
			e.Target = places[e.Target]
			emit(e)
		}
	})
}

// refuse tells every echo request to a target as not sent.
func refuse(target int, job Job, emit func(Echo)) {
	reason := outside(job.Targets[target].Addr)
	for seq := range job.Count {
		emit(Echo{Target: target, Seq: seq, Outcome: Unsent, Reason: reason})
	}
}

func outside(addr netip.Addr) string {
	return fmt.Sprintf("refused by the host: %v is outside the networks that it allows (matrix probe --allow)", addr)
}

// allows says whether packets may go to an address.
func (g *Guard) allows(addr netip.Addr) bool {
	addr = addr.Unmap()
	return len(g.Allow) == 0 || addr.IsLoopback() ||
		slices.ContainsFunc(g.Allow, func(p netip.Prefix) bool { return p.Contains(addr.WithZone("")) })
}

// take sets aside what a job sends; 0 if there is no limit.
func (g *Guard) take(ctx context.Context, least, most int) (got int, give func(), err error) {
	if g.MostRate == 0 || g.Budget == nil {
		return g.MostRate, func() {}, nil
	}
	return g.Budget.Take(ctx, min(least, g.MostRate), min(most, g.MostRate))
}

// perSecond is how many echo requests a job sends each second, rounded up.
func perSecond(job Job) int {
	if job.Interval <= 0 {
		return 1
	}
	return max(1, int(math.Ceil(float64(len(job.Targets))*float64(time.Second)/float64(job.Interval)-0.01)))
}

// Check refuses a job that sends faster than the host allows. Slowed down, it
// would not be what the coordinator plans with.
func (g *Guard) Check(job Job) error {
	if g.MostRate == 0 || len(job.Targets) == 0 {
		return nil
	}
	wanted := float64(len(job.Targets)) * float64(time.Second) / float64(job.Interval)
	if wanted <= float64(g.MostRate)*1.0001 { // an interval is cut to whole nanoseconds
		return nil
	}
	return &HostError{
		Op:   "refused by the host",
		Err:  fmt.Errorf("the job sends %.0f echo requests a second, it allows %d (matrix probe --most-rate)", wanted, g.MostRate),
		Hint: fmt.Sprintf("measure with --rate %d, or a longer --interval", g.MostRate),
	}
}

// Trace makes a traceroute to an address that is allowed.
func (g *Guard) Trace(ctx context.Context, job TraceJob, emit func(Trace)) error {
	if !g.allows(job.Addr) {
		return errors.New(outside(job.Addr))
	}
	pace := int(time.Second / job.Gap())
	if g.MostRate > 0 && g.MostRate < pace {
		return &HostError{
			Op:   "refused by the host",
			Err:  fmt.Errorf("a traceroute sends up to %d probes a second, it allows %d (matrix probe --most-rate)", pace, g.MostRate),
			Hint: fmt.Sprintf("allow %d there to have traceroutes", pace),
		}
	}
	_, give, err := g.take(ctx, pace, pace)
	if err != nil {
		return err
	}
	defer give()
	return TraceWith(ctx, g.Pinger, job, emit)
}

// Health is that of the pinger behind.
func (g *Guard) Health() Health { return HealthOf(g.Pinger) }
