package icmp

import (
	"encoding/binary"
	"slices"

	"golang.org/x/sys/unix"

	"matrix/probe"
)

// balance is what makes the checksum of a probe the same as that of every other
// probe of its flow, whatever its numbers: routers that share load may hash the
// first four bytes of the transport header, which hold the checksum in ICMP.
// The sum is that of RFC 1071.
func balance(flow int, number uint32, seq uint16) uint16 {
	sum := uint32(seq) + number>>16 + number&0xffff
	sum = sum>>16 + sum&0xffff
	sum = sum>>16 + sum&0xffff
	want := uint32(1 + 7*flow)
	return uint16((want + 0xffff - sum) % 0xffff)
}

// markProbe writes a probe's mark, balanced, at the start of its payload.
func markProbe(payload []byte, token uint64, flow int, number uint32, seq uint16) {
	mark{token, number, uint32(balance(flow, number, seq))}.put(payload)
}

// lifeControl is a control message that gives its packet a TTL.
func lifeControl(v6 bool, ttl int) []byte {
	level, kind := unix.IPPROTO_IP, unix.IP_TTL
	if v6 {
		level, kind = unix.IPPROTO_IPV6, unix.IPV6_HOPLIMIT
	}
	return appendNumber(nil, level, kind, uint32(ttl))
}

// markAtEnd finds the mark in a probe that the kernel gave back with its send
// stamp, behind all of its headers.
func markAtEnd(packet []byte, size int) (mark, bool) {
	if len(packet) < size {
		return mark{}, false
	}
	return readMark(packet[len(packet)-size:])
}

// parseDatagramQuote reads what an ICMP error repeats of a datagram's payload.
// A router need not quote any (RFC 792): then it is only known that one of the
// flow's probes is meant.
func parseDatagramQuote(payload []byte, size int) (mark, bool) {
	if len(payload) > size {
		payload = payload[:size]
	}
	return readMark(payload)
}

const (
	extensionVersion = 2   // RFC 4884, section 7
	extensionHeader  = 4   // bytes of the structure's and of an object's header
	quotedLeast      = 128 // bytes of the quoted datagram before extensions, section 5.5
	classMPLS        = 1   // RFC 4950
	kindMPLSIncoming = 1
)

// extensionsAt is where the extensions begin in what the error queue has of an
// ICMP error: as the kernel says (IP_RECVERR_RFC4884, since Linux 5.9), or else
// where old routers put them, without saying so, behind a quote of 128 bytes of
// which the kernel cut off the headers. 0: nowhere.
func extensionsAt(failure unix.SockExtendedErr, told bool, stripped, length int) int {
	at := quotedLeast - stripped
	if told {
		var data [4]byte
		binary.NativeEndian.PutUint32(data[:], failure.Data)
		const invalid = 1 // SO_EE_RFC4884_FLAG_INVALID, linux/errqueue.h
		if n := int(binary.NativeEndian.Uint16(data[:])); n != 0 && data[2]&invalid == 0 {
			at = n
		}
	}
	if at <= 0 || at+extensionHeader > length {
		return 0
	}
	return at
}

// parseLabels reads the MPLS label stack out of the extensions of an ICMP error.
func parseLabels(extensions []byte) []probe.Label {
	if len(extensions) < extensionHeader || extensions[0]>>4 != extensionVersion || !summed(extensions) {
		return nil
	}
	for objects := extensions[extensionHeader:]; len(objects) >= extensionHeader; {
		length := int(binary.BigEndian.Uint16(objects))
		if length < extensionHeader || length > len(objects) {
			return nil
		}
		if objects[2] == classMPLS && objects[3] == kindMPLSIncoming {
			return parseStack(objects[extensionHeader:length])
		}
		objects = objects[length:]
	}
	return nil
}

// summed says whether the checksum is right. One that was not computed proves
// nothing, and the bytes may as well be the end of a quote.
func summed(extensions []byte) bool {
	if extensions[2] == 0 && extensions[3] == 0 {
		return false
	}
	again := slices.Clone(extensions)
	checksum(again)
	return slices.Equal(again[2:4], extensions[2:4])
}

// parseStack reads label stack entries of four bytes each (RFC 3032).
func parseStack(entries []byte) []probe.Label {
	const most = 32 // probe refuses more
	var stack []probe.Label
	for ; len(entries) >= 4 && len(stack) < most; entries = entries[4:] {
		entry := binary.BigEndian.Uint32(entries)
		stack = append(stack, probe.Label{
			Value: entry >> 12, Class: uint8(entry >> 9 & 7), Bottom: entry>>8&1 == 1, TTL: uint8(entry),
		})
	}
	return stack
}
