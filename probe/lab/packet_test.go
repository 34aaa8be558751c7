package lab

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"
)

var (
	here4, there4   = netip.MustParseAddr("198.18.0.1"), netip.MustParseAddr("198.18.0.2")
	here6, there6   = netip.MustParseAddr("fd6c:6162::1:1"), netip.MustParseAddr("fd6c:6162::1:2")
	router4         = netip.MustParseAddr("100.64.0.1")
	router6         = netip.MustParseAddr("fd6c:6162:0:1::1")
	echoID, echoSeq = uint16(0x1234), uint16(7)
)

// echoPacket is an echo request of a host, as its kernel would send it.
func echoPacket(src, dst netip.Addr, ttl uint8, payload int) []byte {
	var packet []byte
	icmpType := byte(icmpEchoRequest)
	if src.Is6() {
		packet, icmpType = appendHeader6(nil, src, dst, ttl), icmp6EchoRequest
	} else {
		packet = appendHeader4(nil, src, dst, ttl)
	}
	message := len(packet)
	packet = append(packet, icmpType, 0, 0, 0, byte(echoID>>8), byte(echoID&0xff), byte(echoSeq>>8), byte(echoSeq))
	packet = append(packet, bytes.Repeat([]byte{0xa5}, payload)...)
	finish(packet, message)
	return packet
}

// udpPacket is a UDP datagram, without a checksum.
func udpPacket(src, dst netip.Addr, ttl uint8, from, to uint16) []byte {
	packet := appendHeader4(nil, src, dst, ttl)
	packet[9] = protoUDP
	packet = binary.BigEndian.AppendUint16(packet, from)
	packet = binary.BigEndian.AppendUint16(packet, to)
	packet = append(packet, 0, 12, 0, 0, 'd', 'a', 't', 'a')
	binary.BigEndian.PutUint16(packet[2:], uint16(len(packet)))
	setTTL(packet, ttl)
	return packet
}

// checkSums verifies what a receiving kernel verifies.
func checkSums(t *testing.T, packet []byte) {
	t.Helper()
	h, ok := parse(packet)
	if !ok {
		t.Fatalf("not a packet: %x", packet)
	}
	body := packet[h.transport:]
	pseudo := uint32(0)
	if h.src.Is6() {
		pseudo = add(0, packet[8:40]) + uint32(len(body)) + protoICMPv6
	} else if sum := checksum(0, packet[:h.transport]); sum != 0 {
		t.Errorf("header checksum is off by %#x", sum)
	}
	if sum := checksum(pseudo, body); sum != 0 {
		t.Errorf("ICMP checksum is off by %#x", sum)
	}
}

// The example of RFC 1071, section 3.
func TestChecksum(t *testing.T) {
	data := []byte{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7}
	if got, want := checksum(0, data), ^uint16(0xddf2); got != want {
		t.Errorf("checksum: %#x, want %#x", got, want)
	}
	if got, want := checksum(0, []byte{0x12, 0x34, 0x56}), ^uint16(0x6834); got != want {
		t.Errorf("checksum of an odd length: %#x, want %#x", got, want)
	}
}

