package bus

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"matrix/probe"
	"matrix/probe/schedule"
)

// measure runs the rounds of the fleet's plan until ctx is done, the first one when
// one is due: who begins in the middle of a round waits for the next.
func (p *planner) measure(ctx context.Context) {
	for {
		p.mu.Lock()
		idle := len(p.plans) == 0
		p.mu.Unlock()
		if !idle {
			break
		}
		select {
		case <-p.poke:
		case <-ctx.Done():
			return
		}
	}
	last := schedule.Schedule{Every: schedule.Longest} // of no use while no plan holds
	loop := schedule.Loop{
		Schedule: func() schedule.Schedule {
			if plan := p.holding(p.Clock()); plan != nil {
				last = plan.Schedule
			}
			return last
		},
		Round: p.round, Poke: p.poke, Now: p.Clock,
		Wait: func(_ time.Time, skipped uint64) {
			if skipped > 0 {
				p.Log.Warn("rounds were left out: one took too long, or the machine slept", "rounds", skipped)
			}
		},
	}
	loop.Run(ctx, p.Clock())
}

// holding is the plan of what is due at a time; nil: there is none.
func (p *planner) holding(due time.Time) *task {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.plans {
		if !due.Before(p.plans[i].From) {
			return &p.plans[i]
		}
	}
	return nil
}

// round measures this city's row of the round that is due. A change of the plan
// meanwhile is for the next.
func (p *planner) round(ctx context.Context, due time.Time) {
	plan := p.holding(due)
	if plan == nil || len(plan.row.Targets) == 0 {
		return
	}
	t, ok := plan.Ticket(due)
	if !ok {
		return
	}
	log := p.Log.With("round", t.Run)
	if late := p.Clock().Sub(due); late > tolerance(t.Every) {
		log.Warn("the round is left out: it is too late for it", "late", late)
		return
	}
	if err := p.carryOut(ctx, t.Run, plan.row); err != nil {
		log.Error("the round is left out", "err", err)
	}
	p.mu.Lock()
	p.measured = true
	p.mu.Unlock()
	nudge(p.outbox.wake)
}

// carryOut has the far side do a job as if a coordinator had given it. What it says
// is kept.
func (p *planner) carryOut(ctx context.Context, run string, row probe.Job) error {
	text, err := json.Marshal(row)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	// If the clock was set back, the same round may come again: the lines of two
	// sessions are not taken for each other's.
	t := &talk{
		desk: p.desk, run: run, session: 1 + rand.IntN(math.MaxInt32-1), keep: true, alone: true,
		cancel: cancel, orders: make(chan []byte, 1),
	}
	if err := t.writeDown(); err != nil {
		cancel()
		return err
	}
	t.idle = time.AfterFunc(idleLimit, cancel)
	t.orders <- fmt.Appendf(nil, "%s %s\n", wordJob, text)
	t.hold(ctx)
	return nil
}
