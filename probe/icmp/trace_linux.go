package icmp

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"matrix/probe"
)

var _ probe.Tracer = (*Kernel)(nil)

// Trace makes a traceroute; see probe.Tracer.
func (k *Kernel) Trace(ctx context.Context, job probe.TraceJob, emit func(probe.Trace)) error {
	return traceWith(ctx, job, traceLimits{limits: k.limits}, emit)
}

func traceDefault(ctx context.Context, job probe.TraceJob, emit func(probe.Trace)) error {
	return traceWith(ctx, job, traceLimits{}, emit)
}

// traceLimits keep a traceroute from what the kernel would allow; tests take
// the fallbacks with them.
type traceLimits struct {
	limits
	noUDP bool
}

func traceWith(ctx context.Context, job probe.TraceJob, l traceLimits, emit func(probe.Trace)) error {
	if err := job.Check(); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	from, err := sourceOf(job.Source)
	if err != nil {
		return err
	}
	if err := from.suits(job.Addr.Unmap().Is6()); err != nil {
		return &probe.HostError{Op: "trace", Err: err}
	}
	if job.Method == probe.TraceTCP {
		return traceTCP(ctx, job, from, emit)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer preciseSleep()()
	t, err := newTracing(job, from, l)
	if err != nil {
		return err
	}
	defer t.alarm.close()
	defer t.close()
	defer t.alarm.watch(ctx)()
	t.loop()
	for flow := range t.trails {
		emit(t.trace(flow))
	}
	return ctx.Err()
}

// preciseSleep makes this thread's sleeps end when they should; the kernel may
// stretch them by 50 µs otherwise. It returns what undoes that.
func preciseSleep() func() {
	before, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	if err != nil || unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0) != nil {
		return func() {}
	}
	return func() { _ = unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(before), 0, 0, 0) }
}

// tracing is a traceroute under way, all of its flows. One goroutine owns it.
type tracing struct {
	job      probe.TraceJob
	v6       bool
	method   probe.TraceMethod
	fallback string
	limits   traceLimits
	from     source
	token    uint64
	peer     peer
	time     *timeline
	alarm    *alarm
	trails   []*trail
	in       *batch // for what the target says
	queue    *batch // for the error queue
	route    route
	shots    []shot // every probe, in the order of sending; its index is its number
	head     int    // no shot before this one is under way
	begin    int64  // monotonic
	before   int64  // when the sockets were last about to be read
	news     bool   // an answer came
	fds      []unix.PollFd
}

// shot is one probe on its way.
type shot struct {
	flow, ttl int
	seq       uint16
	alone     bool  // nothing else was under way: an error that quotes nothing is about it
	failed    bool  // could not be sent
	expired   bool  // out of time
	answered  bool  //
	sent, tx  int64 // monotonic: when it was handed to the kernel; when it left, 0: not said
	from      netip.Addr
	rtt       time.Duration
	mark      string
	labels    []probe.Label
	again     int // answers beyond the first
	late      int // answers after the timeout
}

func (s *shot) under() bool { return !s.failed && !s.expired && !s.answered }

