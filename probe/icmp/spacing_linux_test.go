package icmp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"matrix/probe"
	"matrix/probe/pingtest"
)

func TestControlMessages(t *testing.T) {
	const leave = math.MaxInt64 - 5
	control := appendLeave(appendKey(nil, 7), leave)
	if len(control) != keyLen+leaveLen {
		t.Errorf("%d bytes, want %d", len(control), keyLen+leaveLen)
	}
	got, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		t.Fatal(err)
	}
	want := []unix.SocketControlMessage{
		{Header: unix.Cmsghdr{Level: unix.SOL_SOCKET, Type: unix.SCM_TS_OPT_ID}, Data: binary.NativeEndian.AppendUint32(nil, 7)},
		{Header: unix.Cmsghdr{Level: unix.SOL_SOCKET, Type: unix.SCM_TXTIME}, Data: binary.NativeEndian.AppendUint64(nil, leave)},
	}
	if len(got) != len(want) {
		t.Fatalf("%d messages: %+v", len(got), got)
	}
	for i, w := range want {
		if g := got[i]; g.Header.Level != w.Header.Level || g.Header.Type != w.Header.Type || !bytes.Equal(g.Data, w.Data) {
			t.Errorf("message %d is %+v, want %+v", i, g, w)
		}
	}
}

// A time to leave is given where send stamps come, and no more where they show
// that it has no effect.
func TestLeave(t *testing.T) {
	const ms = int64(time.Millisecond)
	r := &run{tick: 100 * ms, crowd: 25}
	s := &socket{timed: true, stamps: probe.KernelStamps, hold: 25}
	to := &peer{}
	at := func(due int64) int64 { return r.leave(s, to, due) }
	if at(7*ms) != 0 {
		t.Error("a target of which no send stamp came has its time to leave")
	}
	r.learn(to, &flight{tx: 5 * ms})
	if got := at(7 * ms); got != 107*ms+lead {
		t.Errorf("what is due at 7ms is to leave at %v, want a tick later", time.Duration(got))
	}
	for name, lesser := range map[string]socket{
		"takes no times":         {hold: 25, stamps: probe.KernelStamps},
		"does not say when":      {timed: true, hold: 25, stamps: probe.ReceiveStamps},
		"has no room for a tick": {timed: true, hold: 24, stamps: probe.KernelStamps},
	} {
		if r.leave(&lesser, to, 7*ms) != 0 {
			t.Errorf("a socket that %s is given a time to leave", name)
		}
	}
	r.learn(to, &flight{leave: 200 * ms, tx: 203 * ms})
	r.learn(to, &flight{leave: 200 * ms, tx: 200*ms - 1000})
	if at(7*ms) == 0 || r.health.Lag != 3*time.Millisecond {
		t.Errorf("the kernel waits, 3ms too long: lag %v", r.health.Lag)
	}
	r.learn(to, &flight{leave: 200 * ms, tx: 150 * ms})
	if r.learn(to, &flight{tx: 150 * ms}); at(7*ms) != 0 {
		t.Error("the kernel sends at once, and is asked again not to")
	}
}

// An echo request is under way since it was sent, or since it was to leave.
func TestUnderWaySince(t *testing.T) {
	for _, test := range []struct {
		flight flight
		want   int64
	}{
		{flight{sent: 10}, 10},
		{flight{sent: 10, leave: 30}, 30},
		{flight{sent: 40, leave: 30}, 40},
		{flight{sent: 10, leave: 30, tx: 11}, 11},
		{flight{sent: 10, leave: 30, tx: 32}, 32},
	} {
		if got := test.flight.left(); got != test.want {
			t.Errorf("%+v: since %d, want %d", test.flight, got, test.want)
		}
	}
}

