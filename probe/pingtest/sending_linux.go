package pingtest

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"matrix/probe"
)

func noRoute(t *testing.T, p engine, v6 bool) {
	NewWorld(t, Request.Reply)
	nowhere := "203.0.113.1"
	if v6 {
		nowhere = "2001:db8::1"
	}
	j := job([]netip.Addr{netip.MustParseAddr(nowhere), There(0, v6)}, 3)
	o := carryOut(t, p, j)
	o.all(t, 0, probe.Unsent)
	o.all(t, 1, probe.Replied)
	if reason := o.echoes[[2]int{0, 0}].Reason; !strings.Contains(reason, "network is unreachable") {
		t.Errorf("the reason is %q", reason)
	}
}

func header(t *testing.T, p engine, v6 bool) {
	var wrong atomic.Int64
	NewWorld(t, func(r Request) {
		class := r.Packet[1]
		if v6 {
			class = r.Packet[0]<<4 | r.Packet[1]>>4
		} else if r.Packet[6]&0x40 == 0 {
			wrong.Add(1)
		}
		if class != 46<<2 || len(r.Message) != 8+200 {
			wrong.Add(1)
		}
		r.Reply()
	})
	j := worldJob(1, 2, v6)
	j.TrafficClass, j.DontFragment, j.Size = 46<<2, true, 200
	o := carryOut(t, p, j)
	o.all(t, 0, probe.Replied)
	if n := wrong.Load(); n > 0 {
		t.Errorf("%d of 2 packets are not as they should be", n)
	}
}

func tooBig(t *testing.T, p engine, v6 bool) {
	NewWorld(t, Request.Reply)
	j := worldJob(1, 2, v6)
	j.DontFragment, j.Size = true, 2000
	o := carryOut(t, p, j)
	o.all(t, 0, probe.Unsent)
	if reason := o.echoes[[2]int{0, 0}].Reason; !strings.Contains(reason, "message too long") {
		t.Errorf("the reason is %q", reason)
	}
}

// sourceAddress: packets come from the address that was asked for, whichever of
// the host's it is.
func sourceAddress(t *testing.T, p engine, v6 bool) {
	var from atomic.Pointer[netip.Addr]
	var wrong atomic.Int64
	NewWorld(t, func(r Request) {
		if r.From != *from.Load() {
			wrong.Add(1)
		}
		r.Reply()
	})
	for _, own := range pick(v6, [2]netip.Addr{Here4, Also4}, [2]netip.Addr{Here6, Also6}) {
		from.Store(&own)
		j := worldJob(3, 3, v6)
		j.Source = own.String()
		o := carryOut(t, p, j)
		for i := range j.Targets {
			o.all(t, i, probe.Replied)
		}
	}
	if n := wrong.Load(); n > 0 {
		t.Errorf("%d of 18 echo requests came from another address", n)
	}
}

// sourceInterface: packets leave by the interface that was asked for, though
// the same targets are behind another as well.
func sourceInterface(t *testing.T, p engine, v6 bool) {
	var near, side atomic.Int64
	NewWorld(t, func(r Request) { near.Add(1); r.Reply() })
	NewSideWorld(t, func(r Request) { side.Add(1); r.Reply() })
	for _, test := range []struct {
		device string
		count  *atomic.Int64
	}{{Near, &near}, {Side, &side}} {
		near.Store(0)
		side.Store(0)
		j := worldJob(3, 3, v6)
		j.Source = test.device
		o := carryOut(t, p, j)
		for i := range j.Targets {
			o.all(t, i, probe.Replied)
		}
		if test.count.Load() != 9 || near.Load()+side.Load() != 9 {
			t.Errorf("interface %s: %d echo requests left by %s and %d by %s", test.device, near.Load(), Near, side.Load(), Side)
		}
	}
}

// sourceMissing: what this host does not have is an error, and no loss.
func sourceMissing(t *testing.T, p engine, v6 bool) {
	NewWorld(t, Request.Reply)
	elsewhere := pick(v6, "192.0.2.77", "2001:db8::77")
	for source, words := range map[string]string{
		elsewhere: "send from " + elsewhere + ": this host does not have that address",
		"wan7":    "send from wan7: this host has no such interface",
	} {
		j := worldJob(1, 2, v6)
		j.Source = source
		echoes, err := collect(t, t.Context(), p, j)
		var host *probe.HostError
		if !errors.As(err, &host) || host.Error() != words || !strings.Contains(host.Hint, Near) || len(echoes) > 0 {
			t.Errorf("%s: %d echoes, error %v (%+v)", source, len(echoes), err, host)
		}
	}
}

// sourceOfTheOtherFamily is a reason for the targets that it concerns.
func sourceOfTheOtherFamily(t *testing.T, p engine, v6 bool) {
	NewWorld(t, Request.Reply)
	own := pick(v6, Here4, Here6)
	j := job([]netip.Addr{There(0, !v6), There(0, v6)}, 3)
	j.Source = own.String()
	o := carryOut(t, p, j)
	o.all(t, 0, probe.Unsent)
	o.all(t, 1, probe.Replied)
	want := fmt.Sprintf("not sent: no packet to an %s address comes from %v", pick(v6, "IPv6", "IPv4"), own)
	if reason := o.echoes[[2]int{0, 0}].Reason; reason != want {
		t.Errorf("the reason is %q, want %q", reason, want)
	}
}

func pick[T any](v6 bool, four, six T) T {
	if v6 {
		return six
	}
	return four
}
