package history

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
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

// put writes a file so that it is there whole or not at all, and returns its
// path. Its name is the id and a checksum of its bytes. It gets that only if
// approve, where there is one, has nothing against it.
func (h *History) put(folder, id string, write func(io.Writer) error, approve func(unfinished string) error) (path string, err error) {
	if err := h.makeFolder(folder); err != nil {
		return "", err
	}
	h.sweep(folder)
	unfinished := filepath.Join(folder, fmt.Sprintf("%s%016x%s", unfinishedPrefix, rand.Uint64(), unfinishedSuffix))
	file, err := os.OpenFile(unfinished, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("write %s: %w", filepath.Join(folder, id), err), h.discard(unfinished))
		}
	}()
	sum := sha256.New()
	if err := write(io.MultiWriter(file, sum)); err != nil {
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
	path = filepath.Join(folder, id+"-"+shortSum(sum)+suffix)
	if err := os.Rename(unfinished, path); err != nil {
		return "", err
	}
	return path, syncFolder(folder)
}

func shortSum(sum hash.Hash) string { return hex.EncodeToString(sum.Sum(nil)[:4]) }

// discard removes an unfinished file.
func (h *History) discard(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// makeFolder makes a folder and those above it, down from the history's own,
// so that they last.
func (h *History) makeFolder(folder string) error {
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
		if dir == h.dir || dir == filepath.Dir(dir) {
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
func (h *History) sweep(folder string) {
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
