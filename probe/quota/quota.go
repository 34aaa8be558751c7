// Package quota shares the packets a second that a host may send among all the
// sessions on it.
//
//	session ─ Take ─┐                ┌─ turn: locked by the one that looks and takes
//	session ─ Take ─┼── a folder of ─┤
//	session ─ Take ─┘   locks        └─ job-100-…: locked by the one that took 100
//
// The locks are those of flock(2), which the kernel gives back when a process
// ends, however it does: a session that was killed holds nothing. Those that wait
// do so in turn, so that one that wants much is not passed over for ever by those
// that want little.
package quota

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"matrix/probe"
)

// Folder is a quota that is kept in a folder of one user of one host.
type Folder struct {
	Path     string        // "": in the user's cache, or where there is none that can be written, in the folder for temporary files
	Most     int           // packets a second of all sessions together
	Patience time.Duration // how long to wait for others to end; 0: 5s, half of what a coordinator grants a job beyond its length
}

var _ probe.Budget = (*Folder)(nil)

const (
	usualPatience = 5 * time.Second
	lookEvery     = 50 * time.Millisecond
)

// errTaken is that others have what is wanted.
type errTaken struct{ taken, most int }

func (e *errTaken) Error() string {
	return fmt.Sprintf("other sessions send %d of the %d packets a second that it allows (matrix probe --most-rate)", e.taken, e.most)
}

// Take sets at least least and at most most packets a second aside, until give is
// called or the process ends.
func (f *Folder) Take(ctx context.Context, least, most int) (got int, give func(), err error) {
	patience := f.Patience
	if patience == 0 {
		patience = usualPatience
	}
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	got, give, err = f.take(waiting, least, most)
	switch taken := (*errTaken)(nil); {
	case err == nil:
		return got, give, nil
	case ctx.Err() != nil:
		return 0, nil, ctx.Err()
	case errors.As(err, &taken) || errors.Is(err, context.DeadlineExceeded):
		if taken == nil {
			err = errors.New("other sessions wait for their turn to send")
		}
		return 0, nil, &probe.HostError{Op: "refused by the host", Err: err, Hint: "measure when they are done, or with a lower --rate"}
	}
	return 0, nil, &probe.HostError{
		Op: "refused by the host", Err: fmt.Errorf("its rate cannot be shared among sessions: %w", err),
		Hint: "let the user of the key write to its ~/.cache there",
	}
}

// folder is where the locks are; it is made if it is not there.
func (f *Folder) folder() (string, error) {
	if f.Path != "" {
		return f.Path, private(f.Path)
	}
	// A home may be shared by several hosts, each of which has its own rate.
	name := "unnamed"
	if host, err := os.Hostname(); err == nil && filepath.Base(host) == host {
		name = host
	}
	var failed error
	if home, err := os.UserHomeDir(); err == nil {
		path := filepath.Join(home, ".cache", "matrix", "rate-"+name)
		if failed = private(path); failed == nil {
			return path, nil
		}
	}
	path := filepath.Join("/tmp", fmt.Sprintf("matrix-rate-%d", os.Getuid()))
	if err := private(path); err != nil {
		return "", errors.Join(failed, err)
	}
	return path, nil
}
