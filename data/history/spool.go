package history

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"matrix/probe"
)

// Waiting says that what was saved is not in the store yet: it is whole in a
// folder of this machine, and the next Save, or Deliver, takes it from there.
type Waiting struct {
	Path  string // of the file
	Store string // where it is going
	Err   error  // why it is not there yet
}

func (w *Waiting) Error() string {
	return fmt.Sprintf("%v; nothing is lost: it waits in %s until it can be put into %s", w.Err, w.Path, w.Store)
}

func (w *Waiting) Unwrap() error { return w.Err }

// put makes a file of a round in the store, and returns its key. Behind a
// Waiting it returns the key as well.
func (h *History) put(ctx context.Context, folder, id string, write func(io.Writer) error) (key string, err error) {
	if local, ok := h.store.(*Folder); ok {
		return local.create(folder, id, write, nil)
	}
	if key, err = h.spool.create(folder, id, write, nil); err != nil {
		return "", err
	}
	if err := h.deliver(ctx, key); err != nil {
		return key, &Waiting{h.spool.Where(key), h.Dir(), err}
	}
	_, err = h.Deliver(ctx) // what waits from before
	return key, err
}

// putMerged makes a file of what is in the store already. approve looks at it
// before it gets its name. If it cannot be put there, nothing of it is kept.
func (h *History) putMerged(ctx context.Context, folder, id string, write func(io.Writer) error, approve func(st Store, unfinished string) error) (key string, err error) {
	if local, ok := h.store.(*Folder); ok {
		return local.create(folder, id, write, func(unfinished string) error { return approve(local, unfinished) })
	}
	key, err = h.spool.create(folder, id, write, func(unfinished string) error { return approve(h.spool, unfinished) })
	if err != nil {
		return "", err
	}
	if err := h.deliver(ctx, key); err != nil {
		return "", errors.Join(err, h.spool.Delete(context.WithoutCancel(ctx), key))
	}
	return key, h.readBack(ctx, key)
}

// Deliver puts what waits on this machine into the store, and says how many
// files these were. Several programs may do so at once.
func (h *History) Deliver(ctx context.Context) (delivered int, err error) {
	waiting, err := h.waiting()
	if err != nil {
		return 0, err
	}
	for _, key := range waiting {
		if err := h.deliver(ctx, key); err != nil {
			return delivered, &Waiting{h.spool.Where(key), h.Dir(), err}
		}
		delivered++
	}
	return delivered, nil
}

// noteWaiting makes problems of the months of which files wait: what is read of
// them is not all that was measured.
func (h *History) noteWaiting() error {
	waiting, err := h.waiting()
	if err != nil {
		return err
	}
	months := make(map[string]int)
	for _, key := range waiting {
		months[path.Dir(key)]++
	}
	for _, folder := range slices.Sorted(maps.Keys(months)) {
		text := fmt.Sprintf("left out: %d that wait in %s to be put into %s; matrix sync delivers them", months[folder], h.spool.Where(""), h.Dir())
		h.problems = append(h.problems, probe.Warning{Subject: folder + "/", Text: text})
	}
	return nil
}

// waiting are the files that wait in the spool. A month's file is there only
// while it is being put: all that is in it is in the store.
func (h *History) waiting() (keys []string, err error) {
	if h.spool == nil {
		return nil, nil
	}
	err = filepath.WalkDir(h.spool.dir, func(file string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // delivered meanwhile, or never needed
		}
		if err == nil && roundName().MatchString(entry.Name()) {
			keys = append(keys, h.short(file))
		}
		return err
	})
	return keys, err
}

// short is a path within the spool as a key.
func (h *History) short(file string) string {
	return filepath.ToSlash(strings.TrimPrefix(file, h.spool.dir+string(filepath.Separator)))
}

// isOurs says whether a file has a name as the history gives them.
func isOurs(name string) bool { return roundName().MatchString(name) || monthName().MatchString(name) }

// deliver moves a file from the spool to the store. That another program did so
// meanwhile is as good.
func (h *History) deliver(ctx context.Context, key string) error {
	_, err := carry(ctx, h.spool, h.store, key)
	if errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrUnreachable) {
		return nil
	}
	if err != nil {
		return err
	}
	return h.spool.Delete(ctx, key)
}

// readBack holds what a store gives back of a file against the checksum in its
// name.
func (h *History) readBack(ctx context.Context, key string) (err error) {
	st, fresh, err := h.store.Fresh()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, fresh.Close()) }()
	if err := checkBytes(ctx, st, key); err != nil {
		return fmt.Errorf("read %s back: %w", h.store.Where(key), h.orUnreachable(err))
	}
	return nil
}

// carry copies a file from one store to another, and says whether it was there
// already: a name has a checksum of the bytes, so one of the same size is the same.
func carry(ctx context.Context, from, to Store, key string) (there bool, err error) {
	file, err := from.Open(ctx, key)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	err = to.Put(ctx, key, file, file.Size())
	if !errors.Is(err, fs.ErrExist) {
		return false, err
	}
	old, err := to.Open(ctx, key)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, old.Close()) }()
	if old.Size() != file.Size() {
		return false, fmt.Errorf("%s is there already, with %d bytes where %s has %d: look at both, and remove the wrong one", to.Where(key), old.Size(), from.Where(key), file.Size())
	}
	return true, nil
}
