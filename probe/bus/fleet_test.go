package bus_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"matrix/probe"
	"matrix/probe/bus"
	"matrix/probe/bus/server"
	"matrix/probe/schedule"
	"matrix/probe/wire"
)

// fleetEnv has the test's program be the agents of a fleet, or its coordinator,
// each in a process of its own, so that what each takes can be told.
const (
	agentsEnv      = "MATRIX_TEST_NATS_AGENTS"
	coordinatorEnv = "MATRIX_TEST_NATS_COORDINATOR"
	collectorEnv   = "MATRIX_TEST_NATS_COLLECTOR"
)

// fleetSpec is a fleet as the processes are told of it.
type fleetSpec struct {
	Folder, Address string
	Cities, Count   int
	Interval        time.Duration
	Every           time.Duration // of rounds that agents measure by themselves
}

func (f fleetSpec) names() []string {
	names := make([]string, f.Cities)
	for i := range names {
		names[i] = "city" + strconv.Itoa(i)
	}
	return names
}

func (f fleetSpec) key(city string) bus.Key {
	path := filepath.Join(f.Folder, server.AgentsFolder, city+".key")
	if city == "" {
		path = filepath.Join(f.Folder, server.CoordinatorFile)
	}
	k, err := bus.ReadKey(path)
	if err != nil {
		panic(err)
	}
	k.Via = "tls://" + f.Address
	return k
}

// playPart runs one of the processes, if the environment asks for it.
func playPart() {
	for env, part := range map[string]func(fleetSpec) error{agentsEnv: playAgents, coordinatorEnv: playCoordinator, collectorEnv: playCollector} {
		text := os.Getenv(env)
		if text == "" {
			continue
		}
		var f fleetSpec
		err := json.Unmarshal([]byte(text), &f)
		if err == nil {
			err = part(f)
		}
		if err != nil {
			fmt.Println("failed:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
}

// playAgents runs every city's agent: the real one, but for the echo engine.
func playAgents(f fleetSpec) error {
	ctx, cancel := context.WithCancel(context.Background())
	var all, ready sync.WaitGroup
	for _, name := range f.names() {
		ready.Add(1)
		a := bus.Agent{
			Key: f.key(name), Folder: filepath.Join(f.Folder, "spool", name), Ready: ready.Done,
			Serve: func(ctx context.Context, in io.Reader, out io.Writer) error {
				return wire.FarSide{Pinger: generator{}, Version: "v7", Flush: time.Second}.Serve(ctx, in, out)
			},
		}
		all.Go(func() {
			if err := a.Run(ctx); err != nil {
				fmt.Println(name, err)
			}
		})
	}
	ready.Wait()
	fmt.Println("ready")
	_, err := io.Copy(io.Discard, os.Stdin)
	cancel()
	all.Wait()
	return err
}

// playCoordinator measures a round as the program does, and says what it took.
func playCoordinator(f fleetSpec) error {
	ctx := context.Background()
	b, err := bus.Connect(ctx, f.key(""), slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo})))
	if err != nil {
		return err
	}
	defer b.Close()
	t := f.ticket()
	plan, err := t.Plan()
	if err != nil {
		return err
	}
	held, err := b.Begin(ctx, t)
	if err != nil {
		return err
	}
	dialer, err := held.Dial(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	round := (&probe.Coordinator{Opener: &wire.Opener{Dialer: dialing(dialer.Dial), Silence: 20 * time.Second}, Limits: probe.Limits{Grace: 5 * time.Minute}}).Run(ctx, plan)
	took := time.Since(began)
	dialer.Close()
	return account(ctx, b, held, round, dialer.Owing(), took, plan)
}

// ticket is a round of all cities.
func (f fleetSpec) ticket() bus.Ticket {
	o := probe.DefaultOptions()
	o.Count, o.Interval, o.Timeout = f.Count, f.Interval, time.Second
	t := bus.Ticket{Run: bus.NewRun(), Start: time.Now().UTC(), Addresses: probe.Addresses{}, Options: o}
	for i, name := range f.names() {
		t.Cities = append(t.Cities, probe.City{Name: name, Title: name, Host: name + ".example"})
		t.Addresses[name] = probe.Resolved{Addr: netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})}
	}
	return t
}

