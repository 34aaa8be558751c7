package bus_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"matrix/probe"
	"matrix/probe/bus"
	"matrix/probe/wire"
)

// generator answers every echo request on its schedule, after a time that says
// which one it was.
type generator struct {
	begun chan<- bool // is told of the first echo; nil: nobody waits
}

func rttOf(target, seq int) time.Duration {
	return time.Duration(1000+100*target+seq) * time.Microsecond
}

func (g generator) Ping(ctx context.Context, job probe.Job, emit func(probe.Echo)) error {
	began := time.Now()
	for seq := range job.Count {
		for target, t := range job.Targets {
			select {
			case <-time.After(time.Until(began.Add(t.Start + time.Duration(seq)*job.Interval))):
			case <-ctx.Done():
				return ctx.Err()
			}
			emit(probe.Echo{Target: target, Seq: seq, Outcome: probe.Replied, RTT: rttOf(target, seq), Stamps: probe.KernelStamps})
			if g.begun != nil && seq == 1 && target == 0 {
				g.begun <- true
			}
		}
	}
	return nil
}

// ticket is a round of all cities, of that many echo requests a tenth of a
// second apart.
func (w *world) ticket(count int) bus.Ticket {
	o := probe.DefaultOptions()
	o.Count, o.Interval, o.Timeout = count, 100*time.Millisecond, time.Second
	t := bus.Ticket{Run: bus.NewRun(), Start: time.Now().UTC(), Cities: w.cities, Addresses: probe.Addresses{}, Options: o}
	for i, c := range w.cities {
		t.Addresses[c.Name] = probe.Resolved{Addr: netip.AddrFrom4([4]byte{127, 0, 0, byte(i + 1)})}
	}
	return t
}

// measured is a round that a coordinator carried out.
type measured struct {
	*probe.Round
	owing []string
	start time.Time // when it was due
}

// measure carries out a ticket, with little patience for who is silent.
func (w *world) measure(b *bus.Bus, ticket bus.Ticket) measured {
	w.t.Helper()
	held := begin(w.t, b, ticket)
	dialer, err := held.Dial(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	round := w.coordinate(ticket, &wire.Opener{Dialer: dialing(dialer.Dial), Silence: 10 * time.Second})
	dialer.Close()
	held.Release(context.WithoutCancel(w.t.Context()))
	return measured{round, dialer.Owing(), ticket.Start}
}

func (w *world) coordinate(ticket bus.Ticket, opener probe.Opener) *probe.Round {
	w.t.Helper()
	plan, err := ticket.Plan()
	if err != nil {
		w.t.Fatal(err)
	}
	return (&probe.Coordinator{Opener: opener, Limits: probe.Limits{Grace: time.Minute}, Log: w.log}).Run(w.t.Context(), plan)
}

// replay reads a round again, until all have told all.
func (w *world) replay(b *bus.Bus, ticket bus.Ticket) measured {
	w.t.Helper()
	held, err := b.Take(w.t.Context(), ticket.Run)
	if err != nil {
		w.t.Fatal(err)
	}
	defer held.Release(context.WithoutCancel(w.t.Context()))
	r := &bus.Replay{Held: held, Until: time.Now().Add(time.Minute)}
	defer r.Close()
	round := w.coordinate(ticket, r.Opener(w.t.Context(), &wire.Opener{Dialer: dialing(r.Dial)}))
	return measured{round, r.Owing(), ticket.Start}
}

// whole checks that every echo is there, as it was measured, once.
func (m measured) whole(t *testing.T) {
	t.Helper()
	for _, warning := range m.Warnings {
		t.Errorf("%s: %s", warning.Subject, warning.Text)
	}
	for _, s := range m.Samples {
		if len(s.RTTs) != m.Options.Count || s.Sent != m.Options.Count {
			t.Errorf("%v: %d of %d replies: %v, %s", s.Pair, len(s.RTTs), m.Options.Count, s.State, s.Reason)
			continue
		}
		for seq, rtt := range s.RTTs {
			if (rtt-rttOf(0, seq))%(100*time.Microsecond) != 0 {
				t.Errorf("%v: echo %d took %v", s.Pair, seq, rtt)
			}
		}
	}
	if len(m.owing) > 0 {
		t.Errorf("%v are owing", m.owing)
	}
}
