package history

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
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
func (h *History) Verify(ctx context.Context, progress func(done, total int64)) (found Checkup, err error) {
	st, fresh, err := h.store.Fresh()
	if err != nil {
		return Checkup{}, fmt.Errorf("verify the history: %w", err)
	}
	defer func() { err = errors.Join(err, fresh.Close()) }()
	files, total, err := h.everything(ctx)
	if err != nil {
		return Checkup{}, fmt.Errorf("verify the history: %w", err)
	}
	v := verifier{h: h, st: st, rounds: make(map[string]int), whole: make(map[string][]string)}
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
func (h *History) everything(ctx context.Context) (files []everyFile, total int64, err error) {
	for _, kind := range []string{samplesFolder, roundsFolder, tracesFolder} {
		err := walk(ctx, h.store, kind, func(key string, e Entry) {
			files, total = append(files, everyFile{key, e.Size}), total+e.Size
		})
		if err != nil {
			return nil, 0, err
		}
	}
	return files, total, nil
}

// verifier gathers what is found.
type verifier struct {
	h  *History
	st Store

	mu      sync.Mutex
	found   Checkup
	rounds  map[string]int      // samples of each whole round
	whole   map[string][]string // rounds of each sound file of samples
	headers []string            // sets of the files of headers
	sets    []string            // of the sound months
}

// file verifies one file. An error means that it cannot go on at all.
func (v *verifier) file(ctx context.Context, key string) error {
	name := path.Base(key)
	if strings.HasPrefix(name, unfinishedPrefix) {
		v.remark(key, "unfinished: another program writes it, or was killed; it is removed when it is a day old")
		return nil
	}
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
		return nil
	}
	err := v.sound(ctx, key, name)
	if away := errors.Join(ctx.Err(), v.h.unreachable()); away != nil {
		return away
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.found.Files++
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // removed meanwhile
		v.found.Damaged = append(v.found.Damaged, Damage{key, probe.Clean(err.Error(), 300), advice(key, err)})
	}
	return nil
}

func advice(key string, err error) string {
	var stray *misplaced
	switch {
	case errors.As(err, &stray):
		return "move it to " + stray.folder
	case errors.Is(err, errForeign):
		return "move it elsewhere"
	case strings.HasPrefix(key, tracesFolder+"/"):
		return "restore it from a copy, or remove it; no round needs it"
	case roundName().MatchString(path.Base(key)):
		return "restore it from a copy, or remove it; only this round is lost"
	}
	return "restore it from a copy; reports take what can still be read of it"
}

func (v *verifier) sound(ctx context.Context, key, name string) error {
	if !roundName().MatchString(name) && !monthName().MatchString(name) {
		return errForeign
	}
	if err := checkBytes(ctx, v.st, key); err != nil {
		return err
	}
	switch {
	case strings.HasPrefix(key, tracesFolder+"/"):
		_, err := readTraces(ctx, v.st, key)
		return err
	case strings.HasPrefix(key, roundsFolder+"/"):
		return v.soundHeaders(ctx, key)
	}
	return v.soundSamples(ctx, key)
}

// checkBytes holds a file against the checksum in its name.
func checkBytes(ctx context.Context, st Store, key string) (err error) {
	file, err := st.Open(ctx, key)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(file, 0, file.Size())); err != nil {
		return err
	}
	if got := shortSum(sum); !strings.HasSuffix(key, "-"+got+suffix) {
		return fmt.Errorf("it is not as it was written: its checksum is %s", got)
	}
	return nil
}

func (v *verifier) soundHeaders(ctx context.Context, key string) error {
	v.mu.Lock()
	v.headers = append(v.headers, monthName().FindStringSubmatch(path.Base(key))[1])
	v.mu.Unlock()
	texts, err := readHeaders(ctx, v.st, key)
	if err != nil {
		return err
	}
	for id, text := range texts {
		if _, err := readHeader(text, path.Base(key)); err != nil {
			return fmt.Errorf("the header of round %s: %w", id, err)
		}
	}
	return nil
}

func (v *verifier) soundSamples(ctx context.Context, key string) error {
	f, err := openSamples(ctx, v.st, key)
	if err != nil {
		return err
	}
	held, header := f.contents.Rounds, f.header
	if err := f.close(); err != nil {
		return err
	}
	if err := inPlace(key, held); err != nil {
		return err
	}
	s := &span{number: make(map[string]int32)}
	for i, r := range held {
		s.rounds = append(s.rounds, entry{held: r})
		s.number[r.Round] = int32(i)
	}
	if err := verifySamples(ctx, v.st, key, s, func(int) {}); err != nil {
		return err
	}
	month := monthName().FindStringSubmatch(path.Base(key))
	if month == nil {
		if _, err := readHeader(header, path.Base(key)); err != nil {
			return err
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, r := range held {
		v.rounds[r.Round] = r.Rows
		v.whole[key] = append(v.whole[key], r.Round)
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
func inPlace(key string, held []held) error {
	for _, r := range held {
		if folder := folderOf(samplesFolder, MonthOf(r.Start)); folder != path.Dir(key) {
			return &misplaced{r.Round, folder}
		}
	}
	return nil
}

func (v *verifier) remark(key, text string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.found.Remarks = append(v.found.Remarks, probe.Warning{Subject: key, Text: text})
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
	for key, rounds := range v.whole {
		if v.inLarger(key, rounds) {
			v.remark(key, "its rounds are in a file of the month as well, and count once; matrix compact removes it")
		}
	}
	slices.SortFunc(v.found.Damaged, func(a, b Damage) int { return strings.Compare(a.File, b.File) })
	slices.SortFunc(v.found.Remarks, func(a, b probe.Warning) int { return strings.Compare(a.Subject, b.Subject) })
	return v.found
}

// inLarger says whether another sound file holds all rounds of this one.
func (v *verifier) inLarger(key string, rounds []string) bool {
	for other, theirs := range v.whole {
		if len(theirs) < len(rounds) || other == key || !monthName().MatchString(path.Base(other)) || len(theirs) == len(rounds) && other < key {
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
