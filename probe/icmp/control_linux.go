package icmp

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// notes are what the kernel says beside a packet.
type notes struct {
	stamp    int64 // of the kernel's wall clock, ns; 0: none
	ttl      int   // 0: not said
	drops    uint32
	dropping bool // drops is valid
	failure  unix.SockExtendedErr
	failed   bool       // failure is valid
	offender netip.Addr // who sent the ICMP error
}

const (
	word          = unix.SizeofPtr
	cmsgHeaderLen = (unix.SizeofCmsghdr + word - 1) &^ (word - 1)
	failureLen    = 16 // struct sock_extended_err, linux/errqueue.h
)

// parseNotes reads control messages. They come from the kernel alone; even so
// nothing is read beyond what is there.
func parseNotes(control []byte) notes {
	var n notes
	for len(control) >= cmsgHeaderLen {
		length := lengthOf(control)
		if length < cmsgHeaderLen || length > len(control) {
			return n
		}
		at := cmsgHeaderLen - 8
		level := int(binary.NativeEndian.Uint32(control[at:]))
		kind := int(binary.NativeEndian.Uint32(control[at+4:]))
		n.take(level, kind, control[cmsgHeaderLen:length])
		control = control[min(len(control), (length+word-1)&^(word-1)):]
	}
	return n
}

// lengthOf reads cmsg_len, which is a size_t.
func lengthOf(control []byte) int {
	if word == 8 {
		return int(min(binary.NativeEndian.Uint64(control), 1<<30))
	}
	return int(min(binary.NativeEndian.Uint32(control), 1<<30))
}

func (n *notes) take(level, kind int, data []byte) {
	switch {
	case level == unix.SOL_SOCKET && kind == unix.SO_TIMESTAMPING:
		n.stamp = stampOf(data)
	case level == unix.SOL_SOCKET && kind == unix.SO_RXQ_OVFL && len(data) >= 4:
		n.drops, n.dropping = binary.NativeEndian.Uint32(data), true
	case level == unix.IPPROTO_IP && kind == unix.IP_TTL && len(data) >= 4,
		level == unix.IPPROTO_IPV6 && kind == unix.IPV6_HOPLIMIT && len(data) >= 4:
		n.ttl = int(binary.NativeEndian.Uint32(data) & 255)
	case level == unix.IPPROTO_IP && kind == unix.IP_RECVERR,
		level == unix.IPPROTO_IPV6 && kind == unix.IPV6_RECVERR:
		n.takeFailure(data)
	}
}

// stampOf reads the software stamp, the first of the three timespecs of struct
// scm_timestamping. Their size is the word's.
func stampOf(data []byte) int64 {
	if word == 8 && len(data) >= 16 {
		return int64(binary.NativeEndian.Uint64(data))*1e9 + int64(binary.NativeEndian.Uint64(data[8:]))
	}
	if word == 4 && len(data) >= 8 {
		return int64(int32(binary.NativeEndian.Uint32(data)))*1e9 + int64(int32(binary.NativeEndian.Uint32(data[4:])))
	}
	return 0
}

// takeFailure reads a struct sock_extended_err and the address behind it.
func (n *notes) takeFailure(data []byte) {
	if len(data) < failureLen {
		return
	}
	n.failed = true
	n.failure = unix.SockExtendedErr{
		Errno:  binary.NativeEndian.Uint32(data),
		Origin: data[4],
		Type:   data[5],
		Code:   data[6],
		Info:   binary.NativeEndian.Uint32(data[8:]),
		Data:   binary.NativeEndian.Uint32(data[12:]),
	}
	n.offender = addressOf(data[failureLen:])
}

// addressOf reads a sockaddr_in or sockaddr_in6; the zero Addr if it is
// neither.
func addressOf(sockaddr []byte) netip.Addr {
	if len(sockaddr) < 8 {
		return netip.Addr{}
	}
	switch binary.NativeEndian.Uint16(sockaddr) {
	case unix.AF_INET:
		return netip.AddrFrom4([4]byte(sockaddr[4:8]))
	case unix.AF_INET6:
		if len(sockaddr) >= 24 {
			return netip.AddrFrom16([16]byte(sockaddr[8:24])).Unmap()
		}
	}
	return netip.Addr{}
}

const (
	keyLen   = cmsgHeaderLen + word // of a key as a control message, bytes
	leaveLen = cmsgHeaderLen + 8    // of a time to leave
)

// appendKey appends a control message that gives the send stamp of its packet a
// key: SCM_TS_OPT_ID, since Linux 6.13. Counting packets instead, as older
// kernels do, goes wrong when a send fails half-way.
func appendKey(control []byte, key uint32) []byte {
	return appendNumber(control, unix.SOL_SOCKET, unix.SCM_TS_OPT_ID, key)
}

// appendLeave appends a control message that says when its packet is to leave, ns
// of CLOCK_MONOTONIC: SCM_TXTIME, since Linux 4.19.
func appendLeave(control []byte, at int64) []byte {
	control = appendHeader(control, unix.SOL_SOCKET, unix.SCM_TXTIME, 8)
	return binary.NativeEndian.AppendUint64(control, uint64(at))
}

// appendNumber appends a control message that is a number of 32 bits.
func appendNumber(control []byte, level, kind int, number uint32) []byte {
	control = appendHeader(control, level, kind, 4)
	control = binary.NativeEndian.AppendUint32(control, number)
	if word == 8 {
		control = append(control, 0, 0, 0, 0)
	}
	return control
}

// appendHeader appends the header of a control message with so many bytes of data.
func appendHeader(control []byte, level, kind, length int) []byte {
	if word == 8 {
		control = binary.NativeEndian.AppendUint64(control, uint64(cmsgHeaderLen+length))
	} else {
		control = binary.NativeEndian.AppendUint32(control, uint32(cmsgHeaderLen+length))
	}
	control = binary.NativeEndian.AppendUint32(control, uint32(level))
	return binary.NativeEndian.AppendUint32(control, uint32(kind))
}
