package icmp

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"matrix/probe"
)

// The checksum of all probes of a flow is the same, and differs between flows.
func TestBalance(t *testing.T) {
	sums := map[uint16]int{}
	for flow := range 4 {
		for range 2000 {
			number, seq := rand.Uint32N(1<<20), uint16(rand.Uint32())
			packet := blank(false, 57)
			binary.BigEndian.PutUint16(packet[4:], 4711)
			binary.BigEndian.PutUint16(packet[6:], seq)
			markProbe(packet[headerLen:], 0x0123456789abcdef, flow, number, seq)
			checksum(packet)
			sum := binary.BigEndian.Uint16(packet[2:])
			if other, known := sums[sum]; known && other != flow {
				t.Fatalf("flows %d and %d have the checksum %x", flow, other, sum)
			}
			sums[sum] = flow
		}
	}
	if len(sums) != 4 {
		t.Errorf("4 flows have %d checksums", len(sums))
	}
}

// stack is an extension structure with an object of no interest and one label
// stack (RFC 4950).
func stack(entries ...uint32) []byte {
	all := []byte{0x20, 0, 0, 0, 0, 8, 3, 1, 9, 9, 9, 9, 0, byte(4 + 4*len(entries)), 1, 1}
	for _, e := range entries {
		all = binary.BigEndian.AppendUint32(all, e)
	}
	checksum(all)
	return all
}

