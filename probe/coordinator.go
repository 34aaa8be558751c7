package probe

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"
)

// Limits bound what one host can cost a round. The zero value of a field means
// its default.
type Limits struct {
	Dials    int           // sessions being opened at once; 32: sshd drops larger bursts
	Attempts int           // to open one session; 3
	Connect  time.Duration // after which no host is tried again; 30s
	Open     time.Duration // to open one session, putting the program there included; 150s
	Quiet    time.Duration // without news from hosts that still connect, the others start; 3s, or twice what the slowest took
	Grace    time.Duration // beyond a job's own length; 10s
}

func (l Limits) withDefaults() Limits {
	set := func(d *time.Duration, value time.Duration) {
		if *d == 0 {
			*d = value
		}
	}
	if l.Dials == 0 {
		l.Dials = 32
	}
	if l.Attempts == 0 {
		l.Attempts = 3
	}
	set(&l.Connect, 30*time.Second)
	set(&l.Open, 150*time.Second)
	set(&l.Quiet, 3*time.Second)
	set(&l.Grace, 10*time.Second)
	return l
}

// deadline is the most that a round may take: hosts connect in waves, each
// within Connect, and the last to open its session has the whole plan before
// it.
func (l Limits) deadline(plan Plan) time.Duration {
	waves := (len(plan.Jobs) + l.Dials - 1) / l.Dials
	return time.Duration(waves)*l.Connect + l.Open + l.turns(plan) + plan.Length() + l.Grace
}

// turns is how long it may take until the last host has its job: one of a
// thousand targets is 90 kB, and they leave by one link.
func (l Limits) turns(plan Plan) time.Duration {
	return time.Duration(len(plan.Jobs)) * 20 * time.Millisecond
}

// Progress is how far a round is.
type Progress struct {
	Pairs, PairsDone            int
	Echoes, EchoesDone          int // echo requests planned, and those whose fate is known
	Hosts, HostsUp, HostsFailed int
	HostsDone                   int           // hosts that have ended, failed ones included
	Started                     bool          // echo requests are being sent
	Left                        time.Duration // until the plan is carried out; meaningful once Started
}

// Coordinator carries out plans.
type Coordinator struct {
	Opener   Opener
	Limits   Limits
	Log      *slog.Logger   // nil: silent
	Progress func(Progress) // nil: nobody watches; called from one goroutine
}

// errOutOfTime is the cause of a deadline, as opposed to a person's Ctrl-C.
var errOutOfTime = errors.New("out of time")

// Run carries out a plan. It always ends with a round in which every planned
// pair has a state: what failed is in there. When ctx is cancelled the round
// ends with what there is, marked partial.
func (c *Coordinator) Run(ctx context.Context, plan Plan) *Round {
	limits := c.Limits.withDefaults()
	ctx, cancel := context.WithTimeoutCause(ctx, limits.deadline(plan), errOutOfTime)
	defer cancel()
	r := &run{
		Coordinator: c,
		limits:      limits,
		plan:        plan,
		log:         c.Log,
		hosts:       make([]hostRun, len(plan.Jobs)),
		events:      make(chan event, 1024),
		dials:       make(chan struct{}, limits.Dials),
		start:       make(chan struct{}),
		over:        make(chan struct{}),
		cities:      make(map[string]City, len(plan.Cities)),
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	r.seen = Progress{Pairs: plan.Pairs(), PairsDone: len(plan.Settled), Hosts: len(plan.Jobs)}
	r.seen.Echoes = (plan.Pairs() - len(plan.Settled)) * plan.Options.Count
	for _, city := range plan.Cities {
		r.cities[city.Name] = city
	}
	now := time.Now()
	for i, job := range plan.Jobs {
		r.hosts[i].collector = newCollector(job)
		go r.runHost(ctx, i, job)
	}
	r.own(ctx)
	close(r.over)
	return r.round(ctx, now)
}

// run is one plan being carried out. The goroutine in own owns every field
// that is not a channel; hosts only send it events.
type run struct {
	*Coordinator
	limits Limits
	plan   Plan
	log    *slog.Logger
	cities map[string]City
	hosts  []hostRun
	seen   Progress
	began  time.Time // when the common start was given

	slowest time.Duration // that it took to open a session, so far

	events chan event    // from the hosts to the owner
	dials  chan struct{} // a token a session being opened
	start  chan struct{} // closed: everybody may send
	over   chan struct{} // closed: nobody listens to events any more
}

// hostRun is what the owner knows of one from-host.
type hostRun struct {
	collector *collector
	version   string
	health    Health
	start     time.Time // when its job was handed over
	opened    bool
	ended     bool
	err       error
}

// event is news from one host.
type event struct {
	host int
	kind eventKind
	echo Echo
	text string        // version, with opened
	took time.Duration // to open it, with opened
	well Health        // with examined
	at   time.Time     // with began
	err  error         // with ended
}

type eventKind uint8

const (
	opened eventKind = iota
	began
	echoed
	examined
	ended
)

func (r *run) tell(e event) {
	select {
	case r.events <- e:
	case <-r.over:
	}
}

// runHost does all that concerns one from-host: connect, wait for the common
// start, measure, close. A panic in a session costs its host only.
func (r *run) runHost(ctx context.Context, i int, job Job) {
	var err error
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
		r.tell(event{host: i, kind: ended, err: err})
	}()
	session, took, err := r.openInTurn(ctx, r.cities[job.From])
	if err != nil {
		return
	}
	defer session.Close()
	r.tell(event{host: i, kind: opened, text: session.Version(), took: took})
	select {
	case <-r.start:
	case <-ctx.Done():
		err = context.Cause(ctx)
		return
	}
	ctx, cancel := context.WithTimeoutCause(ctx, r.limits.turns(r.plan)+job.Length()+r.limits.Grace, errOutOfTime)
	defer cancel()
	start := time.Now()
	r.tell(event{host: i, kind: began, at: beginning(session, start)})
	err = session.Ping(ctx, job, func(e Echo) { r.tell(event{host: i, kind: echoed, echo: e}) })
	r.tell(event{host: i, kind: began, at: beginning(session, start)})
	r.tell(event{host: i, kind: examined, well: HealthOf(session)})
}

