package icmp

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"matrix/probe"
)

// budget keeps the rate: after a stall the plan is late, it is not caught up
// with in one burst.
type budget struct {
	perSecond, most, have float64
	at                    int64
}

// burst is how much delay may be caught up with at once.
const burst = 100 * time.Millisecond

func newBudget(perSecond float64, tick time.Duration) budget {
	most := max(1, perSecond*max(burst, 2*tick).Seconds())
	return budget{perSecond: perSecond, most: most, have: most}
}

func (b *budget) refill(now int64) {
	if b.at != 0 {
		b.have = min(b.most, b.have+b.perSecond*time.Duration(now-b.at).Seconds())
	}
	b.at = now
}

// send sends what is due, but no more than the receive buffer has room for
// the answers to.
func (r *run) send() {
	if !r.flush() {
		return
	}
	now := r.time.now()
	r.budget.refill(now)
	for room := r.room - r.unread; r.table.left > 0 && r.budget.have >= 1 && room > 0; room-- {
		due := r.begin + int64(r.table.next())
		if due > now {
			break
		}
		r.health.Lag = max(r.health.Lag, time.Duration(now-r.tickOf(due)))
		r.budget.have--
		target, slot := r.table.take()
		if !r.launch(target, slot, due) {
			break
		}
	}
	r.flush()
}

// tickOf is the tick in which an echo request is sent that is due at a time.
func (r *run) tickOf(due int64) int64 {
	return r.begin + (due-r.begin+r.tick-1)/r.tick*r.tick
}

// lead is what a tick has for reading the sockets before the first of its echo
// requests is to leave.
const lead = int64(time.Millisecond)

// leave is when the kernel is to send an echo request that is due at a time: a
// tick and lead later, so that those of a tick leave evenly. 0: at once, where it
// makes no send stamps, since then nobody would know whether it waited, where
// they have told that it does not wait, and where it has no room for so many.
func (r *run) leave(s *socket, to *peer, due int64) int64 {
	if !s.timed || s.stamps != probe.KernelStamps || to.way != waits || s.hold < r.crowd {
		return 0
	}
	return due + r.tick + lead
}

// launch puts an echo request that is due at a time with those that wait to be
// sent. It is false if no more can be taken now.
func (r *run) launch(target, slot int32, due int64) bool {
	to := &r.peers[target]
	r.unread++
	number, f := r.flights.add()
	f.target, f.slot = target, slot
	s, index, err := r.free(to.v6)
	if err != nil {
		r.unsent(f, err)
		return true
	}
	f.seq, f.socket = s.seq, uint8(index)
	s.bySeq[s.seq] = number
	var leave int64
	if f.leave = r.leave(s, to, due); f.leave != 0 {
		leave = f.leave + r.boot
	}
	s.write(s.waiting, s.seq, mark{r.token, number, uint32(target)}, to, leave)
	s.numbers[s.waiting] = number
	s.seq++
	s.waiting++
	return s.waiting < messages || r.flushSocket(s)
}

// mostSockets bounds the echo requests of one family under way: 64 × 65,536.
const mostSockets = 64

var errTooMany = errors.New("too many echo requests under way")

// free is a socket with a sequence number that no echo request under way has.
// The first one serves until 65,536 are.
func (r *run) free(v6 bool) (*socket, int, error) {
	all := r.sockets[family(v6)]
	if len(all) > 0 && all[0].unfit != nil {
		return nil, 0, all[0].unfit
	}
	for i, s := range all {
		number := s.bySeq[s.seq]
		old := r.flights.at(number)
		busy := r.flights.under(number) && !old.fated && old.seq == s.seq && int(old.socket) == i && number != r.flights.tail-1
		if !busy {
			return s, i, nil
		}
	}
	if len(all) == mostSockets {
		return nil, 0, errTooMany
	}
	s, err := r.open(v6)
	return s, len(all), err
}

// flush sends what waits on all sockets; false if something has to wait on.
func (r *run) flush() bool {
	if r.retryAt != 0 && r.time.last < r.retryAt {
		return false
	}
	r.retryAt = 0
	all := true
	for s := range r.every {
		if s.from < s.waiting && !r.flushSocket(s) {
			all = false
		}
	}
	return all
}

func (r *run) flushSocket(s *socket) bool {
	for s.from < s.waiting {
		to := s.waiting
		if s.stamps != probe.KernelStamps {
			to = s.from + 1 // the program's own time is only near the truth for one
		}
		now := r.time.now()
		for i := s.from; i < to; i++ {
			r.flights.at(s.numbers[i]).sent = now
		}
		n, err := s.out.send(s.fd, s.from, to)
		s.from += n
		if err == nil {
			s.tries, s.pardons = 0, 0
			continue
		}
		for i := s.from; i < to; i++ {
			r.flights.at(s.numbers[i]).sent = 0
		}
		if !r.failed(s, err) {
			r.retryAt = now + int64(time.Millisecond)
			return false
		}
	}
	s.from, s.waiting = 0, 0
	return true
}

const (
	fullTries  = 5 // where buffers are full: a millisecond each
	otherTries = 3 // any other error may be one that was pending,
	// and surely may be one when ICMP errors have just come.
	mostPardons = 100
)

// failed decides about the first echo request that waits, which the kernel
// would not send: false if it is to be tried again a little later.
func (r *run) failed(s *socket, err error) bool {
	s.tries++
	full := errors.Is(err, unix.ENOBUFS) || errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.ENOMEM)
	switch {
	case errors.Is(err, unix.EINTR), errors.Is(err, unix.EMSGSIZE) && s.fragments():
		s.tries--
		return true
	case full && s.tries < fullTries:
		return false
	case !full && r.readQueue(s) && s.pardons < mostPardons:
		s.pardons++
		s.tries = 0
		return true
	case !full && s.tries < otherTries:
		s.clear()
		return true
	}
	s.tries, s.pardons = 0, 0
	r.unsent(r.flights.at(s.numbers[s.from]), err)
	s.from++
	return true
}

func (r *run) unsent(f *flight, err error) {
	f.fated = true
	r.emit(probe.Echo{Target: int(f.target), Seq: int(f.slot), Outcome: probe.Unsent, Reason: reasonOf(err)})
	r.flights.forget()
}
