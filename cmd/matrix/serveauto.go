package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"matrix/probe"
	"matrix/probe/bus"
)

// A service whose agents measure by themselves:
//
//	start, SIGHUP ─ publish ──▶ plan ──▶ agents ──▶ stream
//	due ─ Begin ─ gather ◀────────────────────────────┘
//	oversee: which agents have the plan, and why others have not

const (
	// overseeEvery is how often the agents' signs are read, and overseeSoon while
	// not all have the plan.
	overseeEvery = 15 * time.Second
	overseeSoon  = time.Second
	// takeTime is how long agents may take to have a plan before it is trouble.
	takeTime = 30 * time.Second
)

// publishing is what this service wants of the agents.
type publishing struct {
	mu   sync.Mutex
	plan bus.FleetPlan // as it was published last
	told string        // digest of the one of which it was said that all have it
}

// settle gives the fleet its plan, or takes it back: from a service that starts
// rounds itself.
func (s *service) settle(ctx context.Context, r *regime) error {
	if r.autonomous {
		return s.publishNames(ctx, r)
	}
	was, err := s.crossing.bus.Withdraw(ctx)
	if was {
		s.say("the agents measured by themselves; from now on this service starts the rounds")
	}
	return err
}

// publishAgain publishes what was read again. Whether agents measure by themselves
// takes effect with the next start.
func (s *service) publishAgain(ctx context.Context, before, fresh *regime) error {
	if s.crossing == nil || !before.autonomous {
		return nil
	}
	return s.publishNames(ctx, fresh)
}

// publishNames looks the names up and publishes the plan.
func (s *service) publishNames(ctx context.Context, r *regime) error {
	addresses, err := probe.Resolve(ctx, net.DefaultResolver, r.inventory.Cities, r.network())
	if err != nil {
		return fmt.Errorf("%w: %w", errNames, err)
	}
	before, err := s.crossing.bus.Plan(ctx)
	if err != nil {
		return err
	}
	return s.publish(ctx, r, addresses, before.FleetPlan)
}

// publish gives the fleet its plan. A host whose name cannot be looked up now keeps
// the address that it had.
func (s *service) publish(ctx context.Context, r *regime, addresses probe.Addresses, before bus.FleetPlan) error {
	hosts := map[string]string{}
	for _, c := range before.Cities {
		hosts[c.Name] = c.Host
	}
	for _, c := range r.inventory.Cities {
		if had := before.Addresses[c.Name]; !addresses[c.Name].Addr.IsValid() && had.Addr.IsValid() && hosts[c.Name] == c.Host {
			addresses[c.Name] = had
		}
	}
	plan, err := bus.MakeFleetPlan(r.schedule, r.inventory.Cities, addresses, r.options, version())
	if err != nil {
		return usage("the fleet's plan: %w", err)
	}
	now, err := s.crossing.bus.Publish(ctx, plan)
	if err != nil {
		return err
	}
	s.fleetPlan.mu.Lock()
	before = s.fleetPlan.plan
	s.fleetPlan.plan = now.FleetPlan
	s.fleetPlan.mu.Unlock()
	if now.Digest() != before.Digest() {
		s.say("the fleet's plan is that of %s: %s, every %v", planTime(now), count(len(now.Cities), "host"), now.Schedule.Every)
		if without := unresolved(now.Addresses); len(without) > 0 {
			s.say("without an address in it: %s", someOf(without))
		}
	}
	return nil
}

// unresolved are the cities without an address, each with the reason.
func unresolved(addresses probe.Addresses) []string {
	var all []string
	for city, to := range addresses {
		if !to.Addr.IsValid() {
			all = append(all, city+" ("+to.Reason+")")
		}
	}
	slices.Sort(all)
	return all
}

func planTime(p bus.Published) string { return p.Made.Format("2006-01-02 15:04:05 MST") }

// errNotPlanned says that no round of the fleet's plan was due.
var errNotPlanned = errors.New("the fleet had no plan by which it was due")

// gather collects the round that agents measure by themselves. Hosts whose names
// have other addresses by now are in the plan of the next.
func (s *service) gather(ctx context.Context, r *regime, hosts *hosts, due time.Time, progress func(probe.Progress)) (*probe.Round, error) {
	ticket, ok, err := s.crossing.bus.DueAt(ctx, due)
	if err == nil && !ok {
		err = errNotPlanned
	}
	if err != nil {
		return nil, err
	}
	hosts.run = ticket.Run
	s.awaited.Store(&hosts.run)
	round, book, err := s.crossing.collect(ctx, ticket, progress)
	if err != nil {
		return nil, err
	}
	hosts.booked = book
	if ctx.Err() != nil {
		book.Release(context.WithoutCancel(ctx))
		return nil, fmt.Errorf("NATS keeps it for the next service: %w", context.Cause(ctx))
	}
	r.annotate(round, r.inventory)
	round.Warnings = append(round.Warnings, s.twins.Warnings()...)
	s.readdress(ctx, r, hosts.addresses)
	return round, nil
}

