package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"matrix/data/history"
	"matrix/data/history/s3"
	"matrix/probe"
)

// noHistory is what --history says when nothing is to be saved.
const noHistory = "none"

func registerHistory(f *pflag.FlagSet, folder *string) {
	f.StringVar(folder, "history", "", "`DIR` of the history, or s3://BUCKET/PREFIX (default ~/.local/share/matrix/history, or in $XDG_DATA_HOME)")
}

// historyFolder is the folder that --history means: by default where programs
// keep a person's data.
func historyFolder(flag string) (string, error) {
	if flag != "" {
		return flag, nil
	}
	return dataFolder("history")
}

// dataFolder is a folder of ours among a person's data (XDG Base Directory
// Specification).
func dataFolder(names ...string) (string, error) {
	base := os.Getenv("XDG_DATA_HOME")
	if !filepath.IsAbs(base) { // the specification wants others ignored
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("no place for the history; name one with --history DIR, or --history %s: %w", noHistory, err)
		}
		base = filepath.Join(home, ".local", "share")
	}
	return filepath.Join(append([]string{base, "matrix"}, names...)...), nil
}

// readHistory opens a history that is there. One that was named and is not is a
// slip of the pen; the usual one may just have no rounds yet.
func readHistory(flag string) (*history.History, error) {
	if flag != "" && flag != noHistory && !s3.IsLocation(flag) {
		if info, err := os.Stat(flag); errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
			return nil, usage("--history %s: there is no history", flag)
		}
	}
	return openHistory(flag)
}

// openHistory opens the history that a command saves to.
func openHistory(flag string) (*history.History, error) {
	if flag == noHistory {
		return nil, usage("--history %s: this needs a history", noHistory)
	}
	if s3.IsLocation(flag) {
		return openBucket(flag)
	}
	folder, err := historyFolder(flag)
	if err != nil {
		return nil, err
	}
	return history.Open(folder)
}

// checkKeep sees before anything is measured whether --history can be a folder,
// or names a bucket.
func (o *measureFlags) checkKeep() error {
	if o.in != "" || o.history == noHistory {
		return nil
	}
	if o.history == "" {
		return nil
	}
	if s3.IsLocation(o.history) {
		_, err := openBucket(o.history)
		return err
	}
	switch info, err := os.Stat(o.history); {
	case err == nil && !info.IsDir():
		return usage("--history %s: that is no folder", o.history)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return usage("--history: %w", err)
	}
	return nil
}

// openBucket opens the history in a bucket. Nothing is asked of its server yet.
func openBucket(flag string) (*history.History, error) {
	at, err := s3.ParseLocation(flag)
	if err != nil {
		return nil, usage("--history: %w", err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("no place to keep what is read of %s; set XDG_CACHE_HOME to a folder: %w", flag, err)
	}
	bucket, err := s3.Open(at, s3.Options{Cache: filepath.Join(cache, "matrix", "s3")})
	if err != nil {
		return nil, usage("--history: %w", err)
	}
	spool, err := dataFolder("spool", bucket.Name())
	if err != nil {
		return nil, err
	}
	return history.On(bucket, spool)
}

// keep saves a measured round. What is printed does not depend on it.
func (o *measureFlags) keep(ctx context.Context, round *probe.Round, std streams) (history.Saved, error) {
	if o.in != "" || o.history == noHistory {
		return history.Saved{}, nil
	}
	h, err := openHistory(o.history)
	if err != nil {
		return history.Saved{}, err
	}
	if ranNowhere(round) {
		o.say(std, "matrix: not saved: no host could run it")
		return history.Saved{}, nil
	}
	saved, err := h.Save(ctx, round)
	var waiting *history.Waiting
	if errors.As(err, &waiting) {
		fmt.Fprintf(std.err, "matrix: %v\n", waiting)
		return saved, nil
	}
	if err != nil {
		return saved, fmt.Errorf("%w (the round is printed all the same; --history %s saves none)", err, noHistory)
	}
	o.say(std, "matrix: saved the round to %s", saved.Path)
	return saved, nil
}

// keepBooked saves a round, and closes it in the books if it is there. One that
// waits for hosts which are cut off is not saved yet: it would lack what they
// have measured, and what is saved is never changed.
func (o *measureFlags) keepBooked(ctx context.Context, hosts *hosts, round *probe.Round, std streams) (saved history.Saved, err error) {
	if hosts == nil || hosts.booked == nil {
		return o.keep(ctx, round, std)
	}
	book := hosts.booked
	defer book.Release(ctx)
	if len(book.owing) > 0 {
		o.say(std, "matrix: not saved yet: %s measured, and cannot be reached; the next round, or matrix collect, saves what comes", someOf(book.owing))
		return saved, nil
	}
	if err := book.Mine(ctx); err != nil {
		return saved, err
	}
	if saved, err = o.keep(ctx, round, std); err != nil {
		return saved, err
	}
	return saved, book.Close(ctx)
}

// ranNowhere says whether every host that was to ping could not: as a rule for a
// reason on this side, such as a slip in the command line, which a month would
// count as time in which the hosts were down.
func ranNowhere(round *probe.Round) bool {
	tried := round.Count(probe.Measured) + round.Count(probe.Lost) + round.Count(probe.NotRun)
	return tried == 0 && round.Count(probe.SourceDown) > 0
}

// keepLooks adds to a saved round what was found when its anomalies were looked
// into.
func (o *measureFlags) keepLooks(ctx context.Context, saved history.Saved, round *probe.Round, std streams) error {
	if saved.ID == "" || len(round.Looks) == 0 {
		return nil
	}
	h, err := openHistory(o.history)
	if err != nil {
		return err
	}
	_, err = h.SaveLooks(ctx, saved, round)
	if waiting := (*history.Waiting)(nil); errors.As(err, &waiting) {
		fmt.Fprintf(std.err, "matrix: %v\n", waiting)
		return nil
	}
	return err
}

// latestRound is the last round of the history, whole. Files that had to be
// passed over are named.
func latestRound(ctx context.Context, flag string, std streams) (*probe.Round, error) {
	h, err := readHistory(flag)
	if err != nil {
		return nil, err
	}
	round, err := h.Last(ctx)
	warnProblems(h, std)
	return round, err
}
