package bus_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"matrix/probe"
	"matrix/probe/bus"
	"matrix/probe/bus/server"
)

// raw is a connection with a city's key, or the coordinator's, and nothing of ours,
// as a thief has it.
func (w *world) raw(city string, refused chan<- error) *nats.Conn {
	w.t.Helper()
	key := w.key(city)
	public, err := key.Public()
	if err != nil {
		w.t.Fatal(err)
	}
	inbox := "_INBOX_CITY_" + city
	if city == "" {
		inbox = "_INBOX_COORDINATOR"
	}
	nc, err := nats.Connect(key.Via, nats.RootCAs(w.folder+"/ca.pem"), nats.CustomInboxPrefix(inbox),
		nats.Nkey(public, func(nonce []byte) ([]byte, error) {
			pair, err := nkeys.FromSeed(key.Seed)
			if err != nil {
				return nil, err
			}
			return pair.Sign(nonce)
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err }))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(nc.Close)
	return nc
}

// message is a line of a round as an agent sends it.
func message(city, run string, line int, text string) *nats.Msg {
	m := nats.NewMsg("matrix.said." + city + "." + run)
	m.Header.Set("Matrix-Run", run)
	m.Header.Set("Matrix-Session", "1")
	m.Header.Set("Matrix-Line", fmt.Sprint(line))
	m.Data = []byte(text + "\n")
	return m
}

// TestAStolenKey can speak for its own city, and for no other.
func TestAStolenKey(t *testing.T) {
	w := newWorld(t, "a", "b")
	w.connect() // makes the stream
	refused := make(chan error, 100)
	thief := w.raw("a", refused)
	if _, err := thief.RequestMsg(message("a", "some", 1, "x"), time.Minute); err != nil {
		t.Errorf("not even its own: %v", err)
	}
	for _, subject := range []string{
		"matrix.said.b.some", "matrix.live.b.some", "matrix.to.b", "matrix.said.a", "matrix.said.a.x.y",
		"$JS.API.STREAM.PURGE.MATRIX", "$JS.API.STREAM.MSG.GET.MATRIX", "$JS.API.CONSUMER.CREATE.MATRIX", "$KV.matrix_rounds.some", "_INBOX_COORDINATOR.x",
		"$KV.matrix_plans.current", "matrix.plan", "matrix.sign.b", "$JS.API.STREAM.PURGE.KV_matrix_plans", "$JS.API.STREAM.UPDATE.KV_matrix_plans",
		"$JS.API.STREAM.MSG.GET.KV_matrix_plans", "$JS.API.DIRECT.GET.KV_matrix_plans", "$JS.API.DIRECT.GET.KV_matrix_rounds.$KV.matrix_rounds.some",
		"$JS.API.CONSUMER.CREATE.KV_matrix_plans", "$JS.API.STREAM.PURGE.MATRIX_SIGNS",
	} {
		if err := thief.Publish(subject, nil); err != nil {
			t.Fatal(err)
		}
		if err := within(refused); err == nil || !strings.Contains(err.Error(), subject) {
			t.Errorf("publish to %s: %v", subject, err)
		}
	}
	for _, subject := range []string{"matrix.to.b", "matrix.to.*", "matrix.said.>", "matrix.live.>", "_INBOX_CITY_b.>", "_INBOX_COORDINATOR.>", "$KV.matrix_plans.>", "matrix.sign.>", ">"} {
		if _, err := thief.SubscribeSync(subject); err != nil {
			t.Fatal(err)
		}
		if err := within(refused); err == nil || !strings.Contains(err.Error(), subject) {
			t.Errorf("subscribe to %s: %v", subject, err)
		}
	}
	eventually(t, "it is in the log, with the city's name", func() bool {
		return strings.Contains(w.logged(), `nkey:a\" - Publish Violation - Subject \"matrix.said.b.some\"`)
	})
}

// TestAMessageIDOfAnother: a thief who has the server know ids before their owner says
// them takes nothing out of the round.
func TestAMessageIDOfAnother(t *testing.T) {
	w := newWorld(t, "a", "b")
	for _, c := range w.cities {
		w.agent(c.Name, "", func() probe.Pinger { return generator{} })
	}
	b, thief, ticket := w.connect(), w.raw("a", make(chan error, 100)), w.ticket(2)
	for line := range 20 {
		m := message("a", "some", line, "x")
		m.Header.Set(nats.MsgIdHdr, fmt.Sprintf("b/%s/1/%d", ticket.Run, line))
		if _, err := thief.RequestMsg(m, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	w.measure(b, ticket).whole(t)
}

func within(refused <-chan error) error {
	select {
	case err := <-refused:
		return err
	case <-time.After(30 * time.Second):
		return nil
	}
}

// TestKeysThatAreNotKnown: a fleet's agents with keys of another, or revoked.
func TestKeysThatAreNotKnown(t *testing.T) {
	w := newWorld(t, "a", "b")
	w.agent("a", "", func() probe.Pinger { return generator{} })
	b := w.connect()
	stranger := newWorld(t, "a")
	key := stranger.key("")
	key.Via, key.CA = w.key("").Via, w.key("").CA
	if _, err := bus.Connect(t.Context(), key, w.log); err == nil || !strings.Contains(err.Error(), "does not know this key") {
		t.Errorf("a stranger's key: %v", err)
	}
	key = w.key("")
	key.CA = stranger.key("").CA
	if _, err := bus.Connect(t.Context(), key, w.log); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a stranger's server: %v", err)
	}
	if _, err := bus.Connect(t.Context(), w.key("a"), w.log); err == nil || !strings.Contains(err.Error(), "the key is that of a's agent") {
		t.Errorf("an agent's key: %v", err)
	}
	if err := server.Revoke(w.folder, "a", time.Now()); err != nil {
		t.Fatal(err)
	}
	// The server sees the file by itself.
	eventually(t, "the agent is cut off", func() bool {
		dialer, err := b.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer dialer.Close()
		conn, err := dialer.Dial(t.Context(), w.cities[0])
		if err != nil {
			return strings.Contains(err.Error(), "no agent of this city")
		}
		conn.Close()
		return false
	})
	eventually(t, "it is said", func() bool { return strings.Contains(strings.ToLower(w.logged()), "authentication error") })
	if _, err := server.Make(w.folder, []string{"127.0.0.1"}, []string{"a", "b"}); err != nil {
		t.Fatal(err)
	}
	w.agent("a", "", func() probe.Pinger { return generator{} }) // with its new key
}
