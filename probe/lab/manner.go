package lab

import (
	"encoding/binary"
	"fmt"

	"matrix/probe"
)

// manner is how a router words its ICMP errors, where it does not do so as most
// do.
type manner struct {
	refuse string   // the mark of what it says to every packet that would pass it; "": nothing
	labels []uint32 // the MPLS labels that it reports packets to arrive with
	quote  int      // bytes of the packet that it repeats; 0: maxQuote
}

// learn takes in what a hop says of its router.
func (m *manner) learn(h Hop) {
	if h.Refuse != "" {
		m.refuse = h.Refuse
	}
	if len(h.Labels) > 0 {
		m.labels = h.Labels
	}
	if h.Quote > 0 {
		m.quote = h.Quote
	}
}

// check refuses what no router says.
func (m manner) check() error {
	if m.refuse != "" {
		if _, known := refusalCode(m.refuse, false); !known {
			return fmt.Errorf(`refuse %q: want a mark of traceroute such as "!X"`, m.refuse)
		}
	}
	for _, label := range m.labels {
		if label >= 1<<20 {
			return fmt.Errorf("label %d: want less than 1048576", label)
		}
	}
	if len(m.labels) > 8 || m.quote != 0 && (m.quote < header4+8 || m.quote > 548) {
		return fmt.Errorf("%d labels, quote %d: want at most 8, and 28 to 548 bytes", len(m.labels), m.quote)
	}
	return nil
}

// refusalCode is the code of destination unreachable that traceroute marks so.
// What ICMPv6 has no word for is administratively prohibited there.
func refusalCode(mark string, v6 bool) (code uint8, known bool) {
	for code := range uint8(16) {
		if probe.MarkOf(v6, code) == mark {
			return code, true
		}
	}
	return 1, false
}

// answerRefused and all above it is destination unreachable, the code being
// what is added.
const answerRefused answer = 64

// refusal is the first router of a branch that lets a packet of that TTL go no
// further, counted from 1; 0 if all do. It looks for a route before it looks at
// the TTL, as Linux does.
func (n *network) refusal(branch []hop, h *header) int {
	for i := range min(int(h.ttl), len(branch)) {
		if n.routers[branch[i].router].manner.refuse != "" {
			return i + 1
		}
	}
	return 0
}

// refuse is the answer of a router that lets nothing pass.
func (n *network) refuse(from int32, branch []hop, position int, h *header, now int64) decision {
	if h.kind == kindError {
		return decision{action: drop}
	}
	at := branch[position-1]
	code, _ := refusalCode(n.routers[at.router].manner.refuse, h.src.Is6())
	return n.speak(from, at, position, answerRefused+answer(code), h.ttl-uint8(position)+1, h, now)
}

// extensions are the labels as RFC 4884 and RFC 4950 have them: a header, an
// object of class 1 and type 1, an entry a label.
func (m manner) extensions() []byte {
	if len(m.labels) == 0 {
		return nil
	}
	all := []byte{0x20, 0, 0, 0, 0, byte(4 + 4*len(m.labels)), 1, 1}
	for i, label := range m.labels {
		entry := label<<12 | 1 // TTL 1: it ran out here
		if i == len(m.labels)-1 {
			entry |= 1 << 8
		}
		all = binary.BigEndian.AppendUint32(all, entry)
	}
	binary.BigEndian.PutUint16(all[2:], checksum(0, all))
	return all
}

// quotedLeast is how much of a packet stands before extensions, RFC 4884,
// section 5.
const quotedLeast = 128

// quoted is what an error has behind its first eight bytes, and how long it
// says the quote is, in words of the family.
func (m manner) quoted(packet []byte, transport int, v6 bool) (body []byte, length uint8) {
	most := maxQuote
	if m.quote > 0 {
		most = m.quote
	}
	body = append(body, packet[:min(len(packet), max(most, transport+8))]...)
	extensions := m.extensions()
	if extensions == nil {
		return body, 0
	}
	body = append(body, make([]byte, quotedLeast)...)[:quotedLeast]
	length = quotedLeast / 4
	if v6 {
		length = quotedLeast / 8
	}
	return append(body, extensions...), length
}
