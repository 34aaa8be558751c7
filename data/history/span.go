package history

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
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
	path  string // key in the store
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
	months, err := h.Months(ctx)
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
	return s, h.unreachable()
}

// addMonth adds the rounds of a month: those of its month's files first, the
// largest first, and then those that are in no file but their own.
func (h *History) addMonth(ctx context.Context, s *span, m Month, from, to time.Time) error {
	files, err := h.list(ctx, m)
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
	look := func(keys []string, use func(key string, c contents)) error {
		found, problems, err := h.contentsOfAll(ctx, keys)
		if err != nil {
			return err
		}
		for i, key := range keys {
			if problems[i] != nil {
				s.warnings = append(s.warnings, h.problem(key, problems[i]))
				continue
			}
			use(key, found[i])
		}
		return nil
	}
	if err := look(files.months, func(key string, c contents) { compacted = append(compacted, opened{key, c}) }); err != nil {
		return err
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
	var alone []string
	for _, file := range files.rounds {
		id := roundName().FindStringSubmatch(path.Base(file))[1]
		second, err := startOf(id)
		if err != nil || taken[id] || !second.Before(to) || second.Add(time.Second).Before(from) {
			continue
		}
		alone = append(alone, file)
	}
	return look(alone, func(key string, c contents) { take(key, false, c) })
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
func (h *History) contentsOf(ctx context.Context, key string) (contents, error) {
	f, err := openSamples(ctx, h.store, key)
	if err != nil {
		return contents{}, err
	}
	return f.contents, f.close()
}

// contentsOfAll asks many files: a store elsewhere takes its time over each.
func (h *History) contentsOfAll(ctx context.Context, keys []string) (found []contents, problems []error, err error) {
	found, problems = make([]contents, len(keys)), make([]error, len(keys))
	err = forEachOf(ctx, requests, len(keys), func(i int) error {
		found[i], problems[i] = h.contentsOf(ctx, keys[i])
		return h.unreachable()
	})
	return found, problems, err
}

// monthFiles are the paths in a month's folder of samples, each sort by name.
type monthFiles struct{ months, rounds, foreign []string }

func (h *History) list(ctx context.Context, m Month) (monthFiles, error) {
	var files monthFiles
	folder := folderOf(samplesFolder, m)
	entries, err := h.store.List(ctx, folder)
	if err != nil {
		return files, fmt.Errorf("list the history: %w", err)
	}
	for _, e := range entries {
		name, file := e.Name, path.Join(folder, e.Name)
		switch {
		case strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_"):
		case e.Folder || !roundName().MatchString(name) && !monthName().MatchString(name):
			files.foreign = append(files.foreign, file)
		case monthName().MatchString(name):
			files.months = append(files.months, file)
		default:
			files.rounds = append(files.rounds, file)
		}
	}
	return files, nil
}

// Months are the months that have samples, in order.
func (h *History) Months(ctx context.Context) ([]Month, error) { return h.months(ctx, samplesFolder) }

var (
	yearFolder  = probe.Pattern(`^year=([0-9]{4})$`)
	monthFolder = probe.Pattern(`^month=([0-9]{2})$`)
)

func (h *History) months(ctx context.Context, kind string) ([]Month, error) {
	var all []Month
	years, err := h.folders(ctx, kind, yearFolder())
	if err != nil {
		return nil, err
	}
	for _, year := range years {
		months, err := h.folders(ctx, path.Join(kind, "year="+year), monthFolder())
		if err != nil {
			return nil, err
		}
		for _, month := range months {
			if m, err := ParseMonth(year + "-" + month); err == nil {
				all = append(all, m)
			}
		}
	}
	slices.SortFunc(all, Month.Compare)
	return all, nil
}

// folders are those in a folder that fit a pattern: what its group matches.
func (h *History) folders(ctx context.Context, folder string, pattern *regexp.Regexp) ([]string, error) {
	entries, err := h.store.List(ctx, folder)
	if err != nil {
		return nil, fmt.Errorf("list the history: %w", err)
	}
	var found []string
	for _, e := range entries {
		if name := pattern.FindStringSubmatch(e.Name); name != nil && e.Folder {
			found = append(found, name[1])
		}
	}
	return found, nil
}