// playCollector gives the fleet a plan, and collects a round of it.
func playCollector(f fleetSpec) error {
	ctx := context.Background()
	b, err := bus.Connect(ctx, f.key(""), slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo})))
	if err != nil {
		return err
	}
	defer b.Close()
	t := f.ticket()
	made, err := bus.MakeFleetPlan(schedule.Schedule{Every: f.Every}, t.Cities, t.Addresses, t.Options, "v7")
	if err != nil {
		return err
	}
	began := time.Now()
	now, err := b.Publish(ctx, made)
	if err != nil {
		return err
	}
	for have := 0; have < f.Cities; time.Sleep(50 * time.Millisecond) {
		signs, err := b.Signs(ctx)
		if err != nil {
			return err
		}
		have = 0
		for _, s := range signs {
			if s.Revision == now.Revision && s.Wrong == "" {
				have++
			}
		}
	}
	fmt.Printf("%d agents have the plan %.1f s after it was published\n", f.Cities, time.Since(began).Seconds())
	due := now.Schedule.Next(now.From)
	time.Sleep(time.Until(due))
	t, _, err = b.DueAt(ctx, due)
	if err != nil {
		return err
	}
	plan, err := t.Plan()
	if err != nil {
		return err
	}
	held, err := b.Begin(ctx, t)
	if err != nil {
		return err
	}
	round, owing, err := collect(ctx, held, plan, due.Add(f.Every))
	if err != nil {
		return err
	}
	return account(ctx, b, held, round, owing, time.Since(due), plan)
}

// collect reads a round that agents measure by themselves, as a coordinator does
// that waits until a time.
func collect(ctx context.Context, held *bus.Held, plan probe.Plan, until time.Time) (*probe.Round, []string, error) {
	g, err := held.Gather(ctx, plan, until)
	if err != nil {
		return nil, nil, err
	}
	patience := g.Patience()
	opener := g.Opener(&wire.Opener{Dialer: dialing(g.Dial), Handshake: patience, Silence: patience})
	limits := probe.Limits{Dials: len(plan.Jobs), Attempts: 1, Open: patience, Connect: patience, Grace: patience}
	round := (&probe.Coordinator{Opener: opener, Limits: limits}).Run(ctx, plan)
	g.Close()
	return round, g.Owing(), nil
}

// account closes a round and says what it took.
func account(ctx context.Context, b *bus.Bus, held *bus.Held, round *probe.Round, owing []string, took time.Duration, plan probe.Plan) error {
	replies := 0
	for i := range round.Samples {
		replies += len(round.Samples[i].RTTs)
	}
	if len(round.Warnings) > 0 {
		fmt.Println(len(round.Warnings), "warnings, the first:", round.Warnings[0])
	}
	if err := held.Close(ctx); err != nil {
		return err
	}
	in, bytesIn, sent, bytesOut := b.Traffic()
	fmt.Printf("in: %d messages, %.1f MB; out: %d messages, %.1f MB\n", in, float64(bytesIn)/1e6, sent, float64(bytesOut)/1e6)
	fmt.Printf("%d of %d pairs, %d replies, %d owing, %.1f s of which the plan is %.1f\n",
		round.Count(probe.Measured), round.Planned(), replies, len(owing), took.Seconds(), plan.Length().Seconds())
	return nil
}

// TestAFleet measures a round with agents, server and coordinator in processes
// of their own. MATRIX_TEST_FLEET=1000 is that of docs/scale.md.
func TestAFleet(t *testing.T) { measureFleet(t, coordinatorEnv) }

// TestAFleetByItself is TestAFleet with agents that have a plan.
func TestAFleetByItself(t *testing.T) { measureFleet(t, collectorEnv) }

func measureFleet(t *testing.T, part string) {
	f := fleetSpec{Folder: t.TempDir(), Cities: 10, Count: 3, Interval: 100 * time.Millisecond, Every: 10 * time.Second}
	if n := os.Getenv("MATRIX_TEST_FLEET"); n != "" {
		var err error
		if f.Cities, err = strconv.Atoi(n); err != nil {
			t.Fatal(err)
		}
		f.Interval = time.Second // stretched by the rate
		f.Every = 2 * time.Minute
	}
	w := &world{t: t, folder: f.Folder}
	if _, err := server.Make(f.Folder, []string{"127.0.0.1"}, f.names()); err != nil {
		t.Fatal(err)
	}
	w.process("127.0.0.1:0")
	f.Address = w.address
	spec, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	agents := exec.Command(os.Args[0])
	agents.Env = append(os.Environ(), agentsEnv+"="+string(spec))
	hold, err := agents.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := agents.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := agents.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		hold.Close()
		if err := agents.Wait(); err != nil {
			t.Error(err)
		}
		t.Logf("agents: %s", usage(agents))
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("the agents said %q, %v", line, err)
	}
	t.Logf("%d agents connected within %v", f.Cities, time.Since(began))
	coordinator := exec.Command(os.Args[0])
	coordinator.Env = append(os.Environ(), part+"="+string(spec))
	said, err := coordinator.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	t.Logf("%s", said)
	t.Logf("coordinator: %s", usage(coordinator))
	pairs := f.Cities * (f.Cities - 1)
	if want := fmt.Sprintf("%d of %d pairs, %d replies, 0 owing", pairs, pairs, pairs*f.Count); !strings.Contains(string(said), want) {
		t.Errorf("want %s", want)
	}
}
