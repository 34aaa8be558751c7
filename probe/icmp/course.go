package icmp

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	probing "github.com/prometheus-community/pro-bing"

	"matrix/probe"
)

// course is the echo requests of one target, from the first to the last fate.
//
// pro-bing numbers what it managed to send; slots number what was due. They
// part company when a send fails, so a map joins them.
type course struct {
	index   int
	target  probe.Target
	options probe.Options
	raw     bool
	from    source
	begin   time.Time // of the job
	emit    func(probe.Echo)

	mu      sync.Mutex
	slot    int             // the next echo request that is due
	flights map[int]request // by pro-bing's sequence number
	newest  int             // the last slot that was answered, + 1
	odd     probe.Oddities
}

// headerLen is that of an ICMP echo message, bytes (RFC 792).
const headerLen = 8

// request is one echo request on its way.
type request struct {
	slot  int
	sent  time.Time
	clock time.Duration // wall clock minus monotonic clock when it was sent
}

// run waits for the target's turn and pings it. pro-bing gives up when its very
// first send fails; it is started anew then for what is left.
func (c *course) run(ctx context.Context) {
	defer c.tellOddities()
	turn := c.begin.Add(c.target.Start)
	for ctx.Err() == nil && c.slot < c.options.Count {
		if !wait(ctx, time.Until(turn.Add(time.Duration(c.slot)*c.options.Interval))) {
			return
		}
		c.flights = map[int]request{}
		before := c.slot
		err := c.from.suits(c.target.Addr.Unmap().Is6())
		if err == nil {
			err = c.pinger().RunWithContext(ctx)
		}
		c.expire(ctx.Err() == nil)
		if c.slot == before && ctx.Err() == nil {
			c.failed(err)
		}
	}
}

func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (c *course) pinger() *probing.Pinger {
	left := c.options.Count - c.slot
	p := probing.New(c.target.Addr.String())
	p.SetIPAddr(&net.IPAddr{IP: c.target.Addr.AsSlice(), Zone: c.target.Addr.Zone()})
	p.SetPrivileged(c.raw)
	p.SetLogger(probing.NoopLogger{})
	p.RecordRtts, p.RecordTTLs = false, false
	p.Count, p.Interval, p.Size = left, c.options.Interval, c.options.Size
	p.Timeout = time.Duration(left-1)*c.options.Interval + c.options.Timeout
	p.SetTrafficClass(uint8(c.options.TrafficClass))
	p.SetDoNotFragment(c.options.DontFragment)
	if c.from.device != nil {
		p.InterfaceName = c.from.device.Name
	}
	if c.from.addr.IsValid() {
		p.Source = c.from.addr.String()
	}
	p.OnSend = c.sent
	p.OnSendError = func(_ *probing.Packet, err error) { c.failed(err) }
	p.OnRecv, p.OnDuplicateRecv = c.received, c.receivedAgain
	return p
}

// sent notes an echo request, and gives up those that are out of time.
func (c *course) sent(packet *probing.Packet) {
	now := time.Now()
	c.expire(false)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flights[packet.Seq] = request{c.slot, now, c.clock(now)}
	c.slot++
}

// failed reports an echo request that the system would not send.
func (c *course) failed(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.slot < c.options.Count {
		c.emit(probe.Echo{Target: c.index, Seq: c.slot, Outcome: probe.Unsent, Reason: reasonOf(err)})
		c.slot++
	}
}

// received reports a reply. pro-bing's round-trip time is the wall clock now
// minus the wall clock in the payload; if the clock was stepped in between, the
// step shows against the monotonic clock and is taken out again. The payload is
// the target's to write, so the time since pro-bing told of the request, which
// is a little after it was sent, is the least that is believed.
func (c *course) received(packet *probing.Packet) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.genuine(packet) {
		return
	}
	f, known := c.flights[packet.Seq]
	rtt := max(packet.Rtt-(c.clock(now)-f.clock), now.Sub(f.sent))
	if !known || rtt <= 0 || rtt > c.options.Timeout {
		c.odd.Late++ // expire has it or will have it
		return
	}
	delete(c.flights, packet.Seq)
	if f.slot < c.newest-1 {
		c.odd.Reordered++
	}
	c.newest = max(c.newest, f.slot+1)
	c.emit(probe.Echo{Target: c.index, Seq: f.slot, Outcome: probe.Replied, RTT: rtt, TTL: packet.TTL, Stamps: probe.UserStamps})
}

// genuine says whether a reply can be the target's: pro-bing has compared no
// more than its token.
func (c *course) genuine(packet *probing.Packet) bool {
	return packet.IPAddr.IP.Equal(c.target.Addr.AsSlice()) && packet.Nbytes == headerLen+c.options.Size
}

// receivedAgain is told of a reply with a number that another one had. If that
// one did not count, this one does.
func (c *course) receivedAgain(packet *probing.Packet) {
	c.mu.Lock()
	_, waiting := c.flights[packet.Seq]
	if !waiting && c.genuine(packet) {
		c.odd.Duplicates++
	}
	c.mu.Unlock()
	if waiting {
		c.received(packet)
	}
}

// tellOddities reports what the target did besides.
func (c *course) tellOddities() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.odd != (probe.Oddities{}) {
		c.emit(probe.Echo{Target: c.index, Outcome: probe.Odd, Odd: c.odd})
	}
}

// expire reports echo requests that have been under way for too long; all of
// them at the end.
func (c *course) expire(all bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for seq, f := range c.flights {
		if all || time.Since(f.sent) > c.options.Timeout {
			delete(c.flights, seq)
			c.emit(probe.Echo{Target: c.index, Seq: f.slot, Outcome: probe.TimedOut})
		}
	}
}

// clock is the wall clock minus the monotonic clock: constant, but for steps.
func (c *course) clock(now time.Time) time.Duration {
	return time.Duration(now.UnixNano()) - now.Sub(c.begin)
}

// reasonOf is the system's word for a failed send, without the addresses that
// Go puts around it.
func reasonOf(err error) string {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return "not sent: " + errno.Error()
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return "not sent: the socket was busy"
	}
	if err == nil {
		return "not sent"
	}
	return "not sent: " + err.Error()
}