func newTracing(job probe.TraceJob, from source, l traceLimits) (*tracing, error) {
	t := &tracing{
		job: job, v6: job.Addr.Unmap().Is6(), method: job.Method, limits: l, from: from,
		token: rand.Uint64(), time: newTimeline(systemClock()), route: newRoute(job),
	}
	if err := t.openTrails(); err != nil {
		t.close()
		return nil, err
	}
	t.peer = newPeer(job.Addr)
	if t.method == probe.TraceUDP {
		t.peer = withPort(job.Addr, t.job.Port)
	}
	// Hosts quote as much as fits into 576 bytes, or 1280 in IPv6 (RFC 1812,
	// RFC 4443), and a looped probe has the headers of all layers.
	room := max(1500, job.Size+256)
	t.in, t.queue = newBatch(messages, room, 256), newBatch(messages, room, 256)
	var err error
	if t.alarm, err = newAlarm(); err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

func (t *tracing) close() {
	for _, f := range t.trails {
		unix.Close(f.fd)
	}
	t.trails = nil
}

// settle is how long the kernel may take to turn its time stamps on.
const settle = 5 * time.Millisecond

func (t *tracing) loop() {
	t.begin = t.time.now() + int64(settle)
	t.before = t.begin
	for !t.alarm.rung.Load() {
		now := t.time.now()
		t.read()
		t.before = now
		t.expire(now)
		until, more := t.send(now)
		if !more {
			return
		}
		t.sleep(until)
	}
}

// send sends what is due. It says when there is something to do again, and
// whether there is anything left at all.
func (t *tracing) send(now int64) (until int64, more bool) {
	for t.route.more() {
		flow, ttl, due := t.route.next()
		if ttl > t.trails[flow].limit(t.job.MaxHops) {
			t.route.skip()
			continue
		}
		if due += t.begin; due > now {
			return min(due, t.deadline(now)), true
		}
		t.route.skip()
		t.launch(flow, ttl, false)
	}
	if t.waiting() {
		return t.deadline(now), true
	}
	return t.sendAlone(now)
}

// launch sends one probe.
func (t *tracing) launch(flow, ttl int, alone bool) {
	f, number := t.trails[flow], uint32(len(t.shots))
	packet := f.out.room(0)
	s := shot{flow: flow, ttl: ttl, alone: alone}
	if t.method == probe.TraceUDP {
		packet = packet[:t.job.Size]
		markProbe(packet, t.token, flow, number, 0)
	} else {
		s.seq = uint16(number) + uint16(t.token)
		t.writeEcho(f, packet, flow, number, s.seq)
	}
	f.out.vectors[0].SetLen(len(packet))
	f.out.address(0, &t.peer.sockaddr, t.peer.sockaddrLen)
	copy(f.out.control, lifeControl(t.v6, ttl))
	f.out.headers[0].Hdr.SetControllen(f.out.notes)
	var err error
	for range otherTries {
		f.clear()
		s.sent = t.time.now()
		if _, err = f.out.send(f.fd, 0, 1); err == nil {
			break
		}
	}
	if err != nil {
		s.failed, f.unsent = true, reasonOf(err)
	}
	t.shots = append(t.shots, s)
}

func (t *tracing) writeEcho(f *trail, packet []byte, flow int, number uint32, seq uint16) {
	copy(packet, blank(t.v6, t.job.Size))
	packet[4], packet[5] = byte(f.id>>8), byte(f.id)
	packet[6], packet[7] = byte(seq>>8), byte(seq)
	markProbe(packet[headerLen:], t.token, flow, number, seq)
	if f.raw && !t.v6 {
		checksum(packet)
	}
}

// expire gives up probes that have been under way for too long.
func (t *tracing) expire(now int64) {
	for ; t.head < len(t.shots); t.head++ {
		s := &t.shots[t.head]
		if s.under() {
			if now-s.sent <= int64(t.job.Timeout) {
				return
			}
			s.expired = true
		}
	}
}

// waiting says whether an answer of interest may still come.
func (t *tracing) waiting() bool {
	for i := t.head; i < len(t.shots); i++ {
		if s := &t.shots[i]; s.under() && s.ttl <= t.trails[s.flow].limit(t.job.MaxHops) {
			return true
		}
	}
	return false
}

// deadline is when the oldest probe under way expires.
func (t *tracing) deadline(now int64) int64 {
	for i := t.head; i < len(t.shots); i++ {
		if s := &t.shots[i]; s.under() {
			return s.sent + int64(t.job.Timeout) + 1
		}
	}
	return now + int64(t.job.Timeout)
}

// sleep waits for packets, until a time. It reads the error queues first: send
// stamps alone would end the sleep at once. An answer among them is a reason
// not to sleep.
func (t *tracing) sleep(until int64) {
	t.news = false
	t.fds = append(t.fds[:0], unix.PollFd{Fd: int32(t.alarm.fd), Events: unix.POLLIN})
	for flow, f := range t.trails {
		t.readQueue(flow)
		t.fds = append(t.fds, unix.PollFd{Fd: int32(f.fd), Events: unix.POLLIN})
	}
	if t.news {
		return
	}
	wait := unix.NsecToTimespec(max(0, until-t.time.now()))
	_, _, _ = unix.Syscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&t.fds[0])), uintptr(len(t.fds)), uintptr(unsafe.Pointer(&wait)), 0, 0, 0)
}

// errCut is why a trace has no end.
var errCut = errors.New("cancelled, or out of time")
