package bus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"matrix/probe"
)

// Dialer opens conversations with agents that belong together: a round, or a
// look at the hosts.
type Dialer struct {
	bus  *Bus
	run  string
	keep bool // what the agents say is kept in the stream

	stop    func()
	running sync.WaitGroup
	first   func() // is told when the first job is given out; nil: nobody cares

	mu       sync.Mutex
	conns    map[string]*Conn // by city: the latest
	sessions map[string]int   // by city: the number of the latest
	owing    map[string]bool  // cities that were given a job and have not ended it
}

// Dial makes a dialer whose conversations nobody needs later.
// They end with ctx.
func (b *Bus) Dial(ctx context.Context) (*Dialer, error) {
	return b.dialer(ctx, "look-"+nuid.Next(), false)
}

func (b *Bus) dialer(ctx context.Context, run string, keep bool) (*Dialer, error) {
	ctx, cancel := context.WithCancel(ctx)
	d := &Dialer{bus: b, run: run, keep: keep, conns: map[string]*Conn{}, sessions: map[string]int{}, owing: map[string]bool{}}
	live, err := b.nc.Subscribe(liveSubject("*", run), d.take)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("listen on NATS: %w", err)
	}
	d.stop = func() {
		_ = live.Unsubscribe() // of a connection that may be gone
		cancel()
		d.running.Wait()
	}
	d.running.Go(func() { d.beat(ctx) })
	if keep {
		d.running.Go(func() {
			follow(ctx, b, saidSubject("*", run), func(m jetstream.Msg) {
				d.take(&nats.Msg{Subject: m.Subject(), Header: m.Headers(), Data: m.Data()})
			})
		})
	}
	return d, nil
}

// beat gives agents that cannot be heard a sign of life while it is this side
// that is cut off.
func (d *Dialer) beat(ctx context.Context) {
	every(ctx, beatEvery, func() {
		if d.bus.nc.IsConnected() {
			return
		}
		d.mu.Lock()
		conns := slices.Collect(maps.Values(d.conns))
		d.mu.Unlock()
		for _, c := range conns { // one that is not read may take a while
			c.lines.put(0, []byte(wordBeat+"\n"))
		}
	})
}

// every does something again and again until ctx is done.
func every(ctx context.Context, pause time.Duration, do func()) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			do()
		case <-ctx.Done():
			return
		}
	}
}

// Close ends all conversations.
func (d *Dialer) Close() {
	d.stop()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.conns {
		c.lines.close(io.ErrClosedPipe)
	}
}

// Owing are the cities that were given a job and have not said that it is over, once
// the dialer is closed: what they still say comes into the stream.
func (d *Dialer) Owing() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return sortedKeys(d.owing)
}

func sortedKeys(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }

