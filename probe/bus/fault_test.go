package bus_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"matrix/probe"
	"matrix/probe/bus"
	"matrix/probe/bus/server"
	"matrix/probe/wire"
)

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

// TestAnAgentIsCutOff until after the round, and for as long as MATRIX_TEST_PARTITION
// says (5m is that of docs/scale.md): what it measured comes later, once, also if
// its program is killed meanwhile, and the round is whole then.
func TestAnAgentIsCutOff(t *testing.T) {
	for name, killed := range map[string]bool{"and goes on": false, "and is killed meanwhile": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // they wait, most of the time
			testCutOff(t, partition(t), killed)
		})
	}
}

// partition is for how long an agent is cut off at least.
func partition(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("MATRIX_TEST_PARTITION")
	if text == "" {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func testCutOff(t *testing.T, least time.Duration, killed bool) {
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
	over := make(chan time.Time, 1) // when the partition may end
	go func() {
		<-begun
		v.set(true)
		over <- time.Now().Add(least)
	}()
	round := w.measure(b, ticket)
	if fmt.Sprint(round.owing) != "[c]" || round.Count(probe.Measured) < 4 {
		t.Fatalf("%v are owing, %d pairs measured", round.owing, round.Count(probe.Measured))
	}
	if !strings.Contains(fmt.Sprint(round.Warnings), "no sign of life") {
		t.Errorf("it is not said: %v", round.Warnings)
	}
	if killed {
		cut.stop()
	}
	end := <-over
	time.Sleep(time.Until(end))
	v.set(false)
	if killed {
		w.agent("c", cut.folder, func() probe.Pinger { return generator{} })
	}
	t.Logf("cut off for %v", time.Since(end)+least)
	w.replay(b, ticket).whole(t)
}

// lines counts what a city has told of a round.
func (w *world) lines(city, run string) func() uint64 {
	js, err := jetstream.New(w.raw("", make(chan error, 100)))
	if err != nil {
		w.t.Fatal(err)
	}
	subject := "matrix.said." + city + "." + run
	return func() uint64 {
		stream, err := js.Stream(w.t.Context(), "MATRIX")
		if err != nil {
			return 0
		}
		info, err := stream.Info(w.t.Context(), jetstream.WithSubjectFilter(subject))
		if err != nil {
			return 0
		}
		return info.State.Subjects[subject]
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
	told := w.lines("a", ticket.Run)
	go func() {
		<-begun
		eventually(t, "a has told its first echoes", func() bool { return told() >= 2 }) // of two lines with one number the first counts
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

// TestOneRoundOneCoordinator: two that have the same schedule.
func TestOneRoundOneCoordinator(t *testing.T) {
	w := newWorld(t, "a", "b")
	one, two := w.connect(), w.connect()
	ticket := w.ticket(1)
	ticket.Run = bus.RunAt(time.Date(2026, 10, 5, 12, 0, 0, 0, time.UTC))
	held := begin(t, one, ticket)
	for what, err := range map[string]error{"begun": second(two.Begin(t.Context(), ticket)), "taken": second(two.Take(t.Context(), ticket.Run))} {
		if !errors.Is(err, bus.ErrTaken) || errors.Is(err, bus.ErrSaved) {
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
		if !errors.Is(err, bus.ErrTaken) {
			t.Errorf("it can be %s after it was saved: %v", what, err)
		}
	}
}

func second(_ *bus.Held, err error) error { return err }

// TestTheLeaseOfOneThatDied: it is said whose it is, and it is free when it was said
// that it would be.
func TestTheLeaseOfOneThatDied(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a", "b")
	one, two := w.connect(), w.connect()
	ticket := w.ticket(1)
	begin(t, one, ticket)
	one.Close()
	var taken *bus.TakenError
	if err := second(two.Take(t.Context(), ticket.Run)); !errors.As(err, &taken) || !errors.Is(err, bus.ErrTaken) {
		t.Fatal(err)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("%s, process %d", host, os.Getpid()); taken.Holder != want {
		t.Errorf("%q has it, want %q", taken.Holder, want)
	}
	for tick := time.NewTicker(50 * time.Millisecond); ; <-tick.C {
		held, err := two.Take(t.Context(), ticket.Run)
		if errors.Is(err, bus.ErrTaken) && time.Since(taken.Until) < 5*time.Second {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if late := time.Since(taken.Until); late < -100*time.Millisecond || late > 3*time.Second {
			t.Errorf("it is free %v after it was to be", late)
		}
		held.Release(t.Context())
		return
	}
}

// books are those of the rounds, as somebody has them who stole the coordinator's key.
func (w *world) books() jetstream.KeyValue {
	w.t.Helper()
	stranger, err := jetstream.New(w.raw("", make(chan error, 100)))
	if err != nil {
		w.t.Fatal(err)
	}
	books, err := stranger.KeyValue(w.t.Context(), "matrix_rounds")
	if err != nil {
		w.t.Fatal(err)
	}
	return books
}

// TestATicketThatCannotBeRead costs its own round, and no other.
func TestATicketThatCannotBeRead(t *testing.T) {
	w := newWorld(t, "a", "b")
	b := w.connect()
	books := w.books()
	const readable = `"cities":[{"name":"a"},{"name":"b"}],"options":{"count":1,"interval_ns":1000000000,"timeout_ns":1000000000,"size":56,"rate":250}`
	wrong := map[string]string{ // by name, and what is said of it
		"garbage": "EOF", "cut": "unexpected EOF", "another": `it calls itself "some"`, "timeless": "it does not say when it began",
		"early": "it begins at 2999-01-01T00:00:00Z", "alone": "no pair to measure", "endless": "count 0",
	}
	for name, text := range map[string]string{
		"cut": `{`, "another": `{"run":"some"}`, "timeless": `{"run":"timeless"}`, "early": `{"run":"early","start":"2999-01-01T00:00:00Z",` + readable + `}`,
		"alone":   `{"run":"alone","start":"2026-11-29T00:00:00Z",` + strings.Replace(readable, `,{"name":"b"}`, "", 1) + `}`,
		"endless": `{"run":"endless","start":"2026-11-29T00:00:00Z","cities":[{"name":"a"},{"name":"b"}]}`,
	} {
		if _, err := books.Put(t.Context(), name, packed(t, text)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := books.Put(t.Context(), "garbage", []byte("garbage")); err != nil {
		t.Fatal(err)
	}
	ticket := w.ticket(1)
	held := begin(t, b, ticket)
	open, err := b.Open(t.Context())
	if len(open) != 1 || open[0].Run != ticket.Run {
		t.Errorf("open are %v", open)
	}
	var unreadable *bus.UnreadableError
	if !errors.As(err, &unreadable) || len(unreadable.Entries) != len(wrong) {
		t.Fatalf("it is not said: %v", err)
	}
	for name, why := range wrong {
		if !slices.ContainsFunc(unreadable.Entries, func(e string) bool { return strings.HasPrefix(e, name+" (") && strings.Contains(e, why) }) {
			t.Errorf("not %s (%s): %q", name, why, unreadable.Entries)
		}
	}
	if text := err.Error(); !strings.Contains(text, "alone (") || !strings.Contains(text, " and 2 more; nats kv del matrix_rounds NAME removes one, and NATS does after 8 days") {
		t.Errorf("it says %s", text)
	}

	// Who has the round in memory saves it, whatever the books say of it.
	if _, err := books.Put(t.Context(), ticket.Run, []byte("garbage")); err != nil {
		t.Fatal(err)
	}
	if err := held.Mine(t.Context()); err != nil {
		t.Error(err)
	}
	if err := held.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestTheLatestSession is read again, though an earlier one had the last word.
func TestTheLatestSession(t *testing.T) {
	w := newWorld(t, "a", "b")
	b := w.connect()
	ticket := w.ticket(1)
	begin(t, b, ticket).Release(t.Context())
	host := w.raw("a", make(chan error, 100))
	say := func(session string, line int, text string) {
		m := message("a", ticket.Run, line, text)
		m.Header.Set("Matrix-Session", session)
		if _, err := host.RequestMsg(m, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	const greeting = `matrix-probe 1 {"version":"v7"}`
	say("1", 1, greeting)
	say("2", 1, greeting)
	say("2", 2, `echo [{"t":0,"s":0,"us":1000}]`)
	say("2", 3, `done {}`)
	say("1", 2, `done {"error":"the first one"}`)
	round := w.replay(b, ticket)
	for _, s := range round.Samples {
		want := map[string]probe.State{"a": probe.Measured, "b": probe.SourceDown}[s.From]
		if s.State != want {
			t.Errorf("%v is %v, want %v: %s", s.Pair, s.State, want, s.Reason)
		}
	}
	if len(round.owing) > 0 {
		t.Errorf("%v are owing", round.owing)
	}
}

// TestACoordinatorThatGaveNoJob: whoever comes next does not wait for what nobody
// measures.
func TestACoordinatorThatGaveNoJob(t *testing.T) {
	w := newWorld(t, "a", "b")
	w.agent("a", "", func() probe.Pinger { return generator{} })
	b := w.connect()
	ticket := w.ticket(1)
	held := begin(t, b, ticket)
	dialer, err := held.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer dialer.Close()
	session, err := (&wire.Opener{Dialer: dialing(dialer.Dial)}).Open(t.Context(), w.cities[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := session.Close(); err != nil {
		t.Fatal(err)
	}
	held.Release(t.Context())
	round := w.replay(b, ticket)
	if len(round.owing) > 0 || !strings.Contains(fmt.Sprint(round.Hosts), "the session ended without a job") {
		t.Errorf("%v are owing; %v", round.owing, round.Hosts)
	}
}
