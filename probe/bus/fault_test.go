package bus_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"matrix/probe"
	"matrix/probe/bus"
	"matrix/probe/bus/server"
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
}

// measure carries out a ticket, with little patience for who is silent.
func (w *world) measure(b *bus.Bus, ticket bus.Ticket) measured {
	w.t.Helper()
	held := begin(w.t, b, ticket)
	dialer, err := held.Dial(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	defer dialer.Close()
	round := w.coordinate(ticket, &wire.Opener{Dialer: dialing(dialer.Dial), Silence: 10 * time.Second})
	held.Release(context.WithoutCancel(w.t.Context()))
	return measured{round, dialer.Owing()}
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
	round := w.coordinate(ticket, r.Opener(w.t.Context(), &wire.Opener{Dialer: dialing(r.Dial)}))
	return measured{round, r.Owing()}
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

// processEnv has the test's program be a NATS server that can be killed.
const processEnv = "MATRIX_TEST_NATS_SERVER"

// runServer is that server: it runs until its input ends.
func runServer(spec string) {
	folder, listen, _ := strings.Cut(spec, "|")
	s, err := server.Start(context.Background(), server.Config{Folder: folder, Listen: listen})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(s.Address())
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

// process starts a server that is a process; kill ends it as kill -9 does.
func (w *world) process(listen string) (kill func()) {
	w.t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), processEnv+"="+w.folder+"|"+listen)
	hold, err := cmd.StdinPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	kill = sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // of a process that was killed
		hold.Close()
	})
	w.t.Cleanup(kill)
	if _, err := fmt.Fscanln(out, &w.address); err != nil {
		w.t.Fatalf("the server did not start: %v", err)
	}
	return kill
}

func TestTheServerIsKilledInMidRound(t *testing.T) {
	w := emptyWorld(t, "a", "b", "c")
	kill := w.process("127.0.0.1:0")
	begun := make(chan bool, 3)
	for _, c := range w.cities {
		w.agent(c.Name, "", func() probe.Pinger { return generator{begun} })
	}
	b := w.connect()
	ticket := w.ticket(50)
	restarted := make(chan bool)
	go func() {
		defer close(restarted)
		for range w.cities {
			<-begun
		}
		kill()
		w.process(w.address)
	}()
	round := w.measure(b, ticket)
	<-restarted
	if len(round.owing) > 0 { // a slow machine: the rest came too late for this one
		t.Logf("%v came late", round.owing)
		round = w.replay(b, ticket)
	}
	round.whole(t)
}

// valve passes connections on to the server until it is shut.
type valve struct {
	listener net.Listener
	to       string
	running  sync.WaitGroup

	mu    sync.Mutex
	shut  bool
	conns map[net.Conn]bool
}

func newValve(t *testing.T, to string) *valve {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	v := &valve{listener: l, to: to, conns: map[net.Conn]bool{}}
	v.running.Go(v.accept)
	t.Cleanup(func() {
		l.Close()
		v.set(true)
		v.running.Wait()
	})
	return v
}

func (v *valve) accept() {
	for {
		near, err := v.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", v.to)
		if err != nil || !v.add(near, far) {
			near.Close()
			if err == nil {
				far.Close()
			}
			continue
		}
		for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
			v.running.Go(func() {
				_, _ = io.Copy(way[0], way[1]) // until either is closed
				near.Close()
				far.Close()
			})
		}
	}
}

func (v *valve) add(conns ...net.Conn) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.shut {
		return false
	}
	for _, c := range conns {
		v.conns[c] = true
	}
	return true
}

func (v *valve) set(shut bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.shut = shut
	for c := range v.conns {
		if shut {
			c.Close()
		}
	}
	clear(v.conns)
}

// TestAnAgentIsCutOff until after the round: what it measured comes later, once,
// also if its program is killed meanwhile, and the round is whole then.
func TestAnAgentIsCutOff(t *testing.T) {
	w := newWorld(t, "a", "b", "c")
	v := newValve(t, w.address)
	begun := make(chan bool, 1)
	w.agent("a", "", func() probe.Pinger { return generator{} })
	w.agent("b", "", func() probe.Pinger { return generator{} })
	direct := w.address
	w.address = v.listener.Addr().String()
	cut := w.agent("c", "", func() probe.Pinger { return generator{begun} })
	w.address = direct
	b := w.connect()
	ticket := w.ticket(30)
	go func() {
		<-begun
		v.set(true)
	}()
	round := w.measure(b, ticket)
	if fmt.Sprint(round.owing) != "[c]" || round.Count(probe.Measured) < 4 {
		t.Fatalf("%v are owing, %d pairs measured", round.owing, round.Count(probe.Measured))
	}
	if !strings.Contains(fmt.Sprint(round.Warnings), "no sign of life") {
		t.Errorf("it is not said: %v", round.Warnings)
	}
	cut.stop()
	v.set(false)
	w.agent("c", cut.folder, func() probe.Pinger { return generator{} })
	w.replay(b, ticket).whole(t)
}

