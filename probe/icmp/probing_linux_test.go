package icmp

import (
	"testing"

	"matrix/probe"
	"matrix/probe/pingtest"
)

func TestProbingInItsOwnNetwork(t *testing.T) {
	if !pingtest.Inside(t) {
		return
	}
	pingtest.Loopback(t)
	raw := refusing("ip4:icmp", "ip6:ipv6-icmp")
	pingtest.Conform(t, func(*testing.T) probe.Pinger { return &Probing{listen: raw} })
	pingtest.ConformInWorld(t, pingtest.Lacks{
		Many:     "it has a socket and four goroutines a target, and takes the times itself",
		Refusals: "pro-bing passes over whatever is no echo reply",
		Exact:    "pro-bing reads when a request was sent out of the reply, and tells neither its ICMP code nor what is behind its end",
		Lingers:  "pro-bing ends with the last reply",
	}, func(*testing.T) probe.Pinger { return &Probing{} })
}