// What may have waited in the kernel for its time, nobody knows how long, has no
// round-trip time.
func TestNoTimeWithoutItsSendStamp(t *testing.T) {
	pingtest.Require(t, &Kernel{})
	for _, test := range []struct {
		leave time.Duration // after it was handed over
		want  probe.Outcome
	}{{-time.Second, probe.Replied}, {time.Second, probe.Unsent}} {
		var got probe.Echo
		r := stamped(t, &Kernel{}, loopbackJob(1, 1), func(e probe.Echo) { got = e })
		s := r.sockets[0][0]
		now := r.time.now()
		_, f := r.flights.add()
		f.sent, f.leave = now, now+int64(test.leave)
		r.peers[0].way = waits
		r.answered(s, f, &r.peers[0], notes{stamp: now + r.time.diff + 1000}, now+2000)
		if got.Outcome != test.want || got.Outcome == probe.Unsent && got.Reason != untold {
			t.Errorf("to leave after %v, without a send stamp: %+v", test.leave, got)
		}
		if r.peers[0].way != unseen {
			t.Error("the next one is given a time to leave as well")
		}
		r.close()
	}
}

// TestEvenly has the echo requests of a tick leave one after the other where the
// kernel has fq, and all at once, as far as it is asked, where it has not.
func TestEvenly(t *testing.T) {
	if !pingtest.Inside(t) {
		return
	}
	pingtest.Loopback(t)
	for _, v6 := range []bool{false, true} {
		t.Run(fmt.Sprintf("IPv6 %v", v6), func(t *testing.T) { testEvenly(t, v6) })
	}
}

func testEvenly(t *testing.T, v6 bool) {
	var mu sync.Mutex
	var came []time.Time
	pingtest.NewWorld(t, func(r pingtest.Request) {
		mu.Lock()
		came = append(came, time.Now())
		mu.Unlock()
		r.Reply()
	})
	want := hasty
	fq := putFQ(t, pingtest.Near)
	if fq {
		want = waits
	}
	const targets, count, gap = 20, 8, 5 * time.Millisecond
	job := probe.Job{From: "here", Options: probe.DefaultOptions()}
	job.Count, job.Interval, job.Timeout, job.Rate = count, targets*gap, 5*time.Second, 1000
	for i := range targets {
		job.Targets = append(job.Targets, probe.Target{City: "x", Addr: pingtest.There(i, v6), Start: time.Duration(i) * gap})
	}
	r := stamped(t, &Kernel{Tick: targets * gap}, job, func(e probe.Echo) {
		if e.Outcome != probe.Replied {
			t.Errorf("%+v", e)
		}
	})
	defer r.close()
	r.loop()
	for i := range r.peers {
		if r.peers[i].way != want {
			t.Errorf("with fq %v target %d is known as %d, want %d", fq, i, r.peers[i].way, want)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	spread := 0
	for i := range came[1:] {
		if came[i+1].Sub(came[i]) > gap/5 {
			spread++
		}
	}
	t.Logf("fq %v: %d of %d gaps are of a millisecond or more", fq, spread, len(came)-1)
	if fq && spread < targets*count/8 {
		t.Errorf("of %d echo requests only %d had some time to themselves", len(came), spread)
	}
}

// stamped is a run with send stamps: a machine that is very busy may not have
// turned them on in time.
func stamped(t *testing.T, k *Kernel, job probe.Job, emit func(probe.Echo)) *run {
	t.Helper()
	for range 50 {
		r, err := newRun(k, job, emit)
		if err != nil {
			t.Fatal(err)
		}
		if r.health.Stamps == probe.KernelStamps {
			return r
		}
		r.close()
	}
	t.Fatal("the kernel makes no send stamps")
	return nil
}

// putFQ gives an interface the queueing discipline fq; false if the kernel has
// none.
func putFQ(t *testing.T, name string) bool {
	t.Helper()
	link, err := netlink.LinkByName(name)
	if err != nil {
		t.Fatal(err)
	}
	err = netlink.QdiscReplace(&netlink.GenericQdisc{
		QdiscAttrs: netlink.QdiscAttrs{LinkIndex: link.Attrs().Index, Handle: netlink.MakeHandle(1, 0), Parent: netlink.HANDLE_ROOT},
		QdiscType:  "fq",
	})
	if err != nil && !errors.Is(err, unix.ENOENT) {
		t.Fatalf("fq: %v", err)
	}
	return err == nil
}
