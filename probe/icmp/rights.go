package icmp

import "matrix/probe"

// Rights are what this process may do on this machine for one address family.
// Either kind of socket is enough to measure.
type Rights struct {
	Ping   error        // why it may not open ping sockets; nil: it may
	Raw    error        // why it may not open raw sockets; nil: it may
	Stamps probe.Stamps // where times are taken; 0 if neither socket can be had
	Hint   string       // how to allow it, if that would help
}

// Allowed finds out what this process may do, by doing it.
func Allowed(v6 bool) Rights {
	r := allowed(v6)
	if refused(r.Ping) && refused(r.Raw) {
		r.Hint = remedy
	}
	return r
}
