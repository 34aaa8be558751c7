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
	w := newNATSWorld(t, "paris", "zurich")
	for _, name := range w.names {
		w.agent(name)
	}
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
		return !strings.Contains(out, "measured elsewhere")
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
