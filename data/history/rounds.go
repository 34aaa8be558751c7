package history

import (
	"context"
	"errors"
	"fmt"
	"path"
	"runtime"
	"slices"
	"sync"
	"time"

	"matrix/probe"
)

// Rounds are the headers of the rounds that began from from up to but not
// including to, in the order of time: rounds without samples.
// What was left out for being damaged is told by the warnings of the first.
// Rounds whose cities are the same may share them.
func (h *History) Rounds(ctx context.Context, from, to time.Time) ([]*probe.Round, error) {
	s, err := h.span(ctx, from, to)
	if err != nil {
		return nil, err
	}
	return h.headers(ctx, s)
}

func (h *History) headers(ctx context.Context, s *span) ([]*probe.Round, error) {
	rounds := make([]*probe.Round, len(s.rounds))
	compacted, lost := h.monthHeaders(ctx, s)
	warnings := slices.Concat(s.warnings, lost)
	err := forEach(ctx, len(s.rounds), func(i int) error {
		r, file := &s.rounds[i], &s.files[s.rounds[i].source]
		text := compacted[r.Round]
		if !file.month {
			f, err := openSamples(ctx, h.store, file.path)
			if err != nil {
				return h.changed(file.path, err)
			}
			text = f.header
			if err := f.close(); err != nil {
				return err
			}
		}
		rounds[i] = headerRound(&r.held, text, path.Base(file.path))
		return nil
	})
	if err := h.orUnreachable(err); err != nil {
		return nil, err
	}
	if len(rounds) > 0 {
		rounds[0].Warnings = append(slices.Clip(rounds[0].Warnings), warnings...)
	}
	shareCities(rounds)
	return rounds, h.orUnreachable(h.addLooks(ctx, s, rounds))
}

// headerRound reads a header. Of a round whose header is lost its start is
// known, and what its samples say.
func headerRound(r *held, text, file string) *probe.Round {
	round, err := readHeader(text, file)
	if err == nil {
		return round
	}
	return &probe.Round{Start: r.Start, Source: "measured", Warnings: []probe.Warning{
		{Subject: file, Text: "the header of round " + r.Round + " is lost: its options, its cities and its warnings are not known"}}}
}

// shareCities lets rounds with the same cities have them once in memory.
func shareCities(rounds []*probe.Round) {
	for i := 1; i < len(rounds); i++ {
		before, now := rounds[i-1], rounds[i]
		if slices.EqualFunc(before.Cities, now.Cities, sameCity) {
			now.Cities = before.Cities
		}
	}
}

func sameCity(a, b probe.City) bool {
	at, bt := a.Location, b.Location
	a.Location, b.Location = nil, nil
	return a == b && (at == nil) == (bt == nil) && (at == nil || *at == *bt)
}

// changed is about a file that was whole a moment ago.
func (h *History) changed(path string, err error) error {
	return fmt.Errorf("%s changed while it was read (was the month compacted?); run it again: %w", path, err)
}

// forEach calls for all of n, on as many goroutines as there are processors.
func forEach(ctx context.Context, n int, call func(i int) error) error {
	return forEachOf(ctx, runtime.GOMAXPROCS(0), n, call)
}

// requests is how many files of a store are asked for at once, where it is the
// way to them that takes the time.
const requests = 16

// forEachOf calls for all of n, on so many goroutines.
func forEachOf(ctx context.Context, workers, n int, call func(i int) error) error {
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		next   int
		failed error
	)
	take := func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		if failed == nil {
			failed = ctx.Err()
		}
		next++
		return next - 1, next <= n && failed == nil
	}
	for range min(n, workers) {
		wg.Go(func() {
			for i, ok := take(); ok; i, ok = take() {
				if err := call(i); err != nil {
					mu.Lock()
					failed = errors.Join(failed, err)
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return failed
}
