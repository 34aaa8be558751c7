package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// talk is one conversation with a coordinator.
type talk struct {
	*desk
	run     string
	session int
	keep    bool
	cancel  context.CancelFunc
	orders  chan []byte
	alone   bool          // with itself: no coordinator listens
	linger  time.Duration // it may be idle for so long
	idle    *time.Timer   // ends it

	last int // number of the last order; of the desk

	mu   sync.Mutex
	said int   // lines that are kept
	done bool  // the last one ended a job
	lost error // why some are not
}

// order passes a line on. One that comes again was lost on the way back.
func (t *talk) order(number int, line []byte) error {
	if number <= t.last {
		return nil
	}
	select {
	case t.orders <- line:
		t.last = number
		return nil
	default:
		return errors.New("it has too many orders already")
	}
}

// hold runs the far side until the conversation ends.
func (t *talk) hold(ctx context.Context) {
	defer t.idle.Stop()
	in, orders := io.Pipe()
	stop := context.AfterFunc(ctx, func() { orders.CloseWithError(io.EOF) })
	defer stop()
	go t.pass(ctx, orders)
	err := t.Serve(ctx, in, t)
	if err != nil {
		t.Log.Warn("a session ended", "run", t.run, "err", err)
	}
	in.CloseWithError(io.ErrClosedPipe)
	t.cancel()
	t.finish(err)
	t.crossOut()
}

// finish says that no more will come, if nobody has: a coordinator that died
// before it gave the job out is followed by one that waits for what was measured.
func (t *talk) finish(err error) {
	t.mu.Lock()
	said := t.done
	t.mu.Unlock()
	if !t.keep || said {
		return
	}
	if err == nil {
		err = errors.New("the session ended without a job")
	}
	t.say(endedLine(err.Error()))
}

// endedLine ends a job that was not carried out.
func endedLine(why string) []byte {
	body, err := json.Marshal(map[string]string{"error": why})
	if err != nil {
		panic(err) // of a string
	}
	return fmt.Appendf(nil, "%s %s\n", wordDone, body)
}

func (t *talk) pass(ctx context.Context, orders *io.PipeWriter) {
	for {
		select {
		case line := <-t.orders:
			if w := word(line); w == wordJob || w == wordTrace {
				t.idle.Stop()
			}
			if _, err := orders.Write(line); err != nil {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// Write takes a line of the far side's. A beat that cannot be sent now is of no
// use later; what was measured is.
func (t *talk) Write(line []byte) (int, error) {
	w := word(line)
	if w == wordDone {
		defer t.idle.Reset(t.linger)
	}
	if !t.keep || w == wordBeat || w == wordClock {
		t.live(line)
		return len(line), nil
	}
	t.say(line)
	return len(line), nil
}

// say has a line delivered.
func (t *talk) say(line []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.done = word(line) == wordDone
	// A line that is lost has a number all the same: the gap shows.
	t.said++
	err := t.outbox.put(t.letter(t.run, t.session, t.said, line))
	if err != nil && t.lost == nil {
		t.lost = err
		t.Log.Error("what was measured cannot be kept", "run", t.run, "err", err)
	}
}

// live says a line to whoever listens now.
func (t *talk) live(line []byte) {
	if t.alone {
		return
	}
	m := nats.NewMsg(liveSubject(t.Key.City, t.run))
	place{t.run, t.session, 0}.mark(m)
	m.Data = line
	if err := t.nc.PublishMsg(m); err != nil {
		t.Log.Debug("not said", "run", t.run, "err", err)
	}
}

// note is the file that says that a session was under way.
func (t *talk) note() string {
	return filepath.Join(t.Folder, fmt.Sprintf("%s.%d.running", t.run, t.session))
}

func (t *talk) writeDown() error { return os.WriteFile(t.note(), nil, 0o600) }

func (t *talk) crossOut() {
	if !t.keep {
		return
	}
	if err := os.Remove(t.note()); err != nil {
		t.Log.Error("session", "err", err)
	}
}
