// Package storetest is what a store of the history promises, as tests that every
// store passes: the folder, and a bucket on a real server.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"matrix/data/history"
)

// Store tests a store. open makes an empty one.
func Store(t *testing.T, open func(t *testing.T) history.Store) {
	tests := []struct {
		name string
		test func(t *testing.T, st history.Store)
	}{
		{"nothing is there", nothing}, {"parts are read", parts}, {"names", names}, {"a file stays as it is", stays},
		{"two write at once", together}, {"half a file is none", half}, {"deleting", deleting}, {"many files", many},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.test(t, open(t)) })
	}
}

const folder = "samples/year=2026/month=10"

// noise is a file that nobody can guess.
func noise(size int, seed uint64) []byte {
	random := rand.NewChaCha8([32]byte{byte(seed), 7})
	data := make([]byte, size)
	_, _ = random.Read(data) // never fails
	return data
}

func put(t *testing.T, st history.Store, key string, data []byte) {
	t.Helper()
	if err := st.Put(t.Context(), key, bytes.NewReader(data), int64(len(data))); err != nil {
		t.Fatal(err)
	}
}

func list(t *testing.T, st history.Store, folder string) []string {
	t.Helper()
	entries, err := st.List(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		text := fmt.Sprintf("%s %d", e.Name, e.Size)
		if e.Folder {
			text = e.Name + "/"
		}
		all = append(all, text)
	}
	return all
}

func wantList(t *testing.T, st history.Store, folder string, want ...string) {
	t.Helper()
	if got := list(t, st, folder); !slices.Equal(got, want) {
		t.Fatalf("in %q there is %q, want %q", folder, got, want)
	}
}

// whole reads a file from begin to end.
func whole(t *testing.T, st history.Store, key string) []byte {
	t.Helper()
	file, err := st.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.NewSectionReader(file, 0, file.Size()))
	if err != nil || int64(len(data)) != file.Size() {
		t.Fatalf("%d of %d bytes: %v", len(data), file.Size(), err)
	}
	return data
}

func nothing(t *testing.T, st history.Store) {
	wantList(t, st, "")
	wantList(t, st, folder)
	if _, err := st.Open(t.Context(), folder+"/a"); !errors.Is(err, fs.ErrNotExist) || errors.Is(err, history.ErrUnreachable) {
		t.Fatal(err)
	}
	if err := st.Delete(t.Context(), folder+"/a", folder+"/b"); err != nil {
		t.Fatal(err)
	}
	if err := st.Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
	if st.Where("") == "" || st.Where(folder) == st.Where("") {
		t.Fatal(st.Where(""), st.Where(folder))
	}
}

