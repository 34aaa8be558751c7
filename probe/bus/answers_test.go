package bus_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"matrix/probe"
	"matrix/probe/bus"
	"matrix/probe/bus/server"
)

// usersFile are the users that the world's server knows, as text.
func (w *world) usersFile() string { return filepath.Join(w.folder, "users.conf") }

func (w *world) writeUsers(text string) {
	w.t.Helper()
	if err := os.WriteFile(w.usersFile(), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

var (
	keyLine   = regexp.MustCompile(`(?m)^.*\{ nkey: .*$`)
	usersList = regexp.MustCompile(`users: \[`)
)

// shared are users in one account for all, as an older version wrote them.
func shared(users string) string {
	return "accounts {\n  MATRIX {\n    jetstream: enabled\n    users: [\n" + strings.Join(keyLine.FindAllString(users, -1), "\n") + "\n    ]\n  }\n}\n"
}

// spied has in each account one more user, spy0 and so on, who may do all.
func spied(users string) string {
	n := -1
	return usersList.ReplaceAllStringFunc(users, func(text string) string {
		n++
		return fmt.Sprintf(`%s { user: spy%d, password: "spy" }`, text, n)
	})
}

// spy hears all that is said in an account.
func (w *world) spy(name string) *nats.Subscription {
	w.t.Helper()
	nc, err := nats.Connect("tls://"+w.address, nats.RootCAs(w.folder+"/ca.pem"), nats.UserInfo(name, "spy"))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(nc.Close)
	all, err := nc.SubscribeSync(">")
	if err == nil {
		err = all.SetPendingLimits(-1, -1)
	}
	if err == nil {
		err = nc.Flush()
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// TestWhereAnswersGo: a thief has the server answer at subjects that are not his city's.
// Nothing comes there. In an account that all share, it does.
func TestWhereAnswersGo(t *testing.T) {
	t.Run("an account each", func(t *testing.T) {
		w := emptyWorld(t, "a", "b")
		w.writeUsers(spied(read(t, w.usersFile())))
		w.start("127.0.0.1:0")
		t.Cleanup(func() { w.server.Close() })
		b := w.connect()
		w.publish(b, w.fleetPlan(time.Hour, 1))
		for _, m := range []*nats.Msg{message("b", "some", 1, "x"), {Subject: "matrix.sign.b", Data: []byte("{}")}} {
			if _, err := w.raw("b", make(chan error, 100)).RequestMsg(m, time.Minute); err != nil {
				t.Fatal(err)
			}
		}
		before := w.kept()
		if came := w.misdirect(foreign, "spy0", "spy2"); len(came) > 0 { // the coordinators, a, b
			t.Errorf("answers came to %v", came)
		}
		if after := w.kept(); after != before {
			t.Errorf("what is kept was\n%s\nand is\n%s", before, after)
		}
	})
	t.Run("one for all", func(t *testing.T) {
		w := emptyWorld(t, "a", "b")
		w.writeUsers(spied(shared(read(t, w.usersFile()))))
		w.foreignServer()
		b := w.connect()
		w.publish(b, w.fleetPlan(time.Hour, 1))
		subjects := []string{"$JS.API.STREAM.PURGE.MATRIX", "$KV.matrix_rounds.some", "matrix.sign.b"} // not what ends the answers
		if came := w.misdirect(subjects, "spy0"); !slices.Equal(came, subjects) {
			t.Errorf("the attack does not work where it is known to: it came to %v", came)
		}
	})
}

// foreignServer starts one as nats-server does, which takes any configuration.
func (w *world) foreignServer() *natsserver.Server {
	w.t.Helper()
	options, err := natsserver.ProcessConfigFile(filepath.Join(w.folder, server.ConfigFile))
	if err != nil {
		w.t.Fatal(err)
	}
	options.Host, options.Port, options.NoSigs = "127.0.0.1", natsserver.RANDOM_PORT, true
	s, err := natsserver.NewServer(options)
	if err != nil {
		w.t.Fatal(err)
	}
	s.Start()
	w.t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(time.Minute) {
		w.t.Fatal("the server is not ready")
	}
	w.address = s.Addr().String()
	return s
}

// foreign are subjects that are not a's.
var foreign = []string{
	"$JS.API.STREAM.PURGE.MATRIX", "$JS.API.STREAM.DELETE.MATRIX", "$JS.API.STREAM.UPDATE.MATRIX", "$JS.API.STREAM.MSG.DELETE.MATRIX",
	"$JS.API.CONSUMER.CREATE.MATRIX", "$JS.API.STREAM.PURGE.MATRIX_SIGNS", "$JS.API.STREAM.DELETE.MATRIX_SIGNS",
	"$JS.API.STREAM.PURGE.KV_matrix_rounds", "$JS.API.STREAM.PURGE.KV_matrix_leases", "$JS.API.STREAM.PURGE.KV_matrix_plans", "$JS.API.STREAM.DELETE.KV_matrix_plans",
	"$JS.FC.MATRIX.x.y", "$KV.matrix_rounds.some", "$KV.matrix_leases.some", "$KV.matrix_plans.current",
	"matrix.said.b.some", "matrix.live.b.some", "matrix.sign.b", "matrix.to.b", "matrix.plan",
	"_INBOX_COORDINATOR.some", "_INBOX_CITY_b.some", "$SYS.REQ.SERVER.PING", "$SYS.REQ.ACCOUNT.MATRIX.CONNZ", "$SYS.REQ.USER.INFO",
}

// misdirect has everything that a's key can ask, or answer, answered at each of the
// subjects, and returns those at which spies heard something.
func (w *world) misdirect(subjects []string, spies ...string) (came []string) {
	t := w.t
	var heard []*nats.Subscription
	for _, name := range spies {
		heard = append(heard, w.spy(name))
	}
	refused := make(chan error, 10_000)
	thief, coordinator := w.raw("a", refused), w.raw("", refused)
	orders, err := thief.SubscribeSync("matrix.to.a")
	if err == nil {
		err = thief.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	plan := "$JS.API.DIRECT.GET.KV_matrix_plans.$KV.matrix_plans.current"
	for i, subject := range subjects {
		for _, m := range []*nats.Msg{
			message("a", "some", i+1, "x"), {Subject: "matrix.said.a.some", Header: nats.Header{"Nats-Expected-Last-Sequence": {"99999"}}},
			{Subject: "matrix.sign.a", Data: []byte("{}")}, {Subject: "matrix.sign.a", Data: make([]byte, 8<<10)}, // that one is too long
			{Subject: plan}, {Subject: "matrix.live.a.some"},
		} {
			m.Reply = subject
			if err := thief.PublishMsg(m); err != nil {
				t.Fatal(err)
			}
			traced := nats.NewMsg(m.Subject)
			traced.Header.Set("Nats-Trace-Dest", subject)
			if err := thief.PublishMsg(traced); err != nil {
				t.Fatal(err)
			}
		}
		// An answer that is to be answered itself.
		asked := make(chan error, 1)
		go func() {
			_, err := coordinator.Request("matrix.to.a", nil, time.Minute)
			asked <- err
		}()
		order, err := orders.NextMsg(time.Minute)
		if err == nil {
			err = order.RespondMsg(&nats.Msg{Reply: subject})
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := <-asked; err != nil {
			t.Fatal(err)
		}
	}
	// Answers of a stream come in the order in which they were asked for.
	for _, subject := range []string{"matrix.said.a.end", "matrix.sign.a", plan} {
		if _, err := thief.Request(subject, []byte("{}"), time.Minute); err != nil {
			t.Fatalf("%s: %v", subject, err)
		}
	}
	if err := coordinator.Publish("matrix.to.b", []byte("the end")); err != nil { // for b's spy
		t.Fatal(err)
	}
	for i, all := range heard {
		for end := false; !end; {
			m, err := all.NextMsg(time.Minute)
			if err != nil {
				t.Fatalf("%s does not hear what is said: %v", spies[i], err)
			}
			end = m.Subject == "matrix.to.b" && string(m.Data) == "the end"
			if !end && slices.Contains(subjects, m.Subject) {
				came = append(came, m.Subject)
			}
		}
	}
	slices.Sort(came)
	return slices.Compact(came)
}

// kept is what streams and buckets have that is not a's.
func (w *world) kept() string {
	js, err := jetstream.New(w.raw("", make(chan error, 100)))
	if err != nil {
		w.t.Fatal(err)
	}
	var b strings.Builder
	for _, name := range []string{"MATRIX", "MATRIX_SIGNS", "KV_matrix_rounds", "KV_matrix_leases", "KV_matrix_plans"} {
		stream, err := js.Stream(w.t.Context(), name)
		if err != nil {
			w.t.Fatal(err)
		}
		info, err := stream.Info(w.t.Context(), jetstream.WithSubjectFilter(">"))
		if err != nil {
			w.t.Fatal(err)
		}
		for subject := range info.State.Subjects {
			if strings.HasPrefix(subject, "matrix.said.a.") || subject == "matrix.sign.a" {
				delete(info.State.Subjects, subject)
			}
		}
		fmt.Fprintf(&b, "%s: %v, %d consumers, %+v\n", name, info.State.Subjects, info.State.Consumers, info.Config)
	}
	return b.String()
}

// TestStolenForALeafNode: a key is no leaf node's. The server takes the subject behind the
// @ of an answer's from those for the message's own, which would be another city's line.
func TestStolenForALeafNode(t *testing.T) {
	w := emptyWorld(t, "a", "b")
	config := filepath.Join(w.folder, server.ConfigFile)
	if err := os.WriteFile(config, []byte(read(t, config)+"leafnodes { listen: \"127.0.0.1:-1\" }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	about, err := w.foreignServer().Varz(nil)
	if err != nil {
		t.Fatal(err)
	}
	w.connect() // makes the stream
	before := w.kept()

	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", about.LeafNode.Port))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewScanner(conn)
	said.Scan()
	var info struct{ Nonce string }
	if err := json.Unmarshal([]byte(strings.TrimPrefix(said.Text(), "INFO ")), &info); err != nil {
		t.Fatalf("%q: %v", said.Text(), err)
	}
	pair, err := nkeys.FromSeed(w.key("a").Seed)
	if err != nil {
		t.Fatal(err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	signed, err := pair.Sign([]byte(info.Nonce))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "CONNECT {\"nkey\":%q,\"sig\":%q}\r\n", public, base64.RawURLEncoding.EncodeToString(signed))
	fmt.Fprint(conn, "LMSG matrix.said.a.some $JS.ACK.x.x.1.1.1.1.0@matrix.said.b.some 1\r\nx\r\nPING\r\n")
	refused := false
	for said.Scan() && said.Text() != "PONG" {
		refused = refused || strings.Contains(said.Text(), "Authorization Violation")
	}
	if !refused {
		t.Error("it may come as a leaf node")
	}
	if after := w.kept(); after != before {
		t.Errorf("what is kept was\n%s\nand is\n%s", before, after)
	}
}

// TestNamesOfAccounts: a city may be called as an account is.
func TestNamesOfAccounts(t *testing.T) {
	w := newWorld(t, "MATRIX", "SYS", "CITY_MATRIX", "1-_", "users")
	for _, c := range w.cities {
		w.agent(c.Name, "", func() probe.Pinger { return generator{} })
	}
	w.measure(w.connect(), w.ticket(2)).whole(t)
}

// TestACityIsAdded while the server runs and the others measure.
func TestACityIsAdded(t *testing.T) {
	w := newWorld(t, "a", "b")
	begun := make(chan bool, 10)
	for _, c := range w.cities {
		w.agent(c.Name, "", func() probe.Pinger { return generator{begun} })
	}
	b := w.connect()
	made := make(chan error, 1)
	go func() {
		<-begun
		_, err := server.Make(w.folder, []string{"127.0.0.1"}, []string{"a", "b", "c"})
		made <- err
	}()
	w.measure(b, w.ticket(30)).whole(t)
	if err := <-made; err != nil {
		t.Fatal(err)
	}
	w.cities = append(w.cities, probe.City{Name: "c", Host: "127.0.0.1"})
	w.agent("c", "", func() probe.Pinger { return generator{} }) // waits until the server knows it
	w.measure(b, w.ticket(2)).whole(t)
}

// TestNobodyAnswers what a thief asks where nothing is answered: the server does not
// keep a place for each answer for long.
func TestNobodyAnswers(t *testing.T) {
	w := emptyWorld(t, "a")
	account, err := w.foreignServer().LookupAccount(bus.Account(""))
	if err != nil {
		t.Fatal(err)
	}
	coordinator, thief := w.raw("", make(chan error, 100)), w.raw("a", make(chan error, 100))
	if _, err = coordinator.SubscribeSync("matrix.live.*.some"); err == nil {
		err = coordinator.Flush()
	}
	for range 1000 {
		err = errors.Join(err, thief.PublishRequest("matrix.live.a.some", "_INBOX_CITY_a.some", nil))
	}
	if err = errors.Join(err, thief.Flush()); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); account.NumPendingAllResponses() > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d places are kept after 30 s", account.NumPendingAllResponses())
		}
	}
}

// TestOneAccountForAll, as an older version wrote it, is not served, and is written
// anew with the keys as they are.
func TestOneAccountForAll(t *testing.T) {
	w := emptyWorld(t, "a", "b")
	now := read(t, w.usersFile())
	w.writeUsers(shared(now))
	_, started := server.Start(t.Context(), server.Config{Folder: w.folder, Listen: "127.0.0.1:0"})
	_, listed := server.Holders(w.folder)
	for what, err := range map[string]error{"started": started, "listed": listed} {
		if err == nil || !strings.Contains(err.Error(), "users.conf is of an older version") || !strings.Contains(err.Error(), "matrix init --nats") {
			t.Errorf("it is %s: %v", what, err)
		}
	}
	if made, err := server.Make(w.folder, []string{"127.0.0.1"}, []string{"a", "b"}); err != nil || len(made) > 0 {
		t.Errorf("%v were made, %v", made, err)
	}
	if after := read(t, w.usersFile()); after != now {
		t.Errorf("it is\n%s\nwant\n%s", after, now)
	}
	w.start("127.0.0.1:0")
	w.server.Close()
}
