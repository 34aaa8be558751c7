package main

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"matrix/probe/bus"
)

// thief is a connection with the coordinator's key, and nothing of ours.
func (w *natsWorld) thief() jetstream.JetStream {
	w.t.Helper()
	key, err := bus.ReadKey(w.path("nats/coordinator.key"))
	if err != nil {
		w.t.Fatal(err)
	}
	pair, err := nkeys.FromSeed(key.Seed)
	if err != nil {
		w.t.Fatal(err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		w.t.Fatal(err)
	}
	nc, err := nats.Connect(w.via(), nats.RootCAs(w.path("nats/ca.pem")), nats.CustomInboxPrefix("_INBOX_COORDINATOR"), nats.Nkey(public, pair.Sign))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		w.t.Fatal(err)
	}
	return js
}

// TestAnEntryThatCannotBeRead is named, once by a service, and in the way of no
// round.
func TestAnEntryThatCannotBeRead(t *testing.T) {
	onlyIfLong(t)
	t.Parallel()
	w := newNATSWorld(t, "paris", "zurich")
	w.agents()
	service := w.serve("one", 10*time.Second)
	service.said.await(t, "serving on")
	books, err := w.thief().KeyValue(t.Context(), "matrix_rounds")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := books.Put(t.Context(), "spoilt", []byte("garbage")); err != nil {
		t.Fatal(err)
	}
	const said = "what the bucket matrix_rounds has as spoilt ("
	service.said.await(t, "matrix: unreadable rounds: not read, and left out: "+said)
	n := len(w.rounds())
	eventually(t, "rounds are saved as before", func() bool { return len(w.rounds()) >= n+2 })
	if text := service.said.text(); strings.Count(text, said) != 1 || strings.Contains(text, "well again") {
		t.Error("it is not said once")
	}
	service.kill()
	eventually(t, "collect names it", func() bool { // also when the lease has run out of the round that the service was about
		out, status := w.matrix(w.collecting("collect")...)
		if status != exitSomeMissed || strings.Count(out, said) != 1 {
			t.Fatalf("status %d: %s", status, out)
		}
		return !strings.Contains(out, "has it, running or gone")
	})
	if out, status := w.matrix(w.measuring("-c", "1", "-i", "100ms", "-t", "1s")...); status != exitMeasured || strings.Count(out, said) != 1 {
		t.Errorf("a round: status %d: %s", status, out)
	}
	if err := books.Delete(t.Context(), "spoilt"); err != nil {
		t.Fatal(err)
	}
	if out, status := w.matrix(w.collecting("collect")...); status != exitMeasured {
		t.Errorf("status %d: %s", status, out)
	}
}

// TestSomebodyRemovesTheStream: a service makes it again, says what is lost, and the
// next round is whole.
func TestSomebodyRemovesTheStream(t *testing.T) {
	onlyIfLong(t)
	t.Parallel()
	w := newNATSWorld(t, "paris", "zurich")
	w.agents()
	service := w.serve("one", 10*time.Second, "--autonomous")
	eventually(t, "a round is saved", func() bool { return len(w.rounds()) >= 1 })
	js := w.thief()
	if err := js.DeleteStream(t.Context(), "MATRIX"); err != nil {
		t.Fatal(err)
	}
	service.said.await(t, "matrix: NATS: somebody removed MATRIX from NATS, and what was there and not saved is lost; it is made again")
	again := time.Now()
	wholeSince := func(since time.Time) func() bool {
		return func() bool {
			rounds := w.rounds()
			last := rounds[len(rounds)-1]
			return last.Start.After(since) && last.Complete()
		}
	}
	eventually(t, "the next round is whole", wholeSince(again))
	service.said.await(t, "matrix: NATS: it is well again")

	for _, name := range []string{"MATRIX", "KV_matrix_plans", "KV_matrix_rounds"} {
		if err := js.DeleteStream(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	service.said.await(t, "somebody removed MATRIX, matrix_rounds, matrix_plans from NATS")
	again = time.Now()
	eventually(t, "there is a plan again, and a whole round", wholeSince(again))
}
