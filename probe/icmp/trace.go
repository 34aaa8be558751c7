package icmp

import (
	"context"

	"matrix/probe"
)

var (
	_ probe.Tracer = (*Probing)(nil)
	_ probe.Tracer = (*ByJob)(nil)
)

// Trace makes a traceroute; see probe.Tracer. It is the same as the kernel
// engine's: pro-bing has none.
func (p *Probing) Trace(ctx context.Context, job probe.TraceJob, emit func(probe.Trace)) error {
	return traceDefault(ctx, job, emit)
}

// Trace makes a traceroute, in the one way that this system has; see
// probe.Tracer.
func (b *ByJob) Trace(ctx context.Context, job probe.TraceJob, emit func(probe.Trace)) error {
	return traceDefault(ctx, job, emit)
}
