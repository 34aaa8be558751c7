package icmp

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"matrix/probe"
	"matrix/probe/pingtest"
)

func TestTimetable(t *testing.T) {
	job := probe.Job{Options: probe.Options{Count: 3, Interval: time.Second}}
	starts := []time.Duration{900, 0, 300, 2500, 1000, 300} // ms; some beyond the interval
	var want []time.Duration
	for _, s := range starts {
		start := s * time.Millisecond
		job.Targets = append(job.Targets, probe.Target{Start: start})
		for slot := range 3 {
			want = append(want, start+time.Duration(slot)*time.Second)
		}
	}
	slices.Sort(want)
	table := newTimetable(job)
	next := make([]int32, len(starts))
	for i, due := range want {
		if table.left != len(want)-i || table.next() != due {
			t.Fatalf("echo request %d is due at %v, want %v; %d are left", i, table.next(), due, table.left)
		}
		at := table.next()
		target, slot := table.take()
		if slot != next[target] || at != job.Targets[target].Start+time.Duration(slot)*time.Second {
			t.Errorf("target %d is sent its echo request %d at %v", target, slot, at)
		}
		next[target]++
	}
	if table.left != 0 {
		t.Errorf("%d are left", table.left)
	}
}

func TestTicks(t *testing.T) {
	tests := []struct {
		perSecond float64
		room      int
		want      time.Duration
	}{
		{1, 100, longTick}, {250, 100, longTick}, {400, 100, 125 * time.Millisecond}, {1250, 100, 40 * time.Millisecond}, {2500, 100, 20 * time.Millisecond},
		{10_000, 1000, shortTick}, {10_000, 100, 10 * time.Millisecond}, {50_000, 100, 2 * time.Millisecond}, {50_000, 5000, shortTick}, {250, 5, 20 * time.Millisecond},
	}
	for _, test := range tests {
		if got := tickOf(test.perSecond, test.room); got.Round(time.Microsecond) != test.want {
			t.Errorf("at %v a second with room for %d: %v, want %v", test.perSecond, test.room, got, test.want)
		}
	}
}

// What came of echo requests is looked at when it is worth it, in time, and
// before there is no room.
func TestWorthReading(t *testing.T) {
	const ms = int64(time.Millisecond)
	tests := []struct {
		name         string
		stamps       probe.Stamps
		unread, room int
		waited, age  int64 // since the last reading, and of the oldest request under way
		due          int64 // in which the next request is
		want         bool
	}{
		{"little was sent", probe.KernelStamps, readAfter - 1, 1000, 20 * ms, 20 * ms, 20 * ms, false},
		{"enough was sent", probe.KernelStamps, readAfter, 1000, 20 * ms, 20 * ms, 20 * ms, true},
		{"half the room is used", probe.KernelStamps, 40, 80, 20 * ms, 20 * ms, 20 * ms, true},
		{"room for one", probe.KernelStamps, 1, 1, 20 * ms, 20 * ms, 20 * ms, true},
		{"people wait", probe.KernelStamps, 1, 1000, 150 * ms, 20 * ms, 20 * ms, true},
		{"one could be given up", probe.KernelStamps, 1, 1000, 20 * ms, 1001 * ms, 20 * ms, true},
		{"nothing is to be sent for long", probe.KernelStamps, 1, 1000, 20 * ms, 20 * ms, 500 * ms, true},
		{"send times are the program's", probe.ReceiveStamps, 1, 1000, 20 * ms, 20 * ms, 20 * ms, false},
		{"all times are the program's", probe.UserStamps, 1, 1000, 20 * ms, 20 * ms, 20 * ms, true},
	}
	for _, test := range tests {
		now := int64(10 * time.Second)
		job := probe.Job{Options: probe.Options{Count: 1, Interval: time.Second, Timeout: time.Second}, Targets: []probe.Target{{}}}
		r := &run{job: job, time: &timeline{}, table: newTimetable(job), flights: newFlights(2), tick: ms,
			begin: now + test.due, unread: test.unread, room: test.room, readAt: now - test.waited}
		r.health.Stamps = test.stamps
		_, f := r.flights.add()
		f.sent = now - test.age
		if got := r.worthReading(now); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
		if r.time.steps = make([]step, 1); !r.worthReading(now) {
			t.Errorf("%s, and the clock was stepped: false", test.name)
		}
	}
}

