package wire

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"matrix/probe"
)

// slowly is a far side whose clock is off, behind a link that takes its time
// each way: there, for the n-th line, and back.
func slowly(t *testing.T, off time.Duration, there func(n int) time.Duration, back time.Duration) Dialer {
	far := FarSide{Version: "v7", Clock: func() time.Time { return time.Now().Add(off) },
		Pinger: pingFunc(func(ctx context.Context, _ probe.Job, _ func(probe.Echo)) error {
			time.Sleep(10 * time.Second)
			return nil
		})}
	return farSide(func(in io.Reader, out io.WriteCloser) {
		orders, toFar := io.Pipe()
		fromFar, answers := io.Pipe()
		go delay(in, toFar, there)
		go delay(fromFar, out, func(int) time.Duration { return back })
		defer answers.Close()
		_ = far.Serve(t.Context(), orders, answers)
	})
}

func delay(from io.Reader, to io.WriteCloser, by func(n int) time.Duration) {
	defer to.Close()
	lines := bufio.NewScanner(from)
	for n := 0; lines.Scan(); n++ {
		time.Sleep(by(n))
		if _, err := fmt.Fprintln(to, lines.Text()); err != nil {
			return
		}
	}
}

// TestClocks: whatever the two ways take, an offset is off by no more than is
// said, which is half of the fastest exchange.
func TestClocks(t *testing.T) {
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	for name, test := range map[string]struct {
		off         time.Duration
		there       func(n int) time.Duration
		back, error time.Duration
	}{
		"the same both ways": {-70 * time.Second, func(int) time.Duration { return ms(50) }, ms(50), ms(50)},
		"all of it one way":  {3 * time.Second, func(int) time.Duration { return ms(300) }, 0, ms(150)},
		"one fast exchange":  {70 * time.Second, func(n int) time.Duration { return ms(10 * (1 + (n+3)%5)) }, ms(20), ms(15)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				session, err := (&Opener{Dialer: slowly(t, test.off, test.there, test.back)}).Open(t.Context(), probe.City{})
				if err != nil {
					t.Fatal(err)
				}
				defer session.Close()
				if err := session.Ping(t.Context(), aJob(), func(probe.Echo) {}); err != nil {
					t.Fatal(err)
				}
				h := probe.HealthOf(session)
				if h.OffsetError != test.error {
					t.Errorf("known to ±%v, want ±%v", h.OffsetError, test.error)
				}
				if miss := (h.Offset - test.off).Abs(); miss > h.OffsetError {
					t.Errorf("ahead by %v ± %v, which is %v off", h.Offset, h.OffsetError, miss)
				}
			})
		})
	}
}

// A host cannot claim an offset in another way, and an older one has none.
func TestClocksThatAreNotKnown(t *testing.T) {
	for said, want := range map[string]string{
		"done {\"health\":{\"offset_ns\":7,\"offset_error_ns\":3}}\n": "",
		"clock {\"n\":1,\"at\":\"2000-01-01T00:00:07Z\"}\ndone {}\n":  "told its clock unasked",
		"clock seven\n": "clock: ",
	} {
		synctest.Test(t, func(t *testing.T) {
			session, err := (&Opener{Dialer: saying(said)}).Open(t.Context(), probe.City{})
			if err != nil {
				t.Fatal(err)
			}
			defer session.Close()
			err = session.Ping(t.Context(), aJob(), func(probe.Echo) {})
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("%q ended with %v, want %q", said, err, want)
			}
			if h := probe.HealthOf(session); h.Offset != 0 || h.OffsetError != 0 {
				t.Errorf("%q: ahead by %v ± %v", said, h.Offset, h.OffsetError)
			}
		})
	}
}

// An answer to a question of an earlier job says nothing in a later one.
func TestLateClocksAreNotTaken(t *testing.T) {
	var c comparison
	c.first, c.open, c.asked = 5, 5, time.Now()
	if err := c.take("{\"n\":4,\"at\":\"2000-01-01T00:00:00Z\"}", time.Now()); err != nil || c.known || c.open != 5 {
		t.Errorf("it was taken: %+v, %v", c, err)
	}
	if err := c.take("{\"n\":6,\"at\":\"2000-01-01T00:00:00Z\"}", time.Now()); err == nil {
		t.Error("an answer came before its question")
	}
}
