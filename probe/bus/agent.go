package bus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"matrix/probe"
)

// Agent serves a city's jobs.
type Agent struct {
	Key Key
	// Serve is the far side of probe/wire.
	Serve func(ctx context.Context, in io.Reader, out io.Writer) error
	// Folder is where what was measured waits until it is delivered.
	Folder string
	// MostWaiting is how many bytes may wait there; 256 MiB, a hundred rounds of
	// a thousand cities.
	MostWaiting int64
	Log         *slog.Logger // nil: silent
	// Accept is asked before a fleet's plan is taken whether this host may carry out
	// its row; nil: it may.
	Accept func(row probe.Job) error
	Clock  func() time.Time // by which it measures the fleet's rounds; nil: the system's
	// Ready is called when the agent can be reached for the first time; nil: nobody waits.
	Ready func()
}

const (
	mostWaiting  = 256 << 20
	mostSessions = 16              // at a time
	idleLimit    = 2 * time.Minute // without an order, and nothing being done
	sendLimit    = 5 * time.Second // for the server to say that it has a letter
)

// Run serves until ctx is done. It needs no server to begin with; it is there
// when the server is.
func (a Agent) Run(ctx context.Context) error {
	if a.Key.City == "" {
		return errors.New("the key is a coordinator's; an agent needs its city's")
	}
	if a.Log == nil {
		a.Log = slog.New(slog.DiscardHandler)
	}
	if a.MostWaiting == 0 {
		a.MostWaiting = mostWaiting
	}
	if a.Clock == nil {
		a.Clock = time.Now
	}
	out, err := openOutbox(filepath.Join(a.Folder, "outbox"), a.MostWaiting, a.Log)
	if err != nil {
		return fmt.Errorf("outbox: %w", err)
	}
	d := &desk{Agent: a, outbox: out, sessions: map[string]*talk{}}
	if err := d.endInterrupted(); err != nil {
		return err
	}
	if d.nc, err = dial(a.Key, "matrix agent "+a.Key.City, a.Log, true); err != nil {
		return err
	}
	defer d.nc.Close()
	if d.js, err = jetstream.New(d.nc); err != nil {
		return err
	}
	return d.run(ctx, newPlanner(d))
}

// desk is a running agent.
type desk struct {
	Agent
	outbox *outbox
	nc     *nats.Conn
	js     jetstream.JetStream

	talks sync.WaitGroup

	mu       sync.Mutex
	sessions map[string]*talk // by run and number
}

func (d *desk) run(ctx context.Context, p *planner) error {
	ctx, cancel := context.WithCancel(ctx)
	orders, err := d.nc.Subscribe(toSubject(d.Key.City), func(m *nats.Msg) { d.take(ctx, m) })
	if err == nil {
		_, err = d.nc.Subscribe(planSubject, p.announced)
	}
	if err != nil {
		cancel()
		return err
	}
	d.talks.Go(func() { d.outbox.deliver(ctx, d.send, p.delivered) })
	d.talks.Go(func() { p.follow(ctx) })
	d.talks.Go(func() { p.sign(ctx) })
	d.talks.Go(func() { p.measure(ctx) })
	d.talks.Go(func() { d.beat(ctx) })
	if d.Ready != nil {
		d.talks.Go(func() { d.tellReady(ctx) })
	}
	<-ctx.Done()
	// Those that are measuring say what they know, which is on disk by then.
	err = orders.Unsubscribe()
	cancel()
	d.talks.Wait()
	if errors.Is(err, nats.ErrConnectionClosed) {
		err = nil
	}
	return err
}

