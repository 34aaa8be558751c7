package bus

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"matrix/probe"
)

// Replay opens conversations that were held already, of a round whose
// coordinator ended: what the agents said, and still say, comes out of the
// stream. What is said to them is not passed on. All are opened before the first
// is given its job, as a rule: from then on one reader of the stream serves them.
type Replay struct {
	Held  *Held
	Until time.Time // when who has not ended is not waited for any more

	reading sync.Mutex
	opened  map[string]opening // by city: the latest session; nil: not read yet

	over sync.WaitGroup

	mu         sync.Mutex
	owing      map[string]bool
	recordings map[string]*Recording // that wait for the reader
	stop       context.CancelFunc    // of the reader; nil: it has not begun
}

// opening is how a session began.
type opening struct {
	session  int
	greeting []byte // its first line
}

const beatEvery = 2 * time.Second

// Owing are the cities that have a job and have not ended it.
func (r *Replay) Owing() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return sortedKeys(r.owing)
}

// Opener has inner's sessions say when their jobs really began.
func (r *Replay) Opener(ctx context.Context, inner probe.Opener) probe.Opener {
	return resuming{inner, r.Held.beginning(ctx)}
}

type resuming struct {
	probe.Opener
	began time.Time
}

func (o resuming) Open(ctx context.Context, city probe.City) (probe.Session, error) {
	session, err := o.Opener.Open(ctx, city)
	if err != nil {
		return nil, err
	}
	return resumed{session, o.began}, nil
}

type resumed struct {
	probe.Session
	began time.Time
}

var _ probe.Beginner = resumed{}

func (s resumed) Began() time.Time { return s.began }

func (s resumed) Health() probe.Health { return probe.HealthOf(s.Session) }

// Dial reads the latest conversation with a city.
func (r *Replay) Dial(ctx context.Context, city probe.City) (*Recording, error) {
	o, err := r.opening(ctx, city.Name)
	if err != nil {
		return nil, &probe.HostError{Op: "read the stream", Err: err, Again: true}
	}
	if o.session == 0 {
		return nil, &probe.HostError{Op: "connect", Err: errors.New("it had not begun when the coordinator ended")}
	}
	r.mark(city.Name, true)
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	c := &Recording{replay: r, city: city.Name, session: o.session, lines: newLines(), ctx: ctx, cancel: cancel}
	if o.greeting != nil {
		c.lines.put(1, o.greeting)
	}
	r.mu.Lock()
	late := r.stop != nil
	if !late {
		r.recordings[city.Name] = c
	}
	r.mu.Unlock()
	if late {
		c.over.Go(func() { follow(ctx, r.Held.bus, saidSubject(city.Name, r.Held.Run), c.take) })
	}
	c.over.Go(func() { c.wait(ctx) })
	return c, nil
}

// begin has the reader begin, which serves all that have been opened.
func (r *Replay) begin(ctx context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stop != nil {
		return
	}
	ctx, r.stop = context.WithCancel(context.WithoutCancel(ctx))
	all := r.recordings
	r.over.Go(func() {
		follow(ctx, r.Held.bus, saidSubject("*", r.Held.Run), func(m jetstream.Msg) {
			if c := all[cityOf(m.Subject())]; c != nil {
				c.take(m)
			}
		})
	})
}

// Close ends the reading.
func (r *Replay) Close() {
	r.mu.Lock()
	stop := r.stop
	r.mu.Unlock()
	if stop != nil {
		stop()
	}
	r.over.Wait()
}

// opening is how the latest conversation with a city began; its session is 0 if
// there was none. What an earlier one still had to say may come after it, so the
// last message does not tell.
func (r *Replay) opening(ctx context.Context, city string) (opening, error) {
	r.reading.Lock()
	defer r.reading.Unlock()
	for r.opened == nil {
		found, err := r.findOpenings(ctx)
		if err == nil {
			r.opened, r.recordings = found, map[string]*Recording{}
			break
		}
		if ctx.Err() != nil || !time.Now().Before(r.Until) {
			return opening{}, err
		}
		// A cluster that lost its leader has another one soon.
		select {
		case <-time.After(reconnectWait):
		case <-ctx.Done():
		}
	}
	return r.opened[city], nil
}

// readLimit is how long all that was said in a round may take to be read: 100 MB
// of a thousand cities.
const readLimit = time.Minute

// findOpenings reads all that was said so far.
func (r *Replay) findOpenings(ctx context.Context) (map[string]opening, error) {
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	subject, found := saidSubject("*", r.Held.Run), map[string]opening{}
	var last *jetstream.RawStreamMsg
	err := ask(ctx, func(ctx context.Context) (err error) {
		last, err = r.Held.bus.stream.GetLastMsgForSubject(ctx, subject)
		return err
	})
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return found, nil
	}
	if err != nil {
		return nil, err
	}
	var unread error
	err = read(ctx, r.Held.bus, subject, func(m jetstream.Msg) (more bool) {
		if p, err := placeOf(m.Headers()); err == nil {
			city := cityOf(m.Subject())
			o := found[city]
			if p.session > o.session {
				o = opening{session: p.session}
			}
			if p.session == o.session && p.line == 1 {
				o.greeting = m.Data()
			}
			found[city] = o
		}
		about, err := m.Metadata()
		unread = err
		return err == nil && about.Sequence.Stream < last.Sequence
	})
	return found, errors.Join(err, unread)
}

// mark writes down what is known of a city.
func (r *Replay) mark(city string, owing bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.owing == nil {
		r.owing = map[string]bool{}
	}
	if owing {
		r.owing[city] = true
	} else {
		delete(r.owing, city)
	}
}

// Recording is a conversation that is read again.
type Recording struct {
	replay  *Replay
	city    string
	session int
	lines   *lines
	ctx     context.Context // until it is closed
	cancel  context.CancelFunc
	over    sync.WaitGroup
}

func (c *Recording) take(m jetstream.Msg) {
	p, err := placeOf(m.Headers())
	if err != nil || p.session != c.session {
		return
	}
	if open := c.lines.put(p.line, m.Data()); open && word(m.Data()) == wordDone {
		c.replay.mark(c.city, false)
	}
}

// wait gives signs of life until the time is over.
func (c *Recording) wait(ctx context.Context) {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for time.Now().Before(c.replay.Until) {
		select {
		case <-tick.C:
			c.lines.put(0, []byte(wordBeat+"\n"))
		case <-ctx.Done():
			return
		}
	}
	// What is in the stream already is read before it is called the end.
	select {
	case <-time.After(unreadLimit):
		c.lines.close(errOwing)
	case <-ctx.Done():
	}
}

var errOwing = errors.New("it was cut off, and the rest of what it measured has not come")

func (c *Recording) Read(p []byte) (int, error) { return c.lines.Read(p) }

// Write forgets the line: all was said long ago. A job says that it is to be read.
func (c *Recording) Write(line []byte) (int, error) {
	if word(line) == wordJob {
		c.replay.begin(c.ctx)
	}
	return len(line), nil
}

// Close ends the reading.
func (c *Recording) Close() error {
	c.lines.close(io.ErrClosedPipe)
	c.cancel()
	c.over.Wait()
	return nil
}

// Explain ends the reading, which broke with err.
func (c *Recording) Explain(err error) error {
	c.Close()
	return explained(err)
}

// explained is why a conversation broke.
func explained(err error) error {
	var known *probe.HostError
	if errors.As(err, &known) {
		return err
	}
	return &probe.HostError{Op: "measure", Err: err}
}
