package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"matrix/probe"
)

// hosts are the cities as one run of the program found them: looked up once, so
// that all that is measured is measured between the same addresses.
type hosts struct {
	cities    []probe.City
	addresses probe.Addresses
	opener    probe.Opener
	log       *slog.Logger
	crossing  *crossing // nil: not over NATS
	run       string    // name of the round in the books; "": a new one
	booked    *booked   // the round, if it is in the books
}

// errNames says that looking the cities' names up was cut short.
var errNames = errors.New("the cities' names were not looked up")

// find looks the cities' names up, which only this side does.
func (o *fleetFlags) find(ctx context.Context, cities []probe.City, std streams) (*hosts, error) {
	log := o.logger(std)
	addresses, err := probe.Resolve(ctx, net.DefaultResolver, cities, o.network())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNames, err)
	}
	opener, err := o.opener(ctx, addresses, log, installing)
	if err != nil {
		return nil, err
	}
	return &hosts{cities: cities, addresses: addresses, opener: opener, log: log, crossing: o.crossing}, nil
}

func (h *hosts) measure(ctx context.Context, plan probe.Plan, progress func(probe.Progress)) *probe.Round {
	coordinator := probe.Coordinator{Opener: h.opener, Log: h.log, Progress: progress}
	return coordinator.Run(ctx, plan)
}

// trace has the jobs done whose targets have an address.
func (h *hosts) trace(ctx context.Context, jobs []probe.TraceJob) []probe.Trace {
	var able []probe.TraceJob
	var unable []probe.Trace
	for _, job := range jobs {
		target := h.addresses[job.To]
		job.Addr = target.Addr
		if target.Addr.IsValid() {
			able = append(able, job)
			continue
		}
		unable = append(unable, probe.Trace{
			Pair: job.Pair, Method: job.Method, Size: job.Size, Sending: job.Sending, At: time.Now().UTC(),
			End: probe.NoTraceRoute, Reason: target.Reason,
		})
	}
	coordinator := probe.Coordinator{Opener: h.opener, Log: h.log}
	return append(coordinator.Trace(ctx, h.cities, able), unable...)
}

// nameLimit is how long all names of routers together may take to be looked up.
const nameLimit = 3 * time.Second

// nameHops looks the routers' names up, of a trace that was cut short as well.
func nameHops(ctx context.Context, traces []probe.Trace) {
	probe.NameHops(context.WithoutCancel(ctx), net.DefaultResolver, traces, nameLimit)
}
