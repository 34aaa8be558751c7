package probe

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Outcome is the fate of one echo request. The zero value is no fate at all.
type Outcome uint8

const (
	Replied  Outcome = iota + 1 // answered within the timeout
	TimedOut                    // sent, and not answered within the timeout
	Refused                     // sent, and answered by an ICMP error; counts as lost
	Unsent                      // not sent, or unknown for want of buffer here; not loss
	Odd                         // no fate: news of what the target did besides; at most once a target
)

// Echo is the fate of one echo request of a job.
type Echo struct {
	Target  int           // index into Job.Targets
	Seq     int           // 0 to Job.Count-1
	Outcome Outcome       //
	RTT     time.Duration // of a reply
	Reason  string        // why there was none: "network is unreachable", "time exceeded from 192.0.2.1"
	TTL     int           // of a reply, as it arrived; 0: not known
	Stamps  Stamps        // of a reply: where its times were taken; 0: not known
	Odd     Oddities      // with Odd alone, which has no Seq
}

// Pinger sends the echo requests of one job, as its schedule says, and emits
// the fate of each as soon as it is known, in any order, at most once, from one
// goroutine at a time. It returns when the fate of all is known or ctx is done;
// requests still in flight then are not reported. An error means that it could
// not run, or not to the end.
type Pinger interface {
	Ping(ctx context.Context, job Job, emit func(Echo)) error
}

// Session is a Pinger in a city, until it is closed. It may be a Tracer too.
type Session interface {
	Pinger
	Version() string // of the matrix that runs there
	Close() error
}

// Opener opens a session in a city.
type Opener interface {
	Open(ctx context.Context, city City) (Session, error)
}

// Beginner is implemented by a Session that knows when its job began: it may
// have had to wait for its turn, or been under way before it was opened.
type Beginner interface {
	Began() time.Time // by a coordinator's clock; the zero Time: it does not know
}

// beginning is when the session's job began.
func beginning(s Session, otherwise time.Time) time.Time {
	if b, ok := s.(Beginner); ok && !b.Began().IsZero() {
		return b.Began()
	}
	return otherwise
}

// HostError says why a from-host could not run, and what can be done about it.
type HostError struct {
	Op    string // what was tried: "connect", "start", "measure"
	Err   error
	Hint  string // what a person can do; "" if there is nothing to suggest
	Again bool   // trying again may help
}

func (e *HostError) Error() string { return fmt.Sprintf("%s: %v", e.Op, e.Err) }

func (e *HostError) Unwrap() error { return e.Err }

func mayTryAgain(err error) bool {
	var host *HostError
	return errors.As(err, &host) && host.Again
}

func hintOf(err error) string {
	var host *HostError
	if errors.As(err, &host) {
		return host.Hint
	}
	return ""
}

// InProcess opens sessions in a city that is this machine.
type InProcess struct {
	New   func() Pinger // a pinger of its own for every session
	Build string        // version of this program
}

var _ Opener = InProcess{}

// Open always succeeds.
func (p InProcess) Open(context.Context, City) (Session, error) {
	return localSession{p.New(), p.Build}, nil
}

type localSession struct {
	Pinger
	build string
}

func (s localSession) Trace(ctx context.Context, job TraceJob, emit func(Trace)) error {
	return TraceWith(ctx, s.Pinger, job, emit)
}

func (s localSession) Health() Health { return HealthOf(s.Pinger) }

func (s localSession) Version() string { return s.build }

func (s localSession) Close() error { return nil }
