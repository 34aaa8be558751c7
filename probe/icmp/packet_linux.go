package icmp

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// Types of ICMP messages (RFC 792, RFC 4443).
const (
	echoRequest4 = 8
	echoReply4   = 0
	echoRequest6 = 128
	echoReply6   = 129
)

// mark is what an echo request carries, so that its reply can be told from
// every other packet: ping sockets own the ICMP id, and 16 bits of sequence
// number say little.
type mark struct {
	token  uint64 // random, one a job
	number uint32 // of the flight
	target uint32 // index into the job's targets
}

const markLen = 16

func (m mark) put(payload []byte) {
	binary.BigEndian.PutUint64(payload, m.token)
	binary.BigEndian.PutUint32(payload[8:], m.number)
	binary.BigEndian.PutUint32(payload[12:], m.target)
}

// readMark reads what put wrote; false if there is too little.
func readMark(payload []byte) (mark, bool) {
	if len(payload) < markLen {
		return mark{}, false
	}
	return mark{
		token:  binary.BigEndian.Uint64(payload),
		number: binary.BigEndian.Uint32(payload[8:]),
		target: binary.BigEndian.Uint32(payload[12:]),
	}, true
}

// blank is an echo request without id, sequence number and mark. Its filling
// counts up, as that of ping does, so that a damaged byte can be seen.
func blank(v6 bool, size int) []byte {
	packet := make([]byte, headerLen+size)
	packet[0] = echoRequest4
	if v6 {
		packet[0] = echoRequest6
	}
	for i := headerLen + markLen; i < len(packet); i++ {
		packet[i] = byte(i - headerLen)
	}
	return packet
}

// checksum fills in the checksum of RFC 1071, which the kernel computes for
// every kind of ICMP socket but a raw one of IPv4.
func checksum(packet []byte) {
	packet[2], packet[3] = 0, 0
	var sum uint32
	for i := 0; i+1 < len(packet); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(packet[i:]))
	}
	if len(packet)%2 == 1 {
		sum += uint32(packet[len(packet)-1]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	binary.BigEndian.PutUint16(packet[2:], ^uint16(sum))
}

// withoutIP cuts off the IPv4 header that raw sockets deliver.
func withoutIP(packet []byte) ([]byte, bool) {
	if len(packet) < 20 || packet[0]>>4 != 4 {
		return nil, false
	}
	n := int(packet[0]&15) * 4
	if n < 20 || n > len(packet) {
		return nil, false
	}
	return packet[n:], true
}

// parseReply reads an echo reply that answers a request of the given size.
func parseReply(packet []byte, v6 bool, size int) (mark, bool) {
	kind := byte(echoReply4)
	if v6 {
		kind = echoReply6
	}
	if len(packet) != headerLen+size || packet[0] != kind || packet[1] != 0 {
		return mark{}, false
	}
	return readMark(packet[headerLen:])
}

// quote is what an ICMP error repeats of the echo request that it is about.
type quote struct {
	id, seq uint16
	mark    mark
	marked  bool // routers need not quote more than the first 8 bytes
}

// parseQuote reads the quoted ICMP message. What a raw IPv6 socket hands over
// begins with the IPv6 header.
func parseQuote(packet []byte, v6 bool) (quote, bool) {
	kind := byte(echoRequest4)
	if v6 {
		kind = echoRequest6
		if len(packet) > 40 && packet[0]>>4 == 6 {
			packet = packet[40:]
		}
	}
	if len(packet) < headerLen || packet[0] != kind || packet[1] != 0 {
		return quote{}, false
	}
	q := quote{id: binary.BigEndian.Uint16(packet[4:]), seq: binary.BigEndian.Uint16(packet[6:])}
	q.mark, q.marked = readMark(packet[headerLen:])
	return q, true
}

// parseLooped finds the mark in a request of the given size that the kernel
// gave back with its send stamp: it has all headers, the link's included, so it
// is measured from its end.
func parseLooped(packet []byte, v6 bool, size int) (mark, bool) {
	at := len(packet) - size - headerLen
	if at < 0 {
		return mark{}, false
	}
	packet = packet[at:]
	if packet[0] != echoRequest4 && !v6 || packet[0] != echoRequest6 && v6 {
		return mark{}, false
	}
	return readMark(packet[headerLen:])
}

// refusal is what an ICMP error says.
type refusal struct {
	v6         bool
	kind, code uint8
	mtu        uint32
	from       netip.Addr
}

// final says whether the error tells that the request will not be answered;
// redirects and source quenches do not.
func (r refusal) final() bool {
	if r.v6 {
		return r.kind >= 1 && r.kind <= 4
	}
	return r.kind == 3 || r.kind == 11 || r.kind == 12
}

func (r refusal) String() string {
	words := r.words()
	if !r.from.IsValid() || r.from.IsUnspecified() {
		return words
	}
	return words + " from " + r.from.String()
}

// Words for codes of destination unreachable: the registry of IANA, in the
// words of ping where it has some.
var (
	unreachable4 = [...]string{
		"network unreachable", "host unreachable", "protocol unreachable", "port unreachable",
		"fragmentation needed", "source route failed", "network unknown", "host unknown", "host isolated",
		"network administratively unreachable", "host administratively unreachable",
		"network unreachable for this type of service", "host unreachable for this type of service",
		"administratively unreachable", "host precedence violation", "precedence cut off",
	}
	unreachable6 = [...]string{
		"network unreachable", "administratively unreachable", "beyond the scope of the source address",
		"host unreachable", "port unreachable", "source address failed the policy", "route refused",
	}
)

func (r refusal) words() string {
	unreachable, unreachableKind, exceeded := unreachable4[:], uint8(3), uint8(11)
	if r.v6 {
		unreachable, unreachableKind, exceeded = unreachable6[:], 1, 3
	}
	switch {
	case r.v6 && r.kind == 2:
		return fmt.Sprintf("packet too big (at most %d bytes)", r.mtu)
	case !r.v6 && r.kind == 3 && r.code == 4:
		return fmt.Sprintf("fragmentation needed (at most %d bytes)", r.mtu)
	case r.kind == unreachableKind && int(r.code) < len(unreachable):
		return unreachable[r.code]
	case r.kind == exceeded && r.code == 0:
		return "time exceeded"
	case r.kind == exceeded && r.code == 1:
		return "reassembly time exceeded"
	}
	return fmt.Sprintf("ICMP error %d code %d", r.kind, r.code)
}
