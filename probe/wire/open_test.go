package wire

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"matrix/probe"
)

func TestAMissingProgramIsPutThereOnce(t *testing.T) {
	for _, test := range []struct {
		name    string
		helps   bool
		install error
		want    string
		dials   int
	}{
		{"and runs", true, nil, "", 2},
		{"and is still missing", false, nil, "missing", 2},
		{"and there is no room", false, errors.New("disk full"), "disk full", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dials, installed := 0, false
				well := serving(t, pingFunc(func(context.Context, probe.Job, func(probe.Echo)) error { return nil }))
				session, err := (&Opener{Dialer: DialFunc(func(ctx context.Context, city probe.City) (Conn, error) {
					dials++
					if installed && test.helps {
						return well.Dial(ctx, city)
					}
					return nil, installing{func() error { installed = true; return test.install }}
				})}).Open(t.Context(), probe.City{})
				if err == nil {
					session.Close()
				}
				if got := text(err); got != test.want || dials != test.dials {
					t.Errorf("error %q after %d dials, want %q after %d", got, dials, test.want, test.dials)
				}
			})
		})
	}
}

// TestAGreetingThatComesTooLate: a far side that greets when it is being ended for
// not having greeted is no session.
func TestAGreetingThatComesTooLate(t *testing.T) {
	dialer := DialFunc(func(context.Context, probe.City) (Conn, error) {
		near, far := io.Pipe()
		return &pipeConn{Reader: near, Writer: io.Discard, said: "it ended", close: sync.OnceFunc(func() {
			greetAs(far)
			far.Close()
		})}, nil
	})
	session, err := (&Opener{Dialer: dialer, Handshake: time.Millisecond}).Open(t.Context(), probe.City{Name: "baltimore"})
	if err == nil || !strings.Contains(err.Error(), "no greeting within 1ms") {
		t.Errorf("session %v, error %v; want no greeting within 1ms", session, err)
	}
}
