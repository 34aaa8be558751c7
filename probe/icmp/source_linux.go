package icmp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"

	"matrix/probe"
)

// dress makes a socket's packets leave as they are to: what their IP headers
// say, and by which interface. It is for sockets that are not bound yet.
func dress(fd int, v6 bool, o probe.Sending, from source, l limits) error {
	level, class, discover, do := unix.IPPROTO_IP, unix.IP_TOS, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DO
	if v6 {
		level, class, discover, do = unix.IPPROTO_IPV6, unix.IPV6_TCLASS, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_DO
	}
	if err := unix.SetsockoptInt(fd, level, class, o.TrafficClass); err != nil {
		return fmt.Errorf("type of service: %w", err)
	}
	if o.DontFragment {
		if err := unix.SetsockoptInt(fd, level, discover, do); err != nil {
			return fmt.Errorf("don't fragment: %w", err)
		}
	}
	if from.device == nil {
		return nil
	}
	if err := bindToDevice(fd, v6, from.device, l); err != nil {
		return fmt.Errorf("interface %s: %w", from.device.Name, err)
	}
	return nil
}

// bindToDevice ties a socket to an interface. Before Linux 5.7 an ordinary user
// may only have packets leave by it; answers may come back by any then. A
// connection would not even heed that.
func bindToDevice(fd int, v6 bool, device *net.Interface, l limits) error {
	var err error = unix.EPERM
	if !l.noDevice {
		err = unix.BindToDevice(fd, device.Name)
	}
	kind, _ := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if !errors.Is(err, unix.EPERM) || kind == unix.SOCK_STREAM {
		return err
	}
	level, option := unix.IPPROTO_IP, unix.IP_UNICAST_IF
	if v6 {
		level, option = unix.IPPROTO_IPV6, unix.IPV6_UNICAST_IF
	}
	return unix.SetsockoptInt(fd, level, option, int(networkOrder(uint32(device.Index))))
}

// networkOrder is a number as the kernel reads it from four bytes in network
// order.
func networkOrder(n uint32) uint32 {
	var bytes [4]byte
	binary.BigEndian.PutUint32(bytes[:], n)
	return binary.NativeEndian.Uint32(bytes[:])
}

// self is an address that leads from there to this host itself: the loopback
// address would leave by an interface. An interface need not have one.
func (s source) self(v6 bool) netip.Addr {
	switch {
	case s.suits(v6) != nil:
		return netip.Addr{}
	case s.addr.IsValid():
		return s.addr
	case s.device != nil:
		return ownAddr(s.device, v6)
	case v6:
		return netip.IPv6Loopback()
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1})
}

// ownAddr is an interface's own address of a family; the zero Addr if it has
// none.
func ownAddr(device *net.Interface, v6 bool) netip.Addr {
	own, err := device.Addrs()
	if err != nil {
		return netip.Addr{}
	}
	for _, a := range own {
		prefix, err := netip.ParsePrefix(a.String())
		if addr := prefix.Addr().Unmap(); err == nil && addr.Is6() == v6 {
			if addr.IsLinkLocalUnicast() && v6 {
				addr = addr.WithZone(device.Name)
			}
			return addr
		}
	}
	return netip.Addr{}
}

// bindNear binds a socket to a port, or, where that is taken, to one a little
// higher, and says which.
func bindNear(fd int, v6 bool, from netip.Addr, port uint16) (uint16, error) {
	var err error
	for range 50 {
		if err = bindTo(fd, v6, from, port); !errors.Is(err, unix.EADDRINUSE) {
			break
		}
		port += 64
	}
	return port, err
}

// bindTo gives a socket the address that its packets come from, or leaves that
// to the routes, and a port, or in a ping socket an id; 0: any.
func bindTo(fd int, v6 bool, from netip.Addr, port uint16) error {
	if v6 {
		to := unix.SockaddrInet6{Port: int(port)}
		if from.IsValid() {
			to.Addr, to.ZoneId = from.As16(), scopeOf(from.Zone())
		}
		return unix.Bind(fd, &to)
	}
	to := unix.SockaddrInet4{Port: int(port)}
	if from.IsValid() {
		to.Addr = from.As4()
	}
	return unix.Bind(fd, &to)
}
