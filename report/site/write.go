package site

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
)

// Progress is told what is being done, and how much of it is; nil: nobody is.
type Progress func(what string, done, all int)

// of is the progress of one thing.
func (p Progress) of(what string) func(done, all int) {
	if p == nil {
		return func(int, int) {}
	}
	return func(done, all int) { p(what, done, all) }
}

// Write writes an edition into a site, a folder with a folder for each month.
// The site is made anew beside the old one, months that are there already
// included, and the two change places in one step: a process that is killed at
// any moment leaves the old site or the new one whole. Files in the folder that
// are not the site's stay. A folder that is neither empty nor a site is left
// alone, with an error.
//
// The same edition gives the same bytes.
func Write(ctx context.Context, dir string, e *Edition, progress Progress) error {
	err := e.check()
	if err == nil {
		err = write(ctx, dir, e, progress)
	}
	if err != nil {
		return fmt.Errorf("write site: %w", err)
	}
	return nil
}

// Check says whether an edition can be written into a folder; ErrBusy if that
// cannot be told just now.
func Check(dir string) error {
	s, err := openSite(dir)
	if err == nil {
		err = s.close()
	}
	if err != nil {
		return fmt.Errorf("write site: %w", err)
	}
	return nil
}

func write(ctx context.Context, dir string, e *Edition, progress Progress) error {
	s, err := openSite(dir)
	if err != nil {
		return err
	}
	err = writeMonth(ctx, s.next, e, progress)
	for _, step := range []func() error{func() error { return s.carry(e.Name) }, s.finish, s.swap} {
		if err == nil {
			err = step()
		}
	}
	return errors.Join(err, s.close())
}

// writeMonth writes the folder of a month.
func writeMonth(ctx context.Context, dir string, e *Edition, progress Progress) (err error) {
	graphs, err := newShelf(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, graphs.remove()) }()
	b := newBook(e)
	if err := b.gather(ctx, graphs, progress.of("reading pairs")); err != nil {
		return fmt.Errorf("read the series of pairs: %w", err)
	}
	return writeAll(ctx, filepath.Join(dir, e.Name), b.jobs(), progress.of("writing pages"))
}

// writeAll writes files on all processors.
func writeAll(ctx context.Context, dir string, jobs []job, progress func(done, all int)) error {
	for _, j := range jobs {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, j.path)), 0o777); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan job)
	var mu sync.Mutex
	done := 0
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for j := range next {
				if err := writeFile(filepath.Join(dir, j.path), j.write); err != nil {
					cancel(err)
					return
				}
				mu.Lock()
				done++
				progress(done, len(jobs))
				mu.Unlock()
			}
		})
	}
	for _, j := range jobs {
		select {
		case next <- j:
		case <-ctx.Done():
		}
	}
	close(next)
	workers.Wait()
	return context.Cause(ctx)
}

func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(f, 1<<16)
	err = errors.Join(write(out), out.Flush(), f.Close())
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return nil
}
