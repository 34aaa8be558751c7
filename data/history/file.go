package history

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path"
	"strings"

	"github.com/parquet-go/parquet-go"

	"matrix/probe"
)

// sampleFile is an open file of samples.
type sampleFile struct {
	path     string // key in its store
	file     File
	pq       *parquet.File
	at       [numColumns]int // where our columns are among the file's
	contents contents
	header   string // of the round; "" in a month's file
}

// openSamples opens a file of samples and reads what it says of itself, and no
// sample. A file whose contents disagree with its name is refused.
func openSamples(ctx context.Context, st Store, key string) (f *sampleFile, err error) {
	file, pq, err := openParquet(ctx, st, key)
	if err != nil {
		return nil, err
	}
	f = &sampleFile{path: key, file: file, pq: pq}
	if err := f.describe(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return f, nil
}

// openParquet opens any file of ours.
func openParquet(ctx context.Context, st Store, key string) (File, *parquet.File, error) {
	file, err := st.Open(ctx, key)
	if err != nil {
		return nil, nil, err
	}
	var pq *parquet.File
	err = guard(func() (err error) {
		pq, err = parquet.OpenFile(file, file.Size(), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true), parquet.ReadBufferSize(16<<10))
		return err
	})
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return file, pq, nil
}

// guard makes an error of a panic: the library trusts what it reads more than
// we do.
func guard(read func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("it is damaged: %v", p)
		}
	}()
	return read()
}

func (f *sampleFile) close() error { return f.file.Close() }

func (f *sampleFile) describe() error {
	var err error
	if f.at, err = checkSchema(f.pq); err != nil {
		return err
	}
	text, ok := f.pq.Lookup(roundsKey)
	if !ok {
		return errors.New("it does not say which rounds it holds")
	}
	if f.contents, err = readContents(text); err != nil {
		return err
	}
	rows := 0
	for _, r := range f.contents.Rounds {
		rows += r.Rows
	}
	if int64(rows) != f.pq.NumRows() {
		return fmt.Errorf("it holds %d samples, and should hold %d", f.pq.NumRows(), rows)
	}
	name := path.Base(f.path)
	if m := roundName().FindStringSubmatch(name); m != nil {
		return f.describeRound(m[1])
	}
	return nil
}

func (f *sampleFile) describeRound(id string) error {
	if len(f.contents.Rounds) != 1 || f.contents.Rounds[0].Round != id {
		return errors.New("it holds another round than its name says")
	}
	f.header, _ = f.pq.Lookup(headerKey)
	if sum := fmt.Sprintf("%016x", textSum(f.header)); sum != f.contents.Rounds[0].Header {
		return errors.New("the round's header is damaged")
	}
	return nil
}

// query is what is wanted of a file.
type query struct {
	columns  []column              // from, to and round first
	from, to string                // the first and the last from-city; "" and "" for all
	only     string                // to-city, "" for all
	round    func(id string) int32 // its number, null if it is not wanted
	words    *words
}

