package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"matrix/data/history"
	"matrix/probe"
	"matrix/probe/bus"
	"matrix/report/live"
)

const (
	// roundGrace is how long the round under way may take when the service is
	// told to stop.
	roundGrace = time.Minute
	// leastForLooks is the time before the next round without which anomalies are
	// not looked into.
	leastForLooks = 10 * time.Second
	// mostUnsaved is how many rounds are kept in memory while the history cannot
	// be written.
	mostUnsaved = 100
)

// round measures a round, saves it, and says what it shows.
func (s *service) round(ctx context.Context, due time.Time) {
	r := s.regime.Load()
	s.notify.beat(10 * time.Minute)
	under, end := s.graceful(ctx)
	defer end()
	if r.autonomous {
		under = ctx // what is not read now stays where it is
	}
	defer s.awaited.Store(nil)
	began := time.Now()
	round, hosts, err := s.measure(under, r, due)
	s.desk.Progress(nil)
	switch {
	case errors.Is(err, bus.ErrTaken):
		s.elsewhere(under, r, hosts.run, due, err)
		return
	case errors.Is(err, errNotPlanned), err != nil && r.autonomous && ctx.Err() != nil:
		s.say("round of %s: %v", due.Format(time.RFC3339), err)
		return
	case err != nil:
		s.failed(err)
		return
	}
	broken := under.Err() != nil
	if !broken {
		s.patience.Learn(round)
	}
	if err := worthSaving(round); err != nil {
		if !broken {
			s.failed(err)
		}
		s.strike(context.WithoutCancel(ctx), hosts.booked)
		return
	}
	saved := s.keep(context.WithoutCancel(ctx), hosts.booked, round)
	s.say("round of %s: %d of %d pairs measured, %v", due.Format(time.RFC3339), round.Count(probe.Measured), round.Planned(), time.Since(began).Round(100*time.Millisecond))
	if broken {
		return // it is saved, and nobody is told that what was not measured is down
	}
	s.take(under, r, hosts, round, saved)
}

// take judges a round and has it shown.
func (s *service) take(ctx context.Context, r *regime, hosts *hosts, round *probe.Round, saved history.Saved) {
	s.trouble("alarms", s.desk.Take(round, saved.ID, r.show.options))
	s.trouble("memory", s.remember())
	if s.regime.Load() == r { // else it was another fleet that was measured
		s.look(ctx, r, hosts, round, saved)
	}
	s.tendNow()
}

// graceful is a context that lasts a while longer than ctx, so that a round
// under way can finish; not when it has to hasten.
func (s *service) graceful(ctx context.Context) (context.Context, func()) {
	under, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		s.notify.beat(roundGrace + time.Minute)
		timer := time.NewTimer(roundGrace)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-s.hasten:
		case <-under.Done():
		}
		cancel()
	})
	return under, func() { stop(); cancel() }
}

// measure looks the names up, plans and measures: over ssh with patience, and over
// NATS, where nobody waits for a host that is not there, under a name that all
// coordinators with this schedule give the round. Where agents measure by
// themselves it only listens.
func (s *service) measure(ctx context.Context, r *regime, due time.Time) (*probe.Round, *hosts, error) {
	hosts, err := r.find(ctx, r.inventory.Cities, s.std)
	if err != nil {
		return nil, nil, err
	}
	progress := s.watched()
	if r.autonomous {
		round, err := s.gather(ctx, r, hosts, due, progress)
		return round, hosts, err
	}
	if hosts.crossing != nil {
		hosts.run = r.runOf(due)
		s.awaited.Store(&hosts.run)
	} else {
		s.patience.Use(hosts.opener, hosts.cities, hosts.addresses)
		hosts.opener = &s.patience
	}
	round, err := r.roundOf(ctx, hosts, r.inventory, probe.Selection{}, progress)
	return round, hosts, err
}

// watched shows how far a round is that begins now.
func (s *service) watched() func(probe.Progress) {
	began := time.Now().UTC()
	return func(p probe.Progress) {
		s.notify.beat(10 * time.Minute)
		s.desk.Progress(&live.Running{Start: began, Progress: p})
	}
}

