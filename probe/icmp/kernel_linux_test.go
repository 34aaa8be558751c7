package icmp

import (
	"testing"

	"matrix/probe"
	"matrix/probe/pingtest"
)

func TestKernelConforms(t *testing.T) {
	for _, test := range []struct {
		name   string
		limits limits
	}{
		{"ping socket", limits{}},
		{"raw socket", limits{noPing: true}},
		{"packets looped back", limits{unkeyed: true}},
		{"raw socket, packets looped back", limits{noPing: true, unkeyed: true}},
		{"receive stamps", limits{best: probe.ReceiveStamps}},
		{"user stamps", limits{best: probe.UserStamps}},
	} {
		t.Run(test.name, func(t *testing.T) {
			pingtest.Require(t, &Kernel{limits: test.limits})
			pingtest.Conform(t, func(*testing.T) probe.Pinger { return &Kernel{limits: test.limits} })
		})
	}
}
