package bus

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"matrix/probe"
)

// row is what an agent tells of a round that it measures by itself. When that was
// is told by its own clock, and believed as far as the server's agrees: a message
// that was sent when the agent's clock showed one time, and came when the server's
// showed another, tells how far the one is ahead of the other at least. All that
// is not known is how long it took, and the least of many does not matter.
type row struct {
	due       time.Time
	tolerance time.Duration // of the row's beginning, either way
	there     bool          // something of it was in the stream from the start
	lines     *lines

	mu       sync.Mutex
	sessions map[int]*telling // by number
	taken    *telling         // whose lines are read; nil: it has not been decided
	over     bool             // it has ended, or is refused
}

// telling is one session of a row: there are two if a clock was set back.
type telling struct {
	said    time.Time     // its first line, by the agent's clock
	ahead   time.Duration // that clock, of the coordinator's; it may be more
	known   bool          // is the latter
	waiting []numbered    // for it to be seen whether they are of this round
	bytes   int
}

type numbered struct {
	number int
	line   []byte
}

const mostTellings = 4

func newRow(due time.Time, tolerance time.Duration, room *room) *row {
	r := &row{due: due, tolerance: tolerance, lines: newLines(), sessions: map[int]*telling{}}
	r.lines.room = room
	return r
}

// take takes a message in, if it belongs to the round. server is how far the
// server's clock is ahead of this one.
func (r *row) take(m jetstream.Msg, server time.Duration) error {
	p, err := placeOf(m.Headers())
	if err != nil {
		return err
	}
	said, clock, err := datesOf(m.Headers())
	if err != nil {
		return err
	}
	about, err := m.Metadata()
	if err != nil {
		return err
	}
	ready, err := r.admit(p, said, clock.Sub(about.Timestamp.Add(-server)), m.Data())
	for _, n := range ready { // without the lock: who reads them asks when they were said
		if open := r.lines.put(n.number, n.line); open && word(n.line) == wordDone {
			r.end()
		}
	}
	return err
}

// datesOf reads when a line was said, and when it was sent, by the agent's clock.
func datesOf(h nats.Header) (said, clock time.Time, err error) {
	if said, err = time.Parse(time.RFC3339Nano, h.Get(headerSaid)); err == nil {
		clock, err = time.Parse(time.RFC3339Nano, h.Get(headerClock))
	}
	return said, clock, err
}

// admit says which lines are to be read now.
func (r *row) admit(p place, said time.Time, ahead time.Duration, line []byte) ([]numbered, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.sessions[p.session]
	switch {
	case r.over:
		return nil, nil
	case t == nil && len(r.sessions) == mostTellings:
		return nil, fmt.Errorf("more than %d sessions", mostTellings)
	case t == nil:
		t = &telling{}
		r.sessions[p.session] = t
	}
	if !t.known || ahead > t.ahead {
		t.ahead, t.known = ahead, true
	}
	if p.line == 1 && t.said.IsZero() {
		t.said = said
	}
	t.waiting = append(t.waiting, numbered{p.line, line})
	t.bytes += len(line)
	if r.taken == nil {
		r.decide(t, p.line == endOfAll || word(line) == wordDone || t.bytes > mostUnread)
	}
	if r.taken != t {
		return nil, nil
	}
	ready := t.waiting
	t.waiting = nil
	return ready, nil
}

// decide sees whether what is told was measured at the time of the round. What
// seems to be late may only have been long on its way, until the last line.
func (r *row) decide(t *telling, last bool) {
	off := t.began().Sub(r.due)
	switch {
	case t.said.IsZero() && last && t.waiting[0].number == endOfAll:
		r.refuse(errors.New("the agent ended before it began"))
	case t.said.IsZero() && last:
		r.refuse(errors.New("its first messages are missing: they were removed from the stream"))
	case t.said.IsZero():
	case off.Abs() <= r.tolerance:
		r.taken = t
	case off > 0 && !last:
	case t.ahead.Abs() > r.tolerance:
		r.refuse(clockError(t.ahead))
	default:
		r.refuse(fmt.Errorf("it measured %v off the time of the round", off.Round(time.Second)))
	}
}

// began is when it was, by the coordinator's clock.
func (t *telling) began() time.Time { return t.said.Add(-t.ahead) }

func (r *row) refuse(why error) {
	r.over = true
	r.lines.close(&probe.HostError{Op: "measure", Err: why})
}

// unheard has what may still come wait for another reading.
func (r *row) unheard(why error) { r.lines.drop(&probe.HostError{Op: "measure", Err: why}) }

// times are when the row began and how far its agent's clock is ahead, both by the
// coordinator's.
func (r *row) times() (began time.Time, ahead time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.taken == nil {
		return r.due, 0
	}
	return r.taken.began().UTC(), r.taken.ahead
}

func (r *row) hasBegun() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.taken != nil
}

// isHeard says whether anything of it has come.
func (r *row) isHeard() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.sessions) > 0
}

func (r *row) isOver() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.over
}

// end says that there is nothing more to wait for.
func (r *row) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
}

func (r *row) beat() {
	if r.hasBegun() && !r.isOver() {
		r.lines.put(0, []byte(wordBeat+"\n"))
	}
}
