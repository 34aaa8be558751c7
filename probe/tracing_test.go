package probe

import (
	"context"
	"errors"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func traceJob(from, to string, flows int) TraceJob {
	o := DefaultTraceOptions(TraceICMP)
	o.Flows = flows
	return TraceJob{Pair: Pair{from, to}, Addr: netip.MustParseAddr("192.0.2.1"), TraceOptions: o}
}

// tracerSession is a city's session that traces as a function does.
type tracerSession struct {
	trace func(ctx context.Context, job TraceJob, emit func(Trace)) error
}

func (s tracerSession) Ping(context.Context, Job, func(Echo)) error { return nil }
func (s tracerSession) Version() string                             { return "v7" }
func (s tracerSession) Close() error                                { return nil }
func (s tracerSession) Trace(ctx context.Context, job TraceJob, emit func(Trace)) error {
	return s.trace(ctx, job, emit)
}

// tracerOpener opens sessions by the city's name.
type tracerOpener map[string]func(ctx context.Context, job TraceJob, emit func(Trace)) error

func (o tracerOpener) Open(_ context.Context, city City) (Session, error) {
	if o[city.Name] == nil {
		return nil, &HostError{Op: "connect", Err: errors.New("no way"), Hint: "look for one"}
	}
	return tracerSession{o[city.Name]}, nil
}

func reachedIn(ttl int) Trace {
	t := Trace{Method: TraceICMP, End: Reached, Pair: Pair{"liar", "thief"}, Hint: "click here"}
	for i := range ttl {
		t.Hops = append(t.Hops, Hop{TTL: i + 1, Sent: 1, Answers: []Answer{{Addr: netip.MustParseAddr("192.0.2.1"), RTTs: []time.Duration{time.Millisecond}}}})
	}
	return t
}

func TestCoordinatorTraces(t *testing.T) {
	well := func(_ context.Context, job TraceJob, emit func(Trace)) error {
		for flow := range job.Flows {
			trace := reachedIn(2)
			trace.Flow = flow
			emit(trace)
		}
		return nil
	}
	opener := tracerOpener{
		"well":  well,
		"panic": func(context.Context, TraceJob, func(Trace)) error { panic("ouch") },
		"half": func(_ context.Context, _ TraceJob, emit func(Trace)) error {
			emit(reachedIn(1))
			return errors.New("the link died")
		},
		"liar": func(_ context.Context, _ TraceJob, emit func(Trace)) error { emit(reachedIn(31)); return nil },
		"slow": func(ctx context.Context, _ TraceJob, _ func(Trace)) error { <-ctx.Done(); return context.Cause(ctx) },
	}
	for _, test := range []struct {
		from   string
		ends   []TraceEnd
		reason string
	}{
		{"well", []TraceEnd{Reached, Reached}, ""},
		{"panic", []TraceEnd{TraceFailed, TraceFailed}, "panic: ouch"},
		{"half", []TraceEnd{Reached, TraceFailed}, "the link died"},
		{"liar", []TraceEnd{TraceFailed, TraceFailed}, "trace: its answer cannot be true: a trace of 31 hops, of at most 30"},
		{"slow", []TraceEnd{TraceFailed, TraceFailed}, "out of time"},
		{"away", []TraceEnd{TraceFailed, TraceFailed}, "connect: no way"},
	} {
		t.Run(test.from, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := Coordinator{Opener: opener}
				began := time.Now()
				cities := []City{{Name: test.from}, {Name: "well"}}
				traces := c.Trace(t.Context(), cities, []TraceJob{traceJob(test.from, "x", 2), traceJob("well", "y", 1)})
				if len(traces) != 3 || traces[2].End != Reached || traces[2].Pair != (Pair{"well", "y"}) {
					t.Fatalf("%+v", traces)
				}
				for flow, end := range test.ends {
					got := traces[flow]
					if got.End != end || got.Pair != (Pair{test.from, "x"}) || got.Flow != flow || !got.At.Equal(began) || !got.Address.IsValid() {
						t.Errorf("flow %d: %+v", flow, got)
					}
					if end == TraceFailed && got.Reason != test.reason || end == Reached && got.Hint != "" {
						t.Errorf("flow %d: reason %q, hint %q", flow, got.Reason, got.Hint)
					}
				}
			})
		})
	}
}