// Where more comes than was asked for, it is looked at in every tick.
func TestCrowdedIsRead(t *testing.T) {
	pingtest.Require(t, &Kernel{})
	r, err := newRun(&Kernel{}, loopbackJob(2, 1), func(probe.Echo) {})
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	s := r.sockets[0][0]
	for slot, asked := range []int{0, 1} {
		r.launch(0, int32(slot), r.begin)
		r.flush()
		r.unread = asked
		for before := r.came; r.came == before; r.read(r.time.now()) {
			r.unread = asked
			doze([]unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLIN}}, int64(time.Second))
		}
		if crowded := asked == 0; r.crowded != crowded || crowded && !r.worthReading(r.time.now()) {
			t.Errorf("one reply, %d asked for: crowded %v", asked, r.crowded)
		}
	}
}

func TestBudgetDoesNotCatchUpInABurst(t *testing.T) {
	b := newBudget(250, longTick)
	b.refill(1)
	b.have = 0
	b.refill(1 + int64(time.Second))
	if b.have != 100 {
		t.Errorf("after a stall of 1s %v may be sent at once, want those of two ticks", b.have)
	}
	b.refill(1 + int64(time.Second+4*time.Millisecond))
	b.have = 0
	b.refill(1 + int64(time.Second+44*time.Millisecond))
	if b.have < 9.99 || b.have > 10.01 {
		t.Errorf("after 40ms %v may be sent, want 10", b.have)
	}
}

// TestFlights checks the ring against a map, through growth and wrap.
func TestFlights(t *testing.T) {
	f := newFlights(50_000)
	kept := map[uint32]int32{}
	for i := range int32(50_000) {
		number, at := f.add()
		at.target = i
		kept[number] = i
		if rand.IntN(20) > 0 {
			victim := f.head + uint32(rand.IntN(int(f.tail-f.head)))
			f.at(victim).fated = true
		}
		f.forget()
	}
	for n := f.head; n != f.tail; n++ {
		if f.at(n).target != kept[n] || !f.under(n) {
			t.Fatalf("flight %d is %+v, want %d", n, f.at(n), kept[n])
		}
	}
	if f.under(f.tail) || f.under(f.head-1) {
		t.Error("flights are kept that are not under way")
	}
	if f.answer(49_999) || !f.answer(49_999) || f.answer(49_998) {
		t.Error("answers are noted wrongly")
	}
}

func TestSendErrors(t *testing.T) {
	tests := []struct {
		err     error
		retries int // later, then it is given up
		reason  string
	}{
		{unix.ENOBUFS, fullTries - 1, "not sent: no buffer space available"},
		{unix.EAGAIN, fullTries - 1, "not sent: resource temporarily unavailable"},
		{unix.EPERM, 0, "not sent: operation not permitted"},
		{unix.EMSGSIZE, 0, "not sent: message too long"},
		{unix.ENETUNREACH, 0, "not sent: network is unreachable"},
		{unix.EHOSTUNREACH, 0, "not sent: no route to host"},
		{unix.EINVAL, 0, "not sent: invalid argument"},
	}
	pingtest.Require(t, &Kernel{})
	for _, test := range tests {
		t.Run(test.err.Error(), func(t *testing.T) {
			var got []probe.Echo
			k := &Kernel{}
			r, err := newRun(k, loopbackJob(1, 1), func(e probe.Echo) { got = append(got, e) })
			if err != nil {
				t.Fatal(err)
			}
			defer r.close()
			s := r.sockets[0][0]
			r.launch(0, 0, r.begin)
			later := 0
			for try := 0; len(got) == 0; try++ {
				if try > 100 {
					t.Fatal("it is tried for ever")
				}
				if !r.failed(s, test.err) {
					later++
				}
			}
			if later != test.retries || got[0].Outcome != probe.Unsent || got[0].Reason != test.reason {
				t.Errorf("after %d retries: %+v", later, got[0])
			}
			if r.flights.head != r.flights.tail || s.from != s.waiting {
				t.Error("it is still waited for")
			}
		})
	}
}

