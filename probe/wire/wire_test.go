package wire

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"matrix/probe"
	"matrix/probe/icmp"
	"matrix/probe/pingtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pipeConn is a conversation over a pair of pipes.
type pipeConn struct {
	io.Reader
	io.Writer
	close func()
	said  string // what the transport would know of its end
}

func (c *pipeConn) Close() error { c.close(); return nil }

func (c *pipeConn) Explain(err error) error {
	c.close()
	return errors.Join(err, errors.New(c.said))
}

// farSide runs a function as the far side of a Dialer's connections.
func farSide(side func(in io.Reader, out io.WriteCloser)) Dialer {
	return DialFunc(func(context.Context, probe.City) (Conn, error) {
		farIn, nearOut := io.Pipe()
		nearIn, farOut := io.Pipe()
		go func() {
			defer farOut.Close()
			defer farIn.Close()
			side(farIn, farOut)
		}()
		return &pipeConn{Reader: nearIn, Writer: nearOut, said: "it ended", close: sync.OnceFunc(func() {
			nearOut.Close()
			nearIn.Close()
		})}, nil
	})
}

// serving is a far side that is Serve itself.
func serving(t *testing.T, pinger probe.Pinger) Dialer {
	return farSide(func(in io.Reader, out io.WriteCloser) {
		if err := (FarSide{Pinger: pinger, Version: "v7"}).Serve(t.Context(), in, out); err != nil && !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("the far side failed: %v", err)
		}
	})
}

// saying is a far side that says something once it was given a job.
func saying(lines string) Dialer {
	return farSide(func(in io.Reader, out io.WriteCloser) {
		greetAs(out)
		_, _ = bufio.NewReader(in).ReadString('\n')
		_, _ = io.WriteString(out, lines)
	})
}

func greetAs(out io.Writer) {
	_, _ = io.WriteString(out, "matrix-probe 1 {\"version\":\"v7\",\"platform\":\"linux/amd64\",\"level\":1}\n")
}

type pingFunc func(ctx context.Context, job probe.Job, emit func(probe.Echo)) error

func (f pingFunc) Ping(ctx context.Context, job probe.Job, emit func(probe.Echo)) error {
	return f(ctx, job, emit)
}

func aJob() probe.Job {
	o := probe.DefaultOptions()
	o.Count, o.TrafficClass, o.DontFragment, o.Source = 3, 46<<2, true, "eth1"
	return probe.Job{From: "a", Options: o, Targets: []probe.Target{
		{City: "b", Addr: netip.MustParseAddr("198.18.0.2")},
		{City: "c", Addr: netip.MustParseAddr("2001:db8::3"), Start: time.Millisecond},
	}}
}

// hold opens a session, runs aJob and returns what was emitted.
func hold(t *testing.T, ctx context.Context, dialer Dialer) ([]probe.Echo, error) {
	t.Helper()
	session, err := (&Opener{Dialer: dialer}).Open(ctx, probe.City{Name: "a"})
	if err != nil {
		return nil, err
	}
	defer session.Close()
	var echoes []probe.Echo
	err = session.Ping(ctx, aJob(), func(e probe.Echo) { echoes = append(echoes, e) })
	return echoes, err
}

var everyOutcome = []probe.Echo{
	{Target: 0, Seq: 0, Outcome: probe.Replied, RTT: 174_631 * time.Microsecond, TTL: 54, Stamps: probe.KernelStamps},
	{Target: 1, Seq: 0, Outcome: probe.TimedOut},
	{Target: 1, Seq: 1, Outcome: probe.Refused, Reason: "host unreachable from 192.0.2.1"},
	{Target: 1, Seq: 2, Outcome: probe.Unsent, Reason: "not sent: network is unreachable"},
	{Target: 1, Outcome: probe.Odd, Odd: probe.Oddities{Duplicates: 2, Reordered: 1, Late: 3}},
}

func TestEchoesCrossUnchanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got probe.Job
		echoes, err := hold(t, t.Context(), serving(t, pingFunc(func(_ context.Context, job probe.Job, emit func(probe.Echo)) error {
			got = job
			for _, e := range everyOutcome {
				emit(e)
			}
			return nil
		})))
		if err != nil {
			t.Fatal(err)
		}
		if len(echoes) != len(everyOutcome) {
			t.Fatalf("%d echoes came, want %d", len(echoes), len(everyOutcome))
		}
		for i, e := range echoes {
			if e != everyOutcome[i] {
				t.Errorf("echo %d came as %+v, want %+v", i, e, everyOutcome[i])
			}
		}
		if want := aJob(); got.Options != want.Options || got.Targets[1] != want.Targets[1] || got.From != want.From {
			t.Errorf("the job came as %+v, want %+v", got, want)
		}
	})
}

