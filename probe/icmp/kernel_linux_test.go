package icmp

import (
	"context"
	"testing"

	"matrix/probe"
	"matrix/probe/pingtest"
)

// kinds are all ways in which the engine may have to work.
var kinds = []struct {
	name   string
	limits limits
}{
	{"ping socket", limits{}},
	{"raw socket", limits{noPing: true}},
	{"packets looped back", limits{unkeyed: true}},
	{"raw socket, packets looped back", limits{noPing: true, unkeyed: true}},
	{"receive stamps", limits{best: probe.ReceiveStamps}},
	{"user stamps", limits{best: probe.UserStamps}},
}

func TestKernelConforms(t *testing.T) {
	for _, test := range kinds {
		t.Run(test.name, func(t *testing.T) {
			pingtest.Require(t, &Kernel{limits: test.limits})
			pingtest.Conform(t, func(*testing.T) probe.Pinger { return &Kernel{limits: test.limits} })
		})
	}
}

// TestKernelInItsOwnNetwork is without any capability, but for raw sockets.
func TestKernelInItsOwnNetwork(t *testing.T) {
	if !pingtest.Inside(t) {
		return
	}
	pingtest.Loopback(t)
	t.Run("loopback", func(t *testing.T) {
		pingtest.Conform(t, func(*testing.T) probe.Pinger { return unprivileged{t, &Kernel{}} })
	})
	for _, test := range kinds {
		t.Run(test.name, func(t *testing.T) {
			made := func(*testing.T) probe.Pinger {
				k := &Kernel{limits: test.limits, first: 65_533}
				if test.limits.noPing {
					return k
				}
				return unprivileged{t, k}
			}
			pingtest.ConformInWorld(t, made)
		})
	}
}

// unprivileged is an engine that runs without capabilities.
type unprivileged struct {
	t *testing.T
	*Kernel
}

func (u unprivileged) Ping(ctx context.Context, job probe.Job, emit func(probe.Echo)) (err error) {
	pingtest.Unprivileged(u.t, func() { err = u.Kernel.Ping(ctx, job, emit) })
	return err
}
