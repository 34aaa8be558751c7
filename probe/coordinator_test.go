package probe

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fakeHost is a from-host that behaves as told. Its zero value is well: every
// echo request is answered after 10 ms.
type fakeHost struct {
	open     func(ctx context.Context, attempt int) error
	ping     func(ctx context.Context, job Job, emit func(Echo)) error
	attempts int
	began    time.Time
}

// fakeFleet opens sessions on fake hosts; cities without one are well.
type fakeFleet map[string]*fakeHost

func (f fakeFleet) Open(ctx context.Context, city City) (Session, error) {
	host := f[city.Name]
	host.attempts++
	if host.open != nil {
		if err := host.open(ctx, host.attempts); err != nil {
			return nil, err
		}
	}
	return host, nil
}

func (h *fakeHost) Version() string { return "v1" }
func (h *fakeHost) Close() error    { return nil }

func (h *fakeHost) Ping(ctx context.Context, job Job, emit func(Echo)) error {
	h.began = time.Now()
	if h.ping != nil {
		return h.ping(ctx, job, emit)
	}
	return well(ctx, job, emit)
}

func well(ctx context.Context, job Job, emit func(Echo)) error {
	return echoUpTo(ctx, job, emit, job.Count)
}

// echoUpTo answers the first n echo requests of each target, one an interval.
func echoUpTo(ctx context.Context, job Job, emit func(Echo), n int) error {
	for seq := range n {
		if seq > 0 && !pause(ctx, job.Interval) {
			return ctx.Err()
		}
		for target := range job.Targets {
			emit(Echo{Target: target, Seq: seq, Outcome: Replied, RTT: 10 * time.Millisecond})
		}
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// runRound runs a round of four cities with the hosts as given and returns it,
// with the time that it took.
func runRound(t *testing.T, hosts fakeFleet, cancelAfter time.Duration) (*Round, time.Duration) {
	t.Helper()
	cities, addresses := fleet(4)
	for _, c := range cities {
		if hosts[c.Name] == nil {
			hosts[c.Name] = &fakeHost{}
		}
	}
	plan, err := MakePlan(cities, addresses, Selection{}, options(5, time.Second))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if cancelAfter > 0 {
		time.AfterFunc(cancelAfter, cancel)
	}
	began := time.Now()
	round := (&Coordinator{Opener: hosts}).Run(ctx, plan)
	return round, time.Since(began)
}

func TestRounds(t *testing.T) {
	refuse := func(again bool) func(context.Context, int) error {
		return func(context.Context, int) error {
			return &HostError{Op: "connect", Err: errors.New("connection refused"), Hint: "start sshd", Again: again}
		}
	}
	hang := func(ctx context.Context, _ int) error {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	tests := []struct {
		name     string
		c0       *fakeHost     // the others are well
		cancel   time.Duration // when; 0: never
		within   time.Duration // the round ends
		rows     string        // state of c0's three pairs, then of the nine others, "mixed" if they differ
		reason   string        // of c0's pairs
		warning  string        // about c0
		attempts int           // to open c0
		partial  bool
		cut      bool // c0's pairs
	}{
		{name: "all well", c0: &fakeHost{}, within: 5 * time.Second, rows: "measured measured", attempts: 1},
		{name: "a host refuses", c0: &fakeHost{open: refuse(false)}, within: 5 * time.Second, rows: "source-down measured",
			reason: "connect: connection refused", warning: "connect: connection refused; start sshd", attempts: 1},
		{name: "a host refuses for now", c0: &fakeHost{open: refuse(true)}, within: 8 * time.Second, rows: "source-down measured",
			reason: "connect: connection refused", warning: "connect: connection refused; start sshd", attempts: 3},
		{name: "a host refuses once", within: 8 * time.Second, rows: "measured measured", attempts: 2,
			c0: &fakeHost{open: func(ctx context.Context, attempt int) error {
				if attempt == 1 {
					return refuse(true)(ctx, attempt)
				}
				return nil
			}}},
		{name: "a host hangs while it connects", c0: &fakeHost{open: hang}, within: 151 * time.Second, rows: "source-down measured",
			reason: "no session within 2m30s", warning: "no session within 2m30s", attempts: 1},
		{name: "a host comes late", within: 26 * time.Second, rows: "measured measured", attempts: 1,
			c0: &fakeHost{open: func(ctx context.Context, _ int) error { pause(ctx, 20*time.Second); return nil }}},
		{name: "a host dies in the middle", within: 5 * time.Second, rows: "measured measured", attempts: 1,
			reason: "2 of 5 echo requests: measure: the link broke", warning: "measure: the link broke", cut: true,
			c0: &fakeHost{ping: func(ctx context.Context, job Job, emit func(Echo)) error {
				_ = echoUpTo(ctx, job, emit, 2)
				return &HostError{Op: "measure", Err: errors.New("the link broke")}
			}}},
		{name: "a host hangs in the middle", within: 25 * time.Second, rows: "measured measured", attempts: 1,
			reason: "2 of 5 echo requests: out of time", cut: true,
			c0: &fakeHost{ping: func(ctx context.Context, job Job, emit func(Echo)) error {
				_ = echoUpTo(ctx, job, emit, 2)
				<-ctx.Done()
				return context.Cause(ctx)
			}}, warning: "out of time"},
		{name: "a session panics", within: 5 * time.Second, rows: "source-down measured", attempts: 1,
			reason: "panic: oh no", warning: "panic: oh no",
			c0: &fakeHost{ping: func(context.Context, Job, func(Echo)) error { panic("oh no") }}},
		{name: "a host says nothing", within: 5 * time.Second, rows: "source-down measured", attempts: 1,
			reason: "the session ended without these pairs",
			c0:     &fakeHost{ping: func(context.Context, Job, func(Echo)) error { return nil }}},
		{name: "a host lies", within: 5 * time.Second, rows: "source-down measured", attempts: 1,
			reason: "the session ended without these pairs", warning: "1 reports from its host could not be true and were ignored",
			c0: &fakeHost{ping: func(_ context.Context, _ Job, emit func(Echo)) error {
				emit(Echo{Target: 7, Outcome: Replied, RTT: time.Millisecond})
				return nil
			}}},
		{name: "Ctrl-C in the middle", c0: &fakeHost{}, cancel: 2500 * time.Millisecond, within: 3 * time.Second,
			rows: "measured measured", reason: "3 of 5 echo requests: cancelled", attempts: 1, partial: true, cut: true},
		{name: "Ctrl-C while a host connects", c0: &fakeHost{open: hang}, cancel: time.Second, within: 2 * time.Second,
			rows: "not-run not-run", reason: "cancelled", attempts: 1, partial: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hosts := fakeFleet{"c0": test.c0}
				round, took := runRound(t, hosts, test.cancel)
				if took > test.within {
					t.Errorf("took %v, want at most %v", took, test.within)
				}
				if got := statesOf(round); got != test.rows {
					t.Errorf("states are %s, want %s", got, test.rows)
				}
				if got := round.Samples[0].Reason; got != test.reason {
					t.Errorf("reason %q, want %q", got, test.reason)
				}
				if _, known := round.Samples[0].Loss(); round.Samples[0].Cut != test.cut || test.cut && known {
					t.Errorf("cut short: %v; its loss is known: %v", round.Samples[0].Cut, known)
				}
				var said []string
				for _, w := range round.Warnings {
					if strings.HasSuffix(w.Text, "they were cut short") {
						continue
					}
					said = append(said, w.Text)
				}
				if strings.Join(said, "\n") != test.warning {
					t.Errorf("warnings %q, want %q", said, test.warning)
				}
				if hosts["c0"].attempts != test.attempts {
					t.Errorf("%d attempts, want %d", hosts["c0"].attempts, test.attempts)
				}
				if round.Partial != test.partial {
					t.Errorf("partial is %v", round.Partial)
				}
			})
		})
	}
}