// readdress publishes the plan with the addresses that the names have now, if the
// fleet's plan is this service's.
func (s *service) readdress(ctx context.Context, r *regime, addresses probe.Addresses) {
	now, err := s.crossing.bus.Plan(ctx)
	if err == nil {
		if !s.isOwn(now) || s.regime.Load() != r {
			return
		}
		err = s.publish(ctx, r, addresses, now.FleetPlan)
	}
	s.trouble("names", err)
}

// isOwn says whether the agents are to do what this service wants; another one with
// the same settings may have published it.
func (s *service) isOwn(now bus.Published) bool {
	s.fleetPlan.mu.Lock()
	defer s.fleetPlan.mu.Unlock()
	return now.Format != 0 && now.Wrong == "" && !now.Withdrawn && now.SameFleet(s.fleetPlan.plan)
}

// collect begins a round that agents measure by themselves, and listens.
func (c *crossing) collect(ctx context.Context, ticket bus.Ticket, progress func(probe.Progress)) (*probe.Round, *booked, error) {
	held, err := c.bus.Begin(ctx, ticket)
	if err != nil {
		return nil, nil, err
	}
	round, book, err := c.read(ctx, held, progress)
	if err == nil {
		round.Warnings = append(round.Warnings, c.warnings()...)
	}
	return round, book, err
}

// oversee says which agents have the plan, until ctx ends.
func (s *service) oversee(ctx context.Context) {
	for {
		pause := overseeEvery
		known, err := s.overseeOnce(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case known || err != nil:
			s.trouble("plan", err)
		}
		if !known {
			pause = overseeSoon
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

// overseeOnce is an error if something is wrong with the plan, or with an agent that
// does not have it; known is false while agents may still take it.
func (s *service) overseeOnce(ctx context.Context) (known bool, err error) {
	now, err := s.crossing.bus.Plan(ctx)
	if err != nil {
		return false, err
	}
	switch {
	case now.Wrong != "":
		return true, fmt.Errorf("what was written as the fleet's plan is refused by all agents, which go on as before: %s; SIGHUP publishes this service's again", now.Wrong)
	case !s.isOwn(now):
		return true, errors.New("another coordinator has published or withdrawn the fleet's plan, and agents keep to that; SIGHUP publishes this service's again")
	}
	state, err := s.crossing.planState(ctx, now)
	if err != nil {
		return false, err
	}
	s.lookForTwins(state.signs)
	switch {
	case len(state.without) == 0:
		s.tellTaken(state)
		return true, nil
	case time.Since(now.Made) > takeTime:
		return true, errors.Join(errors.New(state.String()), s.crossing.bus.Remind(ctx))
	}
	return false, nil
}

// lookForTwins says which cities have two agents.
func (s *service) lookForTwins(signs map[string]bus.Sign) {
	s.twins.Notice(signs)
	var all []string
	for _, w := range s.twins.Warnings() {
		all = append(all, w.Subject+": "+w.Text)
	}
	var err error
	if len(all) > 0 {
		err = errors.New(someOf(all))
	}
	s.trouble("agents", err)
}

// tellTaken says, once, that all agents have the plan.
func (s *service) tellTaken(state planState) {
	s.fleetPlan.mu.Lock()
	defer s.fleetPlan.mu.Unlock()
	if s.fleetPlan.told != state.plan.Digest() {
		s.fleetPlan.told = state.plan.Digest()
		s.say("%v", state)
	}
}

// planState is who has the fleet's plan.
type planState struct {
	plan    bus.Published
	signs   map[string]bus.Sign // of all agents
	without []string            // cities, each with the reason
}

// String says it in a sentence.
func (p planState) String() string {
	n := len(p.plan.Cities)
	text := fmt.Sprintf("%d of %d agents have the fleet's plan of %s", n-len(p.without), n, planTime(p.plan))
	if len(p.without) > 0 {
		text += "; not: " + someOf(p.without)
	}
	return text
}

// planState asks for the agents' signs.
func (c *crossing) planState(ctx context.Context, now bus.Published) (planState, error) {
	signs, err := c.bus.Signs(ctx)
	state := planState{plan: now, signs: signs}
	for _, city := range now.Cities {
		sign, heard := signs[city.Name]
		switch {
		case !heard:
			state.without = append(state.without, city.Name+" (not heard of)")
		case slices.Contains(sign.Plans, now.Digest()):
		case sign.Wrong != "" && sign.Revision == now.Revision:
			state.without = append(state.without, city.Name+" (refuses it: "+sign.Wrong+")")
		default:
			state.without = append(state.without, city.Name+" (heard last at "+sign.At.UTC().Format(time.TimeOnly)+" UTC)")
		}
	}
	return state, err
}

// tellPlan says who has the fleet's plan, if there is one.
func (c *crossing) tellPlan(ctx context.Context, w io.Writer) error {
	now, err := c.bus.Plan(ctx)
	if err != nil || now.Format == 0 || now.Withdrawn {
		return err
	}
	if now.Wrong != "" {
		fmt.Fprintf(w, "matrix: what was written as the fleet's plan is refused: %s\n", now.Wrong)
		return nil
	}
	state, err := c.planState(ctx, now)
	if err == nil {
		fmt.Fprintf(w, "matrix: %v\n", state)
	}
	return err
}