// open opens a session, trying again where that may help. Attempts are spread
// at random: a fleet that was refused together must not come back together.
// Time counts from when it is the host's turn, not while it waits for one.
func (r *run) open(ctx context.Context, city City) (Session, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, r.limits.Open, fmt.Errorf("no session within %v", r.limits.Open))
	defer cancel()
	began := time.Now()
	for attempt := 1; ; attempt++ {
		session, err := r.Opener.Open(ctx, city)
		if err == nil {
			return session, nil
		}
		r.log.Debug("no session", "from", city.Name, "attempt", attempt, "err", err)
		if attempt == r.limits.Attempts || !mayTryAgain(err) || ctx.Err() != nil || time.Since(began) > r.limits.Connect {
			return nil, err
		}
		pause := time.Duration(attempt) * (250*time.Millisecond + rand.N(500*time.Millisecond))
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, err
		}
	}
}

// openInTurn opens a session when there is room for another.
func (r *run) openInTurn(ctx context.Context, city City) (session Session, took time.Duration, err error) {
	select {
	case r.dials <- struct{}{}:
		defer func() { <-r.dials }()
	case <-ctx.Done():
		return nil, 0, context.Cause(ctx)
	}
	began := time.Now()
	session, err = r.open(ctx, city)
	return session, time.Since(began), err
}

// own takes the hosts' news in until all have ended, and says when they start:
// when none is still connecting, or those that are have been quiet for a while.
// A host that does not end after its context did is left behind.
func (r *run) own(ctx context.Context) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	quiet := time.NewTimer(r.limits.Quiet)
	defer quiet.Stop()
	done := ctx.Done()
	var abandon <-chan time.Time
	for r.seen.HostsDone < r.seen.Hosts {
		if !r.seen.Started && r.seen.HostsUp+r.seen.HostsFailed == r.seen.Hosts {
			quiet.Reset(0)
		}
		select {
		case e := <-r.events:
			r.take(e)
			if e.kind == opened || e.kind == ended {
				quiet.Reset(max(r.limits.Quiet, 2*r.slowest))
			}
		case <-quiet.C:
			if !r.seen.Started && r.seen.HostsUp > 0 {
				r.seen.Started, r.began = true, time.Now()
				close(r.start)
			}
		case <-tick.C:
			r.show()
		case <-done:
			done = nil
			abandon = time.After(r.limits.Grace)
		case <-abandon:
			return
		}
	}
	r.show()
}

func (r *run) take(e event) {
	h := &r.hosts[e.host]
	from := r.plan.Jobs[e.host].From
	switch e.kind {
	case opened:
		r.slowest = max(r.slowest, e.took)
		h.version = Clean(e.text, 60)
		h.opened = true
		r.seen.HostsUp++
		r.log.Debug("ready", "from", from, "version", h.version)
	case began:
		h.start = e.at
	case echoed:
		before := h.collector.done
		if err := h.collector.add(e.echo); err != nil {
			r.log.Debug("echo ignored", "from", from, "err", err)
			break
		}
		if e.echo.Outcome != Odd {
			r.seen.EchoesDone++
		}
		r.seen.PairsDone += h.collector.done - before
	case examined:
		h.health = e.well
	case ended:
		h.ended, h.err = true, e.err
		r.seen.HostsDone++
		if !h.opened {
			r.seen.HostsFailed++
		}
		if e.err != nil {
			r.log.Info("host ended early", "from", from, "err", e.err)
		}
	}
}

func (r *run) show() {
	if r.Progress == nil {
		return
	}
	r.seen.Left = 0
	if r.seen.Started && r.seen.HostsDone < r.seen.Hosts {
		r.seen.Left = max(0, r.plan.Length()-r.plan.Options.Timeout-time.Since(r.began))
	}
	r.Progress(r.seen)
}
