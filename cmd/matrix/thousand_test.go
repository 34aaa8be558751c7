package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"matrix/data"
	"matrix/geo"
	"matrix/probe"
	"matrix/probe/bus"
	"matrix/probe/bus/server"
	"matrix/probe/wire"
)

// made is a fleet strewn over the globe, each host with a last mile, and one pair
// in eight with a detour.
type made struct {
	at   map[string]geo.Point
	last map[string]float64 // ms
}

// fleetSize is how many cities a fleet has; 1000 is that of docs/scale.md.
func fleetSize(t *testing.T) int {
	t.Helper()
	text := os.Getenv("MATRIX_TEST_FLEET")
	if text == "" {
		return 12
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// fleetEnv has the test's program be the NATS server and the agents of a fleet,
// with the folder of its keys: what the coordinator takes is told apart from them.
const fleetEnv = "MATRIX_TEST_FLEET_FOLDER"

// newFleetWorld is a NATS server and the agents of n cities, in a process of their
// own: the real ones, but for the echo engine. jobs counts those that were given.
func newFleetWorld(t *testing.T, n int) (w *natsWorld, jobs *atomic.Int64) {
	t.Helper()
	w = &natsWorld{t: t, folder: t.TempDir()}
	random := rand.New(rand.NewPCG(uint64(n), 7))
	list := "city,host,latitude,longitude\n"
	for i := range n {
		latitude, longitude := math.Asin(1.6*random.Float64()-0.7)*180/math.Pi, 360*random.Float64()-180
		list += fmt.Sprintf("city%03d,10.%d.%d.1,%f,%f\n", i, i>>8, i&255, latitude, longitude)
	}
	if err := os.WriteFile(w.path("list.csv"), []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(built(t), "init", "--from-list", w.path("list.csv"), "--nats", "127.0.0.1", w.folder).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	fleet := exec.Command(os.Args[0])
	fleet.Env, fleet.Stderr = append(os.Environ(), fleetEnv+"="+w.folder), os.Stderr
	hold, err := fleet.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := fleet.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := fleet.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		hold.Close()
		if err := fleet.Wait(); err != nil {
			t.Error(err)
		}
	})
	if _, err := fmt.Fscanln(out, &w.address); err != nil {
		t.Fatalf("the fleet did not start: %v", err)
	}
	jobs = &atomic.Int64{}
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			jobs.Add(1)
		}
	}()
	return w, jobs
}

// playFleet runs them until its input ends.
func playFleet(folder string) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s, err := server.Start(ctx, server.Config{Folder: filepath.Join(folder, "nats"), Listen: "127.0.0.1:0"})
	if err != nil {
		return err
	}
	defer s.Close()
	inventory, err := data.OpenInventory(filepath.Join(folder, "cities.csv"))
	if err != nil {
		return err
	}
	fleet := made{at: map[string]geo.Point{}, last: map[string]float64{}}
	random := rand.New(rand.NewPCG(1, 7))
	for _, c := range inventory.Cities {
		if fleet.at[c.Name], err = geo.NewPoint(c.Location.Latitude, c.Location.Longitude); err != nil {
			return err
		}
		fleet.last[c.Name] = 5 * math.Exp(random.NormFloat64())
	}
	var all, ready sync.WaitGroup
	failed := make(chan error, len(inventory.Cities))
	for _, c := range inventory.Cities {
		key, err := bus.ReadKey(filepath.Join(folder, "nats", "agents", c.Name+".key"))
		if err != nil {
			return err
		}
		key.Via = "tls://" + s.Address()
		ready.Add(1)
		a := bus.Agent{
			Key: key, Folder: filepath.Join(folder, "spool-"+c.Name), Ready: ready.Done,
			Serve: func(ctx context.Context, in io.Reader, out io.Writer) error {
				return wire.FarSide{Pinger: fleet, Version: version(), Flush: time.Second}.Serve(ctx, in, out)
			},
		}
		all.Go(func() { failed <- a.Run(ctx) })
	}
	ready.Wait()
	fmt.Println(s.Address())
	_, err = io.Copy(io.Discard, os.Stdin)
	cancel()
	all.Wait()
	close(failed)
	for why := range failed {
		err = errors.Join(err, why)
	}
	return err
}

