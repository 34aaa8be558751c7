package lab

import (
	"encoding/binary"
	"net/netip"
)

// Protocol numbers and ICMP types that the engine looks at (IANA registries
// "Protocol Numbers", "ICMP Type Numbers" and "ICMPv6 type Numbers").
const (
	protoICMP   = 1
	protoTCP    = 6
	protoUDP    = 17
	protoICMPv6 = 58

	icmpEchoReply    = 0
	icmpUnreachable  = 3
	icmpEchoRequest  = 8
	icmpTimeExceeded = 11

	icmp6Unreachable  = 1
	icmp6TimeExceeded = 3
	icmp6EchoRequest  = 128
	icmp6EchoReply    = 129

	icmpPortUnreachable  = 3 // code of icmpUnreachable (RFC 792)
	icmp6PortUnreachable = 4 // code of icmp6Unreachable (RFC 4443, section 3.1)
)

const (
	header4 = 20 // bytes of an IPv4 header without options
	header6 = 40 // bytes of an IPv6 header
	// maxQuote is how much of an expired packet a router sends back: more than
	// the 28 bytes of RFC 792, as RFC 1812, section 4.3.2.3 asks, and no more
	// than fits beside the extensions of RFC 4884 in old receivers.
	maxQuote = 148
)

// kind is what the engine has to know of a packet beyond its addresses.
type kind uint8

const (
	kindOther kind = iota
	kindEchoRequest
	kindEchoReply
	kindError // an ICMP error: must never be answered by another (RFC 1122, section 3.2.2)
	kindUDP
)

// header is what the engine reads of a packet.
type header struct {
	src, dst  netip.Addr
	ttl       uint8
	kind      kind
	id, seq   uint16 // of an echo request or reply
	flow      uint32 // the same for all packets of one conversation in one direction
	transport int    // where the transport header starts
}

// parse reads a packet. It fails on what is not whole IPv4 or IPv6.
func parse(packet []byte) (header, bool) {
	if len(packet) < header4 {
		return header{}, false
	}
	switch packet[0] >> 4 {
	case 4:
		return parse4(packet)
	case 6:
		return parse6(packet)
	}
	return header{}, false
}

func parse4(packet []byte) (header, bool) {
	length := int(packet[0]&15) * 4
	total := int(binary.BigEndian.Uint16(packet[2:]))
	if length < header4 || total < length || total > len(packet) {
		return header{}, false
	}
	h := header{
		src:       netip.AddrFrom4([4]byte(packet[12:16])),
		dst:       netip.AddrFrom4([4]byte(packet[16:20])),
		ttl:       packet[8],
		transport: length,
	}
	laterFragment := binary.BigEndian.Uint16(packet[6:])&0x1fff != 0
	h.readTransport(packet[9], packet[length:total], laterFragment)
	return h, true
}

func parse6(packet []byte) (header, bool) {
	if len(packet) < header6 {
		return header{}, false
	}
	total := header6 + int(binary.BigEndian.Uint16(packet[4:]))
	if total > len(packet) {
		return header{}, false
	}
	h := header{
		src:       netip.AddrFrom16([16]byte(packet[8:24])),
		dst:       netip.AddrFrom16([16]byte(packet[24:40])),
		ttl:       packet[7],
		transport: header6,
	}
	h.readTransport(packet[6], packet[header6:total], false)
	return h, true
}

// readTransport finds the packet's kind and its flow. Routers that share load
// hash addresses, protocol and ports; of an echo they hash the identifier, so
// that one ping keeps to one branch.
func (h *header) readTransport(proto uint8, body []byte, laterFragment bool) {
	h.flow = hashFlow(h.src, h.dst, proto)
	switch {
	case laterFragment:
		// No transport header here. Treated as an error is treated: routers do
		// not answer for it (RFC 1122, section 3.2.2).
		h.kind = kindError
	case proto == protoICMP && len(body) >= 8:
		h.readICMP(body, icmpEchoRequest, icmpEchoReply, isError4(body[0]))
	case proto == protoICMPv6 && len(body) >= 8:
		h.readICMP(body, icmp6EchoRequest, icmp6EchoReply, body[0] < 128)
	case (proto == protoUDP || proto == protoTCP) && len(body) >= 8:
		if proto == protoUDP {
			h.kind = kindUDP
		}
		h.flow = mix(h.flow, body[:4])
	}
}

func (h *header) readICMP(body []byte, request, reply uint8, isError bool) {
	switch {
	case body[0] == request:
		h.kind = kindEchoRequest
	case body[0] == reply:
		h.kind = kindEchoReply
	case isError:
		h.kind = kindError
		return
	default:
		return
	}
	h.id = binary.BigEndian.Uint16(body[4:])
	h.seq = binary.BigEndian.Uint16(body[6:])
	h.flow = mix(h.flow, body[4:6])
}

// isError4 lists the error messages of RFC 1122, section 3.2.2.
func isError4(icmpType uint8) bool {
	switch icmpType {
	case icmpUnreachable, 4, 5, icmpTimeExceeded, 12:
		return true
	}
	return false
}

