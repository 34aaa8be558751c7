package bus_test

import (
	"context"
	"testing"

	"matrix/probe"
	"matrix/probe/bus"
	"matrix/probe/icmp"
	"matrix/probe/pingtest"
	"matrix/probe/wire"
)

func TestConformance(t *testing.T) {
	pingtest.Require(t, &icmp.ByJob{})
	w := newWorld(t, "here")
	w.agent("here", "", realPinger)
	b := w.connect()
	for _, kept := range []bool{false, true} {
		t.Run(map[bool]string{false: "a look", true: "a round's"}[kept], func(t *testing.T) {
			pingtest.ConformAgent(t, func(t *testing.T) (probe.Opener, probe.City) {
				dialer, err := b.Dial(t.Context())
				if kept {
					held := begin(t, b, bus.Ticket{Run: bus.NewRun(), Cities: w.cities})
					dialer, err = held.Dial(t.Context())
				}
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(dialer.Close)
				return &wire.Opener{Dialer: dialing(dialer.Dial)}, w.cities[0]
			})
		})
	}
}

// begin takes a round that is not there yet.
func begin(t *testing.T, b *bus.Bus, ticket bus.Ticket) *bus.Held {
	t.Helper()
	held, err := b.Begin(t.Context(), ticket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { held.Release(context.WithoutCancel(t.Context())) })
	return held
}
