package bus

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"matrix/probe"
)

// Ticket is a round before it is measured: its plan can be made of it again,
// by a coordinator that comes later.
type Ticket struct {
	Run       string          `json:"run"` // unique name
	Start     time.Time       `json:"start"`
	Program   string          `json:"program"` // version of the coordinator
	Cities    []probe.City    `json:"cities"`
	Addresses probe.Addresses `json:"addresses"`
	Selection probe.Selection `json:"selection"`
	Options   probe.Options   `json:"options"`

	// FleetPlan is the digest of the plan by which the agents measure the round by
	// themselves, Every the time between two such; "": a coordinator gives the jobs.
	FleetPlan string        `json:"fleet_plan,omitempty"`
	Every     time.Duration `json:"every_ns,omitempty"`
}

// Plan makes the plan, the same every time.
func (t Ticket) Plan() (probe.Plan, error) {
	return probe.MakePlan(t.Cities, t.Addresses, t.Selection, t.Options)
}

// Over is when the last host should have said everything: before the next round,
// where agents measure by themselves.
func (t Ticket) Over(plan probe.Plan) time.Time {
	length, spare := plan.Length(), connectTime
	if t.FleetPlan != "" {
		spare = min(spare, (t.Every-length)/2)
	}
	return t.Start.Add(length + spare)
}

// connectTime is how long hosts may take to be ready, as a rule.
const connectTime = time.Minute

// runTime is a time in the name of a round.
const runTime = "20060102T150405Z"

// RunAt is the name of a round that everybody who would measure it calls the
// same: of two coordinators with one schedule, only one measures it.
func RunAt(at time.Time) string { return "at-" + at.UTC().Format(runTime) }

// NewRun is the name of a round that nobody else measures.
func NewRun() string {
	return "once-" + time.Now().UTC().Format(runTime) + "-" + strings.ToLower(nuid.Next()[12:])
}

// maxTicket bounds what is read of a ticket, unpacked.
const maxTicket = 64 << 20

// stateClosed is what stands in the books for a round that was saved.
const stateClosed = "closed"

// beganPrefix is before the name of a round in the book that says when its hosts
// were given their jobs, which is when its samples are of.
const beganPrefix = "began."

// Held is a round that this coordinator has, and nobody else.
type Held struct {
	Ticket
	bus    *Bus
	cancel context.CancelFunc
	over   sync.WaitGroup
	token  []byte // in the lease: whose it is

	mu  sync.Mutex
	rev uint64 // of the lease
}

// Begin enters a round into the books and takes it.
func (b *Bus) Begin(ctx context.Context, t Ticket) (*Held, error) {
	if err := checkName(t.Run); err != nil {
		return nil, err
	}
	h, err := b.lease(ctx, t)
	if err != nil {
		return nil, err
	}
	packed, err := packTicket(t)
	if err == nil {
		_, err = b.rounds.Create(ctx, t.Run, packed)
	}
	if err != nil {
		h.Release(ctx)
		if errors.Is(err, jetstream.ErrKeyExists) {
			return nil, ErrTaken
		}
		return nil, fmt.Errorf("enter the round into the books: %w", err)
	}
	return h, nil
}

