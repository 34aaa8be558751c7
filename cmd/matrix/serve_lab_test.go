package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"matrix/data/history"
	"matrix/probe"
	"matrix/probe/lab"
	"matrix/report/api"
)

// fleet is a service in a lab, and what was seen of it.
type fleet struct {
	*world
	flags   []string
	every   time.Duration
	maxAge  time.Duration
	cities  []probe.City // in the inventory now
	spare   probe.City   // a host that no city has
	history string
	client  *http.Client

	mu      sync.Mutex
	running bool            // the service is to be there
	seen    map[string]bool // ids of rounds that were shown
	checks  int
	wrong   []string
	flat    []footprint

	signals chan os.Signal
	wait    func() session
}

// footprint is what the service takes.
type footprint struct {
	at         time.Duration // since its start
	memory     float64       // resident, bytes
	goroutines float64       // between two rounds
}

// numbered are so many cities and a spare host.
func numbered(n int) lab.Config {
	var names []string
	for i := range n + 1 {
		names = append(names, fmt.Sprintf("city%02d", i))
	}
	return ring(names...)
}

// newFleet starts a lab, whose last host is spare.
func newFleet(t *testing.T, config lab.Config, every, maxAge time.Duration, flags ...string) *fleet {
	n := len(config.Cities) - 1
	f := &fleet{world: newWorld(t, config), every: every, maxAge: maxAge, seen: map[string]bool{}}
	f.cities, f.spare = config.Cities[:n:n], config.Cities[n]
	f.history = f.path("history")
	socket := f.path("s")
	f.client = &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}
	t.Cleanup(f.client.CloseIdleConnections)
	if err := os.WriteFile(f.path("matrix.toml"), fmt.Appendf(nil, "every = %q\nmax-age = %q\n", every, maxAge), 0o666); err != nil {
		t.Fatal(err)
	}
	f.flags = append([]string{"serve", "--config", f.path("matrix.toml"), "--listen", "unix:" + socket, "--history", f.history,
		"--remote-path", f.program, "--site", f.path("site")}, flags...)
	f.inventory(f.cities)
	return f
}

// start starts the service; more flags go last.
func (f *fleet) start(more ...string) {
	f.t.Helper()
	f.signals = make(chan os.Signal, 4)
	f.wait = f.begin(f.signals, append(slices.Clone(f.flags), more...)...)
	f.until("the service to answer", func() bool { _, err := f.get("/healthz"); return err == nil })
	f.mu.Lock()
	f.running = true
	f.mu.Unlock()
}

// end sends signals until the service has ended.
func (f *fleet) end(all ...os.Signal) session {
	f.t.Helper()
	f.mu.Lock()
	f.running = false
	f.mu.Unlock()
	for _, s := range all {
		f.signals <- s
	}
	return f.wait()
}

// get reads what is served at a path.
func (f *fleet) get(path string) (string, error) {
	answer, err := f.client.Get("http://matrix" + path)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", path, answer.Status)
	}
	return string(text), err
}

// status is what the API says of the service.
func (f *fleet) status() (s api.Status, err error) {
	text, err := f.get(api.Root + "status")
	if err == nil {
		err = json.Unmarshal([]byte(text), &s)
	}
	return s, err
}

// sees waits until the status is as wanted.
func (f *fleet) sees(what string, is func(*api.Status) bool) {
	f.t.Helper()
	var last string
	tick := time.NewTicker(f.every / 20)
	defer tick.Stop()
	for deadline := time.Now().Add(4*time.Minute + 4*f.every); ; <-tick.C {
		s, err := f.status()
		if err == nil && is(&s) {
			f.t.Logf("%s: %s", time.Now().UTC().Format(time.TimeOnly), what)
			return
		}
		text, _ := json.Marshal(s)
		last = fmt.Sprint(string(text), err)
		if time.Now().After(deadline) {
			f.t.Fatalf("never came: %s; the last status was %s", what, last)
		}
	}
}