// Ctrl-C is not a fault of the host.
func TestTraceInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		c := Coordinator{Opener: tracerOpener{"a": func(ctx context.Context, _ TraceJob, emit func(Trace)) error {
			<-ctx.Done()
			cut := reachedIn(1)
			cut.End = Unfinished
			emit(cut)
			return ctx.Err()
		}}}
		traces := c.Trace(ctx, []City{{Name: "a"}}, []TraceJob{traceJob("a", "b", 2)})
		if traces[0].End != Unfinished || len(traces[0].Hops) != 1 || traces[1].End != Unfinished {
			t.Errorf("%+v", traces)
		}
	})
}

// namer answers from a table; an address that it does not have never answers.
type namer map[string]string

func (n namer) LookupAddr(ctx context.Context, addr string) ([]string, error) {
	name, known := n[addr]
	switch {
	case !known:
		<-ctx.Done()
		return nil, ctx.Err()
	case name == "":
		return nil, errors.New("no such host")
	}
	return []string{name}, nil
}

func TestNameHops(t *testing.T) {
	long := strings.Repeat("a.", 130) + "net."
	names := namer{
		"192.0.2.1": "ae1.cr1.par.example.net.",
		"192.0.2.2": "",
		"192.0.2.3": "\x1b[31mred.example.net.",
		"192.0.2.4": "198.51.100.1.",
		"192.0.2.5": "a b.example.net.",
		"192.0.2.6": long,
		"192.0.2.7": "under_score.example.net.",
		"192.0.2.8": "<script>.example.net.",
		"192.0.2.9": "-oProxyCommand.example.net.",
	}
	want := map[string]string{"192.0.2.1": "ae1.cr1.par.example.net", "192.0.2.7": "under_score.example.net"}
	synctest.Test(t, func(t *testing.T) {
		var hop Hop
		for i := range 11 {
			hop.Answers = append(hop.Answers, Answer{Addr: netip.AddrFrom4([4]byte{192, 0, 2, byte(1 + i)})})
		}
		traces := []Trace{{Hops: []Hop{hop}}, {Hops: []Hop{{Answers: slices.Clone(hop.Answers)}}}}
		began := time.Now()
		NameHops(t.Context(), names, traces, 3*time.Second)
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("took %v", took)
		}
		for _, trace := range traces {
			for _, a := range trace.Hops[0].Answers {
				if a.Name != want[a.Addr.String()] {
					t.Errorf("%v is called %q, want %q", a.Addr, a.Name, want[a.Addr.String()])
				}
			}
		}
	})
}

func TestMarks(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		for code := range 256 {
			mark := MarkOf(v6, uint8(code))
			if !isMark(mark) || MarkMeaning(mark) == "" {
				t.Errorf("code %d: mark %q means %q", code, mark, MarkMeaning(mark))
			}
		}
	}
	for _, bad := range []string{"!", "!256", "!01", "!Y", "X", "13", "!!X", "!\x1b"} {
		if isMark(bad) {
			t.Errorf("%q is no mark", bad)
		}
	}
	if MarkOf(false, 13) != "!X" || MarkOf(true, 1) != "!X" || MarkOf(false, 1) != "!H" || MarkOf(true, 0) != "!N" || MarkMeaning("!77") != "unreachable, code 77" {
		t.Error("marks are not those of traceroute")
	}
}

func TestTraceWords(t *testing.T) {
	for method := TraceICMP; method <= TraceTCP; method++ {
		var back TraceMethod
		if text, _ := method.MarshalText(); back.UnmarshalText(text) != nil || back != method {
			t.Errorf("%v comes back as %v", method, back)
		}
	}
	for end := Unfinished; end <= NoTraceRoute; end++ {
		var back TraceEnd
		if text, _ := end.MarshalText(); back.UnmarshalText(text) != nil || back != end {
			t.Errorf("%v comes back as %v", end, back)
		}
	}
	if TraceEnd(99).String() != "unknown (99)" {
		t.Error(TraceEnd(99))
	}
}

func TestDefaultTraces(t *testing.T) {
	for _, method := range []TraceMethod{TraceICMP, TraceUDP, TraceTCP} {
		job := TraceJob{Addr: netip.MustParseAddr("192.0.2.1"), TraceOptions: DefaultTraceOptions(method)}
		if err := job.Check(); err != nil {
			t.Error(err)
		}
		if job.Length() < 3*time.Second || job.Length() > 5*time.Minute {
			t.Errorf("%v: a trace may take %v", method, job.Length())
		}
	}
	if got := reachedIn(2); !reflect.DeepEqual(got.Hops[0].RTTs(), []time.Duration{time.Millisecond}) {
		t.Errorf("%+v", got)
	}
}
