package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"matrix/data/history"
	"matrix/probe"
	"matrix/probe/bus"
	"matrix/probe/patience"
	"matrix/probe/schedule"
	"matrix/report"
	"matrix/report/alarm"
	"matrix/report/live"
	"matrix/report/site"
	"matrix/report/webhook"
)

// service is matrix serve while it runs.
//
//	Loop ─ round ─┬─ history (first of all)
//	              ├─ Desk ─ Board ─ HTTP
//	              │    └─ alarms ─ webhook
//	              └─ tend: website, compaction, retention
type service struct {
	std    streams
	again  func() (*serveFlags, error)
	regime atomic.Pointer[regime] // the next round's

	board    live.Board
	desk     live.Desk
	alarms   alarm.Tracker
	patience patience.Opener
	hook     *webhook.Sender // nil: there is none
	memory   *memory
	listener net.Listener // nil: nothing is served
	notify   *notifier
	crossing *crossing // nil: hosts are reached over ssh

	awaited   atomic.Pointer[string] // name of the round that the loop is about; nil: there is none in the books
	fleetPlan publishing             // of agents that measure by themselves
	twins     bus.Twins              // of those agents

	last    time.Time      // when the last whole round of the history began
	unsaved []*probe.Round // that the history could not take yet; of the loop
	poke    chan struct{}  // the schedule may be another
	tended  chan struct{}  // there is something to tend
	hasten  chan struct{}  // closed: the round under way has no time left
}

// oneByOne lets several goroutines talk to the person.
type oneByOne struct {
	mu sync.Mutex
	w  io.Writer
}

func (o *oneByOne) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.w.Write(p)
}

// say talks to the person, or the journal.
func (s *service) say(format string, args ...any) {
	s.regime.Load().say(s.std, "matrix: "+format, args...)
}

// trouble says that something is wrong, on the board and once to the person; an
// error of nil says that it is well again.
func (s *service) trouble(about string, err error) {
	text := ""
	if err != nil {
		text = probe.Clean(strings.ReplaceAll(err.Error(), "\n", "; "), 2000) // of several, a line
	}
	before := ""
	for _, t := range s.board.Current().Trouble {
		if t.About == about {
			before = t.Text
		}
	}
	s.board.Report(about, text, time.Now().UTC())
	switch {
	case err != nil && text != before:
		fmt.Fprintf(s.std.err, "matrix: %s: %s\n", about, text)
	case err == nil && before != "":
		s.say("%s: it is well again", about)
	}
}

// open makes ready all that can be wrong from the start.
func (s *service) open(ctx context.Context) error {
	r := s.regime.Load()
	if runtime.GOOS != "windows" { // where nobody can read it while it is open
		s.std.in = nil
	}
	h, err := openHistory(r.history)
	if err != nil {
		return err
	}
	if filepath.IsAbs(h.Dir()) { // on this machine
		if err := checkOut(h.Dir()); err != nil {
			return fmt.Errorf("the history cannot be written: %w", err)
		}
	}
	if r.site != "" {
		if err := site.Check(r.site); err != nil && !errors.Is(err, site.ErrBusy) {
			return fmt.Errorf("--site: %w", err)
		}
	}
	if s.memory, err = openMemory(h.Dir()); err != nil {
		return err
	}
	if r.isVia() {
		if s.crossing, err = r.cross(ctx, r.logger(s.std)); err != nil {
			return errors.Join(err, s.memory.close())
		}
	}
	if s.notify, err = newNotifier(); err != nil {
		return errors.Join(err, s.memory.close())
	}
	if err := s.listen(r.listen); err != nil {
		return errors.Join(err, s.memory.close())
	}
	s.poke, s.tended, s.hasten = make(chan struct{}, 1), make(chan struct{}, 1), make(chan struct{})
	s.desk.Board, s.desk.Alarms = &s.board, &s.alarms
	if s.hook, err = r.hook(func(err error) { s.say("%v", err) }); err != nil {
		return err
	}
	if s.hook != nil {
		s.desk.Tell = func(e alarm.Event) error { return s.hook.Send(e) }
	}
	s.patience = patience.Opener{Waits: waits(r.schedule.Every), Log: r.logger(s.std), Changed: s.away}
	s.board.Change(func(b *live.Snapshot) { b.Version, b.Began = version(), time.Now().UTC() })
	s.apply(r)
	if s.crossing != nil {
		if err := s.settle(ctx, r); err != nil {
			return errors.Join(err, s.memory.close())
		}
	}
	return s.recall(ctx, h)
}

// waits are such that a host that comes back is seen before long, and that one
// that does not takes little.
func waits(every time.Duration) patience.Waits {
	return patience.Waits{First: min(10*time.Second, every/2), Longest: min(15*time.Minute, 10*every)}
}

// apply makes the board say what now holds.
func (s *service) apply(r *regime) {
	s.board.Change(func(b *live.Snapshot) { b.Every, b.MaxAge = r.schedule.Every, r.stale() })
	for _, w := range r.inventory.Warnings {
		s.say("%s: %s", w.Subject, w.Text)
	}
	for _, text := range r.remarks {
		s.say("%s", text)
	}
}

