package history

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Drop removes a month: its samples, the headers of its rounds and its traces.
// What is none of the history's files stays. It may be interrupted at any moment
// and done again; until then the rounds whose files are left are still there.
func (h *History) Drop(ctx context.Context, m Month) (removed int, err error) {
	for _, kind := range []string{samplesFolder, roundsFolder, tracesFolder} {
		n, err := h.dropFolder(ctx, h.folder(kind, m))
		removed += n
		if err != nil {
			return removed, fmt.Errorf("drop %v: %w", m, err)
		}
	}
	return removed, nil
}

// dropFolder removes our files in a folder, and the folder if nothing else is in
// it.
func (h *History) dropFolder(ctx context.Context, folder string) (removed int, err error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	left := 0
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return removed, err
		}
		if e.IsDir() || !roundName.MatchString(e.Name()) && !monthName.MatchString(e.Name()) {
			left++
			continue
		}
		if err := os.Remove(filepath.Join(folder, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return removed, err
		}
		removed++
	}
	if err := syncFolder(folder); err != nil || left > 0 {
		return removed, err
	}
	if err := os.Remove(folder); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return removed, err
	}
	return removed, nil
}