// take hands a message to the conversation that it belongs to. The city is that
// of the subject, which the server vouches for.
func (d *Dialer) take(m *nats.Msg) {
	city := cityOf(m.Subject)
	p, err := placeOf(m.Header)
	if err != nil {
		d.bus.log.Warn("a message is not understood", "from", city, "err", err)
		return
	}
	d.mu.Lock()
	c := d.conns[city]
	d.mu.Unlock()
	if c == nil || p.session != c.session || p.run != d.run {
		d.bus.log.Debug("a message of another session is passed over", "from", city, "line", p)
		return
	}
	open := c.lines.put(p.line, m.Data)
	if !open || p.line == 0 || word(m.Data) != wordDone {
		return // what comes after this side gave up is in the stream alone
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.conns[city] == c {
		delete(d.owing, city)
	}
}

// cityOf is the city that a subject below said, live or sign speaks for.
func cityOf(subject string) string {
	rest := subject[min(len(subject), len(saidPrefix)):] // the prefixes are as long
	for i := range rest {
		if rest[i] == '.' {
			return rest[:i]
		}
	}
	return rest
}

// How long an order may be on its way before it is sent again, and how often.
const (
	orderLimit = 2 * time.Second
	orderTries = 10
	// jobLimit is that of a job, which is long; sent again and again to a
	// thousand hosts that are slow to answer, they would stop the line.
	jobLimit = 10 * time.Second
)

// Dial begins a conversation with the agent of a city.
func (d *Dialer) Dial(ctx context.Context, city probe.City) (*Conn, error) {
	if err := checkName(city.Name); err != nil {
		return nil, &probe.HostError{Op: "connect", Err: err, Hint: "rename the city in the inventory"}
	}
	d.mu.Lock()
	d.sessions[city.Name]++
	c := &Conn{dialer: d, city: city.Name, session: d.sessions[city.Name], lines: newLines()}
	c.ctx, c.cancel = context.WithCancel(context.WithoutCancel(ctx))
	d.conns[city.Name] = c
	d.mu.Unlock()
	if err := c.ask(ctx, doOpen, nil); err != nil {
		c.cancel()
		return nil, c.explain("connect", err)
	}
	return c, nil
}

// Conn is a conversation with an agent: lines out, lines in.
type Conn struct {
	dialer  *Dialer
	city    string
	session int
	lines   *lines
	said    int             // lines, by this side
	packs   bool            // its agent can unpack lines
	ctx     context.Context // until it is closed
	cancel  context.CancelFunc

	closing sync.Once
}

func (c *Conn) Read(p []byte) (int, error) { return c.lines.Read(p) }

// Write sends one line. An order is sent until the agent has it; what else is
// said is of use now or never.
func (c *Conn) Write(line []byte) (int, error) {
	c.said++
	w := word(line)
	if w != wordJob && w != wordTrace {
		m, err := c.message(doLine, line)
		if err != nil {
			return 0, err
		}
		return len(line), c.dialer.bus.nc.PublishMsg(m)
	}
	if c.dialer.first != nil {
		c.dialer.first()
	}
	if c.dialer.keep && w == wordJob {
		c.dialer.mu.Lock()
		c.dialer.owing[c.city] = true
		c.dialer.mu.Unlock()
	}
	if err := c.ask(c.ctx, doLine, line); err != nil {
		return 0, c.explain("measure", err)
	}
	c.dialer.bus.log.Debug("its agent has the "+w, "from", c.city)
	return len(line), nil
}

func (c *Conn) message(do string, line []byte) (*nats.Msg, error) {
	m := nats.NewMsg(toSubject(c.city))
	place{c.dialer.run, c.session, c.said}.mark(m)
	m.Header.Set(headerDo, do)
	if c.dialer.keep {
		m.Header.Set(headerKeep, "yes")
	}
	m.Data = line
	if !c.packs || len(line) < packFrom {
		return m, nil
	}
	return m, packLine(m)
}

// refusedError is what an agent answered.
type refusedError struct{ error }

// ask sends an order until it is answered.
func (c *Conn) ask(ctx context.Context, do string, line []byte) error {
	m, err := c.message(do, line)
	if err != nil {
		return err
	}
	limit := orderLimit
	if word(line) == wordJob {
		limit = jobLimit
	}
	for tries := 0; tries < orderTries; tries++ {
		limited, cancel := context.WithTimeout(ctx, limit)
		var answer *nats.Msg
		answer, err = c.dialer.bus.nc.RequestMsgWithContext(limited, m)
		cancel()
		switch {
		case err == nil && answer.Header.Get(headerRefused) != "":
			return refusedError{cleaned([]byte(answer.Header.Get(headerRefused)))}
		case err == nil:
			c.packs = answer.Header.Get(headerTakes) == packing
			return nil
		case ctx.Err() != nil:
			return err
		case errors.Is(err, nats.ErrNoResponders) && do == doOpen:
			if time.Since(c.dialer.bus.since) > c.dialer.bus.Patience {
				return err
			}
			tries = 0
		case errors.Is(err, context.DeadlineExceeded):
			continue
		}
		select { // cut off: the server may be back soon
		case <-time.After(reconnectWait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return err
}

func (c *Conn) explain(op string, err error) error {
	var refused refusedError
	switch {
	case errors.As(err, &refused):
		return &probe.HostError{Op: op, Err: fmt.Errorf("its agent refuses: %w", refused.error)}
	case errors.Is(err, nats.ErrNoResponders):
		return &probe.HostError{
			Op: op, Err: errors.New("no agent of this city is connected to NATS"), Again: true,
			Hint: "on the host: matrix agent --key " + c.city + ".key",
		}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout):
		return &probe.HostError{Op: op, Err: errors.New("its agent does not answer"), Again: true}
	}
	return &probe.HostError{Op: op, Err: err, Again: true}
}

// Close ends the conversation, and what the agent does for it.
func (c *Conn) Close() error {
	c.closing.Do(func() {
		c.lines.close(io.ErrClosedPipe)
		c.cancel()
		m, err := c.message(doClose, nil)
		if err == nil {
			err = c.dialer.bus.nc.PublishMsg(m)
		}
		if err != nil {
			c.dialer.bus.log.Debug("not closed", "city", c.city, "err", err) // its agent will find it idle
		}
	})
	return nil
}

// Explain ends the conversation, which broke with err.
func (c *Conn) Explain(err error) error {
	c.Close()
	return explained(err)
}

// follow reads what the stream has for a subject, and what comes, until ctx is
// done. A server that is gone is waited for.
func follow(ctx context.Context, b *Bus, subject string, take func(jetstream.Msg)) {
	for ctx.Err() == nil {
		err := followOnce(ctx, b, subject, take)
		if err != nil && ctx.Err() == nil {
			b.log.Debug("reading the stream again", "subject", subject, "err", err)
			select {
			case <-time.After(reconnectWait):
			case <-ctx.Done():
			}
		}
	}
}

func followOnce(ctx context.Context, b *Bus, subject string, take func(jetstream.Msg)) error {
	// Lines that come again after an error are known by their numbers.
	return read(ctx, b, subject, func(m jetstream.Msg) (more bool) {
		take(m)
		return true
	})
}

// read reads what the stream has for a subject, and what comes, until take wants
// no more.
func read(ctx context.Context, b *Bus, subject string, take func(jetstream.Msg) (more bool)) error {
	return readFrom(ctx, b.stream, subject, jetstream.DeliverAllPolicy, take)
}

// readLast is read, with only the last message of each subject to begin with.
func readLast(ctx context.Context, stream jetstream.Stream, subject string, take func(jetstream.Msg) (more bool)) error {
	return readFrom(ctx, stream, subject, jetstream.DeliverLastPerSubjectPolicy, take)
}

func readFrom(ctx context.Context, stream jetstream.Stream, subject string, policy jetstream.DeliverPolicy, take func(jetstream.Msg) (more bool)) error {
	var consumer jetstream.Consumer
	err := ask(ctx, func(ctx context.Context) (err error) {
		consumer, err = stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
			FilterSubjects: []string{subject}, DeliverPolicy: policy, InactiveThreshold: time.Minute,
			// The library would try again and again with the name that it gave to the
			// first: a cluster that had that one made by a server which died never does.
			MaxResetAttempts: 1,
		})
		return err
	})
	if err != nil {
		return err
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(256), jetstream.PullExpiry(10*time.Second), jetstream.PullHeartbeat(2*time.Second))
	if err != nil {
		return err
	}
	defer messages.Stop()
	stop := context.AfterFunc(ctx, messages.Stop)
	defer stop()
	for {
		m, err := messages.Next()
		if err != nil {
			return errors.Join(context.Cause(ctx), err)
		}
		if !take(m) {
			messages.Stop()
			// Left to itself it would be there for another minute.
			return stream.DeleteConsumer(ctx, consumer.CachedInfo().Name)
		}
	}
}