// parts reads files of several sizes, the largest of which a bucket gets in
// parts, in pieces from anywhere.
func parts(t *testing.T, st history.Store) {
	for _, size := range []int{1, 4096, 5<<20 + 3, 17<<20 + 1} {
		key, data := fmt.Sprintf("%s/%d.parquet", folder, size), noise(size, uint64(size))
		put(t, st, key, data)
		if !bytes.Equal(whole(t, st, key), data) {
			t.Fatalf("what is read of %d bytes is not what was written", size)
		}
		file, err := st.Open(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		random := rand.New(rand.NewPCG(1, uint64(size)))
		for range 50 {
			at, n := random.IntN(size+1), random.IntN(100_000)
			p := make([]byte, n)
			got, err := file.ReadAt(p, int64(at))
			want := data[at:min(size, at+n)]
			if !bytes.Equal(p[:got], want) || (err == io.EOF) != (len(want) < n) || err != nil && err != io.EOF {
				t.Fatalf("%d bytes at %d of %d: %d, %v", n, at, size, got, err)
			}
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
	fresh, closer, err := st.Fresh()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(whole(t, fresh, folder+"/4096.parquet"), noise(4096, 4096)) {
		t.Fatal("read anew it is something else")
	}
	if err := closer.Close(); err != nil {
		t.Fatal(err)
	}
}

func names(t *testing.T, st history.Store) {
	all := []string{"a b", "a%2Fb", "a&b=c", "a+b", "month-1.parquet", "ünï"}
	for i, name := range all {
		put(t, st, folder+"/"+name, noise(i+1, 1))
	}
	put(t, st, folder+"/deeper/a", noise(9, 1))
	put(t, st, "samples/year=2026/month=11/a", noise(9, 1))
	put(t, st, "samplesandmore/a", noise(9, 1))
	wantList(t, st, folder, "a b 1", "a%2Fb 2", "a&b=c 3", "a+b 4", "deeper/", "month-1.parquet 5", "ünï 6")
	wantList(t, st, "samples/year=2026", "month=10/", "month=11/")
	wantList(t, st, "samples", "year=2026/")
	wantList(t, st, "", "samples/", "samplesandmore/")
	for i, name := range all {
		if got := whole(t, st, folder+"/"+name); !bytes.Equal(got, noise(i+1, 1)) {
			t.Fatalf("%q has %q", name, got)
		}
	}
}

func stays(t *testing.T, st history.Store) {
	for _, size := range []int{100, 17 << 20} {
		key, data := fmt.Sprintf("%s/%d", folder, size), noise(size, 1)
		put(t, st, key, data)
		other := noise(size, 2)
		if err := st.Put(t.Context(), key, bytes.NewReader(other), int64(size)); !errors.Is(err, fs.ErrExist) {
			t.Fatalf("written over %d bytes: %v", size, err)
		}
		if !bytes.Equal(whole(t, st, key), data) {
			t.Fatal("it is not what was written first")
		}
	}
}

// together has several write the same file.
func together(t *testing.T, st history.Store) {
	data := noise(200_000, 1)
	errs := make([]error, 8)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			errs[i] = st.Put(t.Context(), folder+"/a", bytes.NewReader(data), int64(len(data)))
		})
	}
	wg.Wait()
	done := 0
	for _, err := range errs {
		if err == nil {
			done++
		} else if !errors.Is(err, fs.ErrExist) {
			t.Error(err)
		}
	}
	if done == 0 {
		t.Error("nobody wrote it")
	}
	wantList(t, st, folder, "a 200000")
	if !bytes.Equal(whole(t, st, folder+"/a"), data) {
		t.Error("it is not what was written")
	}
}

// half writes files that end too soon, and files that nobody waits for.
func half(t *testing.T, st history.Store) {
	for _, size := range []int{1000, 20 << 20} {
		data := noise(size/2, 1)
		if err := st.Put(t.Context(), fmt.Sprintf("%s/%d", folder, size), bytes.NewReader(data), int64(size)); err == nil {
			t.Fatalf("half of %d bytes were taken for all", size)
		}
		ctx, cancel := context.WithCancel(t.Context())
		stopping := &stopper{bytes.NewReader(noise(size, 1)), cancel, int64(size / 2)}
		if err := st.Put(ctx, fmt.Sprintf("%s/%d", folder, size), stopping, int64(size)); !errors.Is(err, context.Canceled) {
			t.Fatalf("nobody waited for %d bytes: %v", size, err)
		}
	}
	for _, left := range list(t, st, folder) {
		if left[0] != '.' {
			t.Fatalf("there is %s", left)
		}
	}
}

// stopper is a file in the middle of which its reader is told to stop.
type stopper struct {
	*bytes.Reader
	stop  func()
	after int64
}

func (s *stopper) ReadAt(p []byte, at int64) (int, error) {
	if at+int64(len(p)) >= s.after {
		s.stop()
	}
	return s.Reader.ReadAt(p, at)
}

func deleting(t *testing.T, st history.Store) {
	for _, name := range []string{"a", "b", "c"} {
		put(t, st, folder+"/"+name, []byte(name))
	}
	if err := st.Delete(t.Context(), folder+"/a", folder+"/nobody", folder+"/c"); err != nil {
		t.Fatal(err)
	}
	wantList(t, st, folder, "b 1")
	if _, err := st.Open(t.Context(), folder+"/a"); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	put(t, st, folder+"/a", []byte("again"))
	if got := whole(t, st, folder+"/a"); string(got) != "again" {
		t.Fatalf("%q", got)
	}
}

// many is more than a server lists, or removes, in one answer.
func many(t *testing.T, st history.Store) {
	const n = 1005
	keys := make([]string, n)
	var want []string
	for i := range keys {
		keys[i] = fmt.Sprintf("%s/%04d", folder, i)
		want = append(want, fmt.Sprintf("%04d 1", i))
	}
	slots := make(chan struct{}, 8)
	var wg sync.WaitGroup
	for _, key := range keys {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if err := st.Put(t.Context(), key, bytes.NewReader([]byte("x")), 1); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	wantList(t, st, folder, want...)
	if err := st.Delete(t.Context(), keys...); err != nil {
		t.Fatal(err)
	}
	wantList(t, st, folder)
}
