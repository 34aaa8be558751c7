package icmp

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"matrix/probe"
	"matrix/probe/pingtest"
)

// probes are those of each method, as the IP header numbers them.
var probes = map[probe.TraceMethod]int{
	probe.TraceICMP: unix.IPPROTO_ICMP, probe.TraceUDP: unix.IPPROTO_UDP, probe.TraceTCP: unix.IPPROTO_TCP,
}

func quickTrace(method probe.TraceMethod, to netip.Addr) probe.TraceJob {
	o := probe.DefaultTraceOptions(method)
	o.Probes, o.MaxHops, o.Interval, o.Timeout = 2, 3, 50*time.Millisecond, 300*time.Millisecond
	return probe.TraceJob{Pair: probe.Pair{From: "here", To: "there"}, Addr: to, TraceOptions: o}
}

// The IP headers of a traceroute's packets say what they are to say, on every
// kind of socket.
func TestTraceHeaders(t *testing.T) {
	if !pingtest.Inside(t) {
		return
	}
	pingtest.Loopback(t)
	addr, from := netip.MustParseAddr("127.0.77.8"), netip.MustParseAddr("127.0.77.9")
	for method, protocol := range probes {
		for _, l := range []traceLimits{{}, {limits: limits{noPing: true}}} {
			if l.noPing && method != probe.TraceICMP {
				continue
			}
			t.Run(fmt.Sprintf("%v raw %v", method, l.noPing), func(t *testing.T) {
				fd := listener(t, protocol, addr)
				job := quickTrace(method, addr)
				job.TrafficClass, job.DontFragment, job.Source = 46<<2, true, from.String()
				var got probe.Trace
				if err := traceWith(t.Context(), job, l, func(trace probe.Trace) { got = trace }); err != nil {
					t.Fatal(err)
				}
				if got.End != probe.Reached || got.Method != method {
					t.Errorf("%+v", got)
				}
				checkHeaders(t, fd, protocol, from)
			})
		}
	}
}

// checkHeaders reads what a listener heard: probes from an address, in the
// class 46, that must not be cut.
func checkHeaders(t *testing.T, fd, protocol int, from netip.Addr) {
	t.Helper()
	n := 0
	for buffer := make([]byte, 2000); ; {
		length, _, err := unix.Recvfrom(fd, buffer, 0)
		if err != nil {
			break
		}
		packet := buffer[:length]
		if body, ok := withoutIP(packet); !ok || protocol == unix.IPPROTO_ICMP && body[0] != echoRequest4 {
			continue
		}
		n++
		source, class, whole := netip.AddrFrom4([4]byte(packet[12:16])), packet[1], packet[6]&0x40 != 0
		if source != from || class != 46<<2 || !whole {
			t.Errorf("a probe from %v, class %#x, whole %v", source, class, whole)
		}
	}
	if n < 2 {
		t.Errorf("%d probes were heard", n)
	}
}

// Probes leave by the interface that is asked for, whatever they are.
func TestTraceLeavesByInterface(t *testing.T) {
	if !pingtest.Inside(t) {
		return
	}
	pingtest.Loopback(t)
	near := pingtest.NewWorld(t, pingtest.Request.Reply)
	side := pingtest.NewSideWorld(t, pingtest.Request.Reply)
	for method, protocol := range probes {
		for _, device := range []string{pingtest.Near, pingtest.Side} {
			job := quickTrace(method, pingtest.There(0, false))
			job.Source = device
			before := [2]int{near.Carried(byte(protocol)), side.Carried(byte(protocol))}
			pingtest.Unprivileged(t, func() {
				if err := traceWith(t.Context(), job, traceLimits{}, func(probe.Trace) {}); err != nil {
					t.Errorf("%v by %s: %v", method, device, err)
				}
			})
			byNear, bySide := near.Carried(byte(protocol))-before[0], side.Carried(byte(protocol))-before[1]
			if device == pingtest.Side {
				byNear, bySide = bySide, byNear
			}
			if byNear < 2 || bySide != 0 {
				t.Errorf("%v by %s: %d probes left by it and %d by the other", method, device, byNear, bySide)
			}
		}
	}
}

// Traceroutes from where this host is not are errors, and say why.
func TestTraceFromNowhere(t *testing.T) {
	for source, words := range map[string]string{
		"192.0.2.77": "send from 192.0.2.77: this host does not have that address",
		"wan7":       "send from wan7: this host has no such interface",
		"::1":        "trace: no packet to an IPv4 address comes from ::1",
	} {
		for method := range probes {
			job := quickTrace(method, netip.MustParseAddr("127.0.0.1"))
			job.Source = source
			err := traceWith(t.Context(), job, traceLimits{}, func(trace probe.Trace) { t.Errorf("%+v", trace) })
			var host *probe.HostError
			if !errors.As(err, &host) || !strings.Contains(err.Error(), words) {
				t.Errorf("%v from %s: error %v, want %q", method, source, err, words)
			}
		}
	}
}

// Before Linux 5.7 ordinary users could not tie a socket to an interface; they
// can have its packets leave by one.
func TestLeaveByInterfaceOnOldKernels(t *testing.T) {
	if !pingtest.Inside(t) {
		return
	}
	pingtest.Loopback(t)
	for _, v6 := range []bool{false, true} {
		for _, noPing := range []bool{false, true} {
			var near, side atomic.Int64
			t.Run(fmt.Sprintf("IPv6 %v raw %v", v6, noPing), func(t *testing.T) {
				pingtest.NewWorld(t, func(r pingtest.Request) { near.Add(1); r.Reply() })
				pingtest.NewSideWorld(t, func(r pingtest.Request) { side.Add(1); r.Reply() })
				k := &Kernel{limits: limits{noDevice: true, noPing: noPing}}
				job := probe.Job{From: "here", Options: probe.DefaultOptions(), Targets: []probe.Target{{City: "x", Addr: pingtest.There(0, v6)}}}
				job.Count, job.Interval, job.Timeout, job.Source = 4, 20*time.Millisecond, time.Second, pingtest.Side
				err := k.Ping(t.Context(), job, func(e probe.Echo) {
					if e.Outcome != probe.Replied || e.Stamps != probe.KernelStamps {
						t.Errorf("%+v", e)
					}
				})
				if err != nil || near.Load() != 0 || side.Load() != 4 {
					t.Errorf("%d echo requests left by %s and %d by %s; error %v", near.Load(), pingtest.Near, side.Load(), pingtest.Side, err)
				}
			})
		}
	}
}
