package wire

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"matrix/probe"
)

// Conn is the far side's stdin and stdout.
type Conn interface {
	io.ReadWriteCloser
	// Explain ends the connection, of which the conversation broke with err
	// (io.EOF, a timeout, garbage), and says what the transport knows of it.
	Explain(err error) error
}

// Dialer starts the far side in a city.
type Dialer interface {
	Dial(ctx context.Context, city probe.City) (Conn, error)
}

// DialFunc is a Dialer that is a function.
type DialFunc func(ctx context.Context, city probe.City) (Conn, error)

// Dial calls the function.
func (f DialFunc) Dial(ctx context.Context, city probe.City) (Conn, error) { return f(ctx, city) }

// Installable is an error that says the far side's program is not there, and
// can put it there.
type Installable interface {
	error
	Install(ctx context.Context) error
}

// Opener opens sessions over a Dialer's connections.
type Opener struct {
	Dialer Dialer
	// Handshake is how long a far side may take to greet; 15s. A fresh ssh
	// connection takes up to 16 round trips, 5 s across the globe.
	Handshake time.Duration
	// LookOnly leaves hosts as they are: a missing program is an error.
	LookOnly bool
	// Silence is how long it may be silent in the middle of a job; 10s.
	Silence time.Duration

	once    sync.Once
	telling chan struct{} // a token an order that is being told
}

// mostTold is how many far sides are told an order at a time. The job of a
// thousand targets is 90 kB, and a fleet is given its jobs all at once.
const mostTold = 64

var _ probe.Opener = (*Opener)(nil)

// Open starts the far side in a city and waits for its greeting. Where its
// program is missing it is put there, once.
func (o *Opener) Open(ctx context.Context, city probe.City) (probe.Session, error) {
	session, err := o.open(ctx, city)
	var missing Installable
	if !errors.As(err, &missing) {
		return asSession(session), err
	}
	if o.LookOnly {
		return nil, &probe.HostError{Op: "start", Err: err, Hint: "matrix deploy puts it there, and so does the next round"}
	}
	if err := missing.Install(ctx); err != nil {
		return nil, err
	}
	session, err = o.open(ctx, city)
	return asSession(session), err
}

// asSession keeps a nil pointer from becoming a session that is not nil.
func asSession(s *session) probe.Session {
	if s == nil {
		return nil
	}
	return s
}

func (o *Opener) open(ctx context.Context, city probe.City) (*session, error) {
	conn, err := o.Dialer.Dial(ctx, city)
	if err != nil {
		return nil, err
	}
	limit := o.Handshake
	if limit == 0 {
		limit = 15 * time.Second
	}
	o.once.Do(func() { o.telling = make(chan struct{}, mostTold) })
	s := &session{conn: conn, in: bufio.NewReader(conn), out: &lineWriter{w: conn}, silence: o.Silence, telling: o.telling}
	if s.silence == 0 {
		s.silence = 10 * time.Second
	}
	greeting, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no greeting within %v", limit))
	defer cancel()
	err = within(greeting, conn, s.greet)
	switch {
	case err == nil:
		return s, nil
	case ctx.Err() != nil: // the round ended, which is no fault of the host's
		conn.Close()
		return nil, context.Cause(ctx)
	}
	return nil, conn.Explain(err)
}

// within runs a conversation step that blocks on conn, and ends conn when ctx
// is done first. What a far side still says while it is being ended is too late.
func within(ctx context.Context, conn io.Closer, step func() error) error {
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	err := step()
	if !stop() {
		return context.Cause(ctx)
	}
	return err
}

// maxBanner is how many lines may come before the greeting.
const maxBanner = 200

type session struct {
	conn    Conn
	in      *bufio.Reader
	out     *lineWriter
	silence time.Duration
	telling chan struct{}
	began   time.Time // when the last order was told
	hello   hello
	health  probe.Health // as the last job's end told it
	clock   comparison   // during the job

	questions int // for the clock, so far
}

// greet reads up to the greeting. What comes before it is kept for the error
// if there is none.
func (s *session) greet() error {
	banner := ""
	for range maxBanner {
		line, err := readLine(s.in)
		if err != nil {
			return withBanner(err, banner)
		}
		word, rest, _ := strings.Cut(line, " ")
		if word != greeting {
			if banner == "" {
				banner = probe.Clean(line, 80)
			}
			continue
		}
		return s.understand(rest)
	}
	return withBanner(fmt.Errorf("no greeting in %d lines", maxBanner), banner)
}

func withBanner(err error, banner string) error {
	if banner == "" {
		return err
	}
	return fmt.Errorf("no matrix there, it said %q: %w", banner, err)
}

const sameVersion = "put the same version of matrix on both sides"

func (s *session) understand(rest string) error {
	number, body, _ := strings.Cut(rest, " ")
	if number != fmt.Sprint(Protocol) {
		return &probe.HostError{
			Op:   "greet",
			Err:  fmt.Errorf("its matrix speaks protocol %s, this one speaks %d", probe.Clean(number, 12), Protocol),
			Hint: sameVersion,
		}
	}
	if err := json.Unmarshal([]byte(body), &s.hello); err != nil {
		return fmt.Errorf("greeting: %w", err)
	}
	return nil
}

