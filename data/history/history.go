package history

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"matrix/probe"
)

// History is a store of rounds. It may be used from several goroutines, and
// several programs may save to the same store.
//
// What Rounds, Series, Pair and Traces return of a span is as the store was
// when the span was first asked for: they fit together, and a round that is
// saved meanwhile is not among them. Open it again to see it.
//
// Once a store away from this machine could not be reached, everything that is
// read ends with that error until the history is opened again: what could not
// be read must not be taken for what is not there.
type History struct {
	store Store
	spool *Folder // of files on their way to a store elsewhere; nil if it is a folder
	away  *outage

	mu       sync.Mutex
	spans    map[[2]time.Time]*span
	problems []probe.Warning // with files, each once
}

// Open is the history in a folder, which need not exist before the first Save.
func Open(dir string) (*History, error) {
	folder, err := OpenFolder(dir)
	if err != nil {
		return nil, err
	}
	return &History{store: folder, away: new(outage), spans: make(map[[2]time.Time]*span)}, nil
}

// On is the history in a store elsewhere. What is saved is first kept in the
// folder spool on this machine, and stays there until the store has it. Of what
// stays there from before Problems tell.
func On(store Store, spool string) (*History, error) {
	folder, err := OpenFolder(spool)
	if err != nil {
		return nil, err
	}
	away := new(outage)
	h := &History{store: watched{store, away}, spool: folder, away: away, spans: make(map[[2]time.Time]*span)}
	return h, h.noteWaiting()
}

// Dir is the folder, or what people call the store.
func (h *History) Dir() string { return h.store.Where("") }

// Problems are the files that were found damaged so far and left out, each
// once.
func (h *History) Problems() []probe.Warning {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]probe.Warning(nil), h.problems...)
}

// Lost are those of the Problems by which something is missing; a file that is
// none of the history is not among them.
func (h *History) Lost() []probe.Warning {
	return slices.DeleteFunc(h.Problems(), func(w probe.Warning) bool { return strings.HasSuffix(w.Text, errForeign.Error()) })
}

// problem remembers a file that has to be left out.
func (h *History) problem(key string, err error) probe.Warning {
	w := probe.Warning{Subject: key, Text: "left out: " + probe.Clean(err.Error(), 300)}
	if h.unreachable() != nil {
		return w // it is not the file's fault, and nobody is told what was found
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, known := range h.problems {
		if known.Subject == w.Subject {
			return known
		}
	}
	h.problems = append(h.problems, w)
	return w
}

// ErrUnreachable says that a store could not be asked, or not told: a network
// is down, a key is wrong, a bucket is gone. The error that is it says what to do.
var ErrUnreachable = errors.New("the history cannot be reached")

// outage is the first error that kept a history from its store.
type outage struct {
	mu  sync.Mutex
	err error
}

func (o *outage) note(err error) error {
	if errors.Is(err, ErrUnreachable) {
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.err == nil {
			o.err = err
		}
	}
	return err
}

func (o *outage) get() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// unreachable is why the store could not be reached, if it could not.
func (h *History) unreachable() error { return h.away.get() }

// orUnreachable is an error, or why the store could not be reached, which goes
// before what came of it.
func (h *History) orUnreachable(err error) error {
	if away := h.unreachable(); away != nil {
		return away
	}
	return err
}

// watched is a store that notes when it could not be reached while a file was
// read: that must not look like damage of the file.
type watched struct {
	Store
	away *outage
}

func (w watched) Open(ctx context.Context, key string) (File, error) {
	file, err := w.Store.Open(ctx, key)
	if err != nil {
		return nil, w.away.note(err)
	}
	return watchedFile{file, w.away}, nil
}

func (w watched) Fresh() (Store, io.Closer, error) {
	st, closer, err := w.Store.Fresh()
	return watched{st, w.away}, closer, err
}

type watchedFile struct {
	File
	away *outage
}

func (f watchedFile) ReadAt(p []byte, at int64) (int, error) {
	if err := f.away.get(); err != nil {
		return 0, err
	}
	n, err := f.File.ReadAt(p, at)
	return n, f.away.note(err)
}
