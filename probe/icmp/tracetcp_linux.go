package icmp

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"matrix/probe"
)

// retransmit is when Linux repeats a connection request that was not answered
// (the first RTO, RFC 6298); a probe ends before.
const retransmit = 900 * time.Millisecond

// traceTCP asks with connection requests, which anybody may send: connect(2) on
// a socket with a small TTL, whose error queue tells who answered. A host has
// only one connection with the same ports at both ends, so a flow that is to
// keep to one path asks one hop after the other.
func traceTCP(ctx context.Context, job probe.TraceJob, from source, emit func(probe.Trace)) error {
	base := uint16(20_000 + rand.IntN(40_000))
	traces := make([]probe.Trace, job.Flows)
	failures := make([]error, job.Flows)
	var all sync.WaitGroup
	for flow := range traces {
		all.Go(func() {
			bell, err := newAlarm()
			if err != nil {
				failures[flow] = err
				return
			}
			defer bell.close()
			defer bell.watch(ctx)()
			c := &calls{job: job, flow: flow, port: base + uint16(flow), alarm: bell, peer: withPort(job.Addr, job.Port), from: from}
			failures[flow] = c.run()
			traces[flow] = c.trace()
		})
	}
	all.Wait()
	if err := errors.Join(failures...); err != nil {
		return &probe.HostError{Op: "trace", Err: err}
	}
	for _, t := range traces {
		emit(t)
	}
	return ctx.Err()
}

// calls are the connection requests of one flow.
type calls struct {
	job       probe.TraceJob
	flow      int
	port      uint16 // this end's
	peer      peer
	from      source
	alarm     *alarm
	shots     []shot
	reachedAt int
	stoppedAt int
	unsent    string
	worst     probe.Stamps
}

func (c *calls) limit() int {
	return (&trail{reachedAt: c.reachedAt, stoppedAt: c.stoppedAt}).limit(c.job.MaxHops)
}

// run makes the passes. Later ones go no farther than one hop beyond the last
// that ever answered: every silent one costs a second.
func (c *calls) run() error {
	farthest := c.job.MaxHops
	for range c.job.Probes {
		heard := 0
		for ttl := 1; ttl <= min(farthest, c.limit()); ttl++ {
			if c.alarm.rung.Load() {
				return nil
			}
			s, err := c.call(ttl)
			if err != nil {
				return err
			}
			c.shots = append(c.shots, s)
			if s.answered {
				heard = ttl
			}
		}
		farthest = min(farthest, heard+1)
	}
	return nil
}

// call makes one connection request.
func (c *calls) call(ttl int) (shot, error) {
	s := shot{flow: c.flow, ttl: ttl}
	fd, err := c.open(ttl)
	if err != nil {
		return s, err
	}
	defer unix.Close(fd)
	poll(c.alarmed(), probe.TracePace, true)
	clocks := newTimeline(systemClock())
	s.sent = clocks.now()
	_, _, errno := unix.Syscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&c.peer.sockaddr)), uintptr(c.peer.sockaddrLen))
	switch errno {
	case 0, unix.EINPROGRESS, unix.ECONNREFUSED, unix.EHOSTUNREACH:
	default:
		s.failed, c.unsent = true, reasonOf(errno)
		return s, nil
	}
	fds := append(c.alarmed(), unix.PollFd{Fd: int32(fd), Events: unix.POLLOUT})
	poll(fds, min(c.job.Timeout, retransmit), errno == unix.EINPROGRESS)
	c.outcome(&s, fd, clocks)
	s.expired = !s.answered && !c.alarm.rung.Load()
	return s, nil
}

