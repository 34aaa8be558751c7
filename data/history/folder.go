package history

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// A file is written as .matrix-….tmp: no reader takes that for one of ours, and
// no other program's pattern *.parquet fits it.
const (
	unfinishedPrefix = ".matrix-"
	unfinishedSuffix = ".tmp"
)

// abandoned is for how long nobody wrote to a file that a killed writer left.
// A writer that is still alive writes at least every few minutes.
const abandoned = 24 * time.Hour

// Folder is a store on this machine's disk.
type Folder struct {
	dir string // absolute
}

var _ Store = (*Folder)(nil)

// OpenFolder is the store in a folder, which need not exist before the first
// file is put there.
func OpenFolder(dir string) (*Folder, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return nil, fmt.Errorf("open the history: %s is not a folder", dir)
	} else if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("open the history: %w", err)
	}
	return &Folder{dir: dir}, nil
}

// Where is a file's path.
func (f *Folder) Where(key string) string { return filepath.Join(f.dir, filepath.FromSlash(key)) }

// List reads a folder.
func (f *Folder) List(_ context.Context, folder string) ([]Entry, error) {
	found, err := os.ReadDir(f.Where(folder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	entries := make([]Entry, 0, len(found))
	for _, e := range found {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, err
		}
		entries = append(entries, Entry{Name: e.Name(), Folder: e.IsDir(), Size: info.Size(), Modified: info.ModTime()})
	}
	return entries, nil
}

// localFile is an open file of a folder.
type localFile struct {
	*os.File
	size int64
}

func (f localFile) Size() int64 { return f.size }

// Open opens a file.
func (f *Folder) Open(_ context.Context, key string) (File, error) {
	file, err := os.Open(f.Where(key))
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return localFile{file, info.Size()}, nil
}

// Fresh is the folder itself: there is no copy of it.
func (f *Folder) Fresh() (Store, io.Closer, error) { return f, io.NopCloser(nil), nil }

// Put copies a file into the folder.
func (f *Folder) Put(ctx context.Context, key string, content io.ReaderAt, size int64) error {
	if _, err := os.Lstat(f.Where(key)); err == nil {
		return fmt.Errorf("%s: %w", f.Where(key), fs.ErrExist)
	}
	_, err := f.write(path.Dir(key), func(w io.Writer) (string, error) {
		n, err := io.Copy(w, io.NewSectionReader(content, 0, size))
		if err == nil && n < size {
			err = io.ErrUnexpectedEOF
		}
		return path.Base(key), errors.Join(err, ctx.Err())
	}, nil)
	return err
}

// Delete removes files so that they stay away.
func (f *Folder) Delete(_ context.Context, keys ...string) error {
	folders := make(map[string]bool)
	for _, key := range keys {
		err := os.Remove(f.Where(key))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		folders[filepath.Dir(f.Where(key))] = true
	}
	for folder := range folders {
		if err := syncFolder(folder); err != nil {
			return err
		}
	}
	return nil
}

// create writes a file so that it is there whole or not at all, and returns its
// key. Its name is the id and a checksum of its bytes. It gets that only if
// approve, where there is one, has nothing against it.
func (f *Folder) create(folder, id string, write func(io.Writer) error, approve func(unfinished string) error) (key string, err error) {
	key, err = f.write(folder, func(w io.Writer) (string, error) {
		sum := sha256.New()
		err := write(io.MultiWriter(w, sum))
		return id + "-" + shortSum(sum) + suffix, err
	}, approve)
	if err != nil {
		return "", fmt.Errorf("write %s: %w", f.Where(path.Join(folder, id)), err)
	}
	return key, nil
}

// write makes a file that gets its name, which fill returns, when it is whole
// and on the disk.
func (f *Folder) write(folder string, fill func(io.Writer) (name string, err error), approve func(unfinished string) error) (key string, err error) {
	if err := f.makeFolder(f.Where(folder)); err != nil {
		return "", err
	}
	f.sweep(f.Where(folder))
	unfinished := path.Join(folder, fmt.Sprintf("%s%016x%s", unfinishedPrefix, rand.Uint64(), unfinishedSuffix))
	file, err := os.OpenFile(f.Where(unfinished), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, discard(f.Where(unfinished)))
		}
	}()
	name, err := fill(file)
	if err != nil {
		return "", errors.Join(err, file.Close())
	}
	if err := file.Sync(); err != nil {
		return "", errors.Join(err, file.Close())
	}
	if err := file.Close(); err != nil {
		return "", err
	}
	if approve != nil {
		if err := approve(unfinished); err != nil {
			return "", err
		}
	}
	key = path.Join(folder, name)
	if err := os.Rename(f.Where(unfinished), f.Where(key)); err != nil {
		return "", err
	}
	return key, syncFolder(f.Where(folder))
}

func shortSum(sum hash.Hash) string { return hex.EncodeToString(sum.Sum(nil)[:4]) }

// discard removes an unfinished file.
func discard(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// makeFolder makes a folder and those above it, down from the history's own,
// so that they last.
func (f *Folder) makeFolder(folder string) error {
	if _, err := os.Stat(folder); err == nil {
		return nil
	}
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	for dir := filepath.Dir(folder); ; dir = filepath.Dir(dir) {
		if err := syncFolder(dir); err != nil {
			return err
		}
		if dir == f.dir || dir == filepath.Dir(dir) {
			return nil
		}
	}
}

// syncFolder makes the names in a folder last.
func syncFolder(folder string) error {
	if runtime.GOOS == "windows" {
		return nil // NTFS keeps its folders in a journal, and has no such call
	}
	dir, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// sweep removes what killed writers left in a folder long ago. What cannot be
// removed harms nobody.
func (f *Folder) sweep(folder string) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), unfinishedPrefix) || !strings.HasSuffix(e.Name(), unfinishedSuffix) {
			continue
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > abandoned {
			_ = os.Remove(filepath.Join(folder, e.Name()))
		}
	}
}
