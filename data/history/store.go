package history

import (
	"context"
	"io"
	"path"
	"time"
)

// Store is where the files of a history are: a folder, or a bucket. It is what
// a history asks of either.
//
// A key is where a file is within the store, with slashes: that of its folder,
// and its name. Errors that have nothing to do with what a file says, but with
// the way to it, are ErrUnreachable: then nothing is known of the file.
type Store interface {
	// List are the files and folders in a folder, not those in them, sorted by
	// name; none if it is not there.
	List(ctx context.Context, folder string) ([]Entry, error)
	// Open is for reading any part of a file, for as long as the context lasts;
	// fs.ErrNotExist if it is not there.
	Open(ctx context.Context, key string) (File, error)
	// Put makes a file of so many bytes: when it returns without an error the
	// file is there whole, and before that nothing of it is. One that has the
	// name already stays as it is, which is fs.ErrExist.
	Put(ctx context.Context, key string, content io.ReaderAt, size int64) error
	// Delete removes files. That one is not there is no error.
	Delete(ctx context.Context, keys ...string) error
	// Fresh is the same store read anew: nothing of it comes from a copy that
	// somebody kept. It is to be closed.
	Fresh() (Store, io.Closer, error)
	// Where is what people and other programs call a file; that of "" is the
	// whole store.
	Where(key string) string
}

// File is an open file of a store. It is never changed by anybody.
type File interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// Entry is what a folder of a store has.
type Entry struct {
	Name     string
	Folder   bool
	Size     int64     // bytes; of a folder nothing is known but its name
	Modified time.Time //
}

// walk lists the files below a folder.
func walk(ctx context.Context, st Store, folder string, visit func(key string, e Entry)) error {
	entries, err := st.List(ctx, folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		key := path.Join(folder, e.Name)
		if !e.Folder {
			visit(key, e)
			continue
		}
		if err := walk(ctx, st, key, visit); err != nil {
			return err
		}
	}
	return nil
}
