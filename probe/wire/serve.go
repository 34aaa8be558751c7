package wire

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"matrix/probe"
)

// flushEvery is how long an echo may wait for company: a line a tenth of a
// second costs little and loses little if the link dies.
const flushEvery = 100 * time.Millisecond

// maxFlush is how many echoes a line has at most; with the longest reasons they
// are below maxLine, and below what a message bus carries.
const maxFlush = 1000

// FarSide is what runs in a city.
type FarSide struct {
	Pinger  probe.Pinger
	Version string           // of this program
	Clock   func() time.Time // as the coordinator is told it; nil: the system's
	Flush   time.Duration    // how long an echo may wait for company; 100ms
}

// Serve greets, runs the jobs that it is given, one after the other, and
// returns when in ends. It returns an error if the other side does not speak
// the protocol or out cannot be written.
func (f FarSide) Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s := &server{out: &lineWriter{w: out}, pinger: f.Pinger, clock: f.Clock, answers: make(chan clock, 2*clockQuestions)}
	if s.clock == nil {
		s.clock = time.Now
	}
	if s.flushEvery = f.Flush; s.flushEvery == 0 {
		s.flushEvery = flushEvery
	}
	platform := runtime.GOOS + "/" + runtime.GOARCH
	err := s.out.line(fmt.Sprintf("%s %d", greeting, Protocol), hello{f.Version, platform, level})
	if err != nil {
		return err
	}
	orders := make(chan order)
	go func() { cancel(s.readOrders(ctx, in, orders)) }()
	for {
		select {
		case a := <-s.answers:
			if err := s.out.line("clock", a); err != nil {
				return err
			}
		case o := <-orders:
			if o == nil {
				continue // a stop that came when the job was done already
			}
			if err := s.run(ctx, o, orders); err != nil {
				return err
			}
		case <-ctx.Done():
			if err := context.Cause(ctx); !errors.Is(err, io.EOF) && !errors.Is(err, context.Canceled) {
				return err
			}
			return nil
		}
	}
}

// order is what the coordinator wants done; nil is a stop.
type order func(ctx context.Context, s *server) error

// readOrders reads until in ends or says something that cannot be understood.
// What the clock shows is said at once, whatever else is going on.
func (s *server) readOrders(ctx context.Context, in io.Reader, orders chan<- order) error {
	r := bufio.NewReader(in)
	for {
		line, err := readLine(r)
		if err != nil {
			return err
		}
		var o order
		word, body, _ := strings.Cut(line, " ")
		switch word {
		case "job":
			job, err := decodeJob(body)
			if err != nil {
				return err
			}
			o = func(ctx context.Context, s *server) error { return s.ping(ctx, *job) }
		case "trace":
			job, err := decodeTraceJob(body)
			if err != nil {
				return err
			}
			o = func(ctx context.Context, s *server) error { return s.trace(ctx, *job) }
		case "clock":
			if err := s.readClock(body); err != nil {
				return err
			}
			continue
		case "stop":
		default:
			return fmt.Errorf("unknown order %q: this side of matrix is started by a coordinator, not by hand", probe.Clean(line, 60))
		}
		select {
		case orders <- o:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// maxTargets bounds a job: ten times the largest fleet.
const maxTargets = 10_000

func decodeJob(body string) (*probe.Job, error) {
	var job probe.Job
	if err := json.Unmarshal([]byte(body), &job); err != nil {
		return nil, fmt.Errorf("job: %w", err)
	}
	if err := job.Check(); err != nil {
		return nil, fmt.Errorf("job: %w", err)
	}
	if len(job.Targets) > maxTargets {
		return nil, fmt.Errorf("job: %d targets, at most %d are allowed", len(job.Targets), maxTargets)
	}
	for _, t := range job.Targets {
		if !probe.IsHost(t.Addr) {
			return nil, fmt.Errorf("job: %s has the address %v, which cannot be pinged", probe.Clean(t.City, 60), t.Addr)
		}
		if t.Start < 0 || t.Start > job.Interval {
			return nil, fmt.Errorf("job: %s starts after %v, outside the interval of %v", probe.Clean(t.City, 60), t.Start, job.Interval)
		}
	}
	return &job, nil
}

type server struct {
	out    *lineWriter
	pinger probe.Pinger
	clock  func() time.Time

	flushEvery time.Duration

	answers chan clock // that are to be sent

	mu      sync.Mutex
	waiting []echo
}

// run carries out one order until it is done, stopped, or the session ends.
func (s *server) run(ctx context.Context, o order, orders <-chan order) error {
	jobCtx, stop := context.WithCancel(ctx)
	defer stop()
	finished := make(chan error, 1)
	go func() { finished <- o(jobCtx, s) }()
	flush := time.NewTicker(s.flushEvery)
	defer flush.Stop()
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	for {
		var err error
		select {
		case pingErr := <-finished:
			return s.finish(pingErr)
		case <-orders: // whatever it is: the coordinator has done with this job
			stop()
		case a := <-s.answers:
			err = s.out.line("clock", a)
		case <-flush.C:
			err = s.flush()
		case <-beat.C:
			err = s.out.line("beat", nil)
		}
		if err != nil {
			stop()
			<-finished
			return err
		}
	}
}

// caught turns a panic of the engine into an error: the coordinator is to hear
// of it.
func caught(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("panic: %v", p)
	}
}

func (s *server) ping(ctx context.Context, job probe.Job) (err error) {
	defer caught(&err)
	return s.pinger.Ping(ctx, job, func(e probe.Echo) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.waiting = append(s.waiting, encode(e))
	})
}

func (s *server) flush() error {
	s.mu.Lock()
	echoes := s.waiting
	s.waiting = nil
	s.mu.Unlock()
	for part := range slices.Chunk(echoes, maxFlush) {
		if err := s.out.line("echo", part); err != nil {
			return err
		}
	}
	return nil
}

func (s *server) finish(pingErr error) error {
	if err := errors.Join(s.tellClocks(), s.flush()); err != nil {
		return err
	}
	d := done{Health: probe.HealthOf(s.pinger)}
	if pingErr != nil && !errors.Is(pingErr, context.Canceled) {
		d.Error = pingErr.Error()
		var host *probe.HostError
		if errors.As(pingErr, &host) {
			d.Hint = host.Hint
		}
	}
	return s.out.line("done", d)
}
