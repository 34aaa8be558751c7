package history

import (
	"context"
	"fmt"
	"os"
	"path"
)

// Drop removes a month: its samples, the headers of its rounds and its traces.
// What is none of the history's files stays. It may be interrupted at any moment
// and done again; until then the rounds whose files are left are still there.
func (h *History) Drop(ctx context.Context, m Month) (removed int, err error) {
	for _, kind := range []string{samplesFolder, roundsFolder, tracesFolder} {
		n, err := h.dropFolder(ctx, folderOf(kind, m))
		removed += n
		if err != nil {
			return removed, fmt.Errorf("drop %v: %w", m, h.orUnreachable(err))
		}
	}
	return removed, nil
}

// dropFolder removes our files in a folder, and a folder on this machine's disk
// if nothing else is in it.
func (h *History) dropFolder(ctx context.Context, folder string) (removed int, err error) {
	entries, err := h.store.List(ctx, folder)
	if err != nil {
		return 0, err
	}
	var keys []string
	for _, e := range entries {
		if !e.Folder && isOurs(e.Name) {
			keys = append(keys, path.Join(folder, e.Name))
		}
	}
	if len(keys) > 0 {
		if err := h.store.Delete(ctx, keys...); err != nil {
			return 0, err
		}
	}
	if local, ok := h.store.(*Folder); ok && len(entries) == len(keys) {
		_ = os.Remove(local.Where(folder)) // somebody else's file may have come; an empty folder harms nobody
	}
	return len(keys), nil
}