// statesOf is the state of c0's row and of all the others.
func statesOf(r *Round) string {
	one := func(samples []Sample) string {
		for _, s := range samples {
			if s.State != samples[0].State {
				return "mixed"
			}
		}
		return samples[0].State.String()
	}
	return one(r.Samples[:3]) + " " + one(r.Samples[3:])
}

func TestHostsStartTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(d time.Duration) *fakeHost {
			return &fakeHost{open: func(ctx context.Context, _ int) error { pause(ctx, d); return nil }}
		}
		hosts := fakeFleet{"c0": slow(0), "c1": slow(2 * time.Second), "c2": slow(4 * time.Second), "c3": slow(5 * time.Second)}
		runRound(t, hosts, 0)
		for name, host := range hosts {
			if host.began != hosts["c3"].began {
				t.Errorf("%s began at %v, c3 at %v", name, host.began, hosts["c3"].began)
			}
		}
	})
}

func TestASlowHostDoesNotHoldTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hosts := fakeFleet{"c3": &fakeHost{open: func(ctx context.Context, _ int) error { pause(ctx, 25*time.Second); return nil }}}
		began := time.Now()
		runRound(t, hosts, 0)
		if waited := hosts["c0"].began.Sub(began); waited != 3*time.Second {
			t.Errorf("the others waited %v, want the 3s of Limits.Quiet", waited)
		}
	})
}

func TestDialsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cities, addresses := fleet(100)
		plan, err := MakePlan(cities, addresses, Selection{}, options(1, time.Second))
		if err != nil {
			t.Fatal(err)
		}
		opener := &countingOpener{}
		round := (&Coordinator{Opener: opener, Limits: Limits{Dials: 7}}).Run(t.Context(), plan)
		if opener.most != 7 {
			t.Errorf("%d sessions were being opened at once, want 7", opener.most)
		}
		if !round.Complete() {
			t.Errorf("%d of %d pairs measured", round.Count(Measured), round.Planned())
		}
	})
}

type countingOpener struct {
	mu        sync.Mutex
	now, most int
}

func (o *countingOpener) Open(ctx context.Context, _ City) (Session, error) {
	o.count(1)
	pause(ctx, time.Second)
	o.count(-1)
	return &fakeHost{}, nil
}

func (o *countingOpener) count(by int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.now += by
	o.most = max(o.most, o.now)
}

func TestProgressCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cities, addresses := fleet(3)
		plan, err := MakePlan(cities, addresses, Selection{}, options(2, time.Second))
		if err != nil {
			t.Fatal(err)
		}
		var last Progress
		hosts := fakeFleet{"c0": {}, "c1": {}, "c2": {open: func(context.Context, int) error { return errors.New("no") }}}
		(&Coordinator{Opener: hosts, Progress: func(p Progress) { last = p }}).Run(t.Context(), plan)
		want := Progress{Pairs: 6, PairsDone: 4, Echoes: 12, EchoesDone: 8, Hosts: 3, HostsUp: 2, HostsFailed: 1, HostsDone: 3, Started: true}
		if last != want {
			t.Errorf("progress ends with %+v, want %+v", last, want)
		}
	})
}

func TestSamplesAreInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		round, _ := runRound(t, fakeFleet{}, 0)
		var got []string
		for _, s := range round.Samples {
			got = append(got, s.Pair.String())
		}
		if !slices.IsSorted(got) || len(got) != 12 {
			t.Errorf("samples come as %v", got)
		}
		if want := (Host{City: "c1", Version: "v1"}); round.Hosts[1] != want {
			t.Errorf("host is %+v", round.Hosts[1])
		}
	})
}
