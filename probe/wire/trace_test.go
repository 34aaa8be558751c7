package wire

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"matrix/probe"
	"matrix/probe/icmp"
	"matrix/probe/tracetest"
)

func aTraceJob() probe.TraceJob {
	o := probe.DefaultTraceOptions(probe.TraceICMP)
	o.Flows = 2
	o.Sending = probe.Sending{TrafficClass: 46 << 2, DontFragment: true, Source: "198.18.0.1"}
	return probe.TraceJob{Pair: probe.Pair{From: "a", To: "b"}, Addr: netip.MustParseAddr("198.18.0.2"), TraceOptions: o}
}

// everyTrace has all that a trace can have.
func everyTrace() []probe.Trace {
	job := aTraceJob()
	router, other := netip.MustParseAddr("100.64.0.1"), netip.MustParseAddr("100.64.0.2")
	labels := []probe.Label{{Value: 24001, Class: 3, TTL: 1}, {Value: 17, Bottom: true, TTL: 255}}
	return []probe.Trace{
		{
			Pair: job.Pair, Address: job.Addr, Size: job.Size, Method: probe.TraceUDP, End: probe.Reached,
			Stamps: probe.KernelStamps, Fallback: "UDP probes, since …", Hops: []probe.Hop{
				{TTL: 1, Sent: 3, Duplicates: 1, Late: 2, Answers: []probe.Answer{
					{Addr: router, RTTs: []time.Duration{time.Millisecond, 3 * time.Microsecond}, Labels: labels},
					{Addr: other, RTTs: []time.Duration{time.Second}},
				}},
				{TTL: 2, Sent: 3},
				{TTL: 3, Sent: 3, Answers: []probe.Answer{{Addr: job.Addr, RTTs: []time.Duration{2 * time.Millisecond}}}},
			},
		},
		{
			Pair: job.Pair, Address: job.Addr, Size: job.Size, Flow: 1, Method: probe.TraceICMP, End: probe.Stopped, Reason: "because",
			Hops: []probe.Hop{{TTL: 1, Sent: 1, Answers: []probe.Answer{{Addr: router, RTTs: []time.Duration{time.Millisecond}, Mark: "!X"}}}},
		},
	}
}

// tracing is an engine that does nothing but trace.
type tracing struct {
	pingFunc
	trace func(ctx context.Context, job probe.TraceJob, emit func(probe.Trace)) error
}

func (t tracing) Trace(ctx context.Context, job probe.TraceJob, emit func(probe.Trace)) error {
	return t.trace(ctx, job, emit)
}

// holdTrace opens a session, runs aTraceJob and returns what was emitted.
func holdTrace(t *testing.T, ctx context.Context, dialer Dialer) ([]probe.Trace, error) {
	t.Helper()
	session, err := (&Opener{Dialer: dialer}).Open(ctx, probe.City{Name: "a"})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	var traces []probe.Trace
	err = probe.TraceWith(ctx, session, aTraceJob(), func(trace probe.Trace) { traces = append(traces, trace) })
	return traces, err
}

func TestTracesCrossUnchanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got probe.TraceJob
		traces, err := holdTrace(t, t.Context(), serving(t, tracing{trace: func(_ context.Context, job probe.TraceJob, emit func(probe.Trace)) error {
			got = job
			for _, trace := range everyTrace() {
				emit(trace)
			}
			return nil
		}}))
		if err != nil {
			t.Fatal(err)
		}
		if want := everyTrace(); !reflect.DeepEqual(traces, want) {
			t.Errorf("came as %+v\nwant %+v", traces, want)
		}
		if got != aTraceJob() {
			t.Errorf("the job came as %+v", got)
		}
	})
}

// A traceroute that is stopped still says what it knows.
func TestTraceStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		traces, err := holdTrace(t, ctx, serving(t, tracing{trace: func(ctx context.Context, _ probe.TraceJob, emit func(probe.Trace)) error {
			<-ctx.Done()
			emit(everyTrace()[1])
			return ctx.Err()
		}}))
		if len(traces) != 1 || err != nil {
			t.Errorf("%d traces, error %v", len(traces), err)
		}
	})
}