// Version is that of the matrix on the far side.
func (s *session) Version() string { return s.hello.Version }

// Health is how well the far side could measure its last job.
func (s *session) Health() probe.Health { return s.health }

// Began is when the last job was told.
func (s *session) Began() time.Time { return s.began }

// Close ends the session, and with it the far side.
func (s *session) Close() error { return s.conn.Close() }

// stopGrace is how long a far side that was told to stop may take to send what
// it still has.
const stopGrace = 2 * time.Second

// Ping has the far side run a job. When ctx is done the far side is told to
// stop, and what it knows by then is still emitted.
func (s *session) Ping(ctx context.Context, job probe.Job, emit func(probe.Echo)) error {
	if err := s.mustKnow(levelSending, job.Source != "", "send from a certain interface or address"); err != nil {
		return err
	}
	most := 512 * len(job.Targets) * (job.Count + 1)
	return s.order(ctx, "job", job, most, func(word, body string) (bool, error) {
		if word != "echo" {
			return false, nil
		}
		return true, takeEchoes(body, emit)
	})
}

// mustKnow is an error if something is wanted that the far side would pass over.
func (s *session) mustKnow(least int, wanted bool, what string) error {
	if !wanted || s.hello.Level >= least {
		return nil
	}
	return &probe.HostError{
		Op: "measure", Err: fmt.Errorf("its matrix %s is too old to %s", probe.Clean(s.hello.Version, 60), what),
		Hint: sameVersion,
	}
}

// order has the far side do something and hands every answer to take, which
// says whether it knows that word. most is how many bytes the answers may have.
func (s *session) order(ctx context.Context, word string, what any, most int, take func(word, body string) (known bool, err error)) error {
	select {
	case s.telling <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	told := sync.OnceFunc(func() { <-s.telling })
	defer told()
	silent := time.AfterFunc(s.silence, func() { s.conn.Close() })
	defer silent.Stop()
	unhook := context.AfterFunc(ctx, func() {
		time.AfterFunc(stopGrace, func() { s.conn.Close() })
		if s.out.line("stop", nil) != nil {
			s.conn.Close()
		}
	})
	defer unhook()
	s.clock = comparison{left: clockQuestions, first: s.questions + 1}
	s.began = time.Now()
	if err := errors.Join(s.askClock(), s.out.line(word, what)); err != nil {
		return s.broken(ctx, err, !silent.Stop())
	}
	told()
	silent.Reset(s.silence)
	began, said := time.Now(), 0
	for {
		line, err := readLine(s.in)
		if err != nil {
			return s.broken(ctx, err, !silent.Stop())
		}
		silent.Reset(s.silence)
		if said += len(line); said > allowance(most, time.Since(began)) {
			return s.nonsense(errors.New("it says far more than it was asked"))
		}
		over, err := s.take(line, take)
		if over || err != nil {
			return err
		}
	}
}

// allowance is how many bytes a far side may have said by now: those of its
// answers, and its beats.
func allowance(answers int, now time.Duration) int {
	return 64<<10 + answers + 1024*int(now/time.Second)
}

// broken explains why a far side is not there any more in the middle of a job.
func (s *session) broken(ctx context.Context, err error, wasSilent bool) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case wasSilent:
		return &probe.HostError{Op: "measure", Err: fmt.Errorf("no sign of life for %v", s.silence)}
	default:
		return s.conn.Explain(err)
	}
}

// take handles one line of an answer; over says that it was the last.
func (s *session) take(line string, take func(word, body string) (bool, error)) (over bool, err error) {
	word, body, _ := strings.Cut(line, " ")
	switch word {
	case "beat":
		return false, nil
	case "clock":
		return s.takeClock(body, time.Now())
	case "done":
		return true, s.takeDone(body)
	}
	known, err := take(word, body)
	if !known {
		return true, s.nonsense(fmt.Errorf("it said %q", probe.Clean(line, 80)))
	}
	return false, err
}

func (s *session) nonsense(err error) error {
	return &probe.HostError{Op: "measure", Err: fmt.Errorf("the far side left the protocol: %w", err)}
}

func takeEchoes(body string, emit func(probe.Echo)) error {
	var echoes []echo
	if err := json.Unmarshal([]byte(body), &echoes); err != nil {
		return fmt.Errorf("echo: %w", err)
	}
	for _, e := range echoes {
		decoded, err := e.decode()
		if err != nil {
			return err
		}
		emit(decoded)
	}
	return nil
}

func (s *session) takeDone(body string) error {
	var d done
	if err := json.Unmarshal([]byte(body), &d); err != nil {
		return fmt.Errorf("done: %w", err)
	}
	s.health = d.Health.Sane()
	s.clock.into(&s.health)
	if d.Error == "" {
		return nil
	}
	return &probe.HostError{Op: "measure", Err: errors.New(probe.Clean(d.Error, 400)), Hint: probe.Clean(d.Hint, 400)}
}
