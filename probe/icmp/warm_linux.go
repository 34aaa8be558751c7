package icmp

import (
	"math"
	"net/netip"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"matrix/probe"
)

const (
	warmTarget = math.MaxUint32 // what echo requests to this host itself are marked with
	warmTries  = 5
	warmWait   = 3 * time.Millisecond
)

// warm pings this host itself until both stamps come. The kernel turns them on
// a little after they are asked for, and some kernels have only one of them or
// know no keys: that is found out here, not with the first targets.
func (r *run) warm() {
	for _, family := range r.sockets {
		if len(family) == 0 {
			continue
		}
		s := family[0]
		loop := netip.AddrFrom4([4]byte{127, 0, 0, 1})
		if s.v6 {
			loop = netip.IPv6Loopback()
		}
		self := newPeer(loop)
		heard, received := false, false
		for try := range warmTries {
			w := r.warmOnce(s, &self, warmTarget-uint32(try))
			heard, received = heard || w.heard, received || w.received
			if w.received && (w.sent || s.stamps != probe.KernelStamps) {
				r.health.Self = w.rtt
				break
			}
			if try == warmTries-1 && heard && s.stamps != probe.UserStamps {
				s.lessen(received)
			}
		}
	}
}

// lessen makes do with fewer stamps.
func (s *socket) lessen(received bool) {
	l := limits{best: probe.UserStamps}
	if received {
		l.best = probe.ReceiveStamps
	}
	s.stamp(l)
}

// teach makes a later socket like one that was warmed.
func (s *socket) teach(later *socket) {
	later.stamp(limits{unkeyed: s.looped, best: s.stamps})
}

// warmth is what came of one try.
type warmth struct {
	heard    bool // a reply
	received bool // its stamp
	sent     bool // the request's
	rtt      time.Duration
}

func (r *run) warmOnce(s *socket, self *peer, number uint32) (w warmth) {
	s.write(0, s.seq, mark{r.token, number, warmTarget}, self)
	began := r.time.now()
	if _, err := s.out.send(s.fd, 0, 1); err != nil {
		if err == unix.EINVAL && s.stamps == probe.KernelStamps && !s.looped {
			s.stamp(limits{unkeyed: true}) // before Linux 6.13
		}
		return w
	}
	fd := unix.PollFd{Fd: int32(s.fd), Events: unix.POLLIN}
	for wait := warmWait; wait > 0; wait = warmWait - time.Duration(r.time.now()-began) {
		limit := unix.NsecToTimespec(int64(wait))
		_, _, _ = unix.Syscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&fd)), 1, uintptr(unsafe.Pointer(&limit)), 0, 0, 0)
		var left, came int64
		if n, err := r.queue.receive(s.fd, unix.MSG_ERRQUEUE); err == nil {
			left = parseNotes(r.queue.said(0)).stamp
			w.sent = w.sent || left != 0
			r.queue.clear(n)
		}
		if n, err := r.in.receive(s.fd, 0); err == nil {
			came = parseNotes(r.in.said(0)).stamp
			w.heard, w.received = true, came != 0
			r.in.clear(n)
			w.rtt = time.Duration(r.time.now() - began)
			if left != 0 && came > left {
				w.rtt = time.Duration(came - left)
			}
			return w
		}
	}
	return w
}
