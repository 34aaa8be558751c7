package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// signals takes the process's signals as a service does. main has ended the
// service's context at the first SIGTERM or Ctrl-C; here the second one hastens
// the end, and SIGHUP, which elsewhere ends the program, reads the settings.
func (s *service) signals(ctx context.Context) {
	hangups, ends := make(chan os.Signal, 1), make(chan os.Signal, 2)
	signal.Ignore(syscall.SIGHUP) // takes it away from main
	signal.Notify(hangups, syscall.SIGHUP)
	signal.Notify(ends, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(hangups)
	defer signal.Stop(ends)
	ended := 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
			s.reload(ctx)
		case <-ends:
			if ended++; ended == 1 && !s.regime.Load().autonomous {
				s.say("stopping: the round under way may take another %v, or a second signal", roundGrace)
			}
			if ended == 2 {
				close(s.hasten)
			}
		}
	}
}

// reload reads the settings and the inventory again. If they are wrong, those
// that held before go on to hold.
func (s *service) reload(ctx context.Context) {
	s.notify.reloading()
	defer s.notify.ready()
	before := s.regime.Load()
	fresh, err := s.again()
	var r *regime
	if err == nil {
		r, err = fresh.regime(s.std)
	}
	if err == nil {
		err = s.publishAgain(ctx, before, r)
	}
	s.trouble("settings", err)
	if err != nil {
		s.say("what held before goes on to hold")
		return
	}
	for name, changed := range map[string]bool{
		"listen": r.listen != before.listen, "history": r.history != before.history, "site": r.site != before.site,
		"webhook": r.webhook != before.webhook, "via": r.via != before.via, "nats-key": r.natsKey != before.natsKey,
		"nats-listen": r.natsListen != before.natsListen, "autonomous": r.autonomous != before.autonomous,
	} {
		if changed {
			s.say("%s has changed, and takes effect with the next start", name)
		}
	}
	r.listen, r.history, r.site, r.webhook, r.viaFlags = before.listen, before.history, before.site, before.webhook, before.viaFlags
	r.autonomous = before.autonomous
	s.regime.Store(r)
	s.apply(r)
	s.fleet(r)
	s.say("read the settings and the inventory again: %s, every %v", count(len(r.inventory.Cities), "host"), r.schedule.Every)
	select {
	case s.poke <- struct{}{}:
	default: // it is poked already
	}
}
