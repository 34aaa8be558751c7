package icmp

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	probing "github.com/prometheus-community/pro-bing"
	"go.uber.org/goleak"
	"golang.org/x/net/icmp"

	"matrix/probe"
	"matrix/probe/lacktest"
	"matrix/probe/pingtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	pingtest.Require(t, &Probing{})
	pingtest.Conform(t, func(*testing.T) probe.Pinger { return &Probing{} })
}

// refusing opens sockets of the kinds that it is given, and none other.
func refusing(allowed ...string) listen {
	return func(network, address string) (*icmp.PacketConn, error) {
		for _, kind := range allowed {
			if kind == network {
				return icmp.ListenPacket(network, address)
			}
		}
		return nil, &net.OpError{Op: "socket", Err: os.NewSyscallError("socket", syscall.EACCES)}
	}
}

func TestRawIsTheFallback(t *testing.T) {
	conn, err := icmp.ListenPacket("ip4:icmp", "")
	if err != nil {
		lacktest.Skip(t, "this user may not open raw sockets: ", err)
	}
	conn.Close()
	pinger := &Probing{listen: refusing("ip4:icmp")}
	if raw, err := needsRaw(false, pinger.listen); err != nil || !raw {
		t.Fatalf("raw %v, error %v", raw, err)
	}
	pingtest.Require(t, pinger)
}

func TestNeitherIsAllowed(t *testing.T) {
	pinger := &Probing{listen: refusing()}
	job := probe.Job{Options: probe.DefaultOptions(), Targets: []probe.Target{{Addr: netip.MustParseAddr("127.0.0.1")}}}
	err := pinger.Ping(t.Context(), job, func(e probe.Echo) { t.Errorf("emitted %+v", e) })
	var host *probe.HostError
	if !errors.As(err, &host) {
		t.Fatalf("error %v", err)
	}
	for _, word := range []string{"ping_group_range", "cap_net_raw"} {
		if !strings.Contains(host.Hint, word) {
			t.Errorf("the hint does not name %s: %s", word, host.Hint)
		}
	}
}

// course that is under way, with one echo request out since the given time.
func underWay(sent time.Time, clock time.Duration, emit func(probe.Echo)) *course {
	o := probe.DefaultOptions()
	return &course{
		target: probe.Target{Addr: netip.MustParseAddr("198.18.0.1")}, options: o, begin: sent,
		emit: emit, flights: map[int]request{7: {slot: 2, sent: sent, clock: clock}},
	}
}

func reply(rtt time.Duration, from string) *probing.Packet {
	return &probing.Packet{Seq: 7, Nbytes: 64, Rtt: rtt, IPAddr: &net.IPAddr{IP: net.ParseIP(from)}}
}

func TestRTTsSurviveAStepOfTheClock(t *testing.T) {
	for _, step := range []time.Duration{0, time.Hour, -time.Hour, 30 * time.Millisecond, -30 * time.Millisecond} {
		var got []probe.Echo
		now := time.Now()
		c := underWay(now, 0, func(e probe.Echo) { got = append(got, e) })
		// The clock stood otherwise when the request was sent.
		c.flights[7] = request{slot: 2, sent: now, clock: c.clock(now) - step}
		c.received(reply(40*time.Millisecond+step, "198.18.0.1"))
		if len(got) != 1 || got[0].Seq != 2 || (got[0].RTT-40*time.Millisecond).Abs() > time.Millisecond {
			t.Errorf("after a step of %v: %+v", step, got)
		}
	}
}

func TestRepliesThatDoNotCount(t *testing.T) {
	tests := []struct {
		name  string
		reply *probing.Packet
	}{
		{"from another address", reply(time.Millisecond, "198.18.0.9")},
		{"after the timeout", reply(time.Minute, "198.18.0.1")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			now := time.Now()
			c := underWay(now, 0, func(e probe.Echo) { t.Errorf("emitted %+v", e) })
			c.flights[7] = request{slot: 2, sent: now, clock: c.clock(now)}
			c.received(test.reply)
			if len(c.flights) != 1 {
				t.Error("the echo request is not waited for any more")
			}
		})
	}
	c := underWay(time.Now(), 0, func(e probe.Echo) { t.Errorf("emitted %+v", e) })
	c.flights = nil
	c.received(reply(time.Millisecond, "198.18.0.1")) // that nobody asked for
}

func TestATargetCannotLookFaster(t *testing.T) {
	var got []probe.Echo
	sent := time.Now().Add(-40 * time.Millisecond)
	c := underWay(sent, 0, func(e probe.Echo) { got = append(got, e) })
	c.flights[7] = request{slot: 2, sent: sent, clock: c.clock(time.Now())}
	c.received(reply(time.Microsecond, "198.18.0.1")) // it wrote another time into the payload
	if len(got) != 1 || got[0].RTT < 40*time.Millisecond {
		t.Errorf("emitted %+v, want a round-trip time of 40 ms", got)
	}
}

func TestLossIsKnownWhenTheTimeoutIsOver(t *testing.T) {
	var got []probe.Echo
	c := underWay(time.Now().Add(-6*time.Second), 0, func(e probe.Echo) { got = append(got, e) })
	c.expire(false)
	if len(got) != 1 || got[0].Outcome != probe.TimedOut || got[0].Seq != 2 {
		t.Errorf("emitted %+v", got)
	}
}

// pro-bing takes whatever has the token for the reply; the true one comes as a
// second then.
func TestAForgedReplyDoesNotHideTheTrueOne(t *testing.T) {
	var got []probe.Echo
	sent := time.Now()
	c := underWay(sent, 0, func(e probe.Echo) { got = append(got, e) })
	c.flights[7] = request{slot: 2, sent: sent, clock: c.clock(sent)}
	c.received(reply(time.Millisecond, "198.18.0.9"))
	c.receivedAgain(reply(time.Millisecond, "198.18.0.1"))
	c.receivedAgain(reply(time.Millisecond, "198.18.0.9"))
	c.receivedAgain(reply(time.Millisecond, "198.18.0.1"))
	c.tellOddities()
	if len(got) != 2 || got[0].Outcome != probe.Replied || got[1].Odd != (probe.Oddities{Duplicates: 1}) {
		t.Errorf("emitted %+v, want one reply and one duplicate", got)
	}
}