// beat gives signs of life while letters wait: the far side itself does only
// until its job is done, and a server may take a while to take them.
func (d *desk) beat(ctx context.Context) {
	every(ctx, beatEvery, func() {
		if d.outbox.len() == 0 {
			return
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		for _, t := range d.sessions {
			if t.keep {
				t.live([]byte(wordBeat + "\n"))
			}
		}
	})
}

// tellReady waits until the server has the subscription.
func (d *desk) tellReady(ctx context.Context) {
	for ctx.Err() == nil {
		limited, cancel := context.WithTimeout(ctx, sendLimit)
		err := d.nc.FlushWithContext(limited)
		cancel()
		if err == nil {
			d.Ready()
			return
		}
		select {
		case <-time.After(reconnectWait / 2):
		case <-ctx.Done():
		}
	}
}

// send has the server keep a letter. It has no message id: the server compares those
// of all cities, so that whoever sent another city's first would suppress it. One that
// comes twice is known by its number.
func (d *desk) send(ctx context.Context, l letter) error {
	if !d.nc.IsConnected() {
		return nats.ErrDisconnected
	}
	ctx, cancel := context.WithTimeout(ctx, sendLimit)
	defer cancel()
	m := nats.NewMsg(l.Subject)
	l.place().mark(m)
	if !l.Said.IsZero() {
		m.Header.Set(headerSaid, stamp(l.Said))
		m.Header.Set(headerClock, stamp(d.clockOf(l)))
	}
	m.Data = []byte(l.Body)
	_, err := d.js.PublishMsg(ctx, m)
	return err
}

// clockOf is what the clock shows now by which a letter was dated: also if it was
// set since.
func (d *desk) clockOf(l letter) time.Time {
	if l.put.IsZero() {
		return d.Clock()
	}
	return l.Said.Round(0).Add(time.Since(l.put))
}

// stamp is a time as a header has it.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// take handles one order. Orders come one after the other.
func (d *desk) take(ctx context.Context, m *nats.Msg) {
	refusal := d.obey(ctx, m)
	if refusal != nil {
		d.Log.Warn("an order is refused", "err", refusal)
	}
	if m.Reply == "" {
		return
	}
	answer := nats.NewMsg(m.Reply)
	answer.Header.Set(headerTakes, packing)
	if refusal != nil {
		answer.Header.Set(headerRefused, refusal.Error())
	}
	if err := m.RespondMsg(answer); err != nil {
		d.Log.Debug("not answered", "err", err)
	}
}

func (d *desk) obey(ctx context.Context, m *nats.Msg) error {
	p, err := placeOf(m.Header)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("%s/%d", p.run, p.session)
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.sessions[name]
	switch m.Header.Get(headerDo) {
	case doOpen:
		return d.open(ctx, p, name, m.Header.Get(headerKeep) != "")
	case doLine:
		if t == nil {
			return errors.New("there is no such session any more")
		}
		line, err := unpackLine(m)
		if err != nil {
			return err
		}
		return t.order(p.line, line)
	case doClose:
		if t != nil {
			t.cancel()
		}
		return nil
	}
	return fmt.Errorf("unknown order %q", probe.Clean(m.Header.Get(headerDo), 40))
}

// open begins a conversation; one that was begun is the same.
func (d *desk) open(ctx context.Context, p place, name string, keep bool) error {
	if d.sessions[name] != nil {
		return nil
	}
	if len(d.sessions) >= mostSessions {
		return fmt.Errorf("it has %d sessions already", mostSessions)
	}
	ctx, cancel := context.WithCancel(ctx)
	t := &talk{desk: d, run: p.run, session: p.session, keep: keep, cancel: cancel, orders: make(chan []byte, 64)}
	if keep {
		if err := t.writeDown(); err != nil {
			cancel()
			return err
		}
	}
	t.linger = idleLimit
	t.idle = time.AfterFunc(t.linger, cancel)
	d.sessions[name] = t
	d.talks.Go(func() {
		t.hold(ctx)
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.sessions, name)
	})
	return nil
}

// endInterrupted tells the coordinators of sessions in which the program was
// killed that no more will come.
func (d *desk) endInterrupted() error {
	notes, err := filepath.Glob(filepath.Join(d.Folder, "*.running"))
	if err != nil {
		return err
	}
	for _, note := range notes {
		run, rest, _ := strings.Cut(filepath.Base(note), ".")
		session, err := strconv.Atoi(strings.TrimSuffix(rest, ".running"))
		if err != nil || checkName(run) != nil {
			continue // none of ours
		}
		if err := d.outbox.put(d.letter(run, session, endOfAll, endedLine("the agent ended in mid-job"))); err != nil {
			return err
		}
		if err := os.Remove(note); err != nil {
			return err
		}
	}
	return nil
}

// letter is a line of a run.
func (d *desk) letter(run string, session, number int, line []byte) letter {
	l := letter{Subject: saidSubject(d.Key.City, run), Run: run, Session: session, Line: number, Body: string(line)}
	if strings.HasPrefix(run, autoPrefix) {
		l.Said = d.Clock()
	}
	return l
}