// whole says whether the last round measured every pair of so many cities.
func whole(s *api.Status, cities int) bool {
	return s.Last != nil && s.Last.Measured == cities*(cities-1) && s.Last.Planned == s.Last.Measured
}

// rounds waits for so many rounds more.
func (f *fleet) rounds(n uint64) {
	f.t.Helper()
	s, err := f.status()
	if err != nil {
		f.t.Fatal(err)
	}
	f.sees(fmt.Sprint(n, " rounds more"), func(now *api.Status) bool { return now.Rounds.Finished >= s.Rounds.Finished+n })
}

// values are the metrics by their name and labels.
func (f *fleet) values() (map[string]float64, error) {
	text, err := f.get("/metrics")
	if err != nil {
		return nil, err
	}
	all := map[string]float64{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "} "); ok && !strings.HasPrefix(line, "#") {
			all[name+"}"], _ = strconv.ParseFloat(value, 64)
		} else if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && !strings.HasPrefix(line, "#") {
			all[name], _ = strconv.ParseFloat(value, 64)
		}
	}
	return all, nil
}

// watch looks at the service all the time, until it is told to stop.
func (f *fleet) watch() (stop func()) {
	ctx, cancel := context.WithCancel(f.t.Context())
	ended := make(chan struct{})
	began := time.Now()
	go func() {
		defer close(ended)
		tick := time.NewTicker(f.every / 10) // looking at 50 cities costs 50 ms
		defer tick.Stop()
		for ctx.Err() == nil {
			f.look(time.Since(began))
			select {
			case <-ctx.Done():
			case <-tick.C:
			}
		}
	}()
	return func() { cancel(); <-ended }
}

// look asks twice for the state, and between that for the metrics: if the state
// is the same, they must agree.
func (f *fleet) look(at time.Duration) {
	f.mu.Lock()
	up := f.running
	f.mu.Unlock()
	if !up {
		return
	}
	before, err := f.status()
	asked := time.Now()
	values, errValues := f.values()
	got := time.Now()
	after, errAfter := f.status()
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil || errValues != nil || errAfter != nil {
		if f.running { // else it was ended meanwhile
			f.complain("it does not answer: %v %v %v", err, errValues, errAfter)
		}
		return
	}
	f.checks++
	if ended, ok := values["pingmatrix_last_round_timestamp_seconds"]; ok {
		stale := values["pingmatrix_stale"] == 1
		youngest, oldest := asked.Sub(instant(ended)), got.Sub(instant(ended))
		if !stale && youngest > f.maxAge+time.Millisecond || stale && oldest < f.maxAge-time.Millisecond {
			f.complain("a round that ended %v to %v ago: stale %v", youngest, oldest, stale)
		}
	}
	figures := 0
	for name := range values {
		if strings.HasPrefix(name, "pingmatrix_rtt_seconds") {
			figures++
		}
	}
	if values["pingmatrix_stale"] == 1 && figures > 0 {
		f.complain("%d figures beside pingmatrix_stale 1", figures)
	}
	if before.Running == nil && after.Running == nil {
		f.flat = append(f.flat, footprint{at, values["process_resident_memory_bytes"], values["go_goroutines"]})
	}
	if before.Last == nil || after.Last == nil || before.Last.ID != after.Last.ID || before.Last.Planned != after.Last.Planned || values["pingmatrix_stale"] == 1 {
		return
	}
	f.seen[after.Last.ID] = true
	for state, pairs := range after.Last.States {
		if values[`pingmatrix_pairs{state="`+state+`"}`] != float64(pairs) {
			f.complain("%d pairs are %s, and the metrics say %v", pairs, state, values[`pingmatrix_pairs{state="`+state+`"}`])
		}
	}
	f.agrees(after.Last.ID, after.Last.Planned, values, figures)
}

func instant(seconds float64) time.Time { return time.UnixMilli(int64(seconds * 1000)) }

