package history

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"matrix/probe"
)

// SyncOptions are how a history is copied.
type SyncOptions struct {
	Move     bool                    // remove each file here once it was read there
	Look     bool                    // only say what there is to do
	Progress func(done, total int64) // bytes, if there is one; from several goroutines at once
}

// Synced is what became of a copy.
type Synced struct {
	Files    int             // copied, or to be copied
	Bytes    int64           // of those
	There    int             // files that were there already
	Removed  int             // here
	Warnings []probe.Warning // files that stay here only
}

// place is where a file of the history can be.
var place = probe.Pattern(`^(samples|rounds|traces)/year=[0-9]{4}/month=[0-9]{2}/[^/]+$`)

// Sync copies the files of this history to another. What is there already is not
// copied again, so that it can be interrupted and repeated. A file that is not
// as it was written stays where it is; each that was copied is read back, and
// held against the checksum in its name. To is opened again to see them.
func (h *History) Sync(ctx context.Context, to *History, o SyncOptions) (Synced, error) {
	if o.Progress == nil {
		o.Progress = func(int64, int64) {}
	}
	s := syncing{from: h, to: to, options: o}
	err := s.run(ctx)
	slices.SortFunc(s.done.Warnings, func(a, b probe.Warning) int { return strings.Compare(a.Subject, b.Subject) })
	if err != nil {
		return s.done, fmt.Errorf("copy the history to %s: %w", to.Dir(), err)
	}
	return s.done, nil
}

// syncing is one run of Sync.
type syncing struct {
	from, to *History
	options  SyncOptions

	mu    sync.Mutex
	done  Synced
	bytes int64 // looked at
}

func (s *syncing) run(ctx context.Context) error {
	here, total, err := s.from.everything(ctx)
	if err != nil {
		return err
	}
	there := make(map[string]int64)
	theirs, _, err := s.to.everything(ctx)
	if err != nil {
		return err
	}
	for _, f := range theirs {
		there[f.path] = f.size
	}
	return forEachOf(ctx, requests, len(here), func(i int) error {
		err := s.file(ctx, here[i], there)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.bytes += here[i].size
		s.options.Progress(s.bytes, total) // one after the other
		return err
	})
}

// file copies a file if it is not there.
func (s *syncing) file(ctx context.Context, f everyFile, there map[string]int64) error {
	name := path.Base(f.path)
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
		return nil // unfinished, or hidden
	}
	if !place().MatchString(f.path) || !isOurs(name) {
		s.stays(f, errForeign)
		return nil
	}
	size, known := there[f.path]
	if known && size != f.size {
		s.stays(f, fmt.Errorf("%s has %d bytes, and this has %d: look at both, and remove the wrong one", s.to.store.Where(f.path), size, f.size))
		return nil
	}
	if !known {
		if err := checkBytes(ctx, s.from.store, f.path); err != nil {
			if away := s.from.unreachable(); away != nil {
				return away
			}
			if !errors.Is(err, fs.ErrNotExist) { // compacted meanwhile
				s.stays(f, err)
			}
			return ctx.Err()
		}
	}
	return s.copy(ctx, f, known)
}

func (s *syncing) copy(ctx context.Context, f everyFile, known bool) (err error) {
	if !known && !s.options.Look {
		known, err = carry(ctx, s.from.store, s.to.store, f.path)
		if errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrUnreachable) {
			return nil // compacted meanwhile
		}
		if err != nil {
			return err
		}
	}
	if !s.options.Look && (!known || s.options.Move) {
		if err := s.to.readBack(ctx, f.path); err != nil {
			return err
		}
	}
	if s.options.Move && !s.options.Look {
		if err := s.from.store.Delete(ctx, f.path); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if known {
		s.done.There++
	} else {
		s.done.Files++
		s.done.Bytes += f.size
	}
	if s.options.Move && !s.options.Look {
		s.done.Removed++
	}
	return nil
}

// stays says why a file was not copied.
func (s *syncing) stays(f everyFile, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done.Warnings = append(s.done.Warnings, probe.Warning{Subject: f.path, Text: "stays where it is: " + probe.Clean(err.Error(), 300)})
}
