package icmp

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/net/icmp"

	"matrix/probe"
)

// listen is how sockets are opened; tests replace it.
type listen func(network, address string) (*icmp.PacketConn, error)

// networks names the two kinds of socket for IPv4 and IPv6.
func networks(v6 bool) (datagram, raw string) {
	if v6 {
		return "udp6", "ip6:ipv6-icmp"
	}
	return "udp4", "ip4:icmp"
}

// needsRaw finds out what this process may do: a datagram socket, which needs
// no privilege where the system permits it, or else a raw one. Neither is an
// error that says how to allow it.
func needsRaw(v6 bool, listen listen) (bool, error) {
	datagram, raw := networks(v6)
	var refusals []error
	for _, kind := range []string{datagram, raw} {
		conn, err := listen(kind, "")
		if err == nil {
			return kind == raw, conn.Close()
		}
		refusals = append(refusals, err)
	}
	return false, notAllowed(errors.Join(refusals...))
}

// remedy are the two ways to let a user ping.
const remedy = `either allow ping sockets: sysctl -w net.ipv4.ping_group_range="0 2147483647"` +
	`, or give the program the right to raw ones: setcap cap_net_raw+ep matrix`

func notAllowed(err error) error {
	if !refused(err) {
		return &probe.HostError{Op: "open an ICMP socket", Err: err}
	}
	return &probe.HostError{
		Op:   "open an ICMP socket",
		Err:  fmt.Errorf("this user (group %d) may open neither a ping socket nor a raw one", os.Getgid()),
		Hint: "on that host, " + remedy,
	}
}

// refused says whether a socket is a matter of privilege.
func refused(err error) bool {
	return errors.Is(err, os.ErrPermission) || errors.Is(err, syscall.EPROTONOSUPPORT)
}
