package icmp

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"matrix/probe"
	"matrix/probe/pingtest"
	"matrix/probe/tracetest"
)

// limitedTracer is the engine without some of what the kernel allows.
type limitedTracer struct{ traceLimits }

func (l limitedTracer) Trace(ctx context.Context, job probe.TraceJob, emit func(probe.Trace)) error {
	return traceWith(ctx, job, l.traceLimits, emit)
}

func TestTraceConforms(t *testing.T) {
	tracetest.Require(t, &Kernel{})
	tracetest.Conform(t, func(*testing.T) probe.Tracer { return &Kernel{} })
}

// Every kind of socket and stamps can be had in a network of one's own.
func TestTraceConformsInItsOwnNetwork(t *testing.T) {
	if !pingtest.Inside(t) {
		return
	}
	pingtest.Loopback(t)
	for _, test := range []struct {
		name   string
		limits traceLimits
	}{
		{"ping socket", traceLimits{limits{noRaw: true}, true}},
		{"raw socket", traceLimits{limits{noPing: true}, true}},
		{"receive stamps", traceLimits{limits: limits{best: probe.ReceiveStamps}}},
		{"user stamps", traceLimits{limits: limits{best: probe.UserStamps}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			tracetest.Conform(t, func(*testing.T) probe.Tracer { return limitedTracer{test.limits} })
		})
	}
}

func TestTraceFallsBack(t *testing.T) {
	neither := limits{noPing: true, noRaw: true}
	job := probe.TraceJob{Addr: netip.MustParseAddr("127.0.0.1"), TraceOptions: probe.DefaultTraceOptions(probe.TraceICMP)}
	job.Probes = 1
	var got probe.Trace
	if err := traceWith(t.Context(), job, traceLimits{limits: neither}, func(trace probe.Trace) { got = trace }); err != nil {
		t.Fatal(err)
	}
	if got.Method != probe.TraceUDP || got.End != probe.Reached || !strings.Contains(got.Fallback, "neither a ping socket nor a raw one") {
		t.Errorf("%+v", got)
	}
	err := traceWith(t.Context(), job, traceLimits{neither, true}, func(probe.Trace) {})
	host, ok := err.(*probe.HostError)
	if !ok || !strings.Contains(host.Hint, "ping_group_range") || !strings.Contains(host.Hint, "cap_net_raw") {
		t.Errorf("error %v", err)
	}
}
