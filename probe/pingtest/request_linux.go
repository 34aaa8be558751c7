package pingtest

import (
	"bytes"
	"encoding/binary"
	"net/netip"
)

// Request is one echo request that left. It is only good while it is answered,
// unless it is cloned.
type Request struct {
	From, To netip.Addr
	Seq      uint16
	Packet   []byte // from the IP header on
	Message  []byte // from the ICMP header on
	world    *World
}

// V6 says which family it is of.
func (r Request) V6() bool { return r.To.Is6() }

// Clone outlives the answering.
func (r Request) Clone() Request {
	offset := len(r.Packet) - len(r.Message)
	r.Packet = bytes.Clone(r.Packet)
	r.Message = r.Packet[offset:]
	return r
}

func readRequest(packet []byte) (Request, bool) {
	r := Request{Packet: packet}
	switch {
	case len(packet) >= 28 && packet[0] == 0x45 && packet[9] == 1 && packet[20] == 8:
		r.From, r.To = netip.AddrFrom4([4]byte(packet[12:16])), netip.AddrFrom4([4]byte(packet[16:20]))
		r.Packet = packet[:min(len(packet), int(binary.BigEndian.Uint16(packet[2:])))]
		r.Message = r.Packet[20:]
	case len(packet) >= 48 && packet[0]>>4 == 6 && packet[6] == 58 && packet[40] == 128:
		r.From, r.To = netip.AddrFrom16([16]byte(packet[8:24])), netip.AddrFrom16([16]byte(packet[24:40]))
		r.Message = packet[40:]
	default:
		return r, false
	}
	r.Seq = binary.BigEndian.Uint16(r.Message[6:])
	return r, true
}

// Reply answers it as it should be.
func (r Request) Reply() { r.ReplyFrom(r.To, nil) }

// ReplyFrom answers it from an address, with a message that change made
// another one.
func (r Request) ReplyFrom(from netip.Addr, change func(message []byte) []byte) {
	message := bytes.Clone(r.Message)
	message[0] = 0
	if r.V6() {
		message[0] = 129
	}
	if change != nil {
		message = change(message)
	}
	r.world.send(wrap(from, r.From, message))
}

// Refuse answers it with an ICMP error that quotes so much of its message.
func (r Request) Refuse(from netip.Addr, kind, code uint8, quoted int) {
	header := len(r.Packet) - len(r.Message)
	message := append([]byte{kind, code, 0, 0, 0, 0, 0, 0}, r.Packet[:min(len(r.Packet), header+quoted)]...)
	r.world.send(wrap(from, r.From, message))
}

// TTL is what packets of a World arrive with.
const TTL = 57

// wrap makes an IP packet of an ICMP message, and sets its checksums.
func wrap(from, to netip.Addr, message []byte) []byte {
	message[2], message[3] = 0, 0
	if from.Is6() {
		ip := []byte{0x60, 0, 0, 0, byte(len(message) >> 8), byte(len(message)), 58, TTL}
		ip = append(append(ip, from.AsSlice()...), to.AsSlice()...)
		pseudo := append(bytes.Clone(ip[8:40]), 0, 0, byte(len(message)>>8), byte(len(message)), 0, 0, 0, 58)
		binary.BigEndian.PutUint16(message[2:], sum(append(pseudo, message...)))
		return append(ip, message...)
	}
	binary.BigEndian.PutUint16(message[2:], sum(message))
	total := 20 + len(message)
	ip := []byte{0x45, 0, byte(total >> 8), byte(total), 0, 0, 0, 0, TTL, 1, 0, 0}
	ip = append(append(ip, from.AsSlice()...), to.AsSlice()...)
	binary.BigEndian.PutUint16(ip[10:], sum(ip))
	return append(ip, message...)
}

// sum is the checksum of RFC 1071.
func sum(data []byte) uint16 {
	var s uint32
	for i, b := range data {
		s += uint32(b) << (8 * ((i + 1) % 2))
	}
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return ^uint16(s)
}
