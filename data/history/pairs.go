package history

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/parquet-go/parquet-go"

	"matrix/probe"
)

// Pairs hands over the series of some ordered pairs in a span as Series does, but
// with every RTT. One that was never planned is not among them. In memory is one
// city's pairs in each goroutine.
func (h *History) Pairs(ctx context.Context, pairs []probe.Pair, from, to time.Time, visit func(*probe.Series) error) error {
	wanted := make(map[string]map[string]bool) // to-cities by from-city
	for _, p := range pairs {
		if wanted[p.From] == nil {
			wanted[p.From] = make(map[string]bool)
		}
		wanted[p.From][p.To] = true
	}
	s, err := h.span(ctx, from, to)
	if err != nil {
		return err
	}
	cities := slices.Sorted(maps.Keys(wanted))
	return h.visitParts(ctx, s, func(*opened) int { return len(cities) }, func(open *opened, i int, t *table) {
		open.readSome(cities[i], wanted[cities[i]], t)
	}, visit)
}

// readSome appends the pairs of one from-city that are wanted, of all files.
func (o *opened) readSome(from string, to map[string]bool, t *table) {
	q := query{columns: append(slices.Clip(seriesColumns), colRTTs), from: from, to: from, words: o.words}
	wanted := slices.Sorted(maps.Keys(to))
	for i, f := range o.files {
		q.round = o.span.numberIn(&o.span.files[i])
		first := t.n
		if err := f.readPages(q, wanted, t); err != nil {
			t.truncate(first)
			o.salvage(f, q, t)
		}
		texts, tos := o.words.all(), t.cols[colTo]
		t.keep(first, func(row int) bool { return to[texts[tos[row]]] })
	}
}

// readPages appends the pages in which wanted to-cities, which are sorted, may be.
func (f *sampleFile) readPages(q query, wanted []string, t *table) error {
	return guard(func() error {
		for _, group := range f.pq.RowGroups() {
			rows, err := f.window(group, q)
			if err != nil {
				return err
			}
			pages, err := having(group.ColumnChunks()[f.at[colTo]], rows, wanted)
			if err != nil {
				return err
			}
			for _, part := range pages {
				if err := f.readGroup(group, part, q, t); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// having are the pages within a window that may hold one of some texts, those
// that follow each other as one.
func having(chunk parquet.ColumnChunk, w window, texts []string) ([]window, error) {
	if w.from >= w.to {
		return nil, nil
	}
	columns, err := chunk.ColumnIndex()
	if err != nil {
		return nil, err
	}
	offsets, err := chunk.OffsetIndex()
	if err != nil {
		return nil, err
	}
	var found []window
	for p := range offsets.NumPages() {
		begin, end := offsets.FirstRowIndex(p), w.to
		if p+1 < offsets.NumPages() {
			end = min(end, offsets.FirstRowIndex(p+1))
		}
		if begin = max(begin, w.from); begin >= end {
			continue
		}
		next, _ := slices.BinarySearch(texts, string(columns.MinValue(p).ByteArray()))
		if next == len(texts) || texts[next] > string(columns.MaxValue(p).ByteArray()) {
			continue
		}
		if n := len(found); n > 0 && found[n-1].to == begin {
			found[n-1].to = end
		} else {
			found = append(found, window{begin, end})
		}
	}
	return found, nil
}

// salvage reads what can be read of a file, and tells the rest.
func (o *opened) salvage(f *sampleFile, q query, t *table) {
	if err := f.salvage(q, t); err != nil {
		o.history.problem(f.path, err)
	}
}
