package icmp

import (
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"matrix/probe"
)

// read takes in what arrived.
func (t *tracing) read() {
	for flow := range t.trails {
		t.readQueue(flow)
		t.readReplies(flow)
	}
}

// readReplies takes in what the target itself says: echo replies, or datagrams
// where somebody listens at the port after all.
func (t *tracing) readReplies(flow int) {
	f := t.trails[flow]
	for range mostBatches {
		n, err := t.in.receive(f.fd, 0)
		if err == unix.EAGAIN {
			return
		}
		if err != nil {
			continue // one that was pending, told by the error queue
		}
		now := t.time.now()
		for i := range n {
			t.reply(flow, t.in.packet(i), t.in.name(i), parseNotes(t.in.said(i)), now)
		}
		t.in.clear(n)
		if n < messages {
			return
		}
	}
}

func (t *tracing) reply(flow int, packet, name []byte, n notes, now int64) {
	f, from := t.trails[flow], addressOf(name)
	if t.method == probe.TraceUDP {
		// A service's answer need not repeat anything: it is known whose probe
		// it is about only where a single one is under way.
		if s := t.single(flow); s != nil && from == t.peer.addr {
			t.answer(s, from, n, now, verdict{reached: true})
		}
		return
	}
	if f.raw && !t.v6 {
		packet, _ = withoutIP(packet)
	}
	m, ok := parseReply(packet, t.v6, t.job.Size)
	if !ok || m.token != t.token || from != t.peer.addr {
		return
	}
	if s := t.numbered(flow, m.number); s != nil {
		if s.tx == 0 {
			t.readQueue(flow) // the stamp was made before the packet left, so it is there
		}
		t.answer(s, from, n, now, verdict{reached: true})
	}
}

// readQueue takes in send stamps and ICMP errors.
func (t *tracing) readQueue(flow int) {
	t.queue.readErrors(t.trails[flow].fd, t.time,
		func(packet []byte, n notes, now int64) { t.departed(flow, packet, n, now) },
		func(packet, name []byte, n notes, now int64) { t.refused(flow, packet, name, n, now) })
}

// departed notes when a probe left.
func (t *tracing) departed(flow int, packet []byte, n notes, now int64) {
	m, ok := markAtEnd(packet, t.job.Size)
	if !ok || m.token != t.token || n.stamp == 0 {
		return
	}
	if s := t.numbered(flow, m.number); s != nil {
		if at, ok := t.time.mono(n.stamp, s.sent, now); ok {
			s.tx = at
		}
	}
}

// verdict is what an answer says of the way on.
type verdict struct {
	reached bool   // it is the target's
	mark    string // there is no way on: "!N"; "" otherwise
}

// judge reads an ICMP error; false if it says nothing of the way. target is
// whose "port unreachable" is an answer, for datagrams.
func judge(n notes, v6 bool, target netip.Addr) (verdict, bool) {
	kind, code := n.failure.Type, n.failure.Code
	exceeded, unreachable, port := uint8(11), uint8(3), uint8(3)
	if v6 {
		exceeded, unreachable, port = 3, 1, 4
	}
	switch {
	case kind == exceeded && code == 0:
		return verdict{}, true
	case kind == unreachable && code == port && n.offender == target && target.IsValid():
		return verdict{reached: true}, true
	case kind == unreachable:
		return verdict{mark: probe.MarkOf(v6, code)}, true
	case v6 && kind == 2: // packet too big
		return verdict{mark: "!F"}, true
	}
	return verdict{}, false
}

// refused takes one ICMP error in.
func (t *tracing) refused(flow int, packet, name []byte, n notes, now int64) {
	var target netip.Addr
	if t.method == probe.TraceUDP {
		target = t.peer.addr
	}
	v, ok := judge(n, t.v6, target)
	if !ok || addressOf(name) != t.peer.addr || !n.offender.IsValid() || n.offender.IsUnspecified() {
		return
	}
	s, stripped := t.quoted(flow, packet)
	if s == nil {
		return
	}
	if at := extensionsAt(n.failure, t.trails[flow].told, stripped, len(packet)); at > 0 {
		s.labels = parseLabels(packet[at:])
	}
	t.answer(s, n.offender, n, now, v)
}

// quoted finds the probe that an ICMP error is about, and how many bytes of
// headers the kernel cut off the quote.
func (t *tracing) quoted(flow int, packet []byte) (s *shot, stripped int) {
	f, ip := t.trails[flow], 20
	if t.v6 {
		ip = 40
	}
	if t.method == probe.TraceUDP {
		m, marked := parseDatagramQuote(packet, t.job.Size)
		switch {
		case !marked:
			f.unquoted++
			s = t.single(flow)
		case m.token == t.token:
			s = t.numbered(flow, m.number)
		}
		return s, ip + 8
	}
	if f.raw && t.v6 {
		ip = 0
	}
	q, ok := parseQuote(packet, t.v6)
	if !ok || f.raw && q.id != f.id || q.marked && q.mark.token != t.token {
		return nil, ip
	}
	s = t.numbered(flow, uint32(q.seq-uint16(t.token)))
	if s == nil || q.marked && q.mark.number != uint32(q.seq-uint16(t.token)) {
		return nil, ip
	}
	return s, ip
}

// numbered is a probe of a flow by its number; nil if there is none.
func (t *tracing) numbered(flow int, number uint32) *shot {
	if number >= uint32(len(t.shots)) || t.shots[number].flow != flow || t.shots[number].failed {
		return nil
	}
	return &t.shots[number]
}

// single is the probe that was sent alone last, as long as it is under way.
func (t *tracing) single(flow int) *shot {
	if len(t.shots) == 0 {
		return nil
	}
	s := &t.shots[len(t.shots)-1]
	if !s.alone || s.flow != flow || !s.under() {
		return nil
	}
	return s
}

// answer ends a probe with its first answer.
func (t *tracing) answer(s *shot, from netip.Addr, n notes, now int64, v verdict) {
	f := t.trails[s.flow]
	rtt, stamps := t.rtt(s, n, now)
	t.news = true
	switch {
	case s.answered:
		s.again++
		return
	case s.expired || rtt > t.job.Timeout:
		s.expired = true
		s.late++
		return
	}
	s.answered, s.from, s.rtt, s.mark = true, from, rtt, v.mark
	if f.worst == 0 || stamps < f.worst {
		f.worst = stamps
	}
	if v.reached && (f.reachedAt == 0 || s.ttl < f.reachedAt) {
		f.reachedAt = s.ttl
	}
	if v.mark != "" && (f.stoppedAt == 0 || s.ttl < f.stoppedAt) {
		f.stoppedAt = s.ttl
	}
}

// rtt is from when the probe left to when the answer came, as the kernel saw
// them, or else the program.
func (t *tracing) rtt(s *shot, n notes, now int64) (time.Duration, probe.Stamps) {
	f := t.trails[s.flow]
	came, left, stamps := now, s.sent, probe.UserStamps
	if n.stamp != 0 && f.stamps >= probe.ReceiveStamps {
		if at, ok := t.time.mono(n.stamp, max(t.before, s.sent), now); ok {
			came, stamps = at, probe.ReceiveStamps
		}
	}
	if s.tx != 0 && stamps == probe.ReceiveStamps {
		left, stamps = s.tx, probe.KernelStamps
	}
	if came <= left {
		return time.Duration(max(1, now-s.sent)), probe.UserStamps
	}
	return time.Duration(came - left), stamps
}