// healthy is a pinger that knows how it did.
type healthy struct {
	pingFunc
	health probe.Health
}

func (h healthy) Health() probe.Health { return h.health }

func TestHealthCrosses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		want := probe.Health{Engine: "ping socket", Stamps: probe.ReceiveStamps, Lesser: 4, Lag: 5, Dropped: 6, Stray: 7, Self: 8, Steps: 9, OffsetError: 1, Load: 1.5, CPUs: 2}
		nothing := func(context.Context, probe.Job, func(probe.Echo)) error { return nil }
		session, err := (&Opener{Dialer: serving(t, healthy{nothing, want})}).Open(t.Context(), probe.City{})
		if err != nil {
			t.Fatal(err)
		}
		defer session.Close()
		if err := session.Ping(t.Context(), aJob(), func(probe.Echo) {}); err != nil {
			t.Fatal(err)
		}
		if got := probe.HealthOf(session); got != want {
			t.Errorf("it came as %+v, want %+v", got, want)
		}
	})
}

func TestShortRepliesAreNotZero(t *testing.T) {
	e := encode(probe.Echo{Outcome: probe.Replied, RTT: 300 * time.Nanosecond})
	if back, err := e.decode(); err != nil || back.RTT != time.Microsecond {
		t.Errorf("comes back as %v, %v", back, err)
	}
}

func TestEchoesComeAsTheyAreKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var first time.Duration
		session, err := (&Opener{Dialer: serving(t, pingFunc(func(ctx context.Context, _ probe.Job, emit func(probe.Echo)) error {
			emit(everyOutcome[0])
			<-time.After(20 * time.Second) // far longer than Silence: beats keep the session alive
			emit(everyOutcome[1])
			return nil
		}))}).Open(t.Context(), probe.City{})
		if err != nil {
			t.Fatal(err)
		}
		defer session.Close()
		n := 0
		err = session.Ping(t.Context(), aJob(), func(probe.Echo) {
			if n++; n == 1 {
				first = time.Since(began)
			}
		})
		if err != nil || n != 2 || first > flushEvery {
			t.Errorf("%d echoes, the first after %v, error %v", n, first, err)
		}
		if session.Version() != "v7" {
			t.Errorf("version %q", session.Version())
		}
	})
}

func TestStopBringsWhatIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(3*time.Second, cancel)
		echoes, err := hold(t, ctx, serving(t, pingFunc(func(ctx context.Context, _ probe.Job, emit func(probe.Echo)) error {
			emit(everyOutcome[0])
			<-ctx.Done()
			emit(everyOutcome[1])
			return ctx.Err()
		})))
		if len(echoes) != 2 || err != nil {
			t.Errorf("%d echoes and error %v, want both and none", len(echoes), err)
		}
	})
}

func TestTheEngineFails(t *testing.T) {
	tests := []struct {
		name string
		ping pingFunc
		want string
		hint string
	}{
		{"with a hint", func(context.Context, probe.Job, func(probe.Echo)) error {
			return &probe.HostError{Op: "open an ICMP socket", Err: errors.New("not allowed"), Hint: "allow it"}
		}, "measure: open an ICMP socket: not allowed", "allow it"},
		{"with a panic", func(context.Context, probe.Job, func(probe.Echo)) error { panic("oh no") }, "measure: panic: oh no", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, err := hold(t, t.Context(), serving(t, test.ping))
				var host *probe.HostError
				if !errors.As(err, &host) || err.Error() != test.want || host.Hint != test.hint {
					t.Errorf("error %v, want %q with hint %q", err, test.want, test.hint)
				}
			})
		})
	}
}