// agrees holds the metrics against the round in the history.
func (f *fleet) agrees(id string, planned int, values map[string]float64, figures int) {
	h, err := history.Open(f.history)
	if err != nil {
		f.complain("%v", err)
		return
	}
	round, err := h.Round(context.Background(), id)
	if err != nil {
		f.complain("round %s was shown, and is not in the history: %v", id, err)
		return
	}
	if round.Planned() != planned {
		return // a city has left since
	}
	want := 0
	for i := range round.Samples {
		s := &round.Samples[i]
		labels := fmt.Sprintf(`{from=%q,stat="min",to=%q}`, s.From, s.To)
		value, has := values["pingmatrix_rtt_seconds"+labels]
		least, measured := s.Summary().Get(probe.Min)
		if has != measured || has && time.Duration(value*1e9+0.5).Round(time.Microsecond) != least.Round(time.Microsecond) {
			f.complain("%v: the metrics say %v (%v), the history %v (%v)", s.Pair, value, has, least, measured)
		}
		if measured {
			want += 3
		}
	}
	if want != figures {
		f.complain("%d figures of round-trip times, want %d", figures, want)
	}
}

// complain notes what is wrong; of much the first.
func (f *fleet) complain(format string, args ...any) {
	if len(f.wrong) < 20 {
		f.wrong = append(f.wrong, time.Now().UTC().Format(time.TimeOnly)+" "+fmt.Sprintf(format, args...))
	}
}