// Ping answers the echo requests twice a second, each as soon as it is due: a
// thousand hosts share two cores with the coordinator.
func (m made) Ping(ctx context.Context, job probe.Job, emit func(probe.Echo)) error {
	fmt.Println("job", job.From)
	began := time.Now()
	sent := make([]int, len(job.Targets))
	for left := job.Count * len(job.Targets); left > 0; {
		now := time.Since(began)
		for target, to := range job.Targets {
			for sent[target] < job.Count && now >= to.Start+time.Duration(sent[target])*job.Interval {
				rtt := time.Duration((m.rtt(job.From, to.City) + 0.3*rand.ExpFloat64()) * float64(time.Millisecond))
				emit(probe.Echo{Target: target, Seq: sent[target], Outcome: probe.Replied, RTT: rtt, TTL: 52, Stamps: probe.KernelStamps})
				sent[target]++
				left--
			}
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// rtt is what a pair takes at least, in ms: always the same, and the same there
// and back.
func (m made) rtt(a, b string) float64 {
	a, b = min(a, b), max(a, b)
	var seed [2]uint64
	for i, name := range []string{a, b} {
		for _, c := range []byte(name) {
			seed[i] = 31*seed[i] + uint64(c)
		}
	}
	random := rand.New(rand.NewPCG(seed[0], seed[1]))
	bend := 1.2 + 0.1*random.ExpFloat64()
	if random.IntN(8) == 0 {
		bend += 0.5
	}
	return m.last[a] + m.last[b] + 2*float64(geo.Distance(m.at[a], m.at[b]))/float64(geo.DefaultFibre)*bend
}

// TestTheMemoryOfARound: the whole program, from measuring to the output, of a
// round over NATS, and of one whose coordinator was killed.
func TestTheMemoryOfARound(t *testing.T) {
	n := fleetSize(t)
	w, jobs := newFleetWorld(t, n)
	pairs := fmt.Sprintf("%d of %d pairs measured", n*(n-1), n*(n-1))
	// The timeout gives a machine time that has to play a thousand hosts as well.
	options := []string{"-c", "3", "-i", "1s", "-t", "1s"}
	if n > 100 {
		options = []string{"-c", "3", "-i", "10s", "-t", "1m"}
	}
	measuring := w.measuring(options...)
	for _, format := range []string{"table", "json"} {
		if out := w.took(append(measuring, "--format", format)...); format == "table" && !strings.Contains(out, pairs) {
			t.Errorf("want %s; it said\n%.3000s", pairs, out)
		}
	}
	jobs.Store(0)
	cmd := exec.Command(built(t), measuring...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill() }() // of a process that was killed, as a rule
	eventually(t, "all have their jobs", func() bool { return int(jobs.Load()) >= n })
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // of a process that was killed
	eventually(t, "the round is finished by the next", func() bool {
		time.Sleep(time.Second) // what it is asked for costs a process
		return strings.Contains(w.took(w.collecting("collect")...), "is saved, which its coordinator had not finished: "+pairs)
	})
	if files, err := filepath.Glob(w.path("history/samples/*/*/*.parquet")); err != nil || len(files) != 3 {
		t.Errorf("the history has %q, %v", files, err)
	}
}

// most is how much memory a coordinator may take.
const most = 500e6

// took runs the program in a process of its own, and says what that took.
func (w *natsWorld) took(args ...string) (out string) {
	w.t.Helper()
	var said bytes.Buffer
	cmd := exec.Command(built(w.t), args...)
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+filepath.Join(w.folder, "cache"))
	began := time.Now()
	if err := cmd.Run(); err != nil {
		w.t.Fatalf("%v: %.3000s", err, said.String())
	}
	memory := peak(cmd.ProcessState)
	w.t.Logf("%.12s …: %.1f s, %.1f s of CPU, %.0f MB at most", strings.Join([]string{args[0], args[len(args)-1]}, " "), time.Since(began).Seconds(),
		(cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), memory/1e6)
	if memory > most {
		w.t.Errorf("more than %.0f MB", most/1e6)
	}
	return said.String()
}
