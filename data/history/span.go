package history

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"matrix/probe"
)

// span is which rounds a stretch of time has, and in which files they are.
type span struct {
	rounds   []entry // by start
	number   map[string]int32
	files    []source // in the order of their first rounds
	warnings []probe.Warning
}

// entry is a round of a span.
type entry struct {
	held
	source int // index into files
}

// source is a file of samples of which a span takes rounds.
type source struct {
	path  string
	month bool
	takes map[string]held // rounds, by id; another file may have others of its as well
	rows  int             // of those
}

// span finds the rounds that began from from up to but not including to.
func (h *History) span(ctx context.Context, from, to time.Time) (*span, error) {
	key := [2]time.Time{from.UTC(), to.UTC()}
	h.mu.Lock()
	known := h.spans[key]
	h.mu.Unlock()
	if known != nil {
		return known, nil
	}
	found, err := h.findSpan(ctx, key[0], key[1])
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.spans[key] = found
	return found, nil
}

func (h *History) findSpan(ctx context.Context, from, to time.Time) (*span, error) {
	s := &span{number: make(map[string]int32)}
	months, err := h.Months()
	if err != nil {
		return nil, err
	}
	for _, m := range months {
		if m.End().After(from) && m.Start().Before(to) {
			if err := h.addMonth(ctx, s, m, from, to); err != nil {
				return nil, err
			}
		}
	}
	s.settle()
	return s, nil
}

// addMonth adds the rounds of a month: those of its month's files first, the
// largest first, and then those that are in no file but their own.
func (h *History) addMonth(ctx context.Context, s *span, m Month, from, to time.Time) error {
	files, err := h.list(m)
	if err != nil {
		return err
	}
	for _, path := range files.foreign {
		s.warnings = append(s.warnings, h.problem(path, errForeign))
	}
	taken := make(map[string]bool)
	within := func(start time.Time) bool { return !start.Before(from) && start.Before(to) }
	type opened struct {
		path     string
		contents contents
	}
	var compacted []opened
	look := func(path string, use func(contents)) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		c, err := h.contentsOf(path)
		if err != nil {
			s.warnings = append(s.warnings, h.problem(path, err))
			return nil
		}
		use(c)
		return nil
	}
	for _, path := range files.months {
		if err := look(path, func(c contents) { compacted = append(compacted, opened{path, c}) }); err != nil {
			return err
		}
	}
	slices.SortStableFunc(compacted, func(a, b opened) int { return len(b.contents.Rounds) - len(a.contents.Rounds) })
	take := func(path string, month bool, c contents) {
		src := source{path: path, month: month, takes: make(map[string]held)}
		for _, r := range c.Rounds {
			if !taken[r.Round] {
				taken[r.Round] = true
				if within(r.Start) {
					src.takes[r.Round] = r
					src.rows += r.Rows
				}
			}
		}
		if len(src.takes) > 0 {
			s.files = append(s.files, src)
		}
	}
	for _, c := range compacted {
		take(c.path, true, c.contents)
	}
	for _, path := range files.rounds {
		id := roundName.FindStringSubmatch(filepath.Base(path))[1]
		second, err := startOf(id)
		if err != nil || taken[id] || !second.Before(to) || second.Add(time.Second).Before(from) {
			continue
		}
		if err := look(path, func(c contents) { take(path, false, c) }); err != nil {
			return err
		}
	}
	return nil
}

// settle numbers the rounds.
func (s *span) settle() {
	for i, f := range s.files {
		for _, r := range f.takes {
			s.rounds = append(s.rounds, entry{r, i})
		}
	}
	slices.SortFunc(s.rounds, func(a, b entry) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.Round, b.Round))
	})
	for i, r := range s.rounds {
		s.number[r.Round] = int32(i)
	}
}

// numberIn is a round's number where a file has it to give; else null.
func (s *span) numberIn(f *source) func(id string) int32 {
	return func(id string) int32 {
		if _, takes := f.takes[id]; takes {
			return s.number[id]
		}
		return null
	}
}

// errForeign is about a file that is not one of ours.
var errForeign = errors.New("it is not a file of this history; move it elsewhere, other programs would read it too")

// contentsOf is which rounds a file of samples holds.
func (h *History) contentsOf(path string) (contents, error) {
	f, err := openSamples(path)
	if err != nil {
		return contents{}, err
	}
	return f.contents, f.close()
}

// monthFiles are the paths in a month's folder of samples, each sort by name.
type monthFiles struct{ months, rounds, foreign []string }

func (h *History) list(m Month) (monthFiles, error) {
	var files monthFiles
	folder := h.folder(samplesFolder, m)
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return files, fmt.Errorf("list the history: %w", err)
	}
	for _, e := range entries {
		name, path := e.Name(), filepath.Join(folder, e.Name())
		switch {
		case strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_"):
		case e.IsDir() || !roundName.MatchString(name) && !monthName.MatchString(name):
			files.foreign = append(files.foreign, path)
		case monthName.MatchString(name):
			files.months = append(files.months, path)
		default:
			files.rounds = append(files.rounds, path)
		}
	}
	return files, nil
}

// Months are the months that have samples, in order.
func (h *History) Months() ([]Month, error) { return h.months(samplesFolder) }

func (h *History) months(kind string) ([]Month, error) {
	folders, err := filepath.Glob(filepath.Join(globEscape(h.dir), kind, "year=[0-9][0-9][0-9][0-9]", "month=[0-9][0-9]"))
	if err != nil {
		return nil, fmt.Errorf("list the history: %w", err)
	}
	var all []Month
	for _, folder := range folders {
		year := strings.TrimPrefix(filepath.Base(filepath.Dir(folder)), "year=")
		if m, err := ParseMonth(year + "-" + strings.TrimPrefix(filepath.Base(folder), "month=")); err == nil {
			all = append(all, m)
		}
	}
	slices.SortFunc(all, Month.Compare)
	return all, nil
}

// globEscape keeps a folder's name from being taken for a pattern.
func globEscape(dir string) string {
	return strings.NewReplacer("*", `\*`, "?", `\?`, "[", `\[`).Replace(dir)
}
