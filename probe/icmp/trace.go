package icmp

import (
	"context"

	"matrix/probe"
)

var _ probe.Tracer = (*Probing)(nil)

// Trace makes a traceroute; see probe.Tracer. It is the same as the kernel
// engine's: pro-bing has none.
func (p *Probing) Trace(ctx context.Context, job probe.TraceJob, emit func(probe.Trace)) error {
	return traceDefault(ctx, job, emit)
}
