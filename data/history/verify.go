package history

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"matrix/probe"
)

// Checkup is what Verify found.
type Checkup struct {
	Files   int // that were read
	Rounds  int // that are whole
	Samples int // of those
	Damaged []Damage
	Remarks []probe.Warning // that nothing is lost by
}

// Damage is a file that is not as it was written.
type Damage struct {
	File    string // within the history
	Problem string
	Advice  string // what to do
}

// Verify reads every byte and every value of the history. progress, if there
// is one, is told how many bytes are done out of how many; it may be called
// from several goroutines at once.
func (h *History) Verify(ctx context.Context, progress func(done, total int64)) (Checkup, error) {
	files, total, err := h.everything()
	if err != nil {
		return Checkup{}, fmt.Errorf("verify the history: %w", err)
	}
	v := verifier{h: h, rounds: make(map[string]int), whole: make(map[string][]string)}
	done := int64(0)
	err = forEach(ctx, len(files), func(i int) error {
		if err := v.file(ctx, files[i].path); err != nil {
			return err
		}
		v.mu.Lock()
		defer v.mu.Unlock()
		if done += files[i].size; progress != nil {
			progress(done, total)
		}
		return nil
	})
	if err != nil {
		return Checkup{}, fmt.Errorf("verify the history: %w", err)
	}
	return v.conclude(), nil
}

// everyFile is a file somewhere in the history.
type everyFile struct {
	path string
	size int64
}

// everything lists the files of the history's folders.
func (h *History) everything() (files []everyFile, total int64, err error) {
	for _, kind := range []string{samplesFolder, roundsFolder, tracesFolder} {
		err := filepath.WalkDir(filepath.Join(h.dir, kind), func(path string, entry fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // removed meanwhile, or never made
			}
			if err != nil || entry.IsDir() {
				return err
			}
			info, err := entry.Info()
			if err != nil {
				return nil // removed meanwhile
			}
			files, total = append(files, everyFile{path, info.Size()}), total+info.Size()
			return nil
		})
		if err != nil {
			return nil, 0, err
		}
	}
	return files, total, nil
}

// verifier gathers what is found.
type verifier struct {
	h *History

	mu      sync.Mutex
	found   Checkup
	rounds  map[string]int      // samples of each whole round
	whole   map[string][]string // rounds of each sound file of samples
	headers []string            // sets of the files of headers
	sets    []string            // of the sound months
}

// file verifies one file. An error means that it cannot go on at all.
func (v *verifier) file(ctx context.Context, path string) error {
	name := filepath.Base(path)
	if strings.HasPrefix(name, unfinishedPrefix) {
		v.remark(path, "unfinished: another program writes it, or was killed; it is removed when it is a day old")
		return nil
	}
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
		return nil
	}
	err := v.sound(ctx, path, name)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.found.Files++
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // removed meanwhile
		v.found.Damaged = append(v.found.Damaged, Damage{v.h.short(path), probe.Clean(err.Error(), 300), advice(path, err)})
	}
	return nil
}

func advice(path string, err error) string {
	var stray *misplaced
	switch {
	case errors.As(err, &stray):
		return "move it to " + stray.folder
	case errors.Is(err, errForeign):
		return "move it elsewhere"
	case strings.Contains(path, tracesFolder+string(filepath.Separator)+"year="):
		return "restore it from a copy, or remove it; no round needs it"
	case roundName.MatchString(filepath.Base(path)):
		return "restore it from a copy, or remove it; only this round is lost"
	}
	return "restore it from a copy; reports take what can still be read of it"
}

func (v *verifier) sound(ctx context.Context, path, name string) error {
	if !roundName.MatchString(name) && !monthName.MatchString(name) {
		return errForeign
	}
	if err := checkBytes(path); err != nil {
		return err
	}
	rel := v.h.short(path)
	switch {
	case strings.HasPrefix(rel, tracesFolder+"/"):
		_, err := readTraces(path)
		return err
	case strings.HasPrefix(rel, roundsFolder+"/"):
		return v.soundHeaders(ctx, path)
	}
	return v.soundSamples(ctx, path)
}

