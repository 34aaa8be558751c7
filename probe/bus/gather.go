package bus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"matrix/probe"
)

// Gathering opens the conversations that agents hold with themselves: a round of
// the fleet's plan, while it is measured or later. What belongs to it is decided
// by the coordinator's clock, row by row. What a sign of life says matters only for
// agents that tell nothing: samples prove it wrong.
type Gathering struct {
	held  *Held
	plan  probe.Plan
	begin time.Time     // who has told nothing by then, and gave no good sign, is not waited for
	until time.Time     // nor is who has not told all by then
	ahead time.Duration // the server's clock, of this one
	rows  map[string]*row
	room  *room

	stop func()
	over sync.WaitGroup

	mu    sync.Mutex
	signs map[string]Sign
}

// An agent that gave no sign of life for so long is taken to be gone: a round is
// not kept open for it. After a few that failed to come, it is not waited for at all.
const (
	goneAfter  = time.Hour
	quietAfter = 2*signEvery + time.Minute
)

// mostHeard is how much of a round is read ahead.
const mostHeard = 8 << 20

// Gather begins to read the round.
func (h *Held) Gather(ctx context.Context, plan probe.Plan, until time.Time) (*Gathering, error) {
	limited, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	signs, err := h.bus.Signs(limited)
	if err != nil {
		return nil, err
	}
	_, ahead, err := h.bus.serverClock(limited)
	if err != nil {
		return nil, err
	}
	there, err := h.bus.subjects(limited, saidSubject("*", h.Run))
	if err != nil {
		return nil, err
	}
	begin := h.Start.Add(plan.Length() + unreadLimit)
	if until.Before(begin) {
		begin = until
	}
	g := &Gathering{held: h, plan: plan, begin: begin, until: until, ahead: ahead, rows: map[string]*row{}, room: newRoom(mostHeard), signs: signs}
	for _, job := range plan.Jobs {
		g.rows[job.From] = newRow(h.Start, tolerance(h.Every), g.room)
	}
	for subject := range there {
		if r := g.rows[cityOf(subject)]; r != nil {
			r.there = true
		}
	}
	reading, stop := context.WithCancel(context.WithoutCancel(ctx))
	g.stop = stop
	g.over.Go(func() { follow(reading, h.bus, saidSubject("*", h.Run), g.take) })
	g.over.Go(func() { g.wait(reading) })
	return g, nil
}

// subjects are those that the stream has messages of.
func (b *Bus) subjects(ctx context.Context, filter string) (map[string]uint64, error) {
	var info *jetstream.StreamInfo
	err := ask(ctx, func(ctx context.Context) (err error) {
		info, err = b.stream.Info(ctx, jetstream.WithSubjectFilter(filter))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the stream: %w", err)
	}
	return info.State.Subjects, nil
}

func (g *Gathering) take(m jetstream.Msg) {
	r := g.rows[cityOf(m.Subject())]
	if r == nil {
		return
	}
	g.room.wait()
	if err := r.take(m, g.ahead); err != nil {
		g.held.bus.log.Warn("a message is not understood", "from", cityOf(m.Subject()), "round", g.held.Run, "err", err)
	}
}

// wait gives signs of life for agents that have begun, and ends the rows of those
// that do not begin, or have not ended when the time is over.
func (g *Gathering) wait(ctx context.Context) {
	if !g.beat(ctx, g.begin) {
		return
	}
	g.readSigns(ctx)
	for city, r := range g.rows {
		if !r.there && !r.isHeard() {
			g.giveUp(city, r)
		}
	}
	if !g.beat(ctx, g.until.Add(unreadLimit)) { // what is in the stream already is read before
		return
	}
	g.readSigns(ctx)
	for city, r := range g.rows {
		r.lines.close(&probe.HostError{Op: "measure", Err: g.missing(city, r)})
	}
}

// beat gives signs of life until a time; false: ctx was done before.
func (g *Gathering) beat(ctx context.Context, until time.Time) bool {
	over := time.NewTimer(time.Until(until))
	defer over.Stop()
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			for _, r := range g.rows {
				r.beat()
			}
		case <-over.C:
			return true
		case <-ctx.Done():
			return false
		}
	}
}