// raw is a connection with a city's key and nothing of ours, as a thief has it.
func (w *world) raw(city string, refused chan<- error) *nats.Conn {
	w.t.Helper()
	key := w.key(city)
	public, err := key.Public()
	if err != nil {
		w.t.Fatal(err)
	}
	nc, err := nats.Connect(key.Via, nats.RootCAs(w.folder+"/ca.pem"), nats.CustomInboxPrefix("_INBOX_CITY_"+city),
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
	} {
		if err := thief.Publish(subject, nil); err != nil {
			t.Fatal(err)
		}
		if err := within(refused); err == nil || !strings.Contains(err.Error(), subject) {
			t.Errorf("publish to %s: %v", subject, err)
		}
	}
	for _, subject := range []string{"matrix.to.b", "matrix.to.*", "matrix.said.>", "matrix.live.>", "_INBOX_CITY_b.>", "_INBOX_COORDINATOR.>", ">"} {
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

func within(refused <-chan error) error {
	select {
	case err := <-refused:
		return err
	case <-time.After(30 * time.Second):
		return nil
	}
}

// TestWhatComesTwiceCountsOnce, in another order or beside garbage as well.
func TestWhatComesTwiceCountsOnce(t *testing.T) {
	w := newWorld(t, "a", "b")
	begun := make(chan bool, 1)
	w.agent("a", "", func() probe.Pinger { return generator{begun} })
	w.agent("b", "", func() probe.Pinger { return generator{} })
	thief := w.raw("a", make(chan error, 100))
	b := w.connect()
	ticket := w.ticket(30)
	go func() {
		<-begun
		for _, m := range []*nats.Msg{
			message("a", ticket.Run, 1, `matrix-probe 1 {"version":"v7"}`),
			message("a", ticket.Run, 2, `echo [{"t":0,"s":0,"us":1000}]`),
			message("a", ticket.Run, -1, "garbage"), message("a", ticket.Run, 0, "beat"),
			{Subject: "matrix.said.a." + ticket.Run, Data: []byte("garbage")},
		} {
			if err := thief.PublishMsg(m); err != nil {
				t.Error(err)
			}
		}
	}()
	w.measure(b, ticket).whole(t)
	w.replay(b, ticket).whole(t)
	if !strings.Contains(w.logged(), "a message is not understood") {
		t.Error("garbage is not said")
	}
}

// TestGarbageCostsItsCityOnly.
func TestGarbageCostsItsCityOnly(t *testing.T) {
	for name, text := range map[string]string{
		"no line of ours": "\x1b[2Jgarbage", "broken": `echo [{"t":`, "an impossible time": `echo [{"t":0,"s":0,"us":-5}]`,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "a", "b")
			w.agent("b", "", func() probe.Pinger { return generator{} })
			w.agentSaying("a", text)
			round := w.measure(w.connect(), w.ticket(5))
			for _, s := range round.Samples {
				if want := map[string]probe.State{"a": probe.SourceDown, "b": probe.Measured}[s.From]; s.State != want {
					t.Errorf("%v is %v, want %v: %s", s.Pair, s.State, want, s.Reason)
				}
			}
			if len(round.Warnings) == 0 || strings.Contains(fmt.Sprint(round.Warnings), "\x1b") {
				t.Errorf("warnings %v", round.Warnings)
			}
		})
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

// TestOneRoundOneCoordinator: two that have the same schedule.
func TestOneRoundOneCoordinator(t *testing.T) {
	w := newWorld(t, "a", "b")
	one, two := w.connect(), w.connect()
	ticket := w.ticket(1)
	ticket.Run = bus.RunAt(time.Date(2026, 10, 5, 12, 0, 0, 0, time.UTC))
	held := begin(t, one, ticket)
	for what, err := range map[string]error{"begun": second(two.Begin(t.Context(), ticket)), "taken": second(two.Take(t.Context(), ticket.Run))} {
		if err != bus.ErrTaken {
			t.Errorf("it can be %s by both: %v", what, err)
		}
	}
	if open, err := two.Open(t.Context()); err != nil || len(open) != 1 || open[0].Run != ticket.Run || len(open[0].Cities) != 2 {
		t.Errorf("open are %v, %v", open, err)
	}
	if err := held.Mine(t.Context()); err != nil {
		t.Error(err)
	}
	if err := held.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{"begun": second(two.Begin(t.Context(), ticket)), "taken": second(two.Take(t.Context(), ticket.Run))} {
		if err != bus.ErrTaken {
			t.Errorf("it can be %s after it was saved: %v", what, err)
		}
	}
}

func second(_ *bus.Held, err error) error { return err }
