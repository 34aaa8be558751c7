package icmp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"

	"matrix/probe"
)

// limits keep an engine from what the kernel would allow; tests take the
// fallbacks with them.
type limits struct {
	noPing   bool         // no ping sockets
	noRaw    bool         // no raw sockets
	noDevice bool         // no SO_BINDTODEVICE without privilege, as before Linux 5.7
	unkeyed  bool         // no SCM_TS_OPT_ID, as before Linux 6.13
	best     probe.Stamps // no better stamps than these; 0: any
}

// socket is one ICMP socket. A ping socket has an id of its own, which the
// kernel chose, and gets the replies to that alone; a raw one gets every ICMP
// packet of the host, so a filter keeps out what is not for its id.
type socket struct {
	fd     int
	v6     bool
	raw    bool
	whole  bool // see keepWhole
	looped bool // send stamps bring the packet along instead of a key
	stamps probe.Stamps
	timed  bool       // it takes times to leave
	id     uint16     // raw only
	self   netip.Addr // that reaches this host itself from here; the zero Addr: none does
	unfit  error      // why nothing can be sent; nil: it can
	room   int        // echoes whose replies and stamps surely fit into the receive buffer
	hold   int        // echo requests that surely fit into the send buffer
	drops  uint32     // packets that did not, as last seen

	seq     uint16           // the next
	bySeq   []uint32         // the flight that used a sequence number last
	out     *batch           // echo requests that wait to be sent together
	numbers [messages]uint32 // their flights
	from    int              // the first in out that was not sent
	waiting int              // one beyond the last
	tries   int              // to send the first
	pardons int              // tries that failed for an ICMP error about another
	missing int              // replies in a row whose requests have no send stamp
}

// messages is how many go into one system call.
const messages = 64

// receiveBuffer is asked for, bytes: 100,000 echoes a second for 10 ms, with
// room to spare. Without CAP_NET_ADMIN it is cut to net.core.rmem_max.
const receiveBuffer = 8 << 20

func openSocket(v6 bool, o probe.Options, l limits, id uint16) (*socket, error) {
	family, protocol := unix.AF_INET, unix.IPPROTO_ICMP
	if v6 {
		family, protocol = unix.AF_INET6, unix.IPPROTO_ICMPV6
	}
	from, err := sourceOf(o.Source)
	if err != nil {
		return nil, err
	}
	s := &socket{fd: -1, v6: v6, id: id, stamps: probe.UserStamps, unfit: from.suits(v6), self: from.self(v6)}
	var refusals []error
	for _, kind := range []int{unix.SOCK_DGRAM, unix.SOCK_RAW} {
		s.raw = kind == unix.SOCK_RAW
		var err error = unix.EACCES
		if !(l.noPing && !s.raw || l.noRaw && s.raw) {
			s.fd, err = unix.Socket(family, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, protocol)
		}
		if err == nil {
			break
		}
		refusals = append(refusals, err)
		s.fd = -1
	}
	if s.fd < 0 {
		return nil, notAllowed(errors.Join(refusals...))
	}
	if err := s.prepare(o, from, l); err != nil {
		unix.Close(s.fd)
		return nil, &probe.HostError{Op: "prepare an ICMP socket", Err: err}
	}
	return s, nil
}

func (s *socket) prepare(o probe.Options, from source, l limits) error {
	if s.raw {
		if err := s.filter(); err != nil {
			return fmt.Errorf("filter: %w", err)
		}
	}
	level, errors, ttl := unix.IPPROTO_IP, unix.IP_RECVERR, unix.IP_RECVTTL
	if s.v6 {
		level, errors, ttl = unix.IPPROTO_IPV6, unix.IPV6_RECVERR, unix.IPV6_RECVHOPLIMIT
	}
	for _, option := range []int{errors, ttl} {
		if err := unix.SetsockoptInt(s.fd, level, option, 1); err != nil {
			return fmt.Errorf("option %d: %w", option, err)
		}
	}
	if err := dress(s.fd, s.v6, o.Sending, from, l); err != nil {
		return err
	}
	if err := s.leaveFrom(from.addr); err != nil {
		return fmt.Errorf("source address %v: %w", from.addr, err)
	}
	s.enlarge(o.Size)
	s.stamp(l)
	s.timed = s.takeTimes()
	s.bySeq = make([]uint32, 1<<16)
	s.out = newBatch(messages, headerLen+o.Size, keyLen+leaveLen)
	for i := range messages {
		copy(s.out.room(i), blank(s.v6, o.Size))
	}
	return nil
}

