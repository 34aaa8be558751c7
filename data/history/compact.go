package history

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"matrix/probe"
)

// Compaction is what became of a month.
type Compaction struct {
	Month    Month
	Rounds   int             // in the month's file
	Samples  int             //
	Path     string          // of the month's file; "" if the month has no rounds
	Merged   int             // files that went into it; 0 if it was there already
	Removed  int             // files that are not needed any more
	Warnings []probe.Warning // files that were left as they are, since they are damaged
}

// compactRows is how many samples Compact has in memory at once. It reads from
// every file some cities at a time: at least those of one page.
const compactRows = 400_000

// Compact merges the rounds of a month into one file sorted by (from, to,
// start), and one of their headers. Only when the new file was read again, and
// every round in it has all its rows with all their figures, does it take the
// place of the rounds' own files, and only then are those removed. It can be
// interrupted at any moment and done again at any time, also when rounds came
// later. Damaged files are left where they are.
//
// progress, if there is one, is told how many samples are done out of how many,
// from one goroutine.
func (h *History) Compact(ctx context.Context, m Month, progress func(done, total int)) (Compaction, error) {
	if progress == nil {
		progress = func(int, int) {}
	}
	c := compactor{h: h, ctx: ctx, month: m, progress: progress, damaged: make(map[string]error)}
	done, err := c.run()
	if err != nil {
		return Compaction{}, fmt.Errorf("compact %v: %w", m, err)
	}
	return done, nil
}

// compactor is one run of Compact.
type compactor struct {
	h        *History
	ctx      context.Context
	month    Month
	progress func(done, total int)

	span    *span
	headers string           // file of the month's headers, if one was written
	damaged map[string]error // files found so while they were read
}

// errDamaged starts the merge again, without the file.
var errDamaged = errors.New("a file turned out to be damaged")

func (c *compactor) run() (Compaction, error) {
	done := Compaction{Month: c.month}
	if err := c.look(); err != nil {
		return done, err
	}
	for {
		if err := c.h.unreachable(); err != nil {
			return done, err
		}
		if len(c.span.rounds) == 0 {
			done.Warnings = c.warnings()
			return done, nil
		}
		path, merged, err := c.monthFile()
		if errors.Is(err, errDamaged) {
			c.leaveOut()
			continue
		}
		if err != nil {
			return done, err
		}
		done.Path, done.Merged, done.Rounds = c.h.store.Where(path), merged, len(c.span.rounds)
		for _, r := range c.span.rounds {
			done.Samples += r.Rows
		}
		done.Removed, err = c.removeMerged(path)
		done.Warnings = c.warnings()
		return done, err
	}
}

// look finds the month's files.
func (c *compactor) look() error {
	s, err := c.h.findSpan(c.ctx, c.month.Start(), c.month.End())
	c.span = s
	return err
}

// leaveOut goes on without the files that turned out to be damaged.
func (c *compactor) leaveOut() {
	s := &span{number: make(map[string]int32), warnings: c.span.warnings}
	for _, f := range c.span.files {
		if c.damaged[f.path] == nil {
			s.files = append(s.files, f)
		}
	}
	s.settle()
	c.span = s
}

func (c *compactor) warnings() []probe.Warning {
	all := slices.Clone(c.span.warnings)
	for path, err := range c.damaged {
		all = append(all, c.h.problem(path, err))
	}
	return all
}

// monthFile is the file that holds all of the month's rounds, verified: the one
// that is there, or a new one.
func (c *compactor) monthFile() (path string, merged int, err error) {
	files := c.span.files
	if len(files) == 1 && files[0].month {
		total := files[0].rows
		err := verifySamples(c.ctx, c.h.store, files[0].path, c.span, func(n int) { c.progress(n, total) })
		if err != nil && c.ctx.Err() == nil {
			c.damaged[files[0].path] = err
			return "", 0, errDamaged
		}
		return files[0].path, 0, err
	}
	path, err = c.merge()
	return path, len(files), err
}