// hashFlow and mix are 32-bit FNV-1a (RFC 9923): stable between runs.
func hashFlow(src, dst netip.Addr, proto uint8) uint32 {
	a, b := src.As16(), dst.As16()
	return mix(mix(mix(2166136261, a[:]), b[:]), []byte{proto})
}

func mix(hash uint32, bytes []byte) uint32 {
	for _, b := range bytes {
		hash = (hash ^ uint32(b)) * 16777619
	}
	return hash
}

// setTTL changes the TTL of a packet, and its header checksum if it has one.
func setTTL(packet []byte, ttl uint8) {
	if packet[0]>>4 == 6 {
		packet[7] = ttl
		return
	}
	packet[8] = ttl
	packet[10], packet[11] = 0, 0
	binary.BigEndian.PutUint16(packet[10:], checksum(0, packet[:int(packet[0]&15)*4]))
}

// checksum is the Internet checksum (RFC 1071) over data, started with sum.
func checksum(sum uint32, data []byte) uint16 {
	return ^fold(add(sum, data))
}

func add(sum uint32, data []byte) uint32 {
	for len(data) >= 2 {
		sum += uint32(data[0])<<8 | uint32(data[1])
		data = data[2:]
	}
	if len(data) == 1 {
		sum += uint32(data[0]) << 8
	}
	return sum
}

func fold(sum uint32) uint16 {
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}

// answer is what a virtual router says to a packet.
type answer uint8

const (
	answerTimeExceeded answer = iota + 1
	answerPortUnreachable
	answerEcho
)

// types are the ICMP type and code of an answer in IPv4 and IPv6.
func (a answer) types(v6 bool) (icmpType, code uint8) {
	switch {
	case a >= answerRefused && v6:
		return icmp6Unreachable, uint8(a - answerRefused)
	case a >= answerRefused:
		return icmpUnreachable, uint8(a - answerRefused)
	case a == answerEcho && v6:
		return icmp6EchoReply, 0
	case a == answerEcho:
		return icmpEchoReply, 0
	case a == answerPortUnreachable && v6:
		return icmp6Unreachable, icmp6PortUnreachable
	case a == answerPortUnreachable:
		return icmpUnreachable, icmpPortUnreachable
	case v6:
		return icmp6TimeExceeded, 0
	}
	return icmpTimeExceeded, 0
}

// appendAnswer appends a whole packet to buf: a router's answer to packet,
// whose header is h. The router quotes the packet as it reached it, with the
// TTL that it arrived with.
func appendAnswer(buf, packet []byte, h *header, a answer, router netip.Addr, arrivedTTL, ttl uint8, m manner) []byte {
	v6 := h.src.Is6()
	start := len(buf)
	if v6 {
		buf = appendHeader6(buf, router, h.src, ttl)
	} else {
		buf = appendHeader4(buf, router, h.src, ttl)
	}
	message := len(buf)
	icmpType, code := a.types(v6)
	if a == answerEcho {
		// An echo reply is the request's ICMP message with another type.
		buf = append(buf, packet[h.transport:]...)
		buf[message], buf[message+1], buf[message+2], buf[message+3] = icmpType, code, 0, 0
	} else {
		body, length := m.quoted(packet, h.transport, v6)
		buf = append(buf, icmpType, code, 0, 0, 0, 0, 0, 0)
		if v6 {
			buf[message+4] = length
		} else {
			buf[message+5] = length
		}
		quote := len(buf)
		buf = append(buf, body...)
		setTTL(buf[quote:], arrivedTTL)
	}
	finish(buf[start:], message-start)
	return buf
}

func appendHeader4(buf []byte, src, dst netip.Addr, ttl uint8) []byte {
	s, d := src.As4(), dst.As4()
	// Precedence "internetwork control", as RFC 1812, section 4.3.2.5 has it.
	buf = append(buf, 0x45, 0xc0, 0, 0, 0, 0, 0, 0, ttl, protoICMP, 0, 0)
	return append(append(buf, s[:]...), d[:]...)
}

func appendHeader6(buf []byte, src, dst netip.Addr, ttl uint8) []byte {
	s, d := src.As16(), dst.As16()
	buf = append(buf, 0x60, 0, 0, 0, 0, 0, protoICMPv6, ttl)
	return append(append(buf, s[:]...), d[:]...)
}

// finish fills in the length and the checksums of a packet made here, whose
// ICMP message starts at message.
func finish(packet []byte, message int) {
	body := packet[message:]
	if packet[0]>>4 == 6 {
		binary.BigEndian.PutUint16(packet[4:], uint16(len(body)))
		pseudo := add(0, packet[8:40]) + uint32(len(body)) + protoICMPv6 // RFC 8200, section 8.1
		binary.BigEndian.PutUint16(body[2:], checksum(pseudo, body))
		return
	}
	binary.BigEndian.PutUint16(packet[2:], uint16(len(packet)))
	setTTL(packet, packet[8])
	binary.BigEndian.PutUint16(body[2:], checksum(0, body))
}