// accounts are what must be true in the end: every round that was shown is in the
// history, and no two overlap.
func (f *fleet) accounts() (rounds int) {
	f.t.Helper()
	h, err := history.Open(f.history)
	if err != nil {
		f.t.Fatal(err)
	}
	found, err := h.List(f.t.Context(), time.Unix(0, 0), time.Now().Add(time.Hour))
	if err != nil {
		f.t.Fatal(err)
	}
	there := map[string]bool{}
	for i, info := range found {
		there[info.ID] = true
		if i > 0 && info.Header.Start.Before(found[i-1].Header.End) {
			f.t.Errorf("round %s began at %v, before %s had ended at %v", info.ID, info.Header.Start, found[i-1].ID, found[i-1].Header.End)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for id := range f.seen {
		if !there[id] {
			f.t.Errorf("round %s was shown, and is lost", id)
		}
	}
	for _, text := range f.wrong {
		f.t.Error(text)
	}
	if len(h.Problems()) > 0 {
		f.t.Errorf("%+v", h.Problems())
	}
	f.t.Logf("%d rounds in the history, %d seen, looked at %d times", len(found), len(f.seen), f.checks)
	return len(found)
}

func (f *fleet) set(city string, down bool) {
	f.t.Helper()
	if err := lab.Set(f.t.Context(), f.Door, lab.Change{From: city, Down: &down}); err != nil {
		f.t.Fatal(err)
	}
}

// hostState is what the status says of a host.
func hostState(s *api.Status, city string) string {
	for _, h := range s.Hosts {
		if h.City == city {
			return h.State
		}
	}
	return "not there"
}

// story is what happens to a fleet, whatever its size: to the first host that
// goes, and others.
func (f *fleet) story(first int) {
	n := len(f.cities)
	down, leaving := f.cities[first].Name, f.cities[n-1].Name
	f.sees("every pair measured", func(s *api.Status) bool { return whole(s, n) })

	f.set(down, true)
	f.sees(down+" is known to be down, and others ping it", func(s *api.Status) bool {
		return hostState(s, down) == "away" && s.Last.States["source-down"] == n-1 && s.Last.States["lost"] == n-1
	})
	f.rounds(2)
	f.knownDown(down)
	f.set(down, false)
	f.sees(down+" is back", func(s *api.Status) bool { return whole(s, n) && hostState(s, down) == "up" })

	f.move()
	f.sees("every pair measured after the move", func(s *api.Status) bool { return whole(s, n) })
	f.edit(leaving)
}

// move gives a city the host that no city has.
func (f *fleet) move() {
	f.t.Helper()
	f.cities = slices.Clone(f.cities)
	moved := &f.cities[2]
	moved.Host, f.spare.Host = f.spare.Host, moved.Host
	f.inventory(f.cities)
	f.signals <- syscall.SIGHUP
	address, _, _ := strings.Cut(moved.Host, ".")
	address = strconv.Quote(f.address(address))
	f.sees(moved.Name+" is measured at its new address", func(*api.Status) bool {
		text, err := f.get(api.Root + "pairs/" + f.cities[0].Name + "/" + moved.Name)
		return err == nil && strings.Contains(text, address)
	})
}

// edit makes the inventory wrong, and right again without a city, and whole.
func (f *fleet) edit(leaving string) {
	f.t.Helper()
	n := len(f.cities)
	right, err := os.ReadFile(f.path("cities.csv"))
	if err != nil {
		f.t.Fatal(err)
	}
	wrong := strings.Replace(string(right), "City01", "City01,too,many", 1)
	if err := os.WriteFile(f.path("cities.csv"), []byte(wrong), 0o666); err != nil {
		f.t.Fatal(err)
	}
	f.signals <- syscall.SIGHUP
	f.sees("a wrong inventory is refused, with its line", func(s *api.Status) bool {
		return len(s.Trouble) == 1 && strings.Contains(s.Trouble[0].Text, "cities.csv:3")
	})
	f.rounds(1)
	f.inventory(f.cities[:n-1])
	f.signals <- syscall.SIGHUP
	f.sees("a city has left", func(s *api.Status) bool {
		return len(s.Trouble) == 0 && s.Last.Planned == (n-1)*(n-2)
	})
	values, err := f.values()
	if err != nil {
		f.t.Fatal(err)
	}
	for name := range values {
		if strings.Contains(name, strconv.Quote(leaving)) {
			f.t.Errorf("%s has left, and the metrics have %s", leaving, name)
		}
	}
	f.inventory(f.cities)
	f.signals <- syscall.SIGHUP
	f.sees("it has come again", func(s *api.Status) bool { return whole(s, n) })

}

// crash kills the service while a round is under way, and starts it again.
func (f *fleet) crash() {
	f.t.Helper()
	f.sees("a round under way", func(s *api.Status) bool { return s.Running != nil })
	s := f.end(syscall.SIGKILL)
	if s.status != 128+int(syscall.SIGKILL) {
		f.t.Errorf("killed, it ended with %d", s.status)
	}
	f.start()
	if s, err := f.status(); err != nil || s.Last == nil || s.AgeSeconds == nil {
		f.t.Errorf("after it was killed it does not know the last round: %+v, %v", s.Last, err)
	}
	f.sees("every pair measured after it was killed", func(s *api.Status) bool { return whole(s, len(f.cities)) && s.Rounds.Finished > 0 })
}

// knownDown looks at the last round's reasons.
func (f *fleet) knownDown(city string) {
	f.t.Helper()
	text, err := f.get(api.Root + "pairs/" + city + "/" + f.cities[0].Name)
	if err != nil || !strings.Contains(text, "known to be down: since ") || !strings.Contains(text, "next try at ") {
		f.t.Errorf("%v: %s", err, text)
	}
}

// quickSSH gives up soon on a host that is down.
const quickSSH = "ssh -o ConnectTimeout=3 -o ServerAliveInterval=2 -o ServerAliveCountMax=2"

// TestServe is the service's life in short: a host goes and comes back, another
// moves, the inventory is wrong and right again, the service is killed, the whole
// fleet goes and comes back, and the service is told to stop, twice.
func TestServe(t *testing.T) {
	f := newFleet(t, numbered(4), 2*time.Second, 6*time.Second, "-c", "3", "-i", "200ms", "-t", "500ms", "--trace", "none", "--rsh", quickSSH)
	f.start()
	stop := f.watch()
	f.story(1)
	f.crash()

	f.set("*", true)
	f.sees("nothing is fresh any more", func(s *api.Status) bool { return s.Stale && s.Rounds.Failed > 0 })
	if text, err := f.get("/healthz"); err == nil || !strings.Contains(text, `"stale"`) {
		t.Errorf("healthz: %v, %s", err, text)
	}
	f.set("*", false)
	f.sees("all are back", func(s *api.Status) bool { return !s.Stale && whole(s, 4) })
	if s := f.end(syscall.SIGTERM); s.status != 0 || !strings.Contains(s.stderr, "matrix: stopped") {
		t.Errorf("told to stop it ended with %d: %s", s.status, s.stderr)
	}
	rounds := f.accounts()

	// Two signals of one kind may become one on their way.
	f.start("-c", "100", "--every", "1s")
	f.sees("a long round under way", func(s *api.Status) bool { return s.Running != nil && s.Running.EchoesDone > 20 })
	if s := f.end(syscall.SIGTERM, os.Interrupt); s.status != 0 {
		t.Errorf("told to hurry it ended with %d: %s", s.status, s.stderr)
	}
	stop()
	if now := f.accounts(); now != rounds+1 {
		t.Errorf("%d rounds after the one that was broken off, want %d", now, rounds+1)
	}
	h, err := history.Open(f.history)
	if err != nil {
		t.Fatal(err)
	}
	if last, err := h.Last(t.Context()); err != nil || !last.Partial || last.Count(probe.Measured) == 0 {
		t.Errorf("the last round is not marked partial: %+v, %v", last, err)
	}
}

// TestServeLong is the same with 50 cities for as long as MATRIX_TEST_SERVE says,
// such as 20m, and what the service takes of the machine.
func TestServeLong(t *testing.T) {
	length, err := time.ParseDuration(os.Getenv("MATRIX_TEST_SERVE"))
	if err != nil {
		t.Skip("set MATRIX_TEST_SERVE=20m: a life of that length")
	}
	f := newFleet(t, numbered(50), 30*time.Second, 90*time.Second, "-c", "4", "-t", "3s")
	began := time.Now()
	f.start()
	stop := f.watch()
	f.story(1)
	f.crash()
	settled := time.Since(began) + 2*time.Minute
	story := time.Since(began)
	for first := 3; time.Since(began) < length; first++ {
		if left := length - time.Since(began); left > story {
			f.story(first)
		} else {
			f.rounds(1)
		}
	}
	s, err := f.status()
	if err != nil {
		t.Error(err)
	}
	stop()
	t.Logf("since the last start: %+v", s.Rounds)
	f.isFlat(settled)
	if s := f.end(syscall.SIGTERM); s.status != 0 {
		t.Errorf("told to stop it ended with %d: %s", s.status, s.stderr)
	}
	f.accounts()
	t.Logf("%v in all", time.Since(began).Round(time.Second))
}

// isFlat compares the first and the last quarter of what the service took since
// a time, between rounds.
func (f *fleet) isFlat(since time.Duration) {
	f.t.Helper()
	var memory, goroutines []float64
	for _, p := range f.flat {
		if p.at >= since {
			memory, goroutines = append(memory, p.memory), append(goroutines, p.goroutines)
		}
	}
	if len(memory) < 20 {
		f.t.Fatalf("only %d looks between rounds", len(memory))
	}
	quarter := len(memory) / 4
	for _, q := range []struct {
		what   string
		values []float64
		unit   float64
		slack  float64
	}{{"MB resident", memory, 1 << 20, 0.25}, {"goroutines", goroutines, 1, 0.25}} {
		early, late := middle(q.values[:quarter]), middle(q.values[len(q.values)-quarter:])
		f.t.Logf("%s: median %.1f in the first quarter, %.1f in the last; %.1f to %.1f of %d",
			q.what, early/q.unit, late/q.unit, slices.Min(q.values)/q.unit, slices.Max(q.values)/q.unit, len(q.values))
		if late > early*(1+q.slack)+8*q.unit {
			f.t.Errorf("%s: they grow", q.what)
		}
	}
}

func middle(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
