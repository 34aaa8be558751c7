package probe

import (
	"fmt"
	"net/netip"
	"strings"
)

// Sending is how packets leave a from-host, be they of a round or of a
// traceroute. The zero value leaves it all to the host.
type Sending struct {
	TrafficClass int  `json:"tos,omitempty"` // type of service (IPv4) or traffic class (IPv6), 0 to 255
	DontFragment bool `json:"df,omitempty"`  // a packet that is too big for the path is refused, not cut

	// Source is the interface of the from-host that packets leave by and
	// answers come back by, or the address that they come from; "": as its
	// routes say. A from-host without it is an error, and no loss.
	Source string `json:"source,omitempty"`
}

// Check refuses what no host can do.
func (s Sending) Check() error {
	if s.TrafficClass < 0 || s.TrafficClass > 255 {
		return fmt.Errorf("type of service %d: want 0 to 255", s.TrafficClass)
	}
	return checkSource(s.Source)
}

// maxInterface is the longest name of an interface, bytes. Linux has 15
// (IFNAMSIZ, netdevice(7)), Windows up to 256.
const maxInterface = 256

// checkSource refuses what is neither an address that packets can come from nor
// the name of an interface. Linux allows neither slashes nor colons in one.
func checkSource(source string) error {
	if addr, err := netip.ParseAddr(source); err == nil {
		if addr.IsUnspecified() || addr.IsMulticast() {
			return fmt.Errorf("interface %v: no packet comes from that address", addr)
		}
		source = addr.Zone()
	}
	if len(source) > maxInterface || strings.ContainsAny(source, "/:%") || source != Clean(source, maxInterface) {
		return fmt.Errorf("interface %q: want the name of an interface, or an IP address", Clean(source, 60))
	}
	return nil
}