func TestLabels(t *testing.T) {
	good := stack(24001<<12|5<<9|1, 17<<12|1<<8|254)
	want := []probe.Label{{Value: 24001, Class: 5, TTL: 1}, {Value: 17, Bottom: true, TTL: 254}}
	if got := parseLabels(good); !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	spoil := func(at int, b byte) []byte {
		bad := slices.Clone(good)
		bad[at] = b
		return bad
	}
	for name, bad := range map[string][]byte{
		"nothing": nil, "no header": good[:3], "version 1": spoil(0, 0x10), "a wrong checksum": spoil(16, 0),
		"no checksum": append([]byte{0x20, 0, 0, 0}, good[4:]...), "cut": good[:len(good)-1],
	} {
		if got := parseLabels(bad); got != nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
	short := spoil(5, 3) // an object shorter than its header
	checksum(short)
	if got := parseLabels(short); got != nil {
		t.Errorf("a short object: %+v", got)
	}
}

func TestExtensionsAt(t *testing.T) {
	told := func(length uint16, flags byte) uint32 {
		var data [4]byte
		binary.NativeEndian.PutUint16(data[:], length)
		data[2] = flags
		return binary.NativeEndian.Uint32(data[:])
	}
	for _, test := range []struct {
		name             string
		data             uint32
		told             bool
		stripped, length int
		want             int
	}{
		{"as the kernel says", told(108, 0), true, 20, 200, 108},
		{"the kernel found it broken", told(110, 1), true, 20, 200, 108},
		{"the kernel says nothing", 0, true, 28, 200, 100},
		{"an old kernel", told(5, 0), false, 28, 200, 100},
		{"a short quote", 0, true, 28, 36, 0},
		{"beyond the end", told(198, 0), true, 20, 200, 0},
		{"just inside", told(196, 0), true, 20, 200, 196},
	} {
		if got := extensionsAt(unix.SockExtendedErr{Data: test.data}, test.told, test.stripped, test.length); got != test.want {
			t.Errorf("%s: %d, want %d", test.name, got, test.want)
		}
	}
}

func TestJudge(t *testing.T) {
	target, router := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.9")
	for _, test := range []struct {
		kind, code uint8
		v6         bool
		from       netip.Addr
		target     netip.Addr
		want       verdict
		ok         bool
	}{
		{11, 0, false, router, target, verdict{}, true},
		{11, 1, false, router, target, verdict{}, false},
		{3, 3, false, target, target, verdict{reached: true}, true},
		{3, 3, false, router, target, verdict{mark: "!p"}, true},
		{3, 3, false, target, netip.Addr{}, verdict{mark: "!p"}, true},
		{3, 0, false, router, target, verdict{mark: "!N"}, true},
		{3, 1, false, target, target, verdict{mark: "!H"}, true},
		{3, 13, false, router, target, verdict{mark: "!X"}, true},
		{3, 99, false, router, target, verdict{mark: "!99"}, true},
		{5, 1, false, router, target, verdict{}, false},
		{3, 0, true, router, target, verdict{}, true},
		{1, 4, true, target, target, verdict{reached: true}, true},
		{1, 0, true, router, target, verdict{mark: "!N"}, true},
		{1, 1, true, router, target, verdict{mark: "!X"}, true},
		{2, 0, true, router, target, verdict{mark: "!F"}, true},
	} {
		n := notes{failure: unix.SockExtendedErr{Type: test.kind, Code: test.code}, offender: test.from}
		if got, ok := judge(n, test.v6, test.target); got != test.want || ok != test.ok {
			t.Errorf("%d/%d v6=%v from %v: %+v, %v; want %+v, %v", test.kind, test.code, test.v6, test.from, got, ok, test.want, test.ok)
		}
	}
}

// Shots as an engine would have them, gathered by hop.
func TestHopsOf(t *testing.T) {
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	shots := []shot{
		{ttl: 1, answered: true, from: a, rtt: 1},
		{ttl: 2, expired: true},
		{ttl: 3, answered: true, from: a, rtt: 3},
		{flow: 1, ttl: 1, answered: true, from: b, rtt: 9},
		{ttl: 1, answered: true, from: b, rtt: 2, again: 2},
		{ttl: 2, failed: true},
		{ttl: 1, expired: true, late: 1},
		{ttl: 1},                                                           // under way
		{ttl: 2, alone: true, answered: true, from: a, rtt: 5, mark: "!X"}, // its others had come unseen
	}
	hops := hopsOf(shots, 0, 2)
	if len(hops) != 2 {
		t.Fatalf("%+v", hops)
	}
	if h := hops[0]; h.Sent != 3 || h.Received() != 2 || len(h.Answers) != 2 || h.Duplicates != 2 || h.Late != 1 {
		t.Errorf("hop 1: %+v", h)
	}
	if h := hops[1]; h.Sent != 1 || h.Received() != 1 || h.Answers[0].Mark != "!X" {
		t.Errorf("hop 2: %+v", h)
	}
	if hops := hopsOf(shots[:2], 0, 30); len(hops) != 2 {
		t.Errorf("%d hops, want those that were asked", len(hops))
	}
}

// The nearest hops are asked first, and never two at once.
func TestRoute(t *testing.T) {
	o := probe.DefaultTraceOptions(probe.TraceICMP)
	o.Flows, o.Probes, o.MaxHops = 16, 2, 64
	r := newRoute(probe.TraceJob{TraceOptions: o})
	last, n := int64(-1), 0
	for ; r.more(); r.skip() {
		_, ttl, due := r.next()
		if last >= 0 && due-last < int64(probe.TracePace) {
			t.Fatalf("probe %d follows after %v", n, time.Duration(due-last))
		}
		if want := 1 + n%(16*64)/16; ttl != want {
			t.Fatalf("probe %d asks hop %d, want %d", n, ttl, want)
		}
		last = due
		n++
	}
	if n != 16*2*64 {
		t.Errorf("%d probes", n)
	}
}

func FuzzLabels(f *testing.F) {
	f.Add(stack(24001<<12|1<<8|1), uint32(0), false)
	f.Add(append(make([]byte, 100), stack(1<<12)...), uint32(100), true)
	f.Fuzz(func(t *testing.T, packet []byte, data uint32, told bool) {
		for _, stripped := range []int{0, 20, 28, 40, 48} {
			at := extensionsAt(unix.SockExtendedErr{Data: data}, told, stripped, len(packet))
			if at == 0 {
				continue
			}
			for _, l := range parseLabels(packet[at:]) {
				if l.Value >= 1<<20 || l.Class >= 8 {
					t.Errorf("%+v", l)
				}
			}
		}
		_ = parseLabels(packet)
		// Most bytes do not sum up; those that do must be safe as well.
		if len(packet) >= extensionHeader {
			checksum(packet)
			if stack := parseLabels(packet); len(stack) > 32 {
				t.Errorf("%d labels", len(stack))
			}
		}
	})
}

// FuzzTraceAnswers hands whatever an error queue or a socket may say to a
// traceroute under way.
func FuzzTraceAnswers(f *testing.F) {
	control := make([]byte, cmsgHeaderLen+failureLen+16)
	f.Add(blank(false, 56), control, []byte{2, 0, 0, 0, 127, 0, 0, 1}, false, uint8(0))
	f.Add(blank(true, 56), control, []byte{2, 0, 0, 0, 127, 0, 0, 1}, true, uint8(3))
	f.Fuzz(func(t *testing.T, packet, control, name []byte, v6 bool, how uint8) {
		job := probe.TraceJob{Addr: netip.MustParseAddr("127.0.0.1"), TraceOptions: probe.DefaultTraceOptions(probe.TraceICMP)}
		tr := &tracing{
			job: job, v6: v6, method: job.Method, peer: newPeer(job.Addr), time: newTimeline(systemClock()),
			trails: []*trail{{socket: &socket{fd: -1, v6: v6, raw: how&1 != 0}}},
			queue:  newBatch(messages, 64, 64),
			shots:  []shot{{ttl: 1, tx: 1}, {ttl: 2, tx: 1}, {ttl: 3, tx: 1, alone: true}},
		}
		if how&2 != 0 {
			tr.method = probe.TraceUDP
		}
		n := parseNotes(control)
		now := tr.time.now()
		tr.departed(0, packet, n, now)
		tr.refused(0, packet, name, n, now)
		tr.reply(0, packet, name, n, now)
		for _, h := range hopsOf(tr.shots, 0, 3) {
			if h.Received() > h.Sent {
				t.Errorf("%+v", h)
			}
		}
	})
}
