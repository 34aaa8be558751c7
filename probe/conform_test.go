package probe_test

import (
	"testing"

	"matrix/probe"
	"matrix/probe/icmp"
	"matrix/probe/pingtest"
)

// TestConformance runs the contract of agents on hosts that are this machine;
// probe/ssh and probe/bus run the same on theirs.
func TestConformance(t *testing.T) {
	pingtest.Require(t, &icmp.ByJob{})
	opener := probe.InProcess{New: func() probe.Pinger { return &icmp.ByJob{} }, Build: "v7"}
	pingtest.ConformAgent(t, func(*testing.T) (probe.Opener, probe.City) {
		return opener, probe.City{Name: "here", Host: "127.0.0.1"}
	})
}