// Far sides that are not what they should be.
func TestStrangeFarSides(t *testing.T) {
	tests := []struct {
		name   string
		dialer Dialer
		want   string // in the error
		echoes int    // kept all the same
		within time.Duration
	}{
		{"a banner before the greeting", farSide(func(in io.Reader, out io.WriteCloser) {
			_, _ = io.WriteString(out, "Welcome to Baltimore!\r\n\r\n\x1b[31mAuthorised users only\n")
			greetAs(out)
			_, _ = bufio.NewReader(in).ReadString('\n')
			_, _ = io.WriteString(out, "echo [{\"t\":0,\"s\":0,\"us\":5}]\ndone {}\n")
		}), "", 1, 0},
		{"nothing but a banner", farSide(func(_ io.Reader, out io.WriteCloser) {
			_, _ = io.WriteString(out, "\x1b[31mThis account is disabled.\n")
		}), `no matrix there, it said "[31mThis account is disabled.": EOF`, 0, 0},
		{"garbage without end", farSide(func(_ io.Reader, out io.WriteCloser) {
			for {
				if _, err := io.WriteString(out, strings.Repeat("x", 4000)); err != nil {
					return
				}
			}
		}), "a line of over 2 MiB", 0, 0},
		{"banners without end", farSide(func(_ io.Reader, out io.WriteCloser) {
			for {
				if _, err := io.WriteString(out, "y\n"); err != nil {
					return
				}
			}
		}), "no greeting in 200 lines", 0, 0},
		{"it ends at once", farSide(func(io.Reader, io.WriteCloser) {}), "EOF\nit ended", 0, 0},
		{"it hangs", farSide(func(in io.Reader, _ io.WriteCloser) { _, _ = io.Copy(io.Discard, in) }), "no greeting within 15s", 0, 15 * time.Second},
		{"another protocol", farSide(func(_ io.Reader, out io.WriteCloser) {
			_, _ = io.WriteString(out, "matrix-probe 2 {}\n")
		}), "its matrix speaks protocol 2, this one speaks 1", 0, 0},
		{"one too old for the job", farSide(func(in io.Reader, out io.WriteCloser) {
			_, _ = io.WriteString(out, "matrix-probe 1 {\"version\":\"v6\"}\n")
			_, _ = io.Copy(io.Discard, in)
		}), "measure: its matrix v6 is too old to send from a certain interface or address", 0, 0},
		{"a broken greeting", farSide(func(_ io.Reader, out io.WriteCloser) {
			_, _ = io.WriteString(out, "matrix-probe 1 {\n")
		}), "greeting: ", 0, 0},
		{"it dies in mid-line", saying("echo [{\"t\":0,\"s\":0,\"us\":5}]\necho [{\"t\":0,\"s\":1,\"us\""), "EOF\nit ended", 1, 0},
		{"it goes silent", farSide(func(in io.Reader, out io.WriteCloser) {
			greetAs(out)
			_, _ = bufio.NewReader(in).ReadString('\n')
			_, _ = io.WriteString(out, "echo [{\"t\":0,\"s\":0,\"us\":5}]\nbeat\n")
			_, _ = io.Copy(io.Discard, in)
		}), "no sign of life for 10s", 1, 10 * time.Second},
		{"it floods", farSide(func(in io.Reader, out io.WriteCloser) {
			greetAs(out)
			_, _ = bufio.NewReader(in).ReadString('\n')
			for {
				if _, err := io.WriteString(out, "beat\n"); err != nil {
					return
				}
			}
		}), "it says far more than it was asked", 0, 0},
		{"it prints in the middle", saying("echo [{\"t\":0,\"s\":0,\"us\":5}]\nBroadcast message from root\n"),
			`the far side left the protocol: it said "Broadcast message from root"`, 1, 0},
		{"broken JSON", saying("echo [{\"t\":0,\n"), "echo: ", 0, 0},
		{"an echo without a fate", saying("echo [{\"t\":0,\"s\":0}]\n"), "neither a round-trip time nor an outcome", 0, 0},
		{"an echo of a negative time", saying("echo [{\"t\":0,\"s\":0,\"us\":-5}]\n"), "neither a round-trip time nor an outcome", 0, 0},
		{"an echo with strange stamps", saying("echo [{\"t\":0,\"s\":0,\"us\":5,\"st\":9}]\n"), "time stamps of kind 9", 0, 0},
		{"an unknown outcome", saying("echo [{\"t\":0,\"s\":0,\"is\":\"fine\"}]\n"), `unknown outcome "fine"`, 0, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				echoes, err := hold(t, t.Context(), test.dialer)
				switch {
				case test.want == "" && err != nil, test.want != "" && err == nil:
					t.Errorf("error %v, want %q", err, test.want)
				case err != nil && !strings.Contains(err.Error(), test.want):
					t.Errorf("error %q, want one with %q", err, test.want)
				}
				if len(echoes) != test.echoes {
					t.Errorf("%d echoes were kept, want %d", len(echoes), test.echoes)
				}
				if took := time.Since(began); took != test.within {
					t.Errorf("took %v, want %v", took, test.within)
				}
			})
		})
	}
}

func TestStopEndsEvenADeafFarSide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		_, err := hold(t, ctx, farSide(func(in io.Reader, out io.WriteCloser) {
			greetAs(out)
			_, _ = bufio.NewReader(in).ReadString('\n')
			for {
				if _, err := io.WriteString(out, "beat\n"); err != nil {
					return
				}
				<-time.After(time.Second)
			}
		}))
		if took := time.Since(began); err == nil || took > 6*time.Second {
			t.Errorf("took %v, error %v", took, err)
		}
		<-time.After(2 * time.Second) // its next beat ends it
	})
}