func TestTraceFails(t *testing.T) {
	for name, test := range map[string]struct {
		pinger probe.Pinger
		want   string
	}{
		"an engine that cannot": {pingFunc(nil), "trace: the matrix there cannot trace"},
		"a panic":               {tracing{trace: func(context.Context, probe.TraceJob, func(probe.Trace)) error { panic("ouch") }}, "panic: ouch"},
		"no permission": {tracing{trace: func(context.Context, probe.TraceJob, func(probe.Trace)) error {
			return &probe.HostError{Op: "open", Err: io.ErrClosedPipe, Hint: "do this"}
		}}, "io: read/write on closed pipe"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if _, err := holdTrace(t, t.Context(), serving(t, test.pinger)); err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("error %v, want one with %q", err, test.want)
				}
			})
		})
	}
}

// What a hostile far side says of a traceroute is refused, all of it.
func TestTraceLies(t *testing.T) {
	hops := func(text string) string { return `{"flow":0,"method":"icmp","end":"reached","hops":[` + text + `]}` }
	tests := map[string]string{
		"not JSON":               `{`,
		"flow 2 of 2":            `{"flow":2,"method":"icmp","end":"stopped"}`,
		"a flow below none":      `{"flow":-1,"method":"icmp","end":"stopped"}`,
		"no method":              `{"flow":0,"end":"stopped"}`,
		"an unknown method":      `{"flow":0,"method":"smtp","end":"stopped"}`,
		"an unknown end":         `{"flow":0,"method":"icmp","end":"\u001b[31mred"}`,
		"source-down":            `{"flow":0,"method":"icmp","end":"source-down"}`,
		"strange stamps":         `{"flow":0,"method":"icmp","end":"stopped","st":9}`,
		"reached, by nobody":     hops(``),
		"too many hops":          hops(strings.TrimSuffix(strings.Repeat(`{"sent":1},`, 31), ",")),
		"too many probes":        hops(`{"sent":7}`),
		"probes below none":      hops(`{"sent":-1}`),
		"more answers":           hops(`{"sent":1,"from":[{"a":"192.0.2.1","us":[1,2]}]}`),
		"no address":             hops(`{"sent":1,"from":[{"us":[1]}]}`),
		"another family":         hops(`{"sent":1,"from":[{"a":"2001:db8::1","us":[1]}]}`),
		"an address in disguise": hops(`{"sent":1,"from":[{"a":"::ffff:192.0.2.1","us":[1]}]}`),
		"a name for an address":  hops(`{"sent":1,"from":[{"a":"router","us":[1]}]}`),
		"one address twice":      hops(`{"sent":2,"from":[{"a":"192.0.2.1","us":[1]},{"a":"192.0.2.1","us":[1]}]}`),
		"no time":                hops(`{"sent":1,"from":[{"a":"192.0.2.1","us":[]}]}`),
		"no time at all":         hops(`{"sent":1,"from":[{"a":"192.0.2.1","us":[0]}]}`),
		"beyond the timeout":     hops(`{"sent":1,"from":[{"a":"192.0.2.1","us":[2000002]}]}`),
		"an overflow":            hops(`{"sent":1,"from":[{"a":"192.0.2.1","us":[9223372036854775807]}]}`),
		"a mark of its own":      hops(`{"sent":1,"from":[{"a":"192.0.2.1","us":[1],"mark":"!\u001b"}]}`),
		"a large label":          hops(`{"sent":1,"from":[{"a":"192.0.2.1","us":[1],"mpls":[{"label":1048576}]}]}`),
		"a large class":          hops(`{"sent":1,"from":[{"a":"192.0.2.1","us":[1],"mpls":[{"tc":8}]}]}`),
		"a tall stack":           hops(`{"sent":1,"from":[{"a":"192.0.2.1","us":[1],"mpls":[` + strings.TrimSuffix(strings.Repeat(`{"label":1},`, 33), ",") + `]}]}`),
		"endless duplicates":     hops(`{"sent":1,"dup":99999999,"from":[{"a":"192.0.2.1","us":[1]}]}`),
		"duplicates below none":  hops(`{"sent":1,"dup":-1,"from":[{"a":"192.0.2.1","us":[1]}]}`),
	}
	for name, said := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				traces, err := holdTrace(t, t.Context(), saying("hops "+said+"\ndone {}\n"))
				if err == nil || len(traces) > 0 {
					t.Errorf("error %v, traces %+v", err, traces)
				}
			})
		})
	}
}

