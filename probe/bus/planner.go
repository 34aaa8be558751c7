package bus

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"matrix/probe"
)

// planner is how an agent follows the fleet's plan:
//
//	said that there is one ─▶ follow ─ right? ─▶ disk ─▶ measure ─▶ outbox
//	                            └──────┬──────┘
//	                                  sign: which it has, or why not
type planner struct {
	*desk
	news chan uint64   // revision of the plan that is said to be there
	poke chan struct{} // another plan may hold
	tell chan struct{} // there is something to sign

	host     string // what this machine calls itself
	instance string // unique: no other agent that runs, or ran, is called so

	mu       sync.Mutex
	plans    []task            // of plans that were right, newest first: that which holds, before it those that will
	revision uint64            // of the plan that was looked at last, right or wrong
	seen     [sha256.Size]byte // of what that was: revisions begin anew with a new server
	wrong    string            // why that one was not taken
	measured bool              // something, since the last sign
}

const (
	lookEvery   = 10 * time.Minute // for a plan that nobody said was there
	longestLook = 30 * time.Second // between two tries to fetch it
	signEvery   = 5 * time.Minute
	mostWhy     = 300 // runes
	mostHeld    = 4   // plans
)

// task is a plan as far as it concerns one city.
type task struct {
	FleetPlan           // without cities and addresses, which may be many
	row       probe.Job // no targets: it has nothing to do
}

func newPlanner(d *desk) *planner {
	host, _ := os.Hostname() // a sign without it is as good
	p := &planner{
		desk: d, news: make(chan uint64, 1), poke: make(chan struct{}, 1), tell: make(chan struct{}, 1),
		host: host, instance: nuid.Next(),
	}
	p.remember()
	return p
}

