package webhook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// receiver answers as the test says, and remembers what it took.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	tries  int
	bodies []string // of messages that were taken
	keys   []string // of all tries
	took   chan struct{}
}

func newReceiver(t *testing.T, answer func(try int, w http.ResponseWriter) (taken bool)) *receiver {
	r := &receiver{took: make(chan struct{}, 1000)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.tries++
		r.keys = append(r.keys, q.Header.Get("Idempotency-Key"))
		if q.Method != http.MethodPost || q.Header.Get("Content-Type") != "application/json" || q.Header.Get("Authorization") != "Bearer x" {
			t.Errorf("%s %v", q.Method, q.Header)
		}
		if answer(r.tries, w) {
			r.bodies = append(r.bodies, string(body))
		}
		r.took <- struct{}{}
	}))
	t.Cleanup(r.Close)
	return r
}

// wait waits for so many tries.
func (r *receiver) wait(t *testing.T, tries int) {
	t.Helper()
	for range tries {
		select {
		case <-r.took:
		case <-time.After(20 * time.Second):
			t.Fatal("no further try within 20 seconds")
		}
	}
}

// run runs a sender; stop ends it and waits for its end.
func run(t *testing.T, s *Sender) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func sender(t *testing.T, url string, change func(*Settings)) *Sender {
	settings := Settings{URL: url, Headers: map[string]string{"Authorization": "Bearer x"}, Backoff: time.Millisecond, Longest: 20 * time.Millisecond, Timeout: 5 * time.Second}
	if change != nil {
		change(&settings)
	}
	s, err := New(settings)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func until(t *testing.T, s *Sender, want Counts) {
	t.Helper()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for deadline := time.After(20 * time.Second); s.Counts() != want; {
		select {
		case <-again.C:
		case <-deadline:
			t.Fatalf("%+v, want %+v", s.Counts(), want)
		}
	}
}

// TestFlaky: a receiver that fails two tries of three gets every message once,
// in order.
func TestFlaky(t *testing.T) {
	r := newReceiver(t, func(try int, w http.ResponseWriter) bool {
		switch try % 3 {
		case 1:
			w.WriteHeader(http.StatusBadGateway)
			return false
		case 2:
			w.Header().Set("Retry-After", "3600") // more than is ever waited
			w.WriteHeader(http.StatusTooManyRequests)
			return false
		}
		return true
	})
	s := sender(t, r.URL, nil)
	run(t, s)
	var want []string
	for i := range 20 {
		if err := s.Send(map[string]int{"n": i}); err != nil {
			t.Fatal(err)
		}
		want = append(want, fmt.Sprintf(`{"n":%d}`, i))
	}
	until(t, s, Counts{Sent: 20})
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Equal(r.bodies, want) {
		t.Errorf("%q", r.bodies)
	}
	if keys := slices.Compact(slices.Clone(r.keys)); len(keys) != 20 || len(r.keys) != 60 {
		t.Errorf("%d tries with %d keys", len(r.keys), len(keys))
	}
}

// TestRefused: what the receiver will never take is given up at once, and the
// next message has its turn.
func TestRefused(t *testing.T) {
	for _, code := range []int{http.StatusBadRequest, http.StatusNotFound, http.StatusFound} {
		r := newReceiver(t, func(try int, w http.ResponseWriter) bool {
			if try == 1 {
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(code)
			}
			return try > 1
		})
		s := sender(t, r.URL, nil)
		run(t, s)
		_, _ = s.Send(1), s.Send(2)
		until(t, s, Counts{Sent: 1, Failed: 1})
		if r.mu.Lock(); r.tries != 2 || r.bodies[0] != "2" {
			t.Errorf("%d: %d tries, took %q", code, r.tries, r.bodies)
		}
		r.mu.Unlock()
	}
}

func TestGivesUp(t *testing.T) {
	r := newReceiver(t, func(_ int, w http.ResponseWriter) bool {
		w.WriteHeader(http.StatusInternalServerError)
		return false
	})
	var told []string
	s := sender(t, r.URL, func(s *Settings) {
		s.Tries = 3
		s.Report = func(err error) { told = append(told, err.Error()) }
	})
	stop := run(t, s)
	if err := s.Send("x"); err != nil {
		t.Fatal(err)
	}
	until(t, s, Counts{Failed: 1})
	stop()
	if r.tries != 3 || len(told) != 3 || told[2] != "webhook: try 3: the receiver cannot take it now: Internal Server Error" {
		t.Errorf("%d tries, %q", r.tries, told)
	}
}

// TestSilent: a receiver that takes the connection and says nothing costs a
// timeout, and the end of the context ends the wait at once.
func TestSilent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	told := make(chan error, 10)
	s := sender(t, "http://"+l.Addr().String()+"/secret", func(s *Settings) {
		s.Timeout, s.Backoff, s.Longest = 50*time.Millisecond, time.Hour, time.Hour
		s.Report = func(err error) { told <- err }
	})
	stop := run(t, s)
	if err := s.Send("x"); err != nil {
		t.Fatal(err)
	}
	if err := <-told; strings.Contains(err.Error(), "secret") {
		t.Errorf("tells the URL: %v", err)
	}
	stop() // would take an hour
	if s.Counts() != (Counts{}) || len(s.queue) != 1 {
		t.Errorf("%+v, %d wait; the message is neither sent nor lost", s.Counts(), len(s.queue))
	}
}