// installing is an error of a far side that has no matrix yet.
type installing struct{ install func() error }

func (installing) Error() string                   { return "missing" }
func (i installing) Install(context.Context) error { return i.install() }

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestServeRefusesOrders(t *testing.T) {
	tests := []struct{ name, order, want string }{
		{"a person at the keyboard", "hello?", "started by a coordinator, not by hand"},
		{"broken JSON", "job {", "job: unexpected end"},
		{"no options", `job {"targets":[]}`, "count 0"},
		{"multicast", `job {"count":1,"interval_ns":1000000000,"timeout_ns":1000000000,"size":56,"rate":1,"targets":[{"city":"x","addr":"224.0.0.1"}]}`, "cannot be pinged"},
		{"no address", `job {"count":1,"interval_ns":1000000000,"timeout_ns":1000000000,"size":56,"rate":1,"targets":[{"city":"x"}]}`, "cannot be pinged"},
		{"a source that is none", `job {"count":1,"interval_ns":1000000000,"timeout_ns":1000000000,"size":56,"rate":1,"source":"../eth0","targets":[]}`, `interface "../eth0": want the name`},
		{"a start in the past", `job {"count":1,"interval_ns":1000000000,"timeout_ns":1000000000,"size":56,"rate":1,"targets":[{"city":"x","addr":"198.18.0.1","start_ns":-1}]}`, "outside the interval"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				err := FarSide{}.Serve(t.Context(), strings.NewReader(test.order+"\n"), io.Discard)
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("error %v, want one with %q", err, test.want)
				}
			})
		})
	}
}

func TestServeEndsWithItsInput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, out := io.Pipe()
		ended := make(chan error, 1)
		began := make(chan bool)
		go func() {
			ended <- FarSide{Pinger: pingFunc(func(ctx context.Context, _ probe.Job, _ func(probe.Echo)) error {
				close(began)
				<-ctx.Done()
				return ctx.Err()
			})}.Serve(t.Context(), in, io.Discard)
		}()
		w := &lineWriter{w: out}
		if err := w.line("job", aJob()); err != nil {
			t.Fatal(err)
		}
		<-began
		out.Close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func FuzzFarSide(f *testing.F) {
	f.Add("matrix-probe 1 {\"version\":\"v\",\"level\":1}\necho [{\"t\":0,\"s\":0,\"us\":5}]\nbeat\ndone {}\n")
	f.Add("matrix-probe 1 {\"version\":\"v\",\"level\":2}\nclock {\"n\":1,\"at\":\"2026-01-01T00:00:00Z\"}\nclock {\"n\":2,\"at\":\"9999-01-01T00:00:00Z\"}\ndone {}\n")
	f.Add("hello\nmatrix-probe 1 {\"level\":1}\ndone {\"error\":\"x\"}\n")
	f.Fuzz(func(t *testing.T, said string) {
		s := &session{
			telling: make(chan struct{}, 1),
			conn:    &pipeConn{Reader: strings.NewReader(said), Writer: io.Discard, close: func() {}},
			out:     &lineWriter{w: io.Discard}, silence: time.Minute,
		}
		s.in = bufio.NewReader(s.conn)
		if s.greet() != nil {
			return
		}
		_ = s.Ping(t.Context(), aJob(), func(e probe.Echo) {
			if e.Outcome == 0 || e.Outcome == probe.Replied && e.RTT <= 0 {
				t.Errorf("emitted %+v", e)
			}
		})
	})
}

func FuzzOrders(f *testing.F) {
	f.Add("job {\"from\":\"a\",\"count\":1,\"interval_ns\":1000000000,\"timeout_ns\":1000000000,\"size\":56,\"rate\":1,\"targets\":[{\"city\":\"x\",\"addr\":\"198.18.0.1\"}]}\nstop\n")
	f.Fuzz(func(t *testing.T, orders string) {
		far := FarSide{Pinger: pingFunc(func(_ context.Context, job probe.Job, _ func(probe.Echo)) error {
			if job.Check() != nil || len(job.Targets) > maxTargets {
				t.Errorf("was given %+v", job)
			}
			return nil
		})}
		_ = far.Serve(t.Context(), strings.NewReader(orders), io.Discard)
	})
}

func TestConformance(t *testing.T) {
	pingtest.Require(t, &icmp.Probing{})
	pingtest.Conform(t, func(t *testing.T) probe.Pinger {
		session, err := (&Opener{Dialer: serving(t, &icmp.Probing{})}).Open(t.Context(), probe.City{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { session.Close() })
		return session
	})
}