// Open are the rounds that are not closed, oldest first; some may be held. Those
// that can be read are there also if others cannot: an *UnreadableError.
func (b *Bus) Open(ctx context.Context) ([]Ticket, error) {
	books, err := b.rounds.WatchAll(ctx, jetstream.IgnoreDeletes())
	if err != nil {
		return nil, fmt.Errorf("read the books: %w", err)
	}
	defer func() { _ = books.Stop() }() // it has said all that was asked
	var all []Ticket
	var unreadable UnreadableError
	for entry := range entries(ctx, books) {
		if strings.HasPrefix(entry.Key(), beganPrefix) {
			continue
		}
		t, open, err := ticketOf(entry)
		if err != nil {
			unreadable.Entries = append(unreadable.Entries, fmt.Sprintf("%s (%v)", probe.Clean(entry.Key(), 60), err))
		}
		if open {
			all = append(all, t)
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read the books: %w", err)
	}
	slices.SortFunc(all, func(a, b Ticket) int { return a.Start.Compare(b.Start) })
	if len(unreadable.Entries) > 0 {
		slices.Sort(unreadable.Entries)
		return all, &unreadable
	}
	return all, nil
}

// UnreadableError is about entries of the books that are no rounds. Nobody can
// finish them, and they are in nobody's way.
type UnreadableError struct {
	Entries []string // names, each with the reason
}

func (e *UnreadableError) Error() string {
	const shown = 5
	names, more := e.Entries, ""
	if len(names) > shown {
		more = fmt.Sprintf(" and %d more", len(names)-shown)
		names = names[:shown]
	}
	return fmt.Sprintf("not read, and left out: what the bucket %s has as %s%s; nats kv del %s NAME removes one, and NATS does after %.0f days",
		roundsBucket, strings.Join(names, ", "), more, roundsBucket, keepBooks.Hours()/24)
}

// entries are what a bucket has now.
func entries(ctx context.Context, of jetstream.KeyWatcher) iter.Seq[jetstream.KeyValueEntry] {
	return func(yield func(jetstream.KeyValueEntry) bool) {
		for {
			select {
			case entry := <-of.Updates():
				if entry == nil || !yield(entry) { // nil: that was all
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

// ticket is a round's, if it is open.
func (b *Bus) ticket(ctx context.Context, run string) (t Ticket, open bool, err error) {
	entry, err := b.rounds.Get(ctx, run)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return t, false, nil // was too old, just now
	}
	if err != nil {
		return t, false, fmt.Errorf("read the books: %w", err)
	}
	t, open, err = ticketOf(entry)
	if err != nil {
		err = fmt.Errorf("round %s of the books: %w", run, err)
	}
	return t, open, err
}

// closed says whether a round was saved, or is too old to be in the books.
func (b *Bus) closed(ctx context.Context, run string) (bool, error) {
	entry, err := b.rounds.Get(ctx, run)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("read the books: %w", err)
	}
	return isClosed(entry), nil
}

func isClosed(entry jetstream.KeyValueEntry) bool { return string(entry.Value()) == stateClosed }

func ticketOf(entry jetstream.KeyValueEntry) (t Ticket, open bool, err error) {
	if isClosed(entry) {
		return t, false, nil
	}
	t, err = unpackTicket(entry.Value())
	if err == nil {
		err = t.check(entry.Key())
	}
	return t, err == nil, err
}

// check refuses a ticket by which no round can be finished, whoever wrote it.
func (t Ticket) check(name string) error {
	switch {
	case t.Run != name:
		return fmt.Errorf("it calls itself %q", probe.Clean(t.Run, 60))
	case t.Start.IsZero():
		return errors.New("it does not say when it began")
	case time.Until(t.Start) > longestLead:
		return fmt.Errorf("it begins at %s", clockTime(t.Start))
	case len(t.Cities) > maxCities:
		return fmt.Errorf("it has %d cities, and %d are allowed", len(t.Cities), maxCities)
	}
	return probe.CheckPlan(t.Cities, t.Selection, t.Options)
}

// Take takes an open round that nobody holds.
func (b *Bus) Take(ctx context.Context, run string) (*Held, error) {
	h, err := b.lease(ctx, Ticket{Run: run})
	if err != nil {
		return nil, err
	}
	// Whoever had it may have closed it meanwhile.
	t, open, err := b.ticket(ctx, run)
	if err == nil && !open {
		err = ErrSaved
	}
	if err != nil {
		h.Release(ctx)
		return nil, err
	}
	h.Ticket = t
	return h, nil
}

// Said is the number of the last message of a round's in the stream, 0 if there is
// none: while it is the same, nothing more is known of the round.
func (b *Bus) Said(ctx context.Context, run string) (uint64, error) {
	if err := checkName(run); err != nil {
		return 0, err
	}
	last, err := b.stream.GetLastMsgForSubject(ctx, saidSubject("*", run))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the stream: %w", err)
	}
	return last.Sequence, nil
}

// Close says that the round was saved: it leaves the books, and the stream.
func (h *Held) Close(ctx context.Context) error {
	defer h.Release(ctx)
	if _, err := h.bus.rounds.Put(ctx, h.Run, []byte(stateClosed)); err != nil {
		return fmt.Errorf("close round %s: %w", h.Run, err)
	}
	if err := h.bus.rounds.Delete(ctx, beganPrefix+h.Run); err != nil {
		return fmt.Errorf("close round %s: %w", h.Run, err)
	}
	if err := h.bus.stream.Purge(ctx, jetstream.WithPurgeSubject(saidSubject("*", h.Run))); err != nil {
		return fmt.Errorf("clear the stream of round %s: %w", h.Run, err)
	}
	return nil
}

// began writes down when the first job was given out.
func (h *Held) began(ctx context.Context, at time.Time) {
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	if _, err := h.bus.rounds.Put(ctx, beganPrefix+h.Run, []byte(at.UTC().Format(time.RFC3339Nano))); err != nil {
		h.bus.log.Warn("when the round began was not written down", "round", h.Run, "err", err)
	}
}

// beginning is when that was; its ticket's time if nobody wrote it down.
func (h *Held) beginning(ctx context.Context) time.Time {
	entry, err := h.bus.rounds.Get(ctx, beganPrefix+h.Run)
	if err != nil {
		return h.Start
	}
	at, err := time.Parse(time.RFC3339Nano, string(entry.Value()))
	if err != nil {
		return h.Start
	}
	return at
}

// Dial opens conversations of the round; what agents say is kept in the stream.
func (h *Held) Dial(ctx context.Context) (*Dialer, error) {
	d, err := h.bus.dialer(ctx, h.Run, true)
	if err == nil {
		d.first = sync.OnceFunc(func() {
			now := time.Now()
			d.running.Go(func() { h.began(ctx, now) })
		})
	}
	return d, err
}

func packTicket(t Ticket) ([]byte, error) {
	text, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	return pack(text)
}

func unpackTicket(packed []byte) (t Ticket, err error) {
	text, err := unpack(packed, maxTicket)
	if err != nil {
		return t, err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	return t, decoder.Decode(&t)
}

func pack(text []byte) ([]byte, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(text)
	err = errors.Join(err, w.Close())
	return b.Bytes(), err
}

// unpack refuses a text of more than most bytes.
func unpack(packed []byte, most int) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(r, int64(most)+1))
	if err == nil && len(text) > most {
		err = fmt.Errorf("it is longer than %d bytes", most)
	}
	return text, err
}
