package icmp

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"

	"matrix/probe"
)

// trail is one flow of a traceroute: a socket whose id or port no other flow
// has, so that every router sends all of its probes the same way.
type trail struct {
	*socket
	told      bool // the kernel says where extensions begin
	reachedAt int  // the nearest hop that is the target; 0: none yet
	stoppedAt int  // the nearest hop that said that there is no way on
	unquoted  int  // errors that do not say which probe they are about
	asked     int  // the hop that was asked last whether it is the target
	beyond    int  // the farthest that is not
	unsent    string
	worst     probe.Stamps // of its answers' time stamps
}

// limit is the farthest hop that is of interest. The target's own answer beats
// a router's refusal: that one was for some of the probes only.
func (f *trail) limit(most int) int {
	switch {
	case f.reachedAt > 0:
		return f.reachedAt
	case f.stoppedAt > 0:
		return f.stoppedAt
	}
	return most
}

// openTrails opens a socket for each flow. Where no kind of ICMP socket is
// allowed, datagrams do: they need no privilege anywhere.
func (t *tracing) openTrails() error {
	open := t.openEchoTrail
	if t.method == probe.TraceUDP {
		open = t.openDatagramTrail
	}
	err := t.openAll(open)
	if err == nil || t.method == probe.TraceUDP || t.limits.noUDP {
		return err
	}
	t.close()
	t.method = probe.TraceUDP
	t.fallback = "UDP probes, since " + err.Error()
	t.job.Port = probe.DefaultTraceOptions(probe.TraceUDP).Port
	return t.openAll(t.openDatagramTrail)
}

func (t *tracing) openAll(open func(id uint16) (*socket, error)) error {
	// Ids in a row, so that the flows part even where a router looks at the
	// last bits alone.
	id := uint16(20_000 + rand.IntN(40_000))
	for range t.job.Flows {
		s, err := open(id)
		if err != nil {
			return err
		}
		f := &trail{socket: s}
		t.trails = append(t.trails, f)
		f.told = t.prepare(s)
		id++
	}
	return nil
}

func (t *tracing) openEchoTrail(id uint16) (*socket, error) {
	s, err := openSocket(t.v6, probe.Options{Size: t.job.Size, Sending: t.job.Sending}, t.limits.limits, id)
	if err != nil {
		return nil, err
	}
	if !s.raw && !t.from.addr.IsValid() {
		_ = bindTo(s.fd, t.v6, netip.Addr{}, id) // if it is taken, the kernel gives another
	}
	return s, nil
}

// openDatagramTrail opens a UDP socket.
func (t *tracing) openDatagramTrail(port uint16) (*socket, error) {
	domain := unix.AF_INET
	if t.v6 {
		domain = unix.AF_INET6
	}
	fd, err := unix.Socket(domain, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_UDP)
	if err != nil {
		return nil, &probe.HostError{Op: "open a UDP socket", Err: err}
	}
	if err = dress(fd, t.v6, t.job.Sending, t.from, t.limits.limits); err == nil {
		_, err = bindNear(fd, t.v6, t.from.addr, port)
	}
	level, option := unix.IPPROTO_IP, unix.IP_RECVERR
	if t.v6 {
		level, option = unix.IPPROTO_IPV6, unix.IPV6_RECVERR
	}
	if err = errors.Join(err, unix.SetsockoptInt(fd, level, option, 1)); err != nil {
		unix.Close(fd)
		return nil, &probe.HostError{Op: "prepare a UDP socket", Err: err}
	}
	return &socket{fd: fd, v6: t.v6}, nil
}

// prepare turns on what a traceroute wants beyond echoes: send stamps that
// bring the packet along, which every kernel has, and the place of extensions.
func (t *tracing) prepare(s *socket) (told bool) {
	s.stamp(limits{unkeyed: true, best: t.limits.best})
	s.out = newBatch(1, headerLen+t.job.Size, cmsgHeaderLen+word)
	level, option := unix.IPPROTO_IP, unix.IP_RECVERR_RFC4884
	if t.v6 {
		level, option = unix.IPPROTO_IPV6, unix.IPV6_RECVERR_RFC4884
	}
	return unix.SetsockoptInt(s.fd, level, option, 1) == nil
}

// withPort is a target as the kernel wants it, with a port.
func withPort(addr netip.Addr, port int) peer {
	p := newPeer(addr)
	// Where struct sockaddr_in has its port, sockaddr_in6 has its own.
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&p.sockaddr.Port))[:], uint16(port))
	return p
}