// nudge wakes who waits at a channel; if it is awake already, that will do.
func nudge(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// announced is told which revision of the plan there is.
func (p *planner) announced(m *nats.Msg) {
	revision, err := strconv.ParseUint(string(m.Data), 10, 64)
	if err != nil {
		p.Log.Warn("what was said of the fleet's plan is not understood", "err", err)
		return
	}
	for {
		select {
		case p.news <- revision:
			return
		default:
		}
		select { // the newest counts
		case <-p.news:
		default:
		}
	}
}

// follow keeps to the plan that the server has, until ctx is done.
func (p *planner) follow(ctx context.Context) {
	connected := p.nc.StatusChanged(nats.CONNECTED)
	again := time.NewTimer(0)
	defer again.Stop()
	wanted, pause := uint64(0), time.Duration(0)
	for {
		select {
		case wanted = <-p.news:
			pause = 0
		case <-connected:
			pause = 0
		case <-again.C:
		case <-ctx.Done():
			return
		}
		err := p.look(ctx, wanted)
		if err != nil {
			p.Log.Debug("the fleet's plan was not read", "err", err)
			pause = min(max(2*pause, 100*time.Millisecond), longestLook)
			again.Reset(pause)
			continue
		}
		pause = 0
		again.Reset(lookEvery + rand.N(lookEvery/10))
	}
}

// look fetches the plan. One that is older than was said is not there yet: in a
// cluster, any server may answer.
func (p *planner) look(ctx context.Context, wanted uint64) error {
	if !p.nc.IsConnected() {
		return nats.ErrDisconnected
	}
	ctx, cancel := context.WithTimeout(ctx, sendLimit)
	defer cancel()
	m, err := p.nc.RequestWithContext(ctx, planAPI, nil)
	if err != nil {
		return err
	}
	if m.Header.Get("Status") == "404" {
		return nil // there never was one
	}
	revision, err := strconv.ParseUint(m.Header.Get(jetstream.SequenceHeader), 10, 64)
	if err != nil {
		return fmt.Errorf("the server says %q: %w", probe.Clean(m.Header.Get("Description"), 100), err)
	}
	p.consider(m.Data, revision, m.Header.Get("KV-Operation") != "")
	if revision < wanted {
		return fmt.Errorf("revision %d is said to be there, and not yet to be had", wanted)
	}
	return nil
}

// consider takes a plan that is right, and gives up those it had if there is to be
// none. One that is wrong is refused whole: what held goes on to hold.
func (p *planner) consider(packed []byte, revision uint64, withdrawn bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := sha256.Sum256(packed)
	if revision == p.revision && seen == p.seen {
		return
	}
	p.revision, p.seen, p.wrong = revision, seen, ""
	defer nudge(p.tell)
	if withdrawn {
		p.plans = nil
		p.keep(nil)
		p.Log.Info("the fleet has no plan any more: rounds are for coordinators to start")
		return
	}
	plan, err := p.accept(packed)
	if err != nil {
		p.wrong = probe.Clean(err.Error(), mostWhy)
		p.Log.Error("a plan of the fleet is refused; what held goes on to hold", "revision", revision, "err", p.wrong)
		return
	}
	if len(p.plans) > 0 && p.plans[0].digest == plan.digest {
		return // as it was on disk
	}
	p.plans = append([]task{plan}, p.plans...)
	if now := slices.IndexFunc(p.plans, func(one task) bool { return !p.Clock().Before(one.From) }); now >= 0 {
		p.plans = p.plans[:now+1]
	}
	if len(p.plans) > mostHeld {
		p.plans = slices.Delete(p.plans, 1, 1+len(p.plans)-mostHeld)
	}
	p.keep(packed)
	p.Log.Info("the fleet has another plan", "revision", revision, "plan", plan.digest, "from", plan.From, "targets", len(plan.row.Targets), "every", plan.Schedule.Every)
	p.await(plan)
	nudge(p.poke)
}

// await has the schedule looked at when the plan begins to hold.
func (p *planner) await(plan task) {
	time.AfterFunc(plan.From.Sub(p.Clock()), func() { nudge(p.poke) })
}

// accept reads a plan, and asks the host whether it may carry out its part of it.
func (p *planner) accept(packed []byte) (task, error) {
	plan, err := readPlan(packed)
	if err != nil {
		return task{}, err
	}
	t := task{FleetPlan: plan}
	t.Cities, t.Addresses, t.packed = nil, nil, nil
	if !plan.has(p.Key.City) {
		return t, nil // it left the fleet
	}
	t.row, err = plan.row(p.Key.City)
	if err == nil && p.Accept != nil {
		err = p.Accept(t.row)
	}
	return t, err
}

const planSuffix = ".plan"

func (p *planner) planFile(digest string) string { return filepath.Join(p.Folder, digest+planSuffix) }

// keep writes the newest plan down and removes those that are given up. A disk that
// refuses costs what is known after the next start, and is said.
func (p *planner) keep(newest []byte) {
	var err error
	if newest != nil {
		path := p.planFile(p.plans[0].digest)
		err = errors.Join(os.WriteFile(path+".new", newest, 0o600), os.Rename(path+".new", path))
	}
	kept, globErr := filepath.Glob(p.planFile("*"))
	err = errors.Join(err, globErr)
	for _, path := range kept {
		if !slices.ContainsFunc(p.plans, func(one task) bool { return p.planFile(one.digest) == path }) {
			err = errors.Join(err, os.Remove(path))
		}
	}
	if err != nil {
		p.Log.Error("the fleet's plan cannot be kept", "err", err)
	}
}

// remember reads the plans that were kept.
func (p *planner) remember() {
	kept, err := filepath.Glob(p.planFile("*"))
	if err != nil {
		p.Log.Error("the fleet's plan cannot be read", "err", err)
	}
	for _, path := range kept {
		packed, err := os.ReadFile(path)
		var plan task
		if err == nil {
			plan, err = p.accept(packed)
		}
		if err != nil {
			p.Log.Error("a plan of the fleet that was kept is refused", "file", path, "err", err)
			continue
		}
		p.plans = append(p.plans, plan)
		p.await(plan)
	}
	slices.SortFunc(p.plans, func(a, b task) int { return b.From.Compare(a.From) })
}

// Sign is what an agent says of itself now and then, if its fleet has a plan.
type Sign struct {
	City  string        `json:"-"` // the server vouches for it
	At    time.Time     `json:"-"` // when the server had it, by the coordinator's clock
	Ahead time.Duration `json:"-"` // the agent's clock, of the coordinator's

	Revision uint64   `json:"revision"` // of the plan that it looked at last
	Wrong    string   `json:"wrong"`    // why that one was not taken; "" if it was
	Plans    []string `json:"plans"`    // digests of those that it goes by
	Waiting  int      `json:"waiting"`  // letters that the server does not have yet
	Host     string   `json:"host"`     // what the agent's machine calls itself
	Instance string   `json:"instance"` // what the agent is called while it runs; "": it does not say
}

// delivered is told when the server has all that was measured.
func (p *planner) delivered() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.measured {
		p.measured = false
		nudge(p.tell)
	}
}

// sign gives a sign of life now and then, until ctx is done.
func (p *planner) sign(ctx context.Context) {
	connected := p.nc.StatusChanged(nats.CONNECTED)
	again := time.NewTimer(signEvery)
	defer again.Stop()
	for {
		select {
		case <-p.tell:
		case <-connected:
		case <-again.C:
		case <-ctx.Done():
			return
		}
		pause := signEvery + rand.N(signEvery/10)
		if err := p.signOnce(ctx); err != nil {
			p.Log.Debug("no sign of life was given", "err", err)
			pause = reconnectWait + rand.N(reconnectWait)
		}
		again.Reset(pause)
	}
}

func (p *planner) signOnce(ctx context.Context) error {
	p.mu.Lock()
	s := Sign{Revision: p.revision, Wrong: p.wrong, Plans: []string{}, Waiting: p.outbox.len(), Host: p.host, Instance: p.instance}
	for _, plan := range p.plans {
		s.Plans = append(s.Plans, plan.digest)
	}
	p.mu.Unlock()
	if s.Revision == 0 && len(s.Plans) == 0 {
		return nil // of no interest to anybody
	}
	if !p.nc.IsConnected() {
		return nats.ErrDisconnected
	}
	m := nats.NewMsg(signSubject(p.Key.City))
	var err error
	if m.Data, err = json.Marshal(s); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, sendLimit)
	defer cancel()
	m.Header.Set(headerClock, stamp(p.Clock()))
	_, err = p.js.PublishMsg(ctx, m)
	return err
}
