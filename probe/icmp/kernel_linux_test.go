package icmp

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"matrix/probe"
	"matrix/probe/pingtest"
)

// kinds are all ways in which the engine may have to work.
var kinds = []struct {
	name   string
	limits limits
}{
	{"ping socket", limits{}},
	{"raw socket", limits{noPing: true}},
	{"packets looped back", limits{unkeyed: true}},
	{"raw socket, packets looped back", limits{noPing: true, unkeyed: true}},
	{"receive stamps", limits{best: probe.ReceiveStamps}},
	{"user stamps", limits{best: probe.UserStamps}},
}

func TestKernelConforms(t *testing.T) {
	for _, test := range kinds {
		t.Run(test.name, func(t *testing.T) {
			pingtest.Require(t, &Kernel{limits: test.limits})
			pingtest.Conform(t, func(*testing.T) probe.Pinger { return &Kernel{limits: test.limits} })
		})
	}
}

// TestKernelInItsOwnNetwork is without any capability, but for raw sockets.
func TestKernelInItsOwnNetwork(t *testing.T) {
	if !pingtest.Inside(t) {
		return
	}
	pingtest.Loopback(t)
	t.Run("loopback", func(t *testing.T) {
		pingtest.Conform(t, func(*testing.T) probe.Pinger { return unprivileged{t, &Kernel{}} })
	})
	for _, test := range kinds {
		t.Run(test.name, func(t *testing.T) {
			made := func(*testing.T) probe.Pinger {
				k := &Kernel{limits: test.limits, first: 65_533}
				if test.limits.noPing {
					return k
				}
				return unprivileged{t, k}
			}
			pingtest.ConformInWorld(t, pingtest.Lacks{}, made)
		})
	}
}

// unprivileged is an engine that runs without capabilities.
type unprivileged struct {
	t *testing.T
	*Kernel
}

func (u unprivileged) Ping(ctx context.Context, job probe.Job, emit func(probe.Echo)) (err error) {
	pingtest.Unprivileged(u.t, func() { err = u.Kernel.Ping(ctx, job, emit) })
	return err
}

// TestMoreUnderWayThanSequenceNumbers: nobody is answered before 70,000 echo
// requests are under way. Then all are, at a pace for which there is room. What a
// tick sends has room as well in the queue of 1,000 to those who answer.
func TestMoreUnderWayThanSequenceNumbers(t *testing.T) {
	if !pingtest.Inside(t) {
		return
	}
	pingtest.Loopback(t)
	var held []pingtest.Request
	answered := 0
	answer := func(r pingtest.Request) {
		if answered++; answered%200 == 0 {
			<-time.After(5 * time.Millisecond)
		}
		r.Reply()
	}
	pingtest.NewWorld(t, func(r pingtest.Request) {
		if answered > 0 {
			answer(r)
			return
		}
		if held = append(held, r.Clone()); len(held) == 70_000 {
			for _, h := range held {
				answer(h)
			}
			held = nil
		}
	})
	job := probe.Job{From: "here", Options: probe.DefaultOptions()}
	job.Count, job.Interval, job.Timeout, job.Rate = 80, 80*time.Millisecond, time.Minute, 100_000
	for i := range 1000 {
		start := time.Duration(i) * job.Interval / 1000
		job.Targets = append(job.Targets, probe.Target{City: "x", Addr: pingtest.There(i, false), Start: start})
	}
	fates := map[probe.Outcome]int{}
	k := &Kernel{first: 12_345}
	if err := k.Ping(t.Context(), job, func(e probe.Echo) { fates[e.Outcome]++ }); err != nil {
		t.Fatal(err)
	}
	if fates[probe.Replied] != 80_000 || len(fates) != 1 {
		t.Errorf("of 80000 echo requests by outcome: %v; health %+v", fates, k.Health())
	}
}

// TestSmallMTU: where even a small echo request does not fit, it is sent in
// fragments, unless that was forbidden.
func TestSmallMTU(t *testing.T) {
	if !pingtest.Inside(t) {
		return
	}
	pingtest.Loopback(t)
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	_, narrow, _ := net.ParseCIDR("127.0.77.0/24")
	route := &netlink.Route{LinkIndex: lo.Attrs().Index, Dst: narrow, MTU: 200, Type: unix.RTN_LOCAL, Table: unix.RT_TABLE_LOCAL, Scope: netlink.SCOPE_HOST}
	if err := netlink.RouteAdd(route); err != nil {
		t.Fatal(err)
	}
	ping := func(where string, dont bool, size int) probe.Echo {
		job := probe.Job{From: "here", Options: probe.DefaultOptions()}
		job.Count, job.DontFragment, job.Size = 1, dont, size
		job.Targets = []probe.Target{{City: "x", Addr: netip.MustParseAddr("127.0.77.7")}}
		var last probe.Echo
		if err := (&Kernel{}).Ping(t.Context(), job, func(e probe.Echo) { last = e }); err != nil {
			t.Errorf("%s: %v", where, err)
		}
		return last
	}
	for _, where := range []string{"a narrow path", "a narrow interface"} {
		for _, size := range []int{56, 400, 1000} {
			if e := ping(where, false, size); e.Outcome != probe.Replied || e.Stamps != probe.KernelStamps && size == 56 {
				t.Errorf("%s, %d bytes: %+v", where, size, e)
			}
		}
		if e := ping(where, true, 400); e.Outcome != probe.Unsent || e.Reason != "not sent: message too long" {
			t.Errorf("%s, 400 bytes that must not be fragmented: %+v", where, e)
		}
		if err := netlink.LinkSetMTU(lo, 200); err != nil {
			t.Fatal(err)
		}
	}
}