func TestServeRefusesTraces(t *testing.T) {
	whole, err := json.Marshal(aTraceJob())
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ from, to, want string }{
		{`{`, ``, "trace: "},
		{`"198.18.0.2"`, `"224.0.0.1"`, "cannot be traced"},
		{`"198.18.0.2"`, `""`, "cannot be traced"},
		{`"method":"icmp"`, `"method":""`, "unknown traceroute method"},
		{`"method":"icmp",`, ``, "no method"},
		{`"flows":2`, `"flows":17`, "flows 17"},
		{`"probes":3`, `"probes":101`, "probes 101"},
		{`"max_hops":30`, `"max_hops":65`, "max-hops 65"},
		{`"size":56`, `"size":8001`, "size 8001"},
		{`"port":33434`, `"port":0`, "port 0"},
	} {
		order := strings.Replace(string(whole), test.from, test.to, 1)
		synctest.Test(t, func(t *testing.T) {
			err := FarSide{}.Serve(t.Context(), strings.NewReader("trace "+order+"\n"), io.Discard)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s: error %v, want one with %q", order, err, test.want)
			}
		})
	}
}

func TestTraceConformance(t *testing.T) {
	tracetest.Require(t, &icmp.ByJob{})
	tracetest.Conform(t, func(t *testing.T) probe.Tracer {
		session, err := (&Opener{Dialer: serving(t, &icmp.ByJob{})}).Open(t.Context(), probe.City{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { session.Close() })
		return session.(probe.Tracer)
	})
}

func FuzzFarTrace(f *testing.F) {
	for _, trace := range everyTrace() {
		text, err := json.Marshal(encodeTrace(trace))
		if err != nil {
			f.Fatal(err)
		}
		f.Add("hops " + string(text) + "\nbeat\ndone {}\n")
	}
	f.Fuzz(func(t *testing.T, said string) {
		s := newTestSession(said)
		_ = s.Trace(t.Context(), aTraceJob(), func(trace probe.Trace) {
			if err := trace.Check(aTraceJob()); err != nil {
				t.Errorf("emitted %+v: %v", trace, err)
			}
		})
	})
}

func FuzzTraceOrders(f *testing.F) {
	text, err := json.Marshal(aTraceJob())
	if err != nil {
		f.Fatal(err)
	}
	f.Add("trace " + string(text) + "\nstop\n")
	f.Fuzz(func(t *testing.T, orders string) {
		far := FarSide{Pinger: tracing{
			pingFunc: func(context.Context, probe.Job, func(probe.Echo)) error { return nil },
			trace: func(_ context.Context, job probe.TraceJob, _ func(probe.Trace)) error {
				if job.Check() != nil {
					t.Errorf("was given %+v", job)
				}
				return nil
			},
		}}
		_ = far.Serve(t.Context(), strings.NewReader(orders), io.Discard)
	})
}

// newTestSession is a session whose far side says a text.
func newTestSession(said string) *session {
	s := &session{
		telling: make(chan struct{}, 1),
		conn:    &pipeConn{Reader: strings.NewReader(said), Writer: io.Discard, close: func() {}},
		out:     &lineWriter{w: io.Discard}, silence: time.Minute,
	}
	s.in = bufio.NewReader(s.conn)
	return s
}