// outcome finds out what became of a connection request. An ICMP error is in
// the error queue; whatever else there is the target has sent.
func (c *calls) outcome(s *shot, fd int, clocks *timeline) {
	now := clocks.now()
	said := newBatch(1, 1500, 256)
	if n, err := said.receive(fd, unix.MSG_ERRQUEUE); err == nil && n == 1 {
		note := parseNotes(said.said(0))
		v, ok := judge(note, c.peer.v6, netip.Addr{})
		if !ok || !note.offender.IsValid() || note.offender.IsUnspecified() {
			return
		}
		if at := extensionsAt(note.failure, true, headers(c.peer.v6), len(said.packet(0))); at > 0 {
			s.labels = parseLabels(said.packet(0)[at:])
		}
		came, stamps := now, probe.UserStamps
		if at, ok := clocks.mono(note.stamp, s.sent, now); ok && note.stamp != 0 {
			came, stamps = at, probe.ReceiveStamps
		}
		c.answer(s, note.offender, time.Duration(came-s.sent), stamps, v)
		return
	}
	rtt, stamps := time.Duration(now-s.sent), probe.UserStamps
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	const established = 1 // TCP_ESTABLISHED, linux/tcp_states.h
	if err == nil && info.State == established {
		if info.Rtt > 0 {
			rtt, stamps = time.Duration(info.Rtt)*time.Microsecond, probe.KernelStamps
		}
		c.answer(s, c.peer.addr, rtt, stamps, verdict{reached: true})
		return
	}
	if failure, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR); err == nil && unix.Errno(failure) == unix.ECONNREFUSED {
		c.answer(s, c.peer.addr, rtt, stamps, verdict{reached: true})
	}
}

// headers is how much of a quote the kernel cuts off for a stream: the IP
// header.
func headers(v6 bool) int {
	if v6 {
		return 40
	}
	return 20
}

func (c *calls) answer(s *shot, from netip.Addr, rtt time.Duration, stamps probe.Stamps, v verdict) {
	if rtt > c.job.Timeout {
		s.late++
		return
	}
	s.answered, s.from, s.rtt, s.mark = true, from, max(1, rtt), v.mark
	if c.worst == 0 || stamps < c.worst {
		c.worst = stamps
	}
	if v.reached && (c.reachedAt == 0 || s.ttl < c.reachedAt) {
		c.reachedAt = s.ttl
	}
	if v.mark != "" && (c.stoppedAt == 0 || s.ttl < c.stoppedAt) {
		c.stoppedAt = s.ttl
	}
}

func (c *calls) alarmed() []unix.PollFd {
	return []unix.PollFd{{Fd: int32(c.alarm.fd), Events: unix.POLLIN}}
}

// trace is what is known of the flow.
func (c *calls) trace() probe.Trace {
	out := probe.Trace{
		Pair: c.job.Pair, Address: c.job.Addr, Method: probe.TraceTCP, Flow: c.flow,
		Stamps: c.worst, Hops: hopsOf(c.shots, c.flow, c.limit()),
	}
	cut := c.alarm.rung.Load()
	out.End, out.Reason = endOf(c.reachedAt, c.stoppedAt, len(out.Hops), cut, c.unsent)
	return out
}

func (c *calls) open(ttl int) (int, error) {
	domain, level, life, errs, told := unix.AF_INET, unix.IPPROTO_IP, unix.IP_TTL, unix.IP_RECVERR, unix.IP_RECVERR_RFC4884
	if c.peer.v6 {
		domain, level, life, errs, told = unix.AF_INET6, unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, unix.IPV6_RECVERR, unix.IPV6_RECVERR_RFC4884
	}
	fd, err := unix.Socket(domain, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err != nil {
		return -1, err
	}
	_ = unix.SetsockoptInt(fd, level, told, 1)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPING, unix.SOF_TIMESTAMPING_RX_SOFTWARE|unix.SOF_TIMESTAMPING_SOFTWARE)
	err = errors.Join(
		unix.SetsockoptInt(fd, level, life, ttl),
		unix.SetsockoptInt(fd, level, errs, 1),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
		// Closing is to end a connection at once, so that its ports are free.
		unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}),
		dress(fd, c.peer.v6, c.job.Sending, c.from, limits{}),
	)
	if err == nil {
		c.port, err = bindNear(fd, c.peer.v6, c.from.addr, c.port)
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// poll waits for a descriptor.
func poll(fds []unix.PollFd, limit time.Duration, wanted bool) {
	if limit <= 0 || !wanted {
		return
	}
	wait := unix.NsecToTimespec(int64(limit))
	_, _, _ = unix.Syscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&fds[0])), uintptr(len(fds)), uintptr(unsafe.Pointer(&wait)), 0, 0, 0)
}
