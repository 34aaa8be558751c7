package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const device = "near"

// address is that of target n.
func address(n int) netip.Addr { return netip.AddrFrom4([4]byte{198, 19, byte(n >> 8), byte(n)}) }

var nearMAC, farMAC = net.HardwareAddr{2, 0, 0, 0, 0, 1}, net.HardwareAddr{2, 0, 0, 0, 0, 2}

// buildNetwork makes the far namespace and the cable to it. The namespace lives
// as long as the thread that is left in it.
func buildNetwork() error {
	built := make(chan error)
	go func() {
		runtime.LockOSThread()
		built <- buildFar()
		select {}
	}()
	if err := <-built; err != nil {
		return err
	}
	allow := os.WriteFile("/proc/sys/net/ipv4/ping_group_range", []byte("0 2147483647"), 0)
	return errors.Join(allow, setUp("lo", ""), setUp(device, "198.18.0.1/15"), route(), queue())
}

// waits says whether the cable lets echo requests wait until they are to leave.
var waits bool

// queue gives the cable the queueing discipline fq, where the kernel has it, as
// machines have it that use BBR.
func queue() error {
	link, err := netlink.LinkByName(device)
	if err != nil {
		return err
	}
	err = netlink.QdiscReplace(&netlink.GenericQdisc{
		QdiscAttrs: netlink.QdiscAttrs{LinkIndex: link.Attrs().Index, Handle: netlink.MakeHandle(1, 0), Parent: netlink.HANDLE_ROOT},
		QdiscType:  "fq",
	})
	waits = err == nil
	return nil
}

func buildFar() error {
	near, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	defer near.Close()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("make the far namespace: %w", err)
	}
	cable := &netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{Name: "far", HardwareAddr: farMAC, TxQLen: 1000},
		PeerName:  device, PeerHardwareAddr: nearMAC, PeerNamespace: netlink.NsFd(int(near.Fd())),
	}
	if err := netlink.LinkAdd(cable); err != nil {
		return fmt.Errorf("add the cable: %w", err)
	}
	// Every address of the network is at home there; answers are not limited.
	_ = os.WriteFile("/proc/sys/net/ipv4/icmp_ratelimit", []byte("0"), 0)
	home := &netlink.Route{Dst: network("198.19.0.0/16"), Type: unix.RTN_LOCAL, Table: unix.RT_TABLE_LOCAL, Scope: netlink.SCOPE_HOST}
	if err := errors.Join(setUp("lo", ""), setUp("far", "198.19.255.254/15")); err != nil {
		return err
	}
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	home.LinkIndex = lo.Attrs().Index
	return errors.Join(netlink.RouteAdd(home), neighbour("far", "198.18.0.1", nearMAC))
}

func network(cidr string) *net.IPNet {
	_, n, err := net.ParseCIDR(cidr)
	if err != nil {
		panic(err)
	}
	return n
}

func setUp(name, addr string) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if addr != "" {
		a, err := netlink.ParseAddr(addr)
		if err != nil {
			return err
		}
		if err := netlink.AddrAdd(link, a); err != nil {
			return fmt.Errorf("%s: %w", addr, err)
		}
	}
	return netlink.LinkSetUp(link)
}

func neighbour(name, addr string, mac net.HardwareAddr) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	return netlink.NeighSet(&netlink.Neigh{
		LinkIndex: link.Attrs().Index, IP: net.ParseIP(addr), HardwareAddr: mac, State: netlink.NUD_PERMANENT,
	})
}

// route sends everything through one neighbour: a thousand targets on the
// link would measure the neighbour table.
func route() error {
	link, err := netlink.LinkByName(device)
	if err != nil {
		return err
	}
	if err := neighbour(device, "198.19.255.254", farMAC); err != nil {
		return err
	}
	return netlink.RouteAdd(&netlink.Route{
		LinkIndex: link.Attrs().Index, Dst: network("198.19.0.0/16"), Gw: net.ParseIP("198.19.255.254"), Flags: int(netlink.FLAG_ONLINK),
	})
}

// flightID names one echo request on the cable.
type flightID struct {
	to      netip.Addr
	id, seq uint16
}

// truth reads a capture: when requests were sent, ns, and for every target the
// round-trip times in that order, ns; negative where there was no reply.
func truth(file string) (times []int64, rtts map[netip.Addr][]int64, err error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, err
	}
	if len(data) < 24 || binary.NativeEndian.Uint32(data) != 0xa1b23c4d { // pcap with ns
		return nil, nil, fmt.Errorf("%s is not a capture in ns", file)
	}
	type place struct {
		at   int64
		slot int
	}
	sent := map[flightID]place{}
	rtts = map[netip.Addr][]int64{}
	for data = data[24:]; len(data) >= 16; {
		at := int64(binary.NativeEndian.Uint32(data))*1e9 + int64(binary.NativeEndian.Uint32(data[4:]))
		n := int(binary.NativeEndian.Uint32(data[8:]))
		p := data[16 : 16+n]
		data = data[16+n:]
		if len(p) < 14+28 || p[12] != 8 || p[13] != 0 || p[14] != 0x45 || p[23] != 1 {
			continue
		}
		key := flightID{id: binary.BigEndian.Uint16(p[38:]), seq: binary.BigEndian.Uint16(p[40:])}
		switch p[34] {
		case 8:
			key.to = netip.AddrFrom4([4]byte(p[30:34]))
			sent[key] = place{at, len(rtts[key.to])}
			rtts[key.to] = append(rtts[key.to], -1)
			times = append(times, at)
		case 0:
			key.to = netip.AddrFrom4([4]byte(p[26:30]))
			if request, known := sent[key]; known && rtts[key.to][request.slot] < 0 {
				rtts[key.to][request.slot] = at - request.at
			}
		}
	}
	return times, rtts, nil
}