// merge writes the headers, then the samples: with the samples' file the month
// is compacted, and not before.
func (c *compactor) merge() (string, error) {
	set := c.setID()
	headers, err := c.writeHeaders(set)
	if err != nil {
		return "", err
	}
	c.headers = headers
	total := 0
	for _, r := range c.span.rounds {
		total += 2 * r.Rows
	}
	write := func(w io.Writer) error { return c.writeSamples(w, func(n int) { c.progress(n, total) }) }
	approve := func(st Store, unfinished string) error {
		err := verifySamples(c.ctx, st, unfinished, c.span, func(n int) { c.progress(total/2+n, total) })
		if err != nil {
			return fmt.Errorf("what was written is not what was read: %w", err)
		}
		return nil
	}
	return c.h.putMerged(c.ctx, folderOf(samplesFolder, c.month), set, write, approve)
}

// setID names the set of the month's rounds.
func (c *compactor) setID() string {
	sum := uint64(0)
	for _, r := range c.span.rounds {
		sum = mix(mix(sum, textSum(r.Round)), textSum(r.Check))
	}
	return fmt.Sprintf("%s%08x", monthPrefix, uint32(sum^sum>>32))
}

// writeSamples writes the rows of all rounds, a stretch of from-cities a row
// group.
func (c *compactor) writeSamples(w io.Writer, progress func(done int)) error {
	open, err := c.h.openAll(c.ctx, c.span)
	if err != nil {
		return err
	}
	defer open.close()
	rounds := make([]held, len(c.span.rounds))
	for i, r := range c.span.rounds {
		rounds[i] = r.held
		rounds[i].Header = "" // it is in another file
	}
	out := newSampleWriter(w, rounds, monthPage)
	sums, counts, done := make([]check, len(rounds)), make([]int, len(rounds)), 0
	t := &table{words: open.words}
	for _, b := range open.blocks(compactRows) {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		t.truncate(0)
		if err := open.readSound(query{columns: allColumns, from: b.from, to: b.to}, t, c.damaged); err != nil {
			return err
		}
		t.addChecks(sums, counts)
		if err := out.write(t, t.sorted()); err != nil {
			return err
		}
		done += t.n
		progress(done)
	}
	if err := c.compare(sums, counts); err != nil {
		return err
	}
	return out.pq.Close()
}

// compare holds what was read of each round against what its file says of it.
func (c *compactor) compare(sums []check, counts []int) error {
	var found error
	for i, r := range c.span.rounds {
		if err := r.agrees(sums[i], counts[i]); err != nil {
			c.damaged[c.span.files[r.source].path] = err
			found = errDamaged
		}
	}
	return found
}

// agrees says whether these are the rows of a round.
func (r *held) agrees(sum check, count int) error {
	if count != r.Rows {
		return fmt.Errorf("it has %d samples of round %s, and should have %d", count, r.Round, r.Rows)
	}
	if sum.String() != r.Check {
		return fmt.Errorf("the samples of round %s are not those that were saved", r.Round)
	}
	return nil
}

// readSound is read, but for a damaged file it gives up.
func (o *opened) readSound(q query, t *table, damaged map[string]error) error {
	q.words = o.words
	for i, f := range o.files {
		q.round = o.span.numberIn(&o.span.files[i])
		if err := f.read(q, t); err != nil {
			damaged[f.path] = err
			return errDamaged
		}
	}
	return nil
}

// removeMerged removes the files whose rounds are all in the month's file.
func (c *compactor) removeMerged(month string) (removed int, err error) {
	files, err := c.h.list(c.ctx, c.month)
	if err != nil {
		return 0, err
	}
	var remove []string
	for _, path := range slices.Concat(files.rounds, files.months) {
		if path != month && c.damaged[path] == nil && c.holdsAllOf(path) {
			remove = append(remove, path)
		}
	}
	headers, err := c.h.oldHeaders(c.ctx, c.month, month, c.headers)
	if err != nil {
		return 0, err
	}
	remove = append(remove, headers...)
	if len(remove) == 0 {
		return 0, nil
	}
	return len(remove), c.h.store.Delete(c.ctx, remove...)
}

// holdsAllOf says whether the month has every round of a file. A damaged one is
// not removed: there may be something in it that a person can save.
func (c *compactor) holdsAllOf(path string) bool {
	contents, err := c.h.contentsOf(c.ctx, path)
	if err != nil {
		return false
	}
	for _, r := range contents.Rounds {
		i, ok := c.span.number[r.Round]
		if !ok || c.span.rounds[i].Check != r.Check {
			return false
		}
	}
	return true
}
