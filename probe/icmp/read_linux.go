package icmp

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"matrix/probe"
)

// mostBatches bounds how long a flood can keep the engine from sending.
const mostBatches = 64

const (
	// readAfter is how many echo requests are worth a look at what came of
	// them. Stamps and replies keep: the kernel has written the time on them.
	readAfter = gather
	// readWithin is how long a fate that is known may stay untold, by about a
	// tick: progress is seen by people.
	readWithin = 150 * time.Millisecond
)

// worthReading says whether the sockets are to be read in this tick. Between
// two readings no more is sent than there is room for, and where a tick sends
// that much already, each one reads; so it is where a target answers more than it
// was asked. After a step of the wall clock the stamps
// from before are read at once, while few can be of either time.
func (r *run) worthReading(now int64) bool {
	if r.health.Stamps == probe.UserStamps || r.readable || r.crowded || len(r.time.steps) > r.steps {
		return true
	}
	return r.unread >= min(readAfter, (r.room+1)/2) || now-r.readAt >= int64(readWithin) ||
		r.overdue(now) || r.wake(now)-now > int64(longTick)
}

// overdue says whether an echo request has been under way for too long.
func (r *run) overdue(now int64) bool {
	if r.flights.head == r.flights.tail {
		return false
	}
	f := r.flights.at(r.flights.head)
	return f.sent != 0 && now-f.left() > int64(r.job.Timeout)
}

// read takes in what arrived; true if surely nothing is left, which is asked
// for only where an echo request could be given up. now is from before.
func (r *run) read(now int64) bool {
	most := r.came + 2*r.unread
	r.unread, r.readAt, r.steps = 0, now, len(r.time.steps)
	empty, sure := true, r.overdue(now)
	for s := range r.every {
		r.readQueue(s)
		empty = r.readReplies(s, sure) && empty
	}
	r.crowded = r.came > most
	return empty
}

// readReplies is true when the kernel says that there is no more. Fewer packets
// than were asked for do not surely say it, since an error that comes in between
// cuts a batch short; what is left then is read the next time.
func (r *run) readReplies(s *socket, sure bool) bool {
	for range mostBatches {
		n, err := r.in.receive(s.fd, 0)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return true
		case err != nil:
			continue // one that was pending, told by the error queue
		}
		r.came += n
		now := r.time.now()
		for i := range n {
			r.reply(s, r.in.packet(i), r.in.name(i), parseNotes(r.in.said(i)), now)
		}
		r.in.clear(n)
		if n < messages && !sure {
			return false
		}
	}
	return false
}

// reply takes one packet in that may be an echo reply.
func (r *run) reply(s *socket, packet, name []byte, n notes, now int64) {
	if n.dropping {
		r.overflown(s, n.drops)
	}
	if s.raw && !s.v6 {
		packet, _ = withoutIP(packet)
	}
	m, ok := parseReply(packet, s.v6, r.job.Size)
	if !ok || m.token != r.token || m.target >= uint32(len(r.peers)) {
		if m.target != warmTarget {
			r.health.Stray++
		}
		return
	}
	p := &r.peers[m.target]
	if addressOf(name) != p.addr || m.number >= r.flights.tail {
		r.health.Stray++
		return
	}
	if r.flights.under(m.number) {
		f := r.flights.at(m.number)
		if uint32(f.target) != m.target || f.sent == 0 {
			r.health.Stray++
			return
		}
		if !f.fated {
			r.flights.answer(m.number)
			r.answered(s, f, p, n, now)
			return
		}
	}
	if r.flights.answer(m.number) {
		p.odd.Duplicates++
	} else {
		p.odd.Late++
	}
}

// answered ends a flight with its first reply.
func (r *run) answered(s *socket, f *flight, p *peer, n notes, now int64) {
	left, came, stamps, unknown := r.times(s, f, n, now)
	rtt := time.Duration(max(1, came-left))
	if f.fated { // refused: reading the send stamps brought an ICMP error
		p.odd.Late++
		return
	}
	e := probe.Echo{Target: int(f.target), Seq: int(f.slot), Outcome: probe.Replied, RTT: rtt, TTL: n.ttl, Stamps: stamps}
	if unknown != "" {
		e = probe.Echo{Target: int(f.target), Seq: int(f.slot), Outcome: probe.Unsent, Reason: unknown}
	} else if rtt > r.job.Timeout {
		e = probe.Echo{Target: int(f.target), Seq: int(f.slot), Outcome: probe.TimedOut}
		p.odd.Late++
	} else if f.slot+1 < p.answered && came >= p.came {
		p.odd.Reordered++
	}
	if unknown == "" && stamps < r.health.Stamps {
		r.health.Lesser++
	}
	if f.slot+1 > p.answered {
		p.answered, p.came = f.slot+1, came
	}
	f.fated = true
	r.emit(e)
	r.flights.forget()
}

const (
	unclear = "not known: the clock of this host was stepped when the reply came"
	untold  = "not known: the kernel did not say when the echo request left"
)

