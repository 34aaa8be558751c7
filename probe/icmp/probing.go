package icmp

import (
	"context"
	"sync"
	"time"

	"golang.org/x/net/icmp"

	"matrix/probe"
)

// Probing pings with pro-bing. The zero value is ready.
type Probing struct {
	listen listen // nil: the system's
}

var _ probe.Pinger = (*Probing)(nil)

// Ping runs a job; see probe.Pinger.
func (p *Probing) Ping(ctx context.Context, job probe.Job, emit func(probe.Echo)) error {
	raw, err := p.permits(job)
	if err != nil {
		return err
	}
	from, err := sourceOf(job.Source)
	if err != nil {
		return err
	}
	var once sync.Mutex
	emitAlone := func(e probe.Echo) {
		once.Lock()
		defer once.Unlock()
		emit(e)
	}
	var all sync.WaitGroup
	begin := time.Now()
	for i, target := range job.Targets {
		t := &course{index: i, target: target, options: job.Options, from: from, begin: begin, emit: emitAlone}
		t.raw = raw[target.Addr.Is6()]
		all.Go(func() { t.run(ctx) })
	}
	all.Wait()
	return ctx.Err()
}

// permits asks once for each address family that the job needs.
func (p *Probing) permits(job probe.Job) (map[bool]bool, error) {
	open := p.listen
	if open == nil {
		open = icmp.ListenPacket
	}
	raw := map[bool]bool{}
	for _, t := range job.Targets {
		v6 := t.Addr.Is6()
		if _, asked := raw[v6]; asked {
			continue
		}
		needs, err := needsRaw(v6, open)
		if err != nil {
			return nil, err
		}
		raw[v6] = needs
	}
	return raw, nil
}
