package icmp

import (
	"math"
	"time"

	"golang.org/x/sys/unix"

	"matrix/probe"
)

const (
	warmTarget = math.MaxUint32 // what echo requests to this host itself are marked with
	warmWait   = 3 * time.Millisecond
	warmPause  = time.Millisecond
	// warmMost is when a kernel that answers without stamps is believed to have
	// none: it turns them on in a work queue, which on a busy machine takes
	// some milliseconds.
	warmMost = 50 * time.Millisecond
	warmDeaf = 3 // tries without any answer, before it is left at that
)

// warm pings this host itself until both stamps come. The kernel turns them on
// a little after they are asked for, and some kernels have only one of them or
// know no keys: that is found out here, not with the first targets.
func (r *run) warm() {
	for _, family := range r.sockets {
		if len(family) > 0 {
			r.warmSocket(family[0])
		}
	}
}

func (r *run) warmSocket(s *socket) {
	if !s.self.IsValid() {
		s.stamp(limits{unkeyed: true, best: s.stamps}) // which every kernel has
		return
	}
	self := newPeer(s.self)
	var all warmth
	deaf := 0
	for began := r.time.now(); r.time.now()-began < int64(warmMost) && deaf < warmDeaf; {
		w := r.warmOnce(s, &self)
		if w.received && (w.sent || s.stamps != probe.KernelStamps) || w.heard && s.stamps == probe.UserStamps {
			r.health.Self = w.rtt
			return
		}
		all.heard, all.received = all.heard || w.heard, all.received || w.received
		if !w.heard {
			deaf++
		}
		doze(nil, int64(warmPause))
	}
	if all.heard {
		s.lessen(all.received)
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

func (r *run) warmOnce(s *socket, self *peer) (w warmth) {
	s.write(0, s.seq, mark{r.token, 0, warmTarget}, self, 0)
	began := r.time.now()
	if _, err := s.out.send(s.fd, 0, 1); err != nil {
		switch {
		case err == unix.EINVAL && s.stamps == probe.KernelStamps && !s.looped:
			s.stamp(limits{unkeyed: true}) // before Linux 6.13
		case err == unix.EMSGSIZE:
			s.fragments()
		}
		return w
	}
	fds := []unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLIN}}
	for left := int64(warmWait); left > 0; left = began + int64(warmWait) - r.time.now() {
		doze(fds, left)
		var sent, came int64
		if n, err := r.queue.receive(s.fd, unix.MSG_ERRQUEUE); err == nil {
			sent = parseNotes(r.queue.said(0)).stamp
			w.sent = w.sent || sent != 0
			r.queue.clear(n)
		}
		if n, err := r.in.receive(s.fd, 0); err == nil {
			came = parseNotes(r.in.said(0)).stamp
			w.heard, w.received = true, came != 0
			r.in.clear(n)
			w.rtt = time.Duration(r.time.now() - began)
			if sent != 0 && came > sent {
				w.rtt = time.Duration(came - sent)
			}
			return w
		}
	}
	return w
}
