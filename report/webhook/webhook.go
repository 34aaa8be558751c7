// Package webhook posts JSON messages to a URL, in order, and tries again while
// the receiver cannot take them.
//
//	Send ── queue ── Run ── POST, backoff, POST …
//
// It knows nothing of what the messages say. A receiver that is away for long
// costs the oldest messages, which are counted, and never memory or the caller's
// time.
package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Settings are how messages are sent. What is zero has the default.
type Settings struct {
	URL     string
	Headers map[string]string // such as Authorization
	Queue   int               // 100; messages that wait, the oldest are dropped for newer ones
	Timeout time.Duration     // 10s; of one try
	Tries   int               // 10; of one message
	Backoff time.Duration     // 1s; before the second try, twice as long before each further one
	Longest time.Duration     // 5m; more is never waited, whatever the receiver asks for
	Report  func(error)       // nil: nobody is told of a try that failed
}

// Sender posts messages.
type Sender struct {
	settings Settings
	client   *http.Client

	mu     sync.Mutex
	queue  []Message
	under  *Message // that is being posted; nil if none is
	number uint64
	counts Counts
	wake   chan struct{}
}

// Message is one that waits.
type Message struct {
	Key  string          `json:"key"` // the same in all tries, so that the receiver can tell
	Body json.RawMessage `json:"body"`
}

// Counts are of messages since the start.
type Counts struct{ Sent, Failed, Dropped uint64 }

// New checks the settings.
func New(s Settings) (*Sender, error) {
	u, err := url.Parse(s.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("the webhook's URL is none: want https://host/path") // it may hold a secret
	}
	s.Queue, s.Tries = positive(s.Queue, 100), positive(s.Tries, 10)
	s.Timeout, s.Backoff, s.Longest = positive(s.Timeout, 10*time.Second), positive(s.Backoff, time.Second), positive(s.Longest, 5*time.Minute)
	if s.Report == nil {
		s.Report = func(error) {}
	}
	client := &http.Client{
		Timeout:       s.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // would turn POST into GET
	}
	return &Sender{settings: s, client: client, wake: make(chan struct{}, 1)}, nil
}

func positive[N ~int | ~int64](given, standard N) N {
	if given > 0 {
		return given
	}
	return standard
}

// Send queues a message and returns at once. It fails if the message cannot be
// written as JSON.
func (s *Sender) Send(v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("webhook: write the message: %w", err)
	}
	s.mu.Lock()
	s.number++
	s.queue = append(s.queue, Message{Key: fmt.Sprintf("%x-%d", rand.Uint64(), s.number), Body: body})
	if len(s.queue) > s.settings.Queue {
		s.queue = s.queue[1:]
		s.counts.Dropped++
	}
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return nil
}

// Counts are what became of the messages so far.
func (s *Sender) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts
}

// Run posts the messages in order until the context ends, and returns its
// error. What waits then stays in the queue, for another Run.
func (s *Sender) Run(ctx context.Context) error {
	defer s.client.CloseIdleConnections()
	for {
		m, ok := s.take()
		if !ok {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-s.wake:
			}
			continue
		}
		err := s.deliver(ctx, m)
		if ctx.Err() != nil && err != nil {
			s.putBack(m)
			return ctx.Err()
		}
		s.count(err)
	}
}

func (s *Sender) take() (Message, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 {
		return Message{}, false
	}
	m := s.queue[0]
	s.queue, s.under = s.queue[1:], &m
	return m, true
}

func (s *Sender) putBack(m Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue, s.under = append([]Message{m}, s.queue...), nil
}

// Waiting are the messages that nobody has taken yet, in order. A service that
// stops keeps them, and hands them to Resume when it starts again: a message that
// was taken meanwhile goes out a second time, with the same key.
func (s *Sender) Waiting() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Message
	if s.under != nil {
		all = append(all, *s.under)
	}
	return append(all, s.queue...)
}

// Resume queues messages of an earlier run ahead of all others, the latest of
// them if the queue has no room for all.
func (s *Sender) Resume(earlier []Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = append(slices.Clone(earlier), s.queue...)
	if over := len(s.queue) - s.settings.Queue; over > 0 {
		s.queue = s.queue[over:]
		s.counts.Dropped += uint64(over)
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *Sender) count(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.under = nil
	if err != nil {
		s.counts.Failed++
	} else {
		s.counts.Sent++
	}
}

// deliver posts one message, again and again if that may help.
func (s *Sender) deliver(ctx context.Context, m Message) error {
	wait := s.settings.Backoff
	for try := 1; ; try++ {
		asked, err := s.post(ctx, m)
		if err == nil {
			return nil
		}
		var final *finalError
		last := errors.As(err, &final) || try >= s.settings.Tries || ctx.Err() != nil
		s.settings.Report(fmt.Errorf("webhook: try %d: %w", try, err))
		if last {
			return err
		}
		// Up to half as long again, so that many senders do not come back at once.
		pause := min(max(wait+rand.N(wait/2+1), asked), s.settings.Longest)
		wait = min(2*wait, s.settings.Longest)
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// finalError is one that no further try mends.
type finalError struct{ status string }

func (e *finalError) Error() string { return "the receiver refuses the message: " + e.status }

// post is one try; asked is how long the receiver wants to be left alone.
func (s *Sender) post(ctx context.Context, m Message) (asked time.Duration, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.settings.URL, bytes.NewReader(m.Body))
	if err != nil {
		return 0, &finalError{"the URL is none"}
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "matrix")
	request.Header.Set("Idempotency-Key", m.Key)
	for name, value := range s.settings.Headers {
		request.Header.Set(name, value)
	}
	answer, err := s.client.Do(request)
	if err != nil {
		var withURL *url.Error // the URL may hold a secret
		if errors.As(err, &withURL) {
			err = withURL.Err
		}
		return 0, err
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, 64<<10) // so that the connection can be used again
	switch code := answer.StatusCode; {
	case code/100 == 2:
		return 0, nil
	case code == http.StatusTooManyRequests, code == http.StatusRequestTimeout, code/100 == 5:
		seconds, _ := strconv.ParseUint(answer.Header.Get("Retry-After"), 10, 20) // a date is as good as nothing
		return time.Duration(seconds) * time.Second, fmt.Errorf("the receiver cannot take it now: %s", http.StatusText(code))
	default:
		return 0, &finalError{fmt.Sprintf("%d %s", code, http.StatusText(code))}
	}
}
