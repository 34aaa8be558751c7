package history

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"

	"github.com/parquet-go/parquet-go"

	"matrix/probe"
)

// columnReader reads a window of one column into a table, page by page.
type columnReader struct {
	chunk  parquet.ColumnChunk
	column column
	query  *query
	table  *table

	dictionary parquet.Dictionary
	meaning    []int32 // of the dictionary's entries
}

func (r *columnReader) read(rows window) (err error) {
	pages := r.chunk.Pages()
	defer func() { err = errors.Join(err, pages.Close()) }()
	offsets, err := r.chunk.OffsetIndex()
	if err != nil {
		return err
	}
	row, next := int64(0), 0 // at which the next page begins, and its number
	for p := range offsets.NumPages() {
		if first := offsets.FirstRowIndex(p); first <= rows.from {
			row, next = first, p
		}
	}
	if err := pages.SeekToRow(row); err != nil {
		return err
	}
	for row < rows.to {
		page, err := pages.ReadPage()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = errors.New("it ends too early")
			}
			return err
		}
		n := page.NumRows()
		err = r.page(page, max(0, rows.from-row), min(n, rows.to-row))
		parquet.Release(page)
		if err != nil {
			return err
		}
		row, next = row+n, next+1
		if next < offsets.NumPages() && offsets.FirstRowIndex(next) != row {
			return errors.New("its page index is damaged")
		}
	}
	return nil
}

// page appends the rows from..to of a page.
func (r *columnReader) page(page parquet.Page, from, to int64) error {
	if from > to {
		return errors.New("its page index is damaged")
	}
	if r.column == colRTTs {
		return r.lists(page, int(from), int(to))
	}
	levels := page.DefinitionLevels()
	if len(levels) == 0 && int64(present(page)) != page.NumRows() || len(levels) > 0 && int64(len(levels)) != page.NumRows() {
		return errors.New("a page has fewer values than rows")
	}
	if r.column == colAt {
		data := page.Data()
		return spread(&r.table.at, data.Int64(), levels, int(from), int(to), noTime)
	}
	if page.Dictionary() != nil && present(page) == int(page.NumRows()) {
		return r.entries(page, int(from), int(to))
	}
	values, err := r.numbers(page)
	if err != nil {
		return err
	}
	return spread(&r.table.cols[r.column], values, levels, int(from), int(to), null)
}

// present counts the values of a page that are there.
func present(page parquet.Page) int { return int(page.NumValues() - page.NumNulls()) }

// spread appends the rows from..to, where levels say which have a value.
func spread[T int32 | int64](into *[]T, values []T, levels []byte, from, to int, missing T) error {
	if len(levels) == 0 || len(values) == len(levels) {
		if to > len(values) {
			return errors.New("a page has fewer values than rows")
		}
		*into = append(*into, values[from:to]...)
		return nil
	}
	next := 0
	for _, level := range levels[:from] {
		next += int(level)
	}
	room := slices.Grow(*into, to-from)
	for _, level := range levels[from:to] {
		if level == 0 {
			room = append(room, missing)
			continue
		}
		if next >= len(values) {
			return errors.New("a page has fewer values than rows")
		}
		room = append(room, values[next])
		next++
	}
	*into = room
	return nil
}

// entries appends the rows from..to of a page that has a value in each, by its
// dictionary.
func (r *columnReader) entries(page parquet.Page, from, to int) error {
	if err := r.learn(page.Dictionary()); err != nil {
		return err
	}
	values := page.Data()
	indexes := values.Int32()
	if to > len(indexes) {
		return errors.New("a page has fewer values than rows")
	}
	column := slices.Grow(r.table.cols[r.column], to-from)
	for _, index := range indexes[from:to] {
		column = append(column, r.meaning[index])
	}
	r.table.cols[r.column] = column
	return nil
}

// numbers are the values of a page that are there, as a table has them.
func (r *columnReader) numbers(page parquet.Page) ([]int32, error) {
	values := page.Data()
	if dictionary := page.Dictionary(); dictionary != nil {
		if err := r.learn(dictionary); err != nil {
			return nil, err
		}
		indexes := values.Int32()
		numbers := make([]int32, len(indexes))
		for i, index := range indexes {
			numbers[i] = r.meaning[index]
		}
		return numbers, nil
	}
	switch page.Type().Kind() {
	case parquet.Int32:
		return values.Int32(), notBelowZero(values.Int32())
	case parquet.Boolean:
		return unpack(values.Boolean(), present(page)), nil
	}
	return nil, errors.New("it has no dictionary")
}

func notBelowZero(values []int32) error {
	signs := int32(0)
	for _, v := range values {
		signs |= v
	}
	if signs < 0 {
		return errors.New("a value below zero")
	}
	return nil
}

func unpack(bits []byte, n int) []int32 {
	values := make([]int32, n)
	for i := range values {
		values[i] = int32(bits[i/8] >> (i % 8) & 1)
	}
	return values
}

// learn finds out what the entries of a dictionary mean.
func (r *columnReader) learn(dictionary parquet.Dictionary) error {
	if r.dictionary == dictionary {
		return nil
	}
	r.dictionary, r.meaning = dictionary, make([]int32, dictionary.Len())
	for i := range r.meaning {
		var err error
		if r.meaning[i], err = r.mean(dictionary.Index(int32(i))); err != nil {
			return err
		}
	}
	return nil
}

// mean is a value as a table has it.
func (r *columnReader) mean(v parquet.Value) (int32, error) {
	words := r.query.words
	if v.Kind() == parquet.Int32 {
		return v.Int32(), notBelowZero([]int32{v.Int32()})
	}
	if v.Kind() == parquet.Int64 {
		return words.id(strconv.FormatInt(v.Int64(), 10)), nil
	}
	if r.column == colFrom || r.column == colTo {
		// The same few in every file; whatever is among the words is clean.
		if id, ok := words.find(v.ByteArray()); ok && len(v.ByteArray()) <= maxCityName {
			return id, nil
		}
	}
	text := string(v.ByteArray())
	switch r.column {
	case colRound:
		return r.query.round(text), nil
	case colFrom, colTo:
		city, err := cityName(text)
		return words.id(city), err
	case colReason:
		return words.id(probe.Clean(text, 500)), nil
	case colAddress:
		if _, err := netip.ParseAddr(text); err != nil {
			return 0, err
		}
		return words.id(text), nil
	case colState:
		var state probe.State
		err := state.UnmarshalText([]byte(text))
		return int32(state), err
	case colStamps:
		var stamps probe.Stamps
		err := stamps.UnmarshalText([]byte(text))
		return int32(stamps), err
	}
	return 0, fmt.Errorf("a value of the kind %v", v.Kind())
}

// lists appends the RTTs of the rows from..to.
func (r *columnReader) lists(page parquet.Page, from, to int) error {
	t, data := r.table, page.Data()
	values := data.Int32()
	if err := notBelowZero(values); err != nil {
		return err
	}
	levels, repeats := page.DefinitionLevels(), page.RepetitionLevels()
	if len(levels) != len(repeats) {
		return errors.New("a page of lists has no levels")
	}
	row, next, begin := -1, 0, -1
	flush := func() {
		if row >= from && row < to {
			t.rtts = append(t.rtts, values[begin:next]...)
			t.ends = append(t.ends, int32(len(t.rtts)))
		}
	}
	for i, level := range levels {
		if repeats[i] == 0 {
			flush()
			row, begin = row+1, next
		}
		next += int(level)
		if next > len(values) {
			return errors.New("a page has fewer values than rows")
		}
	}
	flush()
	return nil
}