// wholeSize is the largest echo request that no path makes Linux fragment: the
// least path MTU that it believes is 552 (net.ipv4.route.min_pmtu).
const wholeSize = 552 - 20 - headerLen

// keepWhole has echo requests of IPv4 never fragmented that are so small that
// they never are. By itself Linux forbids routers to fragment them, and yet gives
// each the number that its fragments would need, out of a table that is never in
// the cache: 3 % of all CPU. Where this host must not fragment them either, there
// is no number.
func (s *socket) keepWhole(o probe.Options) {
	if !s.v6 && !o.DontFragment && o.Size <= wholeSize {
		s.whole = unix.SetsockoptInt(s.fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DO) == nil
	}
}

// fragments lets echo requests be fragmented after all: an interface may have a
// smaller MTU than any path. It is false if nothing changed.
func (s *socket) fragments() bool {
	if !s.whole {
		return false
	}
	s.whole = false
	return unix.SetsockoptInt(s.fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_WANT) == nil
}

// leaveFrom makes packets come from an address; the zero Addr leaves it to the
// routes. A ping socket's id is bound with it. If it is taken, any will do.
func (s *socket) leaveFrom(addr netip.Addr) error {
	if !addr.IsValid() || s.unfit != nil {
		return nil
	}
	err := bindTo(s.fd, s.v6, addr, s.id)
	if errors.Is(err, unix.EADDRINUSE) {
		err = bindTo(s.fd, s.v6, addr, 0)
	}
	return err
}

// enlarge asks for large buffers. Less is not an error: the ticks get shorter.
func (s *socket) enlarge(size int) {
	for _, option := range []int{unix.SO_RCVBUF, unix.SO_RCVBUFFORCE, unix.SO_SNDBUF, unix.SO_SNDBUFFORCE} {
		_ = unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, option, receiveBuffer/2) // the kernel doubles it
	}
	_ = unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1)
	got, err := unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
	if err != nil {
		got = 1 << 16
	}
	// What a packet is charged with: a reply up to a page-sized fragment and a
	// send stamp a small one, and half of all is kept free.
	s.room = max(1, got/(2*(2560+832+2*size)))
	if got, err = unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_SNDBUF); err == nil {
		s.hold = got / (2 * (1280 + 2*size))
	}
}

// stamp turns the kernel's time stamps on, as good ones as it has.
func (s *socket) stamp(l limits) {
	const receive = unix.SOF_TIMESTAMPING_RX_SOFTWARE | unix.SOF_TIMESTAMPING_SOFTWARE
	const send = unix.SOF_TIMESTAMPING_TX_SOFTWARE | unix.SOF_TIMESTAMPING_OPT_ID
	best := l.best
	if best == 0 {
		best = probe.KernelStamps
	}
	s.looped = l.unkeyed
	both := receive | send | unix.SOF_TIMESTAMPING_OPT_TSONLY
	if s.looped {
		both = receive | send
	}
	switch {
	case best >= probe.KernelStamps && s.set(both):
		s.stamps = probe.KernelStamps
	case best >= probe.ReceiveStamps && s.set(receive):
		s.stamps = probe.ReceiveStamps
	default:
		s.stamps = probe.UserStamps
	}
}

// takeTimes has the kernel take a time to leave with every packet. By the monotonic
// clock everybody may, since Linux 5.8; before, it takes CAP_NET_ADMIN. Whether
// packets then wait for it is up to the device: its queueing discipline has to be
// fq, and all others send at once.
func (s *socket) takeTimes() bool {
	by := struct {
		clock int32
		flags uint32
	}{clock: unix.CLOCK_MONOTONIC} // struct sock_txtime, linux/net_tstamp.h
	_, _, errno := unix.RawSyscall6(unix.SYS_SETSOCKOPT, uintptr(s.fd), unix.SOL_SOCKET, unix.SO_TXTIME,
		uintptr(unsafe.Pointer(&by)), unsafe.Sizeof(by), 0)
	return errno == 0
}

