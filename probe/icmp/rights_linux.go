package icmp

import (
	"golang.org/x/sys/unix"

	"matrix/probe"
)

func allowed(v6 bool) Rights {
	r := Rights{Ping: mayOpen(v6, unix.SOCK_DGRAM), Raw: mayOpen(v6, unix.SOCK_RAW)}
	if s, err := openSocket(v6, probe.DefaultOptions(), limits{}, 1); err == nil {
		r.Stamps = s.stamps
		unix.Close(s.fd)
	}
	return r
}

func mayOpen(v6 bool, kind int) error {
	family, protocol := unix.AF_INET, unix.IPPROTO_ICMP
	if v6 {
		family, protocol = unix.AF_INET6, unix.IPPROTO_ICMPV6
	}
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}
