package lab

import (
	"fmt"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// engine is the one thread that carries every packet of the lab.
type engine struct {
	ring    *ring
	sender  int
	devices []int32                   // host by interface index, -1 for none
	ports   []*unix.SockaddrLinklayer // by host
	epoch   time.Time                 // zero of the engine's clock
	skew    int64                     // wall clock − engine's clock
	queue   queue
	pool    pool
	early   int64 // how much before a packet is due the thread wakes up
	ledger  ledger

	mu  sync.Mutex // network, between the engine and the door
	net *network
}

// clock is the engine's clock: monotonic nanoseconds.
func (e *engine) clock() int64 { return int64(time.Since(e.epoch)) }

// tick reads the clock and, with it, how far the wall clock is ahead. The
// kernel stamps packets by the wall clock, which may be stepped at any time.
func (e *engine) tick() int64 {
	t := time.Now()
	now := int64(t.Sub(e.epoch))
	e.skew = t.UnixNano() - now
	return now
}

// newEngine opens the engine's sockets in the thread's namespace. ports are
// the lab's ends of the hosts' cables.
func newEngine(n *network, ports []port) (*engine, error) {
	ring, err := openRing()
	if err != nil {
		return nil, err
	}
	sender, err := openSender()
	if err != nil {
		return nil, err
	}
	e := &engine{ring: ring, sender: sender, net: n, epoch: time.Now(), early: earlyMax / 2}
	for host, p := range ports {
		for len(e.devices) <= p.index {
			e.devices = append(e.devices, -1)
		}
		e.devices[p.index] = int32(host)
		to := &unix.SockaddrLinklayer{Ifindex: p.index, Halen: 6}
		copy(to.Addr[:], p.mac)
		e.ports = append(e.ports, to)
	}
	return e, nil
}

// run carries packets for ever. It keeps its thread to itself: the thread's
// timer slack is 1 ns, where Go's own timers round short waits up to a
// millisecond.
func (e *engine) run() error {
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("set timer slack: %w", err)
	}
	// Only root may; without it the cities' commands, at nice 19, still step
	// back. (SCHED_FIFO is worse: it stalled for 70 to 270 ms.)
	_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), engineNice)
	for {
		busy := e.receive(e.tick())
		if e.send() || busy {
			continue
		}
		if err := e.wait(); err != nil {
			return err
		}
	}
}

// engineNice is the engine's priority where it is allowed.
const engineNice = -15

// A sleeping thread is woken late: by 50 µs on a good day, by 200 in a virtual
// machine. So the engine asks to be woken early, by what four of five wake-ups
// need, and spins the rest. These are the estimate's steps and its bound, which
// is also what a wake-up may cost at most in spinning.
const (
	earlyUp   = int64(4 * time.Microsecond)
	earlyDown = int64(time.Microsecond)
	earlyMax  = int64(300 * time.Microsecond)
)

// wait sleeps until a packet arrives or one is nearly due.
func (e *engine) wait() error {
	var timeout *unix.Timespec
	var until int64
	if e.queue.len() > 0 {
		until = e.queue.first().due - e.early
		left := until - e.clock()
		if left <= 0 {
			return nil
		}
		t := unix.NsecToTimespec(left)
		timeout = &t
	}
	fds := [1]unix.PollFd{{Fd: int32(e.ring.fd), Events: unix.POLLIN}}
	ready, err := unix.Ppoll(fds[:], timeout, nil)
	switch {
	case err == unix.EINTR:
	case err != nil:
		return fmt.Errorf("wait for packets: %w", err)
	case ready == 0 && e.clock()-until > e.early:
		e.early = min(e.early+earlyUp, earlyMax)
	case ready == 0:
		e.early = max(e.early-earlyDown, 0)
	}
	return nil
}

// maxBurst bounds how long arriving packets may keep due ones waiting.
const maxBurst = 16

