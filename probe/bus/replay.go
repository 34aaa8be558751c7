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
// stream. What is said to them is not passed on.
type Replay struct {
	Held  *Held
	Until time.Time // when who has not ended is not waited for any more

	reading  sync.Mutex
	sessions map[string]int // by city: the number of the latest; nil: not read yet

	mu    sync.Mutex
	owing map[string]bool
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
	subject := saidSubject(city.Name, r.Held.Run)
	session, err := r.session(ctx, city.Name)
	if err != nil {
		return nil, &probe.HostError{Op: "read the stream", Err: err, Again: true}
	}
	if session == 0 {
		return nil, &probe.HostError{Op: "connect", Err: errors.New("it had not begun when the coordinator ended")}
	}
	r.mark(city.Name, true)
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	c := &Recording{replay: r, city: city.Name, session: session, lines: newLines(), cancel: cancel}
	c.over.Go(func() { follow(ctx, r.Held.bus, subject, c.take) })
	c.over.Go(func() { c.wait(ctx) })
	return c, nil
}

// session is the number of the latest conversation with a city; 0 if there was
// none. What an earlier one still had to say may come after it, so the last
// message does not tell.
func (r *Replay) session(ctx context.Context, city string) (int, error) {
	r.reading.Lock()
	defer r.reading.Unlock()
	for r.sessions == nil {
		found, err := r.findSessions(ctx)
		if err == nil {
			r.sessions = found
			break
		}
		if ctx.Err() != nil || !time.Now().Before(r.Until) {
			return 0, err
		}
		// A cluster that lost its leader has another one soon.
		select {
		case <-time.After(reconnectWait):
		case <-ctx.Done():
		}
	}
	return r.sessions[city], nil
}

// findSessions reads the headings of all that was said so far.
func (r *Replay) findSessions(ctx context.Context) (map[string]int, error) {
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	subject, found := saidSubject("*", r.Held.Run), map[string]int{}
	last, err := r.Held.bus.stream.GetLastMsgForSubject(ctx, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return found, nil
	}
	if err != nil {
		return nil, err
	}
	consumer, err := r.Held.bus.stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{subject}, DeliverPolicy: jetstream.DeliverAllPolicy, HeadersOnly: true, InactiveThreshold: time.Minute,
	})
	if err != nil {
		return nil, err
	}
	messages, err := consumer.Messages(jetstream.PullExpiry(dialLimit))
	if err != nil {
		return nil, err
	}
	defer messages.Stop()
	stop := context.AfterFunc(ctx, messages.Stop)
	defer stop()
	for {
		m, err := messages.Next()
		if err != nil {
			return nil, errors.Join(context.Cause(ctx), err)
		}
		if p, err := placeOf(m.Headers()); err == nil {
			city := cityOf(m.Subject())
			found[city] = max(found[city], p.session)
		}
		about, err := m.Metadata()
		if err != nil || about.Sequence.Stream >= last.Sequence {
			return found, err
		}
	}
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
	cancel  context.CancelFunc
	over    sync.WaitGroup
}

func (c *Recording) take(m jetstream.Msg) {
	p, err := placeOf(m.Headers())
	if err != nil || p.session != c.session {
		return
	}
	if word(m.Data()) == wordDone {
		c.replay.mark(c.city, false)
	}
	c.lines.put(p.line, m.Data())
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

// Write forgets the line: all was said long ago.
func (c *Recording) Write(p []byte) (int, error) { return len(p), nil }

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
	var known *probe.HostError
	if errors.As(err, &known) {
		return err
	}
	return &probe.HostError{Op: "measure", Err: err}
}