// readSigns reads the signs of life again.
func (g *Gathering) readSigns(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	signs, err := g.held.bus.Signs(ctx)
	if err != nil {
		g.held.bus.log.Warn("the signs of life were not read again", "err", err)
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.signs = signs
}

// giveUp ends a row of which nothing has come, if its agent's sign gives no hope:
// for good, or for another reading to find.
func (g *Gathering) giveUp(city string, r *row) {
	if err := g.hopeless(city); err != nil {
		r.end()
		r.unheard(err)
		return
	}
	if s := g.sign(city); time.Since(s.At) > quietAfter {
		r.unheard(fmt.Errorf("its agent was heard last at %s", clockTime(s.At)))
	}
}

// missing says why a row has not ended.
func (g *Gathering) missing(city string, r *row) error {
	if r.hasBegun() {
		return errOwing
	}
	if err := g.hopeless(city); err != nil {
		r.end()
		return err
	}
	return fmt.Errorf("nothing of this round has come from its agent, which was heard last at %s", clockTime(g.sign(city).At))
}

func clockTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func (g *Gathering) sign(city string) Sign {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.signs[city]
}

// hopeless says why nothing that an agent has not begun to tell will come.
func (g *Gathering) hopeless(city string) error {
	s := g.sign(city)
	switch {
	case s.City == "":
		return errors.New("its agent has not said that it has the fleet's plan")
	case s.Ahead.Abs() > tolerance(g.held.Every):
		return clockError(s.Ahead)
	case !slices.Contains(s.Plans, g.held.FleetPlan) && s.Wrong != "":
		return fmt.Errorf("its agent refuses the fleet's plan: %s", s.Wrong)
	case !slices.Contains(s.Plans, g.held.FleetPlan):
		return errors.New("its agent goes by another plan than that of this round")
	case time.Since(s.At) > goneAfter:
		return fmt.Errorf("its agent was heard last at %s", clockTime(s.At))
	case !g.held.owes(s, g.plan):
		return errors.New("its agent is there, and has not measured this round: it began in the middle of it, or has left it out")
	}
	return nil
}

// clockError says that a clock is bad.
func clockError(ahead time.Duration) error {
	way := "ahead of"
	if ahead < 0 {
		way = "behind"
	}
	return fmt.Errorf("its clock is %v %s the coordinator's: it does not measure when the others do", ahead.Abs().Round(time.Second), way)
}

// Dial opens the conversation of a city.
func (g *Gathering) Dial(_ context.Context, city probe.City) (*Told, error) {
	r := g.rows[city.Name]
	if r == nil {
		return nil, &probe.HostError{Op: "measure", Err: errors.New("it is not in the plan")}
	}
	return &Told{r}, nil
}

// Patience is how long a conversation may take to begin.
func (g *Gathering) Patience() time.Duration { return time.Until(g.until) + 2*unreadLimit }

// Owing are the cities that may have measured and have not told all, once it is closed.
func (g *Gathering) Owing() []string {
	var owing []string
	for city, r := range g.rows {
		s := g.sign(city)
		if !r.isOver() && (g.held.owes(s, g.plan) || s.City == "" && r.isHeard()) {
			owing = append(owing, city)
		}
	}
	slices.Sort(owing)
	return owing
}

// owes says whether an agent that gave this sign last may still have something of
// the round: not if it has delivered all since, or is gone.
func (t Ticket) owes(s Sign, plan probe.Plan) bool {
	end := t.Start.Add(plan.Length() + tolerance(t.Every))
	return s.City != "" && time.Since(s.At) < goneAfter && (s.Waiting > 0 || s.At.Before(end))
}

// StillOwing are those of the cities that owe something of a round which agents
// measured by themselves, as far as their signs tell.
func (b *Bus) StillOwing(ctx context.Context, t Ticket, cities []string) ([]string, error) {
	plan, err := t.Plan()
	if err != nil {
		return nil, err
	}
	signs, err := b.Signs(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(cities), func(city string) bool {
		s := signs[city]
		return s.City != "" && !t.owes(s, plan)
	}), nil
}

// Close ends the reading.
func (g *Gathering) Close() {
	g.stop()
	g.room.close()
	g.over.Wait()
}

// Told is the conversation of an agent with itself, as it is heard.
type Told struct{ row *row }

func (c *Told) Read(p []byte) (int, error) { return c.row.lines.Read(p) }

// Write forgets the line: nobody listens.
func (c *Told) Write(line []byte) (int, error) { return len(line), nil }

// Close ends it.
func (c *Told) Close() error {
	c.row.lines.drop(io.ErrClosedPipe)
	return nil
}

// Explain ends it; it broke with err.
func (c *Told) Explain(err error) error {
	c.Close()
	return explained(err)
}

// Opener has inner's sessions say when their jobs really began, and how far the
// agents' clocks are off.
func (g *Gathering) Opener(inner probe.Opener) probe.Opener { return gathering{inner, g} }

type gathering struct {
	probe.Opener
	of *Gathering
}

func (o gathering) Open(ctx context.Context, city probe.City) (probe.Session, error) {
	session, err := o.Opener.Open(ctx, city)
	if err != nil {
		return nil, err
	}
	return gathered{session, o.of.rows[city.Name]}, nil
}

type gathered struct {
	probe.Session
	row *row
}

var (
	_ probe.Beginner = gathered{}
	_ probe.Examined = gathered{}
)

func (s gathered) Began() time.Time {
	began, _ := s.row.times()
	return began
}

func (s gathered) Health() probe.Health {
	h := probe.HealthOf(s.Session)
	if _, ahead := s.row.times(); s.row.hasBegun() {
		h.Offset, h.OffsetError = ahead, sendLimit
	}
	return h
}