// read appends the rows that are wanted to a table, in the order in which they
// are in the file. After an error the table is as it was.
func (f *sampleFile) read(q query, t *table) error {
	first := t.n
	err := guard(func() error {
		for _, group := range f.pq.RowGroups() {
			rows, err := f.window(group, q)
			if err != nil {
				return err
			}
			if rows.from < rows.to {
				if err := f.readGroup(group, rows, q, t); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.truncate(first)
		return err
	}
	return nil
}

// leastRows is how many rows are read, or lost, together where a file is damaged.
const leastRows = 1024

// salvage appends the rows that are wanted and can be read. The error says why
// some could not.
func (f *sampleFile) salvage(q query, t *table) error {
	err := f.read(q, t)
	if err == nil {
		return nil
	}
	for _, group := range f.pq.RowGroups() {
		rows := window{0, group.NumRows()}
		_ = guard(func() error { // without its index all of the group is tried
			found, err := f.window(group, q)
			if err == nil {
				rows = found
			}
			return err
		})
		if rows.from < rows.to {
			f.salvageRows(group, rows, q, t)
		}
	}
	return err
}

// salvageRows halves a window until what cannot be read is small.
func (f *sampleFile) salvageRows(group parquet.RowGroup, rows window, q query, t *table) {
	first := t.n
	err := guard(func() error { return f.readGroup(group, rows, q, t) })
	if err == nil {
		return
	}
	t.truncate(first)
	if rows.to-rows.from <= leastRows {
		return
	}
	half := (rows.from + rows.to) / 2
	f.salvageRows(group, window{rows.from, half}, q, t)
	f.salvageRows(group, window{half, rows.to}, q, t)
}

// readGroup reads a window of one row group, and drops what is not wanted.
func (f *sampleFile) readGroup(group parquet.RowGroup, rows window, q query, t *table) error {
	first := t.n
	for _, c := range q.columns {
		r := columnReader{chunk: group.ColumnChunks()[f.at[c]], column: c, query: &q, table: t}
		if err := r.read(rows); err != nil {
			return fmt.Errorf("column %v: %w", c, err)
		}
	}
	t.n = first + int(rows.to-rows.from)
	f.filter(q, t, first)
	return nil
}

func (f *sampleFile) filter(q query, t *table, first int) {
	texts := q.words.all()
	froms, tos, rounds := t.cols[colFrom], t.cols[colTo], t.cols[colRound]
	only := int32(null)
	if q.only != "" {
		only = q.words.id(q.only)
	}
	met, inside := int32(null), false
	wanted := func(i int) bool {
		if froms[i] != met {
			met = froms[i]
			inside = q.inside(texts[met])
		}
		return inside && rounds[i] != null && (only == null || tos[i] == only)
	}
	for i := first; i < t.n; i++ {
		if !wanted(i) {
			t.keep(first, wanted)
			return
		}
	}
}

func (q *query) inside(from string) bool {
	return q.to == "" || from >= q.from && from <= q.to
}

// window is a stretch of rows of a row group.
type window struct{ from, to int64 }

// window finds by the page index where the rows are that are wanted.
func (f *sampleFile) window(group parquet.RowGroup, q query) (window, error) {
	w := window{0, group.NumRows()}
	if q.to == "" {
		return w, nil
	}
	w, err := narrow(group.ColumnChunks()[f.at[colFrom]], w, q.from, q.to)
	if err != nil || q.only == "" {
		return w, err
	}
	return narrow(group.ColumnChunks()[f.at[colTo]], w, q.only, q.only)
}

// narrow leaves the pages that may hold texts from low to high.
func narrow(chunk parquet.ColumnChunk, w window, low, high string) (window, error) {
	columns, err := chunk.ColumnIndex()
	if err != nil {
		return w, err
	}
	offsets, err := chunk.OffsetIndex()
	if err != nil {
		return w, err
	}
	found := window{math.MaxInt64, 0}
	for p := range offsets.NumPages() {
		begin, end := offsets.FirstRowIndex(p), w.to
		if p+1 < offsets.NumPages() {
			end = min(end, offsets.FirstRowIndex(p+1))
		}
		begin = max(begin, w.from)
		if begin >= end || string(columns.MinValue(p).ByteArray()) > high || string(columns.MaxValue(p).ByteArray()) < low {
			continue
		}
		found.from, found.to = min(found.from, begin), max(found.to, end)
	}
	if found.from >= found.to {
		return window{}, nil
	}
	return found, nil
}

// froms are the from-cities of a file and about how many rows each has.
func (f *sampleFile) froms(add func(city string, rows float64)) error {
	return guard(func() error {
		for _, group := range f.pq.RowGroups() {
			if err := f.fromsIn(group, add); err != nil {
				return err
			}
		}
		return nil
	})
}

// fromsIn finds them by any page of a row group that can be read.
func (f *sampleFile) fromsIn(group parquet.RowGroup, add func(city string, rows float64)) error {
	chunk := group.ColumnChunks()[f.at[colFrom]]
	offsets, err := chunk.OffsetIndex()
	if err != nil {
		return err
	}
	for p := range offsets.NumPages() {
		pages := chunk.Pages()
		err = guard(func() error {
			if err := pages.SeekToRow(offsets.FirstRowIndex(p)); err != nil {
				return err
			}
			return fromsOf(pages, group.NumRows(), add)
		})
		if err = errors.Join(err, pages.Close()); err == nil {
			return nil
		}
	}
	return err
}

func fromsOf(pages parquet.Pages, rows int64, add func(city string, rows float64)) error {
	page, err := pages.ReadPage()
	if err != nil {
		return err
	}
	defer parquet.Release(page)
	dictionary := page.Dictionary()
	if dictionary == nil {
		return errors.New("its column from has no dictionary")
	}
	for i := range dictionary.Len() {
		city, err := cityName(dictionary.Index(int32(i)).String())
		if err != nil {
			return err
		}
		add(city, float64(rows)/float64(dictionary.Len()))
	}
	return nil
}

// maxCityName is more than any city's name has, in bytes or in characters.
const maxCityName = 100

// cityName is a city's name as a file has it.
func cityName(text string) (string, error) {
	if text == "" || probe.Clean(text, maxCityName) != text {
		return "", fmt.Errorf("%q is no city's name", probe.Clean(text, 40))
	}
	return strings.Clone(text), nil
}