func (s *socket) set(flags int) bool {
	return unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPING, flags) == nil
}

// filter lets echo replies to this socket's id through, and nothing else: other
// programs' pings must not wake this one. An IPv4 packet comes with its IP
// header, whose length is in X; IPv6's is cut off.
func (s *socket) filter() error {
	const accept, drop = 1 << 18, 0
	program := []unix.SockFilter{
		{Code: unix.BPF_LDX | unix.BPF_B | unix.BPF_MSH, K: 0},
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_IND, K: 0},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 3, K: echoReply4},
		{Code: unix.BPF_LD | unix.BPF_H | unix.BPF_IND, K: 4},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: uint32(s.id)},
		{Code: unix.BPF_RET | unix.BPF_K, K: accept},
		{Code: unix.BPF_RET | unix.BPF_K, K: drop},
	}
	if s.v6 {
		program[0] = unix.SockFilter{Code: unix.BPF_LDX | unix.BPF_IMM, K: 0}
		program[2].K = echoReply6
	}
	return unix.SetsockoptSockFprog(s.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
}

// clear takes a pending error off the socket. An ICMP error leaves one, for
// the next call to fail with, whomever that one is about; the error queue has
// told it already.
func (s *socket) clear() { _, _ = unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_ERROR) }

// dropped is how many packets did not fit into the receive buffer, ever.
func (s *socket) dropped() uint32 {
	var info [unix.SK_MEMINFO_VARS]uint32
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := unix.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(s.fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&info[0])), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 || size < 4*(unix.SK_MEMINFO_DROPS+1) {
		return s.drops
	}
	return info[unix.SK_MEMINFO_DROPS]
}

// write makes message i of out an echo request, which is to leave at a time of
// CLOCK_MONOTONIC, or at once: 0.
func (s *socket) write(i int, seq uint16, m mark, to *peer, leave int64) {
	packet := s.out.room(i)
	binary.BigEndian.PutUint16(packet[4:], s.id)
	binary.BigEndian.PutUint16(packet[6:], seq)
	m.put(packet[headerLen:])
	if s.raw && !s.v6 {
		checksum(packet)
	}
	s.out.address(i, &to.sockaddr, to.sockaddrLen)
	control := s.out.control[i*s.out.notes:][:0]
	if s.stamps == probe.KernelStamps && !s.looped {
		control = appendKey(control, m.number)
	}
	if leave != 0 {
		control = appendLeave(control, leave)
	}
	s.out.headers[i].Hdr.SetControllen(len(control))
}

// way is what send stamps have told of the way to a target: whether the device
// there sends packets when they are to leave.
type way uint8

const (
	unseen way = iota // no stamp came
	waits             // not yet seen to send one before its time
	hasty             // sends all at once
)

// peer is a target as the kernel wants it.
type peer struct {
	addr        netip.Addr // without a zone
	v6          bool
	sockaddr    unix.RawSockaddrInet6
	sockaddrLen uint32
	way         way
	answered    int32 // the latest echo request that was answered, + 1
	came        int64 // when its reply did, monotonic: several sockets are not read in the order of arrival
	odd         probe.Oddities
}

func newPeer(addr netip.Addr) peer {
	zone := addr.Zone()
	addr = addr.Unmap()
	p := peer{addr: addr.WithZone(""), v6: addr.Is6()}
	if !p.v6 {
		in := (*unix.RawSockaddrInet4)(unsafe.Pointer(&p.sockaddr))
		*in = unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: addr.As4()}
		p.sockaddrLen = unix.SizeofSockaddrInet4
		return p
	}
	p.sockaddr = unix.RawSockaddrInet6{Family: unix.AF_INET6, Addr: addr.As16(), Scope_id: scopeOf(zone)}
	p.sockaddrLen = unix.SizeofSockaddrInet6
	return p
}

// scopeOf is the number of the interface that a zone names.
func scopeOf(zone string) uint32 {
	if zone == "" {
		return 0
	}
	if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return uint32(n)
	}
	if i, err := net.InterfaceByName(zone); err == nil {
		return uint32(i.Index)
	}
	return 1<<31 - 1 // none has this number, so that sending says what is wrong
}
