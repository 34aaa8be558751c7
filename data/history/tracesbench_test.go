package history_test

import (
	"net/netip"
	"testing"
	"time"

	"matrix/probe"
)

// BenchmarkTraces720 reads the traces of a month in which every hour's round was
// followed by twenty traceroutes of twelve hops.
func BenchmarkTraces720(b *testing.B) {
	h := open(b)
	for i, r := range hours(october, 720, 3, 1) {
		saved, err := h.Save(b.Context(), r)
		if err != nil {
			b.Fatal(err)
		}
		var traces []probe.Trace
		for k := range 20 {
			t := probe.Trace{Pair: probe.Pair{From: "c000", To: "c001"}, At: r.Start.Add(time.Duration(k) * time.Second), Address: netip.MustParseAddr("192.0.2.1"), Size: 60, Method: probe.TraceICMP, Stamps: probe.KernelStamps, End: probe.Reached}
			for ttl := 1; ttl <= 12; ttl++ {
				t.Hops = append(t.Hops, probe.Hop{TTL: ttl, Sent: 3, Answers: []probe.Answer{{
					Addr: netip.AddrFrom4([4]byte{198, 51, 100, byte(ttl)}), RTTs: []time.Duration{time.Duration(i+ttl) * time.Millisecond, time.Duration(k+ttl) * time.Millisecond},
				}}})
			}
			traces = append(traces, t)
		}
		if _, err := h.SaveTraces(b.Context(), saved, traces); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		traces, err := again(b, h).Traces(b.Context(), october, october.AddDate(0, 1, 0))
		if err != nil || len(traces) != 720*20 {
			b.Fatalf("%d traces: %v", len(traces), err)
		}
	}
}