// recall puts the last round of the history on the board, and has the alarms
// catch up with rounds that they have not seen: of a service that was killed
// between saving a round and remembering its alarms.
func (s *service) recall(ctx context.Context, h *history.History) error {
	r := s.regime.Load()
	seen, waiting, err := s.memory.load(&s.alarms)
	if err != nil {
		s.say("%v", err)
	}
	if s.hook != nil {
		s.hook.Resume(waiting)
	}
	now := time.Now()
	from := now.Add(-max(6*time.Hour, 2*r.stale()))
	infos, err := h.List(ctx, from, now.Add(time.Minute))
	if err != nil {
		return err
	}
	var whole []history.Info
	for _, info := range infos {
		if isWhole(&info) {
			whole = append(whole, info)
		}
	}
	for i, info := range whole {
		missed := !seen.IsZero() && info.Header.Start.After(seen) && len(whole)-i <= mostMissed
		if i < len(whole)-1 && !missed {
			continue
		}
		round, err := h.Round(ctx, info.ID)
		if errors.Is(err, history.ErrDamaged) {
			s.say("%v", err)
			continue
		}
		if err != nil {
			return err
		}
		s.last = round.Start
		s.trouble("alarms", s.desk.Recall(round, info.ID, r.show.options, !missed))
	}
	for i := range infos {
		s.recent(roundLine(&infos[i]))
	}
	s.fleet(r)
	return s.remember()
}

// recent puts a round at the head of the list on the board.
func (s *service) recent(line report.RoundLine) {
	s.board.Change(func(b *live.Snapshot) {
		b.Recent = append([]report.RoundLine{line}, b.Recent[:min(len(b.Recent), mostRecent-1)]...)
	})
}

// mostRecent is how many rounds the board lists.
const mostRecent = 50

// mostMissed is how many rounds the alarms catch up with.
const mostMissed = 24

// isWhole says whether a round was of the whole fleet, and not of a few pairs
// that somebody measured by hand.
func isWhole(info *history.Info) bool {
	n := len(info.Header.Cities)
	return info.Planned() == n*(n-1) && !info.Header.Partial && info.Header.Source == "measured"
}

// fleet takes off the board what is no longer in the inventory, for good.
func (s *service) fleet(r *regime) {
	hosts := map[string]string{}
	for _, c := range r.inventory.Cities {
		hosts[c.Name] = c.Host
	}
	s.desk.Narrow(func(c report.City) bool { _, ok := hosts[c.Name]; return ok }, r.show.options)
}

// remember writes down what the next start has to know.
func (s *service) remember() error {
	var seen time.Time
	if round := s.board.Current().Round; round != nil {
		seen = round.Start
	}
	var waiting []webhook.Message
	if s.hook != nil {
		waiting = s.hook.Waiting()
	}
	return s.memory.save(&s.alarms, seen, waiting)
}

// away puts the hosts that are known to be down on the board.
func (s *service) away(all []patience.Away) {
	s.board.Change(func(b *live.Snapshot) {
		b.Away = make([]live.Away, len(all))
		for i, a := range all {
			b.Away[i] = live.Away(a)
		}
	})
}

// run is the service until ctx ends, and what is to be done then.
func (s *service) run(ctx context.Context) error {
	parts, stop := context.WithCancel(context.WithoutCancel(ctx))
	var all sync.WaitGroup
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	if s.listener != nil {
		all.Go(func() {
			if err := s.serveHTTP(parts); err != nil {
				fail(err)
			}
		})
	}
	all.Go(func() { s.patience.Run(parts) })
	all.Go(func() { s.tend(parts) })
	if s.crossing != nil {
		all.Go(func() { s.tidy(parts) })
		if s.regime.Load().autonomous {
			all.Go(func() { s.oversee(parts) })
		}
	}
	all.Go(func() { s.signals(parts) })
	all.Go(func() { s.notify.run(parts) })
	if s.hook != nil {
		all.Go(func() { _ = s.hook.Run(parts) }) // it ends with parts, and what waits is remembered
	}
	if s.listener != nil {
		s.say("serving on %s", s.listener.Addr())
	}
	s.notify.ready()
	loop := schedule.Loop{
		Schedule: func() schedule.Schedule { return s.regime.Load().schedule },
		Round:    s.round, Wait: s.due, Poke: s.poke,
	}
	loop.Run(ctx, s.last)
	s.notify.stopping()
	s.deliver()
	stop()
	all.Wait()
	err := errors.Join(s.saveLast(context.WithoutCancel(ctx)), s.remember(), s.memory.close())
	s.regime.Load().leave()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		err = errors.Join(cause, err)
	}
	s.say("stopped")
	return err
}

// due is told when the next round is.
func (s *service) due(next time.Time, skipped uint64) {
	s.desk.Due(next.UTC(), skipped)
	s.notify.beat(time.Until(next) + 5*time.Minute)
	if skipped > 0 {
		s.say("%s left out: rounds take longer than --every, or the machine slept", count(int(skipped), "round"))
	}
}

// deliver gives messages that wait a moment to go out; what still waits then is
// remembered.
func (s *service) deliver() {
	if s.hook == nil {
		return
	}
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for limit := time.After(5 * time.Second); len(s.hook.Waiting()) > 0; {
		select {
		case <-limit:
			return
		case <-again.C:
		}
	}
}
