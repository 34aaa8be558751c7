package s3

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func data(n int, fill byte) []byte { return bytes.Repeat([]byte{fill}, n) }

// TestCacheAsksOnce has many read one block through several caches of the same
// folder, as several programs do.
func TestCacheAsksOnce(t *testing.T) {
	dir := t.TempDir()
	c := newCache(dir, 1<<20)
	want := data(1000, 'x')
	var mu sync.Mutex
	fetched := 0
	fetch := func() ([]byte, error) {
		mu.Lock()
		defer mu.Unlock()
		fetched++
		return want, nil
	}
	read := func(c *cache) {
		p := make([]byte, 10)
		if err := c.read(t.Context(), block{"a", 1000}, p, 990, fetch); err != nil || !bytes.Equal(p, want[990:]) {
			t.Errorf("%q: %v", p, err)
		}
	}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { read(c) })
	}
	wg.Wait()
	read(newCache(dir, 1<<20))
	if fetched != 1 {
		t.Errorf("fetched %d times", fetched)
	}
}

// TestCacheMistrustsItsFiles changes, cuts and removes them behind its back.
func TestCacheMistrustsItsFiles(t *testing.T) {
	want := data(1000, 'x')
	for name, damage := range map[string]func(path string) error{
		"changed": func(path string) error {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text[500] ^= 1
			return os.WriteFile(path, text, 0o600)
		},
		"cut":     func(path string) error { return os.Truncate(path, 300) },
		"longer":  func(path string) error { return os.WriteFile(path, data(2000, 'x'), 0o600) },
		"removed": os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			dir, fetched := t.TempDir(), 0
			for range 2 {
				p := make([]byte, 1000)
				err := newCache(dir, 1<<20).read(t.Context(), block{"a", 1000}, p, 0, func() ([]byte, error) { fetched++; return want, nil })
				if err != nil || !bytes.Equal(p, want) {
					t.Fatal(err)
				}
				if fetched == 1 {
					if err := damage(filepath.Join(dir, "a")); err != nil {
						t.Fatal(err)
					}
				}
			}
			if fetched != 2 {
				t.Fatalf("fetched %d times, want again", fetched)
			}
		})
	}
}

// TestCacheIsBounded fills a cache: the blocks that were met last stay. What
// killed programs left goes when it is a day old.
func TestCacheIsBounded(t *testing.T) {
	dir := t.TempDir()
	old, young := filepath.Join(dir, halfPrefix+"1"), filepath.Join(dir, privatePrefix+"2")
	if err := errors.Join(os.WriteFile(old, data(10, 'x'), 0o600), os.Mkdir(young, 0o700), os.Chtimes(old, time.Now(), time.Now().Add(-2*orphaned))); err != nil {
		t.Fatal(err)
	}
	c := newCache(dir, 10_000)
	read := func(c *cache, i int) (fetched bool) {
		b := block{fmt.Sprintf("%03d", i), 1000}
		err := c.read(t.Context(), b, make([]byte, 1000), 0, func() ([]byte, error) { fetched = true; return data(1000, byte(i)), nil })
		if err != nil {
			t.Fatal(err)
		}
		// Some file systems know only seconds, or milliseconds.
		if err := os.Chtimes(c.path(b.name), time.Now(), time.Unix(1e9+int64(i), 0)); err != nil {
			t.Fatal(err)
		}
		return fetched
	}
	for i := range 100 {
		read(c, i)
	}
	used := int64(0)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().IsRegular() {
			used += info.Size()
		}
	}
	if used > 11_000 || used < 5000 {
		t.Errorf("it takes %d bytes, and may take 10000", used)
	}
	if read(newCache(dir, 10_000), 99) || !read(newCache(dir, 10_000), 0) {
		t.Error("not those that were met last stayed")
	}
	if _, err := os.Stat(old); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what was left long ago is still there: %v", err)
	}
	if _, err := os.Stat(young); err != nil {
		t.Error(err)
	}
}

func TestCacheThatCannotBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := newCache(file, 1<<20).read(t.Context(), block{"a", 1}, make([]byte, 1), 0, func() ([]byte, error) { return data(1, 'x'), nil })
	if err == nil || !strings.Contains(err.Error(), "XDG_CACHE_HOME") {
		t.Fatal(err)
	}
}