// TestQueue: while nothing is taken the oldest are dropped, and counted.
func TestQueue(t *testing.T) {
	r := newReceiver(t, func(int, http.ResponseWriter) bool { return true })
	s := sender(t, r.URL, func(s *Settings) { s.Queue = 3 })
	for i := range 10 {
		if err := s.Send(i); err != nil {
			t.Fatal(err)
		}
	}
	run(t, s)
	r.wait(t, 3)
	until(t, s, Counts{Sent: 3, Dropped: 7})
	if r.mu.Lock(); !slices.Equal(r.bodies, []string{"7", "8", "9"}) {
		t.Errorf("%q", r.bodies)
	}
	r.mu.Unlock()
}

func TestBadURL(t *testing.T) {
	for _, text := range []string{"", "example.net/x", "ftp://example.net/secret", "http://", "http://a b/secret", "\x00secret"} {
		if _, err := New(Settings{URL: text}); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", text, err)
		}
	}
	s, err := New(Settings{URL: "http://127.0.0.1:1/"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Send(func() {}); err == nil {
		t.Error("a message that is no JSON passes")
	}
}

// TestResume: what waited when a service ended goes out when it starts again,
// first, and with the keys that it had.
func TestResume(t *testing.T) {
	var up bool
	r := newReceiver(t, func(_ int, w http.ResponseWriter) bool {
		if !up {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return up
	})
	before := sender(t, r.URL, func(s *Settings) { s.Tries = 1000 })
	stop := run(t, before)
	for n := range 3 {
		if err := before.Send(n); err != nil {
			t.Fatal(err)
		}
	}
	r.wait(t, 2)
	for _, waiting := range [][]Message{before.Waiting(), func() []Message { stop(); return before.Waiting() }()} {
		if len(waiting) != 3 || string(waiting[0].Body) != "0" || waiting[0].Key == "" {
			t.Fatalf("%+v wait", waiting)
		}
	}
	r.mu.Lock()
	up = true
	first := r.keys[0]
	r.mu.Unlock()
	after := sender(t, r.URL, nil)
	if err := after.Send(3); err != nil {
		t.Fatal(err)
	}
	after.Resume(before.Waiting())
	run(t, after)
	until(t, after, Counts{Sent: 4})
	if got := fmt.Sprint(r.bodies); got != "[0 1 2 3]" || !slices.Contains(r.keys[len(r.keys)-4:], first) || len(after.Waiting()) != 0 {
		t.Errorf("%s with the keys %q; %+v wait", got, r.keys, after.Waiting())
	}
	full := sender(t, r.URL, func(s *Settings) { s.Queue = 2 })
	full.Resume(before.Waiting())
	if waiting := full.Waiting(); len(waiting) != 2 || string(waiting[0].Body) != "1" || full.Counts().Dropped != 1 {
		t.Errorf("of 3 messages a queue of 2 has %+v", waiting)
	}
}
