package icmp

import (
	"net/netip"
	"testing"
	"time"

	"matrix/probe"
)

func TestLoop(t *testing.T) {
	for _, addr := range []string{"127.0.0.1", "::1"} {
		for _, m := range []probe.TraceMethod{probe.TraceICMP, probe.TraceUDP} {
			o := probe.DefaultTraceOptions(m)
			o.Interval = 50 * time.Millisecond
			job := probe.TraceJob{Addr: netip.MustParseAddr(addr), TraceOptions: o}
			for _, l := range []traceLimits{{}, {limits: limits{noPing: true}}} {
				b := time.Now()
				err := traceWith(t.Context(), job, l, func(tr probe.Trace) {
					t.Logf("%v %v %v %v %v %+v", job.Addr, tr.Method, tr.End, tr.Reason, tr.Stamps, tr.Hops)
				})
				t.Log(time.Since(b))
				if err != nil {
					t.Error(err)
				}
			}
		}
	}
}