// worthSaving says why a round tells nothing of the network.
func worthSaving(round *probe.Round) error {
	if ranNowhere(round) {
		for _, h := range round.Hosts {
			if h.Error != "" {
				return fmt.Errorf("no host could run it, and it is not saved; %s: %s", h.City, h.Error)
			}
		}
		return errors.New("no host could run it, and it is not saved")
	}
	if round.Count(probe.Measured)+round.Count(probe.Lost) == 0 && round.Partial {
		return errors.New("it was broken off before anything was measured")
	}
	return nil
}

// failed counts a round that came to nothing.
func (s *service) failed(err error) {
	s.board.Change(func(b *live.Snapshot) { b.Counts.Failed++ })
	s.trouble("round", err)
}

// save puts a round into the history, behind those that it could not take
// before. One that it cannot take now is kept for later.
func (s *service) save(ctx context.Context, round *probe.Round) history.Saved {
	s.unsaved = append(s.unsaved, round)
	saved, err := s.saveUnsaved(ctx)
	if slices.Contains(s.unsaved, round) {
		s.board.Change(func(b *live.Snapshot) { b.Counts.Failed++ })
	}
	if n := len(s.unsaved); n > 0 {
		err = fmt.Errorf("%w; in memory, until it can be saved: %s", err, count(n, "round"))
		if n > mostUnsaved {
			s.unsaved = slices.Delete(s.unsaved, 0, 1)
			err = fmt.Errorf("%w; more than %d rounds wait, and the oldest is lost", err, mostUnsaved)
		}
	}
	s.trouble("history", err)
	s.list(round, saved)
	return saved
}

// list puts a round that was measured here at the head of the list on the board.
func (s *service) list(round *probe.Round, saved history.Saved) {
	states := map[probe.State]int{}
	for i := range round.Samples {
		states[round.Samples[i].State]++
	}
	s.recent(roundLine(&history.Info{ID: saved.ID, File: filepath.Base(saved.Path), States: states, Header: round}))
}

// saveUnsaved saves what waits, and returns what became of the last one. What it
// cannot save goes on waiting.
func (s *service) saveUnsaved(ctx context.Context) (saved history.Saved, err error) {
	h, err := openHistory(s.regime.Load().history)
	if err != nil {
		return saved, err
	}
	var left []*probe.Round
	for _, round := range s.unsaved {
		var failed error
		var onItsWay *history.Waiting
		saved, failed = h.Save(ctx, round)
		switch {
		case errors.As(failed, &onItsWay):
			err = failed // it is whole on this machine's disk
		case failed != nil:
			left, err = append(left, round), failed
		}
	}
	s.unsaved = left
	return saved, err
}

// saveLast is the last try to save what waits, when the service ends.
func (s *service) saveLast(ctx context.Context) error {
	_, err := s.saveUnsaved(ctx)
	if n := len(s.unsaved); n > 0 {
		return fmt.Errorf("%w; lost with the service, in whose memory they were: %s", err, count(n, "round"))
	}
	return err
}

// look looks into the worst anomalies, as far as there is time before the next
// round.
func (s *service) look(ctx context.Context, r *regime, hosts *hosts, round *probe.Round, saved history.Saved) {
	next := r.schedule.Next(time.Now())
	if r.trace == 0 || time.Until(next) < leastForLooks {
		return
	}
	ctx, cancel := context.WithDeadline(ctx, next.Add(-2*time.Second))
	defer cancel()
	s.notify.beat(time.Until(next) + 5*time.Minute)
	// The round on the board is being read: what is found goes into a copy.
	deeper := *round
	deeper.Warnings = slices.Clip(round.Warnings)
	quiet := r.measureFlags
	quiet.quiet = true
	found := quiet.lookInto(ctx, hosts, &deeper, s.board.Current().Report, r.show, s.std)
	if len(deeper.Looks) == 0 {
		return
	}
	s.desk.Improve(round, &deeper, found)
	if saved.ID != "" {
		s.trouble("traces", r.keepLooks(context.WithoutCancel(ctx), saved, &deeper, s.std))
	}
}
