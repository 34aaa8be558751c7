package history

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"matrix/probe"
)

// History is a folder of rounds. It may be used from several goroutines, and
// several programs may save to the same folder.
//
// What Rounds, Series, Pair and Traces return of a span is as the folder was
// when the span was first asked for: they fit together, and a round that is
// saved meanwhile is not among them. Open it again to see it.
type History struct {
	dir string

	mu       sync.Mutex
	spans    map[[2]time.Time]*span
	problems []probe.Warning // with files, each once
}

// Open is the history in a folder, which need not exist before the first Save.
func Open(dir string) (*History, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return nil, fmt.Errorf("open the history: %s is not a folder", dir)
	} else if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("open the history: %w", err)
	}
	return &History{dir: dir, spans: make(map[[2]time.Time]*span)}, nil
}

// Dir is the folder.
func (h *History) Dir() string { return h.dir }

// Problems are the files that were found damaged so far and left out, each
// once.
func (h *History) Problems() []probe.Warning {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]probe.Warning(nil), h.problems...)
}

// Lost are those of the Problems by which something is missing; a file that is
// none of the history is not among them.
func (h *History) Lost() []probe.Warning {
	return slices.DeleteFunc(h.Problems(), func(w probe.Warning) bool { return strings.HasSuffix(w.Text, errForeign.Error()) })
}

// problem remembers a file that has to be left out.
func (h *History) problem(path string, err error) probe.Warning {
	w := probe.Warning{Subject: h.short(path), Text: "left out: " + probe.Clean(err.Error(), 300)}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, known := range h.problems {
		if known.Subject == w.Subject {
			return known
		}
	}
	h.problems = append(h.problems, w)
	return w
}

// short is a path within the history.
func (h *History) short(path string) string {
	if rel, err := filepath.Rel(h.dir, path); err == nil {
		return filepath.ToSlash(rel)
	}
	return path
}