func TestNeitherSocketIsAllowed(t *testing.T) {
	k := &Kernel{limits: limits{noPing: true, noRaw: true}}
	err := k.Ping(t.Context(), loopbackJob(1, 1), func(e probe.Echo) { t.Errorf("emitted %+v", e) })
	var host *probe.HostError
	if !errors.As(err, &host) || host.Hint == "" {
		t.Errorf("error %v", err)
	}
}

// A stall of the whole program, as of a machine that sleeps, is not loss.
func TestAStallIsNotLoss(t *testing.T) {
	stalled := false
	n := 0
	k := &Kernel{}
	k.halt = func() {
		if n > 5 && !stalled {
			stalled = true
			<-time.After(300 * time.Millisecond)
		}
	}
	pingtest.Require(t, &Kernel{})
	job := loopbackJob(20, 10)
	job.Timeout = 100 * time.Millisecond
	err := k.Ping(t.Context(), job, func(e probe.Echo) {
		n++
		if e.Outcome != probe.Replied {
			t.Errorf("%+v", e)
		}
	})
	if err != nil || n != 200 || !stalled {
		t.Errorf("%d echoes, error %v", n, err)
	}
	if lag := k.Health().Lag; lag < 200*time.Millisecond {
		t.Errorf("the lag is called %v", lag)
	}
}

func TestWhatKernelsSay(t *testing.T) {
	put := func(level, kind uint32, data []byte) []byte {
		m := make([]byte, cmsgHeaderLen, 64)
		if word == 8 {
			binary.NativeEndian.PutUint64(m, uint64(cmsgHeaderLen+len(data)))
		} else {
			binary.NativeEndian.PutUint32(m, uint32(cmsgHeaderLen+len(data)))
		}
		binary.NativeEndian.PutUint32(m[cmsgHeaderLen-8:], level)
		binary.NativeEndian.PutUint32(m[cmsgHeaderLen-4:], kind)
		m = append(m, data...)
		for len(m)%word != 0 {
			m = append(m, 0)
		}
		return m
	}
	failure := append([]byte{111, 0, 0, 0, unix.SO_EE_ORIGIN_ICMP, 3, 1, 0, 7, 0, 0, 0, 9, 0, 0, 0}, 2, 0, 0, 0, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0)
	var all []byte
	all = append(all, put(unix.SOL_SOCKET, unix.SO_RXQ_OVFL, []byte{5, 0, 0, 0})...)
	all = append(all, put(unix.IPPROTO_IP, unix.IP_TTL, []byte{57, 0, 0, 0})...)
	all = append(all, put(unix.IPPROTO_IP, 99, []byte{1})...)
	all = append(all, put(unix.IPPROTO_IP, unix.IP_RECVERR, failure)...)
	n := parseNotes(all)
	want := notes{ttl: 57, drops: 5, dropping: true, failed: true, offender: netip.MustParseAddr("192.0.2.1"),
		failure: unix.SockExtendedErr{Errno: 111, Origin: unix.SO_EE_ORIGIN_ICMP, Type: 3, Code: 1, Info: 7, Data: 9}}
	if n != want {
		t.Errorf("notes are %+v, want %+v", n, want)
	}
	for cut := range all {
		parseNotes(all[:cut]) // must not panic
	}
}

func TestChecksum(t *testing.T) {
	for size := 24; size < 40; size++ {
		packet := blank(false, size)
		mark{rand.Uint64(), rand.Uint32(), 7}.put(packet[headerLen:])
		checksum(packet)
		if len(packet)%2 == 1 {
			packet = append(packet, 0)
		}
		var sum uint32
		for i := 0; i < len(packet); i += 2 {
			sum += uint32(binary.BigEndian.Uint16(packet[i:]))
		}
		for sum > 0xffff {
			sum = sum>>16 + sum&0xffff
		}
		if sum != 0xffff {
			t.Errorf("of %d bytes: %x", size, sum)
		}
	}
}
