package icmp

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"matrix/probe"
	"matrix/probe/pingtest"
)

// listener gets every packet of a protocol that comes to an address of this
// host, its IP header included.
func listener(t *testing.T, protocol int, addr netip.Addr) int {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, protocol)
	if err == nil {
		t.Cleanup(func() { unix.Close(fd) })
		err = unix.Bind(fd, &unix.SockaddrInet4{Addr: addr.As4()})
	}
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

// All packets of a flow look like one conversation to a router that shares
// load, and no two flows look alike.
func TestFlowIdentity(t *testing.T) {
	if !pingtest.Inside(t) {
		return
	}
	pingtest.Loopback(t)
	addr := netip.MustParseAddr("127.0.77.7") // of no other test
	for name, test := range map[string]struct {
		method   probe.TraceMethod
		protocol int
		limits   limits
	}{
		"ICMP":     {probe.TraceICMP, unix.IPPROTO_ICMP, limits{}},
		"ICMP raw": {probe.TraceICMP, unix.IPPROTO_ICMP, limits{noPing: true}},
		"UDP":      {probe.TraceUDP, unix.IPPROTO_UDP, limits{}},
	} {
		t.Run(name, func(t *testing.T) {
			fd := listener(t, test.protocol, addr)
			o := probe.DefaultTraceOptions(test.method)
			o.Flows, o.Probes, o.MaxHops, o.Interval = 3, 4, 2, 20*time.Millisecond
			job := probe.TraceJob{Addr: addr, TraceOptions: o}
			if err := traceWith(t.Context(), job, traceLimits{limits: test.limits}, func(probe.Trace) {}); err != nil {
				t.Fatal(err)
			}
			identities, packets := map[uint64]bool{}, 0
			checksums := map[uint16]bool{}
			for buffer := make([]byte, 2000); ; packets++ {
				n, _, err := unix.Recvfrom(fd, buffer, 0)
				if err != nil {
					break
				}
				packet, ok := withoutIP(buffer[:n])
				if !ok || test.protocol == unix.IPPROTO_ICMP && packet[0] != echoRequest4 {
					packets--
					continue
				}
				// Of ICMP type, code, checksum and id; of UDP both ports.
				identity, sum := uint64(binary.BigEndian.Uint32(packet))<<16, binary.BigEndian.Uint16(packet[2:])
				if test.protocol == unix.IPPROTO_ICMP {
					identity |= uint64(binary.BigEndian.Uint16(packet[4:]))
				}
				identities[identity], checksums[sum] = true, true
			}
			if packets < 12 || len(identities) != 3 {
				t.Errorf("%d packets of 3 flows have %d identities", packets, len(identities))
			}
			if test.protocol == unix.IPPROTO_ICMP && len(checksums) != 3 {
				t.Errorf("3 flows have %d checksums", len(checksums))
			}
		})
	}
}
