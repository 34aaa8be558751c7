package bus_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"matrix/probe"
	"matrix/probe/bus"
)

// plans is the bucket, as somebody has it who stole the coordinator's key.
func (w *world) plans() jetstream.KeyValue {
	w.t.Helper()
	thief, err := jetstream.New(w.raw("", make(chan error, 100)))
	if err != nil {
		w.t.Fatal(err)
	}
	bucket, err := thief.KeyValue(w.t.Context(), "matrix_plans")
	if err != nil {
		w.t.Fatal(err)
	}
	return bucket
}

// planText is the plan that is in the bucket.
func planText(t *testing.T, bucket jetstream.KeyValue) string {
	t.Helper()
	entry, err := bucket.Get(t.Context(), "current")
	if err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(entry.Value()))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func packed(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestAWrongPlanIsRefusedWhole, by every agent and by coordinators: what held goes
// on to hold, also after a restart, and all say why.
func TestAWrongPlanIsRefusedWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a", "b", "c")
	agents := map[string]*agent{}
	for _, c := range w.cities {
		agents[c.Name] = w.agentLike(c.Name, "", bus.Agent{})
	}
	b := w.connect()
	good := w.publish(b, w.fleetPlan(4*time.Second, 2))
	w.held(b, good.Revision)
	bucket := w.plans()
	text := planText(t, bucket)
	for name, wrong := range map[string]struct {
		value []byte
		why   string
	}{
		"garbage":            {[]byte("garbage"), "cannot be unpacked"},
		"no JSON":            {packed(t, "garbage"), "it is no plan"},
		"a bomb":             {packed(t, text+strings.Repeat(" ", 17<<20)), "longer than"},
		"another version":    {packed(t, strings.Replace(text, `"format":1`, `"format":7`, 1)), "its format is 7"},
		"a word too much":    {packed(t, strings.Replace(text, `"count"`, `"burst":9,"count"`, 1)), "unknown field"},
		"something behind":   {packed(t, text+"{}"), "after top-level value"},
		"a city twice":       {packed(t, strings.Replace(text, `"name":"b"`, `"name":"a"`, 1)), "twice"},
		"a city without one": {packed(t, strings.Replace(text, `"127.0.0.2"`, `""`, 1)), "neither an address nor a reason"},
		"no such city":       {packed(t, strings.Replace(text, `"b":{"Addr"`, `"x":{"Addr"`, 1)), "neither an address nor a reason"},
		"not to be pinged":   {packed(t, strings.Replace(text, `"127.0.0.2"`, `"224.0.0.1"`, 1)), "cannot be pinged"},
		"a rate":             {packed(t, strings.Replace(text, `"rate":250`, `"rate":200000`, 1)), "rate 200000"},
		"a rate too low":     {packed(t, strings.Replace(text, `"rate":250`, `"rate":1`, 1)), "the next is due after 4s"},
		"too many":           {packed(t, strings.Replace(text, `"count":2`, `"count":9999`, 1)), "the next is due after 4s"},
		"too often":          {packed(t, strings.Replace(text, `"every_ns":4000000000`, `"every_ns":1000`, 1)), "want 1s to 168h"},
		"a subject":          {packed(t, strings.ReplaceAll(text, `"b"`, `"b.>"`)), "NATS subject"},
		"an option for ssh":  {packed(t, strings.Replace(text, `"host":"127.0.0.1"`, `"host":"-oProxyCommand=x"`, 1)), "not a host name"},
		"an escape":          {packed(t, strings.Replace(text, `"title":""`, `"title":"\u001b[2J"`, 1)), "is no text"},
	} {
		revision, err := bucket.Put(t.Context(), "current", wrong.value)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Remind(t.Context()); err != nil {
			t.Fatal(err)
		}
		for city, s := range w.held(b, revision) {
			if !strings.Contains(s.Wrong, wrong.why) || len(s.Plans) != 1 || s.Plans[0] != good.Digest() {
				t.Errorf("%s: %s says %+v, want %q", name, city, s, wrong.why)
			}
		}
		now, err := b.Plan(t.Context())
		if err != nil || !strings.Contains(now.Wrong, wrong.why) || now.Digest() != good.Digest() {
			t.Errorf("%s: for coordinators the plan is %s, and wrong is %q, %v", name, now.Digest(), now.Wrong, err)
		}
	}
	if _, err := bucket.Put(t.Context(), "current", make([]byte, 2<<20)); err == nil {
		t.Error("the server takes plans of any size")
	}
	if !strings.Contains(w.logged(), "a plan of the fleet is refused") {
		t.Error("the agents' logs do not tell")
	}

	// The plan that was on disk holds after a restart, beside a wrong one.
	agents["a"].stop()
	w.agentLike("a", agents["a"].folder, bus.Agent{})
	revision, err := bucket.Put(t.Context(), "current", []byte("garbage"))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Remind(t.Context()); err != nil {
		t.Fatal(err)
	}
	for city, s := range w.held(b, revision) {
		if s.Wrong == "" || len(s.Plans) != 1 || s.Plans[0] != good.Digest() {
			t.Errorf("after a restart %s says %+v", city, s)
		}
	}
	w.wholeRound(b)

	// Whoever publishes the right one again mends it.
	mended := w.publish(b, w.fleetPlan(4*time.Second, 2))
	if mended.Revision <= revision {
		t.Errorf("revision %d, after %d", mended.Revision, revision)
	}
	for city, s := range w.held(b, mended.Revision) {
		if s.Wrong != "" || s.Plans[0] != mended.Digest() {
			t.Errorf("after it was mended %s says %+v", city, s)
		}
	}
}