// receive takes packets from the ring and puts them into the queue.
func (e *engine) receive(now int64) (busy bool) {
	for range maxBurst {
		f, ok := e.ring.take()
		if !ok {
			return false
		}
		e.accept(&f, now)
		e.ring.release()
	}
	return true
}

// maxAge is how long a packet may have waited for the engine and still count
// from its stamp. (A packet that came after now was read is a little younger
// than nothing.)
const maxAge = int64(time.Second)

func (e *engine) accept(f *frame, now int64) {
	if f.device >= len(e.devices) || e.devices[f.device] < 0 {
		return
	}
	from := e.devices[f.device]
	h, ok := parse(f.bytes)
	if !ok || h.dst.IsMulticast() {
		return
	}
	// A wall clock that was stepped since the stamp must not hold a packet for
	// hours: what was not stamped just now, arrived now.
	arrived := f.arrived - e.skew
	if age := now - arrived; age > maxAge || age < -maxAge {
		arrived = now
	}
	e.mu.Lock()
	d := e.net.decide(from, &h, arrived)
	e.mu.Unlock()
	e.carryOut(from, f.bytes, &h, &d, arrived)
}

// carryOut puts what the network decided into the queue.
func (e *engine) carryOut(from int32, packet []byte, h *header, d *decision, arrived int64) {
	e.ledger.mu.Lock()
	defer e.ledger.mu.Unlock()
	e.ledger.Received++
	item := held{
		due: arrived + int64(d.delay), arrived: arrived, planned: int64(d.delay),
		from: from, to: d.to, id: h.id, seq: h.seq, echo: h.kind,
	}
	switch d.action {
	case drop:
		e.ledger.Lost++
		return
	case noRoute:
		e.ledger.NoRoute++
		return
	case reply:
		e.ledger.Answered++
		item.echo = kindOther // no host at the other end
		item.buf = appendAnswer(e.pool.get(len(packet)+header6+8), packet, h, d.answer, d.router, d.quoteAt, d.ttl, d.manner)
	case deliver:
		item.buf = append(e.pool.get(len(packet)), packet...)
		setTTL(item.buf, d.ttl)
	}
	e.queue.push(item)
}

// send delivers what is due, a few packets at a time. One system call a packet
// is right here: the receiving kernel does its whole work within it, some
// 10 µs, and the ledger wants the time of each.
func (e *engine) send() (busy bool) {
	for range maxBurst {
		if e.queue.len() == 0 {
			return false
		}
		now := e.clock()
		if wait := e.queue.first().due - now; wait > 0 {
			return wait <= e.early
		}
		item := e.queue.pop()
		to := e.ports[item.to]
		to.Protocol = htons(unix.ETH_P_IP)
		if item.buf[0]>>4 == 6 {
			to.Protocol = htons(unix.ETH_P_IPV6)
		}
		err := unix.Sendto(e.sender, item.buf, unix.MSG_DONTWAIT, to)
		e.record(&item, now, err)
		e.pool.put(item.buf)
	}
	return true
}

func (e *engine) record(item *held, now int64, err error) {
	e.ledger.mu.Lock()
	defer e.ledger.mu.Unlock()
	if err != nil {
		e.ledger.Refused++
		return
	}
	late := now-item.due > int64(lateAfter)
	e.ledger.Delivered++
	if late {
		e.ledger.Late++
	}
	if item.echo == kindEchoRequest || item.echo == kindEchoReply {
		e.ledger.Echoes++
		if late {
			e.ledger.LateEchoes++
		}
		e.ledger.add(entry{
			at: now + e.skew, given: now - item.arrived, planned: item.planned,
			from: item.from, to: item.to, id: item.id, seq: item.seq, reply: item.echo == kindEchoReply,
		})
	}
}

// snapshot is the ledger up to now.
func (e *engine) snapshot() ([][]entry, Counters) {
	dropped := e.ring.drops()
	e.ledger.mu.Lock()
	e.ledger.RingDrops += dropped
	e.ledger.mu.Unlock()
	return e.ledger.snapshot()
}