// times are when the request left and when the reply came, monotonic, as the
// kernel saw them, or else the program. They are unknown, for a reason, if the
// clock was stepped by so little, when the reply came, that the stamp fits before
// and after the step, or if the request may have waited for its time in the
// kernel, and its send stamp did not come: the program itself looks only once a
// tick, so its own time is no substitute.
func (r *run) times(s *socket, f *flight, n notes, now int64) (left, came int64, stamps probe.Stamps, unknown string) {
	if f.tx == 0 && s.stamps == probe.KernelStamps {
		r.readQueue(s) // the stamp was made before the packet left, so it is there
	}
	s.miss(f.tx == 0)
	if f.tx == 0 {
		r.peers[f.target].way = unseen
		if f.leave > f.sent {
			return f.sent, now, probe.UserStamps, untold
		}
	}
	stamp := r.warped(n.stamp)
	if stamp == 0 || s.stamps < probe.ReceiveStamps {
		return f.sent, now, probe.UserStamps, ""
	}
	left, stamps = f.sent, probe.ReceiveStamps
	if f.tx != 0 {
		left, stamps = f.tx, probe.KernelStamps
	}
	came, known := r.time.mono(stamp, left, now)
	if !known {
		unknown = unclear
	}
	return left, came, stamps, unknown
}

// mostMissing send stamps in a row say that the device does not make them.
const mostMissing = 16

// miss notes whether a send stamp came. Where none do, requests must be sent
// one by one, for the program's time to be near the truth.
func (s *socket) miss(missing bool) {
	if !missing || s.stamps != probe.KernelStamps {
		s.missing = 0
		return
	}
	if s.missing++; s.missing == mostMissing {
		s.lessen(true)
	}
}

func (r *run) warped(stamp int64) int64 {
	if r.warp != nil && stamp != 0 {
		return r.warp(stamp)
	}
	return stamp
}

// readQueue takes in send stamps and ICMP errors, and says whether there were
// any of the latter.
func (r *run) readQueue(s *socket) (pending bool) {
	pending = r.queue.readErrors(s.fd, r.time,
		func(packet []byte, n notes, now int64) { r.departed(s, packet, n, now) },
		func(packet, name []byte, n notes, _ int64) { r.refused(s, packet, name, n) })
	if pending {
		s.clear()
	}
	return pending
}

// departed notes when an echo request left.
func (r *run) departed(s *socket, packet []byte, n notes, now int64) {
	number := n.failure.Data
	if s.looped {
		m, ok := parseLooped(packet, s.v6, r.job.Size)
		if !ok || m.token != r.token {
			return
		}
		number = m.number
	}
	if !r.flights.under(number) || n.stamp == 0 {
		return
	}
	f := r.flights.at(number)
	if at, ok := r.time.mono(r.warped(n.stamp), f.sent, now); ok {
		f.tx = at
		r.learn(&r.peers[f.target], f)
	}
}

// early is how long before its time a send stamp shows that nothing waited: the
// kernel's queue lets nothing go too soon, and clocks are read to less than that.
const early = int64(100 * time.Microsecond)

// learn takes in what a send stamp says of the way to a target.
func (r *run) learn(to *peer, f *flight) {
	switch {
	case to.way == unseen:
		to.way = waits
	case f.leave != 0 && f.tx < f.leave-early:
		to.way = hasty
	case f.leave != 0:
		r.health.Lag = max(r.health.Lag, time.Duration(f.tx-f.leave))
	}
}

// refused ends a flight with an ICMP error. It need not quote more than the
// sequence number, so the address that was pinged has to fit as well.
func (r *run) refused(s *socket, packet, name []byte, n notes) {
	why := refusal{s.v6, n.failure.Type, n.failure.Code, n.failure.Info, n.offender}
	q, ok := parseQuote(packet, s.v6)
	if !ok || s.raw && q.id != s.id || !why.final() {
		r.health.Stray++
		return
	}
	number := s.bySeq[q.seq]
	f := r.flights.at(number)
	known := r.flights.under(number) && f.seq == q.seq && f.sent != 0 && r.sockets[family(s.v6)][f.socket] == s
	switch {
	case !known, addressOf(name) != r.peers[f.target].addr,
		q.marked && (q.mark.token != r.token || q.mark.number != number):
		r.health.Stray++
	case !f.fated:
		f.fated = true
		r.emit(probe.Echo{Target: int(f.target), Seq: int(f.slot), Outcome: probe.Refused, Reason: r.reason(why)})
		r.flights.forget()
	}
}

// reason is the refusal in words, which are made once.
func (r *run) reason(why refusal) string {
	text, known := r.reasons[why]
	if !known {
		if len(r.reasons) > 10_000 {
			clear(r.reasons)
		}
		text = why.String()
		r.reasons[why] = text
	}
	return text
}

// overflown notes that the receive buffer was full: replies may have been lost
// here and not in the network.
func (r *run) overflown(s *socket, drops uint32) {
	if drops == s.drops {
		return
	}
	r.health.Dropped += int(drops - s.drops)
	s.drops = drops
	r.suspect = r.flights.tail
}

const buried = "not known: this host had no room for the reply"

// expire gives up echo requests that have been under way for too long. now is
// from before the sockets were read.
func (r *run) expire(now int64) {
	looked := false
	for r.flights.head != r.flights.tail {
		number := r.flights.head
		f := r.flights.at(number)
		if !f.fated {
			if f.sent == 0 || now-f.left() <= int64(r.job.Timeout) {
				return
			}
			if !looked {
				looked = true
				for s := range r.every {
					r.overflown(s, s.dropped())
				}
			}
			e := probe.Echo{Target: int(f.target), Seq: int(f.slot), Outcome: probe.TimedOut}
			if number < r.suspect {
				e.Outcome, e.Reason = probe.Unsent, buried
			}
			f.fated = true
			r.emit(e)
		}
		r.flights.forget()
	}
}