// wholeRound is the next round of the plan, collected.
func (w *world) wholeRound(b *bus.Bus) measured {
	w.t.Helper()
	round := w.next(b)
	round.whole(w.t)
	return round
}

// next collects the next round of the plan.
func (w *world) next(b *bus.Bus) measured {
	w.t.Helper()
	ticket := w.due(b)
	held, err := b.Begin(w.t.Context(), ticket)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.gather(held, ticket.Start.Add(20*time.Second))
}

// due waits until the next round is due.
func (w *world) due(b *bus.Bus) bus.Ticket {
	w.t.Helper()
	ticket := w.coming(b)
	time.Sleep(time.Until(ticket.Start))
	return ticket
}

// coming is the next round that will be due.
func (w *world) coming(b *bus.Bus) bus.Ticket {
	w.t.Helper()
	now, err := b.Plan(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	from := time.Now()
	if from.Before(now.From) {
		from = now.From
	}
	due := now.Schedule.Next(from)
	ticket, ok, err := b.DueAt(w.t.Context(), due)
	if err != nil || !ok {
		w.t.Fatalf("no round is due at %v: %v", due, err)
	}
	return ticket
}

// TestAHostThatMayNotMeasureSo refuses the plan that others take, and goes on with
// the one before.
func TestAHostThatMayNotMeasureSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a", "b")
	guard := &probe.Guard{MostRate: 15}
	w.agentLike("a", "", bus.Agent{Accept: guard.Check})
	w.agentLike("b", "", bus.Agent{})
	b := w.connect()
	first := w.publish(b, w.fleetPlan(4*time.Second, 2))
	w.held(b, first.Revision)
	fast := w.fleetPlan(4*time.Second, 2)
	fast.Options.Interval = 20 * time.Millisecond
	second := w.publish(b, fast)
	signs := w.held(b, second.Revision)
	if s := signs["a"]; !strings.Contains(s.Wrong, "the job sends 50 echo requests a second, it allows 15") || fmt.Sprint(s.Plans) != fmt.Sprint([]string{first.Digest()}) {
		t.Errorf("a says %+v", s)
	}
	if s := signs["b"]; s.Wrong != "" || s.Plans[0] != second.Digest() {
		t.Errorf("b says %+v", s)
	}
	round := w.next(b)
	for _, s := range round.Samples {
		want := map[string]probe.State{"a": probe.SourceDown, "b": probe.Measured}[s.From]
		if s.State != want || want == probe.SourceDown && !strings.Contains(s.Reason, "refuses the fleet's plan") {
			t.Errorf("%v is %v: %s", s.Pair, s.State, s.Reason)
		}
	}
	if len(round.owing) > 0 {
		t.Errorf("%v are owing", round.owing)
	}
	// What it measured by the old plan is of no round, and said.
	eventually(t, "its row is removed", func() bool {
		strays, err := b.Discover(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(strays) > 0 && strays[0].City == "a" && strings.Contains(strays[0].Why, "another plan")
	})
}

// TestAChangeReachesAllAgents within seconds. MATRIX_TEST_FLEET=1000 is that of
// docs/scale.md.
func TestAChangeReachesAllAgents(t *testing.T) {
	n := 100
	if text := os.Getenv("MATRIX_TEST_FLEET"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	names := make([]string, n)
	for i := range names {
		names[i] = "city" + strconv.Itoa(i)
	}
	w := newWorld(t, names...)
	for _, name := range names {
		w.agentLike(name, "", bus.Agent{})
	}
	b := w.connect()
	plan := w.fleetPlan(time.Hour, 2)
	for range 3 {
		plan.Options.Count++
		began := time.Now()
		now := w.publish(b, plan)
		for city, s := range w.held(b, now.Revision) {
			if s.Wrong != "" || s.Plans[0] != now.Digest() {
				t.Errorf("%s says %+v", city, s)
			}
		}
		t.Logf("%d agents have the plan %v after it was published", n, time.Since(began).Round(time.Millisecond))
	}
	again := w.publish(b, plan)
	if now, err := b.Plan(t.Context()); err != nil || now.Revision != again.Revision || now.Digest() != again.Digest() {
		t.Errorf("the same plan was published again: %v", err)
	}
	if was, err := b.Withdraw(t.Context()); !was || err != nil {
		t.Errorf("%v, %v", was, err)
	}
	for city, s := range w.held(b, again.Revision+1) {
		if len(s.Plans) > 0 {
			t.Errorf("%s goes on with %v", city, s.Plans)
		}
	}
}

// TestThePlanChangesInMidRound: the round is finished by the plan that it was begun
// with, the next is of the new one, with other cities.
func TestThePlanChangesInMidRound(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a", "b", "c")
	begun := make(chan bool, 10)
	for _, c := range w.cities {
		w.agentLike(c.Name, "", bus.Agent{Serve: serving(func() probe.Pinger { return generator{begun} })})
	}
	b := w.connect()
	const every = 8 * time.Second
	old := w.publish(b, w.fleetPlan(every, 40))
	all := w.cities
	first := old.Schedule.Next(old.From)
	time.Sleep(time.Until(first.Add(-every + time.Second))) // it holds every later: in the middle of the first round
	w.cities = all[:2]
	fresh := w.publish(b, w.fleetPlan(every, 5))
	if !fresh.From.After(first) || fresh.From.After(first.Add(3*time.Second)) {
		t.Skipf("too slow: the new plan holds from %v, the round is of %v", fresh.From, first)
	}
	for range all {
		<-begun
	}
	w.held(b, fresh.Revision)
	open := w.discovered(b, 2)
	for i, want := range []struct {
		start         time.Time
		pairs, echoes int
	}{{first, 6, 40}, {fresh.Schedule.Next(fresh.From), 2, 5}} {
		if !open[i].Start.Equal(want.start) {
			t.Errorf("round %d is of %v, want %v", i, open[i].Start, want.start)
		}
		held, err := b.Take(t.Context(), open[i].Run)
		if err != nil {
			t.Fatal(err)
		}
		round := w.gather(held, time.Now().Add(20*time.Second))
		round.whole(t)
		if round.Planned() != want.pairs || round.Options.Count != want.echoes {
			t.Errorf("round %d has %d pairs of %d echo requests, want %+v", i, round.Planned(), round.Options.Count, want)
		}
	}
}

// TestASignIsOfItsCityOnly: nobody rolls the signs of others up.
func TestASignIsOfItsCityOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a", "b")
	for _, c := range w.cities {
		w.agentLike(c.Name, "", bus.Agent{})
	}
	b := w.connect()
	now := w.publish(b, w.fleetPlan(time.Hour, 2))
	w.held(b, now.Revision)
	thief := w.raw("a", make(chan error, 100))
	m := nats.NewMsg("matrix.sign.a")
	m.Header.Set("Nats-Rollup", "all")
	m.Data = []byte("garbage")
	if _, err := thief.RequestMsg(m, time.Minute); err != nil {
		t.Fatal(err)
	}
	m = nats.NewMsg("matrix.sign.a")
	m.Data = []byte("garbage")
	if _, err := thief.RequestMsg(m, time.Minute); err != nil {
		t.Fatal(err)
	}
	m.Data = make([]byte, 64<<10)
	if answer, err := thief.RequestMsg(m, time.Minute); err != nil || !strings.Contains(string(answer.Data), "exceeds maximum") {
		t.Errorf("a long sign is taken: %s, %v", answer.Data, err)
	}
	signs, err := b.Signs(t.Context())
	if err != nil || signs["b"].Revision != now.Revision {
		t.Errorf("the signs are %v, %v", signs, err)
	}
	if _, there := signs["a"]; there || !strings.Contains(w.logged(), "a sign of life is not understood") {
		t.Error("garbage is not said")
	}
}
