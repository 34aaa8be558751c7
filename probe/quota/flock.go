//go:build linux || darwin || freebsd || netbsd || openbsd

package quota

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// take waits for its turn, and then for room. The folder is looked at by one
// session at a time.
func (f *Folder) take(ctx context.Context, least, most int) (int, func(), error) {
	folder, err := f.folder()
	if err != nil {
		return 0, nil, err
	}
	turn, err := f.turn(ctx, filepath.Join(folder, "turn"))
	if err != nil {
		return 0, nil, err
	}
	defer turn.Close()
	for {
		taken, err := takenIn(folder, f.Most)
		if err != nil {
			return 0, nil, err
		}
		if room := f.Most - taken; least <= room {
			got := min(most, room)
			give, err := hold(folder, got)
			return got, give, err
		}
		if !pause(ctx) {
			return 0, nil, &errTaken{taken, f.Most}
		}
	}
}

// pause waits a moment; false if there is no more time.
func pause(ctx context.Context) bool {
	t := time.NewTimer(lookEvery)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// turn is the lock of the one that looks.
func (f *Folder) turn(ctx context.Context, path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		switch mine, err := lock(file); {
		case err != nil:
			file.Close()
			return nil, err
		case mine:
			return file, nil
		}
		if !pause(ctx) {
			file.Close()
			return nil, context.Cause(ctx)
		}
	}
}

// lock is false if somebody else holds the lock of a file.
func lock(file *os.File) (bool, error) {
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, syscall.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, syscall.EINTR):
			return false, fmt.Errorf("lock %s: %w", file.Name(), err)
		}
	}
}

const jobPrefix = "job-"

// takenIn is what running jobs hold. What a dead one has left is removed.
func takenIn(folder string, most int) (int, error) {
	list, err := os.ReadDir(folder)
	if err != nil {
		return 0, err
	}
	taken := 0
	for _, entry := range list {
		rest, ok := strings.CutPrefix(entry.Name(), jobPrefix)
		if !ok {
			continue
		}
		alive, err := held(filepath.Join(folder, entry.Name()))
		if err != nil {
			return 0, err
		}
		if !alive {
			continue
		}
		number, _, _ := strings.Cut(rest, "-")
		rate, err := strconv.Atoi(number)
		if err != nil || rate < 1 {
			rate = most // who cannot be understood may send as much as there is
		}
		taken += rate
	}
	return taken, nil
}

// held says whether the process that made a job's file still runs; if not, the
// file is removed.
func held(path string) (bool, error) {
	file, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil // given back just now
	case err != nil:
		return false, err
	}
	defer file.Close()
	free, err := lock(file)
	if err != nil || !free {
		return true, err
	}
	return false, remove(path)
}

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// hold makes and locks the file of a job.
func hold(folder string, rate int) (func(), error) {
	file, err := os.CreateTemp(folder, fmt.Sprintf("%s%d-", jobPrefix, rate))
	if err != nil {
		return nil, err
	}
	if mine, err := lock(file); err != nil || !mine {
		file.Close()
		return nil, errors.Join(err, remove(file.Name()))
	}
	return func() {
		_ = remove(file.Name()) // what stays is unlocked, and removed by the next one
		file.Close()
	}, nil
}

// private makes a folder that only this user can enter, and refuses one that
// somebody else has made.
func private(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || !ok || int(stat.Uid) != os.Getuid() || info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s: not a folder that only this user can enter", path)
	}
	probe, err := os.OpenFile(filepath.Join(path, "turn"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return probe.Close()
}
