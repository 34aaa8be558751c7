package icmp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"matrix/probe"
)

// source is where packets leave from: an address, an interface, or, if it is
// neither, wherever this host's routes say.
type source struct {
	addr   netip.Addr
	device *net.Interface
}

// sourceOf finds what probe.Sending.Source names on this host.
func sourceOf(text string) (source, error) {
	if text == "" {
		return source{}, nil
	}
	if addr, err := netip.ParseAddr(text); err == nil {
		return sourceAddr(addr.Unmap())
	}
	device, err := net.InterfaceByName(text)
	switch {
	case err != nil:
		return source{}, noSource(text, fmt.Errorf("this host has no such interface"))
	case device.Flags&net.FlagUp == 0:
		return source{}, noSource(text, errors.New("that interface is down"))
	}
	return source{device: device}, nil
}

// sourceAddr asks the system whether the address is its own, as everybody may:
// more than the interfaces' addresses are.
func sourceAddr(addr netip.Addr) (source, error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, 0)))
	if err != nil {
		return source{}, noSource(addr.String(), errors.New("this host does not have that address"))
	}
	return source{addr: addr}, conn.Close()
}

// noSource says what there is to choose from.
func noSource(text string, err error) error {
	problem := &probe.HostError{Op: "send from " + text, Err: err}
	if devices, err := net.Interfaces(); err == nil {
		var names []string
		for _, d := range devices {
			if d.Flags&net.FlagUp != 0 {
				names = append(names, d.Name)
			}
		}
		problem.Hint = "that host's interfaces are " + strings.Join(names, ", ")
	}
	return problem
}

// suits is why packets to an address of a family cannot come from there; nil if
// they can.
func (s source) suits(v6 bool) error {
	if !s.addr.IsValid() || s.addr.Is6() == v6 {
		return nil
	}
	family := "IPv4"
	if v6 {
		family = "IPv6"
	}
	return fmt.Errorf("no packet to an %s address comes from %v", family, s.addr)
}