func TestParseEcho(t *testing.T) {
	for _, c := range []struct{ src, dst netip.Addr }{{here4, there4}, {here6, there6}} {
		h, ok := parse(echoPacket(c.src, c.dst, 9, 56))
		if !ok || h.src != c.src || h.dst != c.dst || h.ttl != 9 || h.kind != kindEchoRequest || h.id != echoID || h.seq != echoSeq {
			t.Errorf("%v → %v: %+v, %v", c.src, c.dst, h, ok)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	whole := echoPacket(here4, there4, 64, 8)
	whole6 := echoPacket(here6, there6, 64, 8)
	shortHeader := bytes.Clone(whole)
	shortHeader[0] = 0x44
	for name, packet := range map[string][]byte{
		"nothing":       nil,
		"cut":           whole[:len(whole)-1],
		"cut IPv6":      whole6[:len(whole6)-1],
		"IPv6 header":   whole6[:30],
		"version 5":     append([]byte{0x55}, whole[1:]...),
		"header length": shortHeader,
	} {
		if h, ok := parse(packet); ok {
			t.Errorf("%s: parsed as %+v", name, h)
		}
	}
}

func TestParseKeepsSilentAboutErrors(t *testing.T) {
	request := echoPacket(here4, there4, 1, 56)
	h, _ := parse(request)
	answered := appendAnswer(nil, request, &h, answerTimeExceeded, router4, 1, 254, manner{})
	if h, ok := parse(answered); !ok || h.kind != kindError {
		t.Errorf("a time exceeded is %+v, want an error", h)
	}
	fragment := bytes.Clone(request)
	fragment[7] = 1 // fragment offset
	if h, ok := parse(fragment); !ok || h.kind != kindError {
		t.Errorf("a later fragment is %+v, want to be treated as an error", h)
	}
}

func TestFlow(t *testing.T) {
	flow := func(from, to uint16) uint32 {
		h, _ := parse(udpPacket(here4, there4, 64, from, to))
		return h.flow
	}
	if first, again := flow(1000, 2000), flow(1000, 2000); first != again {
		t.Error("one conversation has two flows")
	}
	if flow(1000, 2000) == flow(1000, 2001) {
		t.Error("two conversations have one flow")
	}
	h, _ := parse(echoPacket(here4, there4, 64, 8))
	longer, _ := parse(echoPacket(here4, there4, 3, 80))
	if h.flow != longer.flow {
		t.Error("one ping has two flows")
	}
}

func TestTimeExceeded(t *testing.T) {
	for _, c := range []struct{ src, dst, router netip.Addr }{{here4, there4, router4}, {here6, there6, router6}} {
		for _, payload := range []int{0, 56, 1400} {
			request := echoPacket(c.src, c.dst, 3, payload)
			h, _ := parse(request)
			got := appendAnswer([]byte{}, request, &h, answerTimeExceeded, c.router, 1, 252, manner{})
			checkSums(t, got)
			outer, _ := parse(got)
			if outer.src != c.router || outer.dst != c.src || outer.ttl != 252 || outer.kind != kindError {
				t.Errorf("answer: %+v", outer)
			}
			quoted := got[outer.transport+8:]
			if want := min(len(request), maxQuote); len(quoted) != want {
				t.Errorf("quoted %d bytes of %d, want %d", len(quoted), len(request), want)
			}
			setTTL(request, 1)
			if !bytes.Equal(quoted, request[:len(quoted)]) {
				t.Errorf("quoted %x\n  want %x", quoted, request[:len(quoted)])
			}
		}
	}
}

func TestEchoReplyOfRouter(t *testing.T) {
	for _, c := range []struct{ src, router netip.Addr }{{here4, router4}, {here6, router6}} {
		request := echoPacket(c.src, c.router, 64, 56)
		h, _ := parse(request)
		got := appendAnswer(nil, request, &h, answerEcho, c.router, 0, 250, manner{})
		checkSums(t, got)
		back, _ := parse(got)
		if back.src != c.router || back.dst != c.src || back.kind != kindEchoReply || back.id != echoID || back.seq != echoSeq {
			t.Errorf("answer: %+v", back)
		}
		if !bytes.Equal(got[back.transport+8:], request[h.transport+8:]) {
			t.Error("the payload did not come back")
		}
	}
}

func TestPortUnreachable(t *testing.T) {
	request := udpPacket(here4, router4, 5, 40000, 33434)
	h, _ := parse(request)
	got := appendAnswer(nil, request, &h, answerPortUnreachable, router4, 4, 253, manner{})
	checkSums(t, got)
	if outer, _ := parse(got); got[outer.transport] != icmpUnreachable || got[outer.transport+1] != icmpPortUnreachable {
		t.Errorf("answer: %x", got)
	}
}

func FuzzPacket(f *testing.F) {
	f.Add(echoPacket(here4, there4, 1, 56))
	f.Add(echoPacket(here6, there6, 1, 1200))
	f.Add(udpPacket(here4, there4, 1, 1, 2))
	f.Fuzz(func(t *testing.T, packet []byte) {
		h, ok := parse(packet)
		if !ok {
			return
		}
		if h.transport > len(packet) {
			t.Fatalf("transport at %d of %d", h.transport, len(packet))
		}
		router := router4
		if h.src.Is6() {
			router = router6
		}
		kinds := []answer{answerTimeExceeded}
		if h.kind == kindEchoRequest {
			kinds = append(kinds, answerEcho)
		}
		if len(packet) > 1500 {
			return
		}
		for _, kind := range kinds {
			got := appendAnswer(nil, packet, &h, kind, router, 1, 255, manner{})
			checkSums(t, got)
		}
		setTTL(packet, 1)
	})
}
