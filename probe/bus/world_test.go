package bus_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"matrix/probe"
	"matrix/probe/bus"
	"matrix/probe/bus/server"
	"matrix/probe/icmp"
	"matrix/probe/wire"
)

func TestMain(m *testing.M) {
	if spec := os.Getenv(processEnv); spec != "" {
		runServer(spec)
	}
	playPart()
	status := m.Run()
	if status == 0 {
		if err := leaks(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			status = 1
		}
	}
	os.Exit(status)
}

// leaks are goroutines that do not end. Those of a server and of connections that
// were closed may take a while on a busy machine, longer than goleak waits.
func leaks() (err error) {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		err = goleak.Find(
			// The server keeps these for the life of the program.
			goleak.IgnoreTopFunction("github.com/nats-io/nats-server/v2/server.init.2.func1"),
			goleak.IgnoreAnyFunction("github.com/golang/glog.(*fileSink).flushDaemon"))
		if err == nil {
			return nil
		}
	}
	return err
}

// world is a NATS server with the keys of a fleet, and agents in some cities.
type world struct {
	t       *testing.T
	folder  string
	cities  []probe.City
	log     *slog.Logger
	said    *strings.Builder // by whoever logs
	saidMu  sync.Mutex
	server  *server.Server
	address string
}

func (w *world) Write(p []byte) (int, error) {
	w.saidMu.Lock()
	defer w.saidMu.Unlock()
	return w.said.Write(p)
}

// logged is all that was logged so far.
func (w *world) logged() string {
	w.saidMu.Lock()
	defer w.saidMu.Unlock()
	return w.said.String()
}

func newWorld(t *testing.T, names ...string) *world {
	t.Helper()
	w := emptyWorld(t, names...)
	w.start("127.0.0.1:0")
	t.Cleanup(func() { w.server.Close() })
	return w
}

// emptyWorld has the keys and no server yet.
func emptyWorld(t *testing.T, names ...string) *world {
	t.Helper()
	w := &world{t: t, folder: t.TempDir(), said: &strings.Builder{}}
	w.log = slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
	for _, name := range names {
		w.cities = append(w.cities, probe.City{Name: name, Host: "127.0.0.1"})
	}
	if _, err := server.Make(w.folder, []string{"127.0.0.1"}, names); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() || os.Getenv("MATRIX_TEST_LOG") != "" {
			t.Log(w.logged())
		}
	})
	return w
}

// start starts the server; with the port that it had, if it had one.
func (w *world) start(listen string) {
	w.t.Helper()
	s, err := server.Start(w.t.Context(), server.Config{Folder: w.folder, Listen: listen, Log: w.log})
	if err != nil {
		w.t.Fatal(err)
	}
	w.server, w.address = s, s.Address()
}

// key is that of a city, or of the coordinator, with the server's real port.
func (w *world) key(city string) bus.Key {
	w.t.Helper()
	path := filepath.Join(w.folder, server.CoordinatorFile)
	if city != "" {
		path = filepath.Join(w.folder, server.AgentsFolder, city+".key")
	}
	k, err := bus.ReadKey(path)
	if err != nil {
		w.t.Fatal(err)
	}
	k.Via = "tls://" + w.address
	return k
}

func (w *world) connect() *bus.Bus {
	w.t.Helper()
	b, err := bus.Connect(w.t.Context(), w.key(""), w.log)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(b.Close)
	return b
}

// connectWhenReady connects to a cluster, which takes a while to agree on who
// leads.
func (w *world) connectWhenReady() *bus.Bus {
	w.t.Helper()
	var b *bus.Bus
	eventually(w.t, "the cluster has a leader and three copies", func() bool {
		var err error
		if b, err = bus.Connect(w.t.Context(), w.key(""), w.log); err != nil {
			w.log.Debug("not yet", "err", err)
			return false
		}
		return true
	})
	w.t.Cleanup(b.Close)
	return b
}

// agent is a running agent.
type agent struct {
	folder string
	stop   func()
}

// agent starts the agent of a city, whose far side pings with pinger, and waits
// until it can be reached.
func (w *world) agent(city, folder string, pinger func() probe.Pinger) *agent {
	w.t.Helper()
	return w.agentServing(city, folder, serving(pinger))
}

// serving is a far side that pings with pinger.
func serving(pinger func() probe.Pinger) func(context.Context, io.Reader, io.Writer) error {
	return func(ctx context.Context, in io.Reader, out io.Writer) error {
		return wire.FarSide{Pinger: pinger(), Version: "v7"}.Serve(ctx, in, out)
	}
}

// agentSaying starts one that says something when it is given a job.
func (w *world) agentSaying(city, text string) *agent {
	return w.agentServing(city, "", func(_ context.Context, in io.Reader, out io.Writer) error {
		if _, err := io.WriteString(out, "matrix-probe 1 {\"version\":\"v7\",\"level\":1}\n"); err != nil {
			return err
		}
		if _, err := bufio.NewReader(in).ReadString('\n'); err != nil {
			return err
		}
		if _, err := io.WriteString(out, text+"\n"); err != nil {
			return err
		}
		_, err := io.Copy(io.Discard, in)
		return err
	})
}

func (w *world) agentServing(city, folder string, serve func(context.Context, io.Reader, io.Writer) error) *agent {
	w.t.Helper()
	return w.agentLike(city, folder, bus.Agent{Serve: serve})
}

// agentLike starts one that differs from others as like does.
func (w *world) agentLike(city, folder string, like bus.Agent) *agent {
	w.t.Helper()
	if folder == "" {
		folder = w.t.TempDir()
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	ready, ended := make(chan bool), make(chan error, 1)
	like.Key, like.Folder, like.Log, like.Ready = w.key(city), folder, w.log.With("agent", city), func() { close(ready) }
	if like.Serve == nil {
		like.Serve = serving(func() probe.Pinger { return generator{} })
	}
	go func() {
		ended <- like.Run(ctx)
		close(ended) // whoever asks again has been told
	}()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			w.t.Errorf("the agent of %s failed: %v", city, err)
		}
	})
	w.t.Cleanup(stop)
	select {
	case <-ready:
	case err := <-ended:
		w.t.Fatal(err)
	case <-time.After(time.Minute):
		w.t.Fatal("the agent was not ready within a minute")
	}
	return &agent{folder, stop}
}

// dialing is a bus's dialer as wire wants it.
func dialing[C wire.Conn](dial func(context.Context, probe.City) (C, error)) wire.Dialer {
	return wire.DialFunc(func(ctx context.Context, city probe.City) (wire.Conn, error) {
		conn, err := dial(ctx, city)
		if err != nil {
			return nil, err
		}
		return conn, nil
	})
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(3 * time.Minute); !holds(); {
		if time.Now().After(deadline) {
			t.Fatalf("not within three minutes: %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func realPinger() probe.Pinger { return &icmp.ByJob{} }
