package bus

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// letter is a message that must arrive. In a file the body follows the rest, a
// line of JSON, as it is.
type letter struct {
	Subject string    `json:"subject"`
	Run     string    `json:"run"`
	Session int       `json:"session"`
	Line    int       `json:"line"`
	Said    time.Time `json:"said,omitzero"` // by the agent's clock, of a round that it measures by itself
	Body    string    `json:"-"`

	put time.Time // into the outbox, by the monotonic clock; zero: by another program
}

func (l letter) encode() ([]byte, error) {
	head, err := json.Marshal(l)
	return append(append(head, '\n'), l.Body...), err
}

func decodeLetter(text []byte) (l letter, err error) {
	head, body, found := bytes.Cut(text, []byte{'\n'})
	if !found {
		return l, errors.New("it was cut")
	}
	err = json.Unmarshal(head, &l)
	l.Body = string(body)
	return l, err
}

func (l letter) place() place { return place{l.Run, l.Session, l.Line} }

// errFull says that the outbox has no room.
var errFull = errors.New("no room in the outbox")

// outbox keeps letters on disk, a file each, until they were delivered, in
// order. What a killed program left is delivered by the next one.
type outbox struct {
	folder string
	most   int64 // bytes
	log    *slog.Logger
	wake   chan struct{} // something was put in

	mu      sync.Mutex
	waiting []stored // oldest first
	bytes   int64
	next    uint64 // number of the next file
}

type stored struct {
	number uint64
	bytes  int64
	put    time.Time
}

const letterSuffix = ".letter"

// openOutbox opens a folder, made if it is not there. Half-written letters,
// which nobody was promised, are removed.
func openOutbox(folder string, most int64, log *slog.Logger) (*outbox, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	o := &outbox{folder: folder, most: most, log: log, wake: make(chan struct{}, 1), next: 1}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".new") {
			if err := os.Remove(filepath.Join(folder, e.Name())); err != nil {
				return nil, err
			}
			continue
		}
		digits, ok := strings.CutSuffix(e.Name(), letterSuffix)
		number, err := strconv.ParseUint(digits, 10, 64)
		if !ok || err != nil {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		o.waiting = append(o.waiting, stored{number: number, bytes: info.Size()})
		o.bytes += info.Size()
		o.next = max(o.next, number+1)
	}
	slices.SortFunc(o.waiting, func(a, b stored) int { return int(int64(a.number - b.number)) })
	return o, nil
}

func (o *outbox) path(number uint64) string {
	return filepath.Join(o.folder, fmt.Sprintf("%020d%s", number, letterSuffix))
}

// put takes a letter in. It is on disk when put returns, so that the end of the
// program costs nothing.
func (o *outbox) put(l letter) error {
	text, err := l.encode()
	if err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	size := int64(len(text))
	if o.bytes+size > o.most {
		return fmt.Errorf("%w: %d letters, %d bytes wait for NATS", errFull, len(o.waiting), o.bytes)
	}
	path := o.path(o.next)
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	o.waiting = append(o.waiting, stored{o.next, size, time.Now()})
	o.bytes += size
	o.next++
	nudge(o.wake)
	return nil
}

// first is the letter that is next, and its number; false if there is none. One
// that is damaged, or gone, is put aside, and said; an error says that it is to be
// read again later: there are too many open files, or the disk is busy dying.
func (o *outbox) first() (l letter, number uint64, there bool, err error) {
	for {
		o.mu.Lock()
		if len(o.waiting) == 0 {
			o.mu.Unlock()
			return letter{}, 0, false, nil
		}
		number, put := o.waiting[0].number, o.waiting[0].put
		o.mu.Unlock()
		text, err := os.ReadFile(o.path(number))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return letter{}, number, true, err
		}
		var l letter
		if err == nil {
			l, err = decodeLetter(text)
		}
		if err == nil {
			l.put = put
			return l, number, true, nil
		}
		o.log.Error("a letter cannot be read and is put aside", "file", o.path(number), "err", err)
		o.drop(number, func(path string) error { return os.Rename(path, path+".damaged") })
	}
}

// drop takes the first letter off the list, and away.
func (o *outbox) drop(number uint64, away func(path string) error) {
	if err := away(o.path(number)); err != nil {
		// It will be sent again by the next program, and known as sent.
		o.log.Error("outbox", "err", err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bytes -= o.waiting[0].bytes
	o.waiting = o.waiting[1:]
}

// len is how many letters wait.
func (o *outbox) len() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.waiting)
}

// deliver hands letters to send, one after the other, until ctx is done. One
// that failed is sent again after a pause: the order is kept. idle is told
// whenever none waits.
func (o *outbox) deliver(ctx context.Context, send func(ctx context.Context, l letter) error, idle func()) {
	const shortest, longest = 200 * time.Millisecond, 5 * time.Second
	pause := shortest
	for ctx.Err() == nil {
		l, number, there, err := o.first()
		if !there {
			idle()
			select {
			case <-o.wake:
			case <-ctx.Done():
			}
			continue
		}
		if err == nil {
			err = send(ctx, l)
		} else {
			o.log.Error("a letter cannot be read now", "file", o.path(number), "err", err)
		}
		if err != nil {
			o.log.Debug("not delivered yet", "line", l.place(), "err", err)
			select {
			case <-time.After(pause):
			case <-ctx.Done():
			}
			pause = min(2*pause, longest)
			continue
		}
		pause = shortest
		o.drop(number, os.Remove)
	}
}
