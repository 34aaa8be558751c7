package s3

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// cache has blocks of objects, each in a file that ends in a checksum of it. A
// file gets its name when it is whole, and any program may remove any file at any
// time, so that many can use the folder without knowing of each other.
type cache struct {
	dir   string
	limit int64 // bytes

	mu    sync.Mutex
	sound map[string]bool          // blocks whose checksum was looked at
	turns map[string]chan struct{} // whose turn it is to get a block
	used  int64                    // bytes, as far as known; below zero before they were counted
}

func newCache(dir string, limit int64) *cache {
	return &cache{dir: dir, limit: limit, sound: make(map[string]bool), turns: make(map[string]chan struct{}), used: -1}
}

// block is a part of an object.
type block struct {
	name string
	size int64
}

const (
	crcBytes      = 4
	halfPrefix    = ".half-"    // of a file that is being written
	privatePrefix = ".private-" // of a folder that one program uses for a while
	orphaned      = 24 * time.Hour
)

var castagnoli = sync.OnceValue(func() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) })

// read fills p from a place in a block on. fetch gets the block if it is not
// here; of many that want it one does.
func (c *cache) read(ctx context.Context, b block, p []byte, at int64, fetch func() ([]byte, error)) error {
	if c.has(b, p, at) {
		return nil
	}
	turn := c.turn(b.name)
	select {
	case turn <- struct{}{}:
		defer func() { <-turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if c.has(b, p, at) {
		return nil
	}
	data, err := fetch()
	if err != nil {
		return err
	}
	copy(p, data[at:])
	if err := c.keep(b, data); err != nil {
		return fmt.Errorf("keep what was read: %w: make room in %s, or set XDG_CACHE_HOME to a folder with more", err, c.dir)
	}
	return nil
}

func (c *cache) turn(name string) chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.turns[name] == nil {
		c.turns[name] = make(chan struct{}, 1)
	}
	return c.turns[name]
}

// has fills p if the block is here and sound.
func (c *cache) has(b block, p []byte, at int64) bool {
	file, err := os.Open(c.path(b.name))
	if err != nil {
		return false
	}
	defer file.Close() // was only read
	if !c.isSound(b, file) {
		return false
	}
	_, err = file.ReadAt(p, at)
	return err == nil
}

// isSound holds a block against its checksum, the first time that this program
// meets it.
func (c *cache) isSound(b block, file *os.File) bool {
	c.mu.Lock()
	met := c.sound[b.name]
	c.mu.Unlock()
	if met {
		return true
	}
	info, err := file.Stat()
	if err != nil || info.Size() != b.size+crcBytes {
		return false
	}
	data := make([]byte, info.Size())
	if _, err := file.ReadAt(data, 0); err != nil || binary.LittleEndian.Uint32(data[b.size:]) != crc32.Checksum(data[:b.size], castagnoli()) {
		return false
	}
	now := time.Now()
	_ = os.Chtimes(c.path(b.name), now, now) // what is used last goes last; if it cannot be said it goes sooner
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sound[b.name] = true
	return true
}

func (c *cache) path(name string) string { return filepath.Join(c.dir, name) }

// keep writes a block.
func (c *cache) keep(b block, data []byte) (err error) {
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(c.dir, halfPrefix)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	_, err = file.Write(data)
	if err == nil {
		_, err = file.Write(binary.LittleEndian.AppendUint32(nil, crc32.Checksum(data, castagnoli())))
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), c.path(b.name)); err != nil {
		return err
	}
	return c.count(b)
}

// count adds a new block up, and makes room if there are too many.
func (c *cache) count(b block) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sound[b.name] = true
	c.used += b.size
	if c.used > c.limit || c.used < b.size {
		return c.makeRoom()
	}
	return nil
}

// makeRoom counts what there is, other programs' blocks too, and if that is too
// much leaves three quarters of what may be: the blocks that were met last.
func (c *cache) makeRoom() error {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return err
	}
	c.used = 0
	var blocks []fs.FileInfo
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			continue // removed meanwhile
		}
		switch {
		case strings.HasPrefix(e.Name(), ".") && time.Since(info.ModTime()) > orphaned:
			_ = os.RemoveAll(c.path(e.Name())) // what a killed program left; it is tried again
		case info.Mode().IsRegular() && !strings.HasPrefix(e.Name(), "."):
			blocks = append(blocks, info)
			c.used += info.Size()
		}
	}
	if c.used <= c.limit {
		return nil
	}
	slices.SortFunc(blocks, func(a, b fs.FileInfo) int {
		return cmp.Or(a.ModTime().Compare(b.ModTime()), cmp.Compare(a.Name(), b.Name()))
	})
	for _, old := range blocks {
		if c.used <= c.limit/4*3 {
			break
		}
		if err := os.Remove(c.path(old.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		c.used -= old.Size()
	}
	return nil
}

// private makes a folder within the cache's that nobody else uses.
func (c *cache) private() (string, error) {
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return "", err
	}
	return os.MkdirTemp(c.dir, privatePrefix)
}