// checkBytes holds a file against the checksum in its name.
func checkBytes(path string) (err error) {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return err
	}
	if got := shortSum(sum); !strings.HasSuffix(path, "-"+got+suffix) {
		return fmt.Errorf("it is not as it was written: its checksum is %s", got)
	}
	return nil
}

func (v *verifier) soundHeaders(ctx context.Context, path string) error {
	v.mu.Lock()
	v.headers = append(v.headers, monthName.FindStringSubmatch(filepath.Base(path))[1])
	v.mu.Unlock()
	texts, err := readHeaders(ctx, path)
	if err != nil {
		return err
	}
	for id, text := range texts {
		if _, err := readHeader(text, filepath.Base(path)); err != nil {
			return fmt.Errorf("the header of round %s: %w", id, err)
		}
	}
	return nil
}

func (v *verifier) soundSamples(ctx context.Context, path string) error {
	f, err := openSamples(path)
	if err != nil {
		return err
	}
	held, header := f.contents.Rounds, f.header
	if err := f.close(); err != nil {
		return err
	}
	if err := v.h.inPlace(path, held); err != nil {
		return err
	}
	s := &span{number: make(map[string]int32)}
	for i, r := range held {
		s.rounds = append(s.rounds, entry{held: r})
		s.number[r.Round] = int32(i)
	}
	if err := verifySamples(ctx, path, s, func(int) {}); err != nil {
		return err
	}
	month := monthName.FindStringSubmatch(filepath.Base(path))
	if month == nil {
		if _, err := readHeader(header, filepath.Base(path)); err != nil {
			return err
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, r := range held {
		v.rounds[r.Round] = r.Rows
		v.whole[path] = append(v.whole[path], r.Round)
	}
	if month != nil {
		v.sets = append(v.sets, month[1])
	}
	return nil
}

// misplaced is a file of samples in a folder of another month, where nobody
// looks for its rounds.
type misplaced struct{ round, folder string }

func (m *misplaced) Error() string {
	return fmt.Sprintf("it is in the folder of another month than its round %s, which is not found there", m.round)
}

// inPlace holds the rounds of a file against the month whose folder it is in.
func (h *History) inPlace(path string, held []held) error {
	for _, r := range held {
		if folder := h.folder(samplesFolder, MonthOf(r.Start)); folder != filepath.Dir(path) {
			return &misplaced{r.Round, h.short(folder)}
		}
	}
	return nil
}

func (v *verifier) remark(path, text string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.found.Remarks = append(v.found.Remarks, probe.Warning{Subject: v.h.short(path), Text: text})
}

// conclude compares the files with each other.
func (v *verifier) conclude() Checkup {
	for _, rows := range v.rounds {
		v.found.Rounds++
		v.found.Samples += rows
	}
	for _, set := range v.sets {
		if !slices.Contains(v.headers, set) {
			v.found.Damaged = append(v.found.Damaged, Damage{roundsFolder + "/…/" + set + "-*" + suffix,
				"the headers of this month's rounds are missing", "restore them from a copy; the samples are whole"})
		}
	}
	for path, rounds := range v.whole {
		if v.inLarger(path, rounds) {
			v.remark(path, "its rounds are in a file of the month as well, and count once; matrix compact removes it")
		}
	}
	slices.SortFunc(v.found.Damaged, func(a, b Damage) int { return strings.Compare(a.File, b.File) })
	slices.SortFunc(v.found.Remarks, func(a, b probe.Warning) int { return strings.Compare(a.Subject, b.Subject) })
	return v.found
}

// inLarger says whether another sound file holds all rounds of this one.
func (v *verifier) inLarger(path string, rounds []string) bool {
	for other, theirs := range v.whole {
		if len(theirs) < len(rounds) || other == path || !monthName.MatchString(filepath.Base(other)) || len(theirs) == len(rounds) && other < path {
			continue
		}
		inside := make(map[string]bool, len(theirs))
		for _, id := range theirs {
			inside[id] = true
		}
		if !slices.ContainsFunc(rounds, func(id string) bool { return !inside[id] }) {
			return true
		}
	}
	return false
}
