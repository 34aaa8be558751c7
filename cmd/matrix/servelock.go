package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// lockedError says that another process has a file, and which one, if that could be
// read.
type lockedError struct{ pid int } // 0: not known

func (e *lockedError) Error() string { return "another process" + e.who() + " has it" }

// who is what to put behind a name of the process.
func (e *lockedError) who() string {
	if e.pid == 0 {
		return ""
	}
	return fmt.Sprintf(" (process %d)", e.pid)
}

// lockAlone locks a file until it is closed, or its process ends, however that
// happens, and writes down whose it is: a process that was stopped keeps it, and
// somebody has to find it. The file is never removed: another process may be about
// to lock it.
func lockAlone(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return nil, err
	}
	mine, err := tryLock(f)
	switch {
	case err != nil:
		return nil, errors.Join(err, f.Close())
	case !mine:
		return nil, errors.Join(&lockedError{readPID(f)}, f.Close())
	}
	// On a full disk it is locked all the same, without a name.
	_ = f.Truncate(0)
	_, _ = fmt.Fprintln(f, os.Getpid())
	return f, nil
}

// readPID is what lockAlone wrote; 0 if that is not to be had.
func readPID(f *os.File) int {
	text, err := io.ReadAll(io.LimitReader(f, 20))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return max(pid, 0)
}
