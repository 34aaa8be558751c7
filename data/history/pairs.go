package history

import (
	"context"
	"maps"
	"slices"
	"time"

	"matrix/probe"
)

// fewPairs is from how many pairs of a city on it is quicker to read all of its
// pairs in a month's file than to look each of them up.
const fewPairs = 20

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
	open, err := h.openAll(ctx, s)
	if err != nil {
		return err
	}
	defer open.close()
	cities := slices.Sorted(maps.Keys(wanted))
	tables := make(chan *table, len(cities))
	err = forEach(ctx, len(cities), func(i int) error {
		var t *table
		select {
		case t = <-tables:
		default:
			t = &table{words: open.words}
		}
		t.truncate(0)
		defer func() { tables <- t }()
		open.readSome(cities[i], wanted[cities[i]], t)
		if err := h.unreachable(); err != nil {
			return err
		}
		return t.visit(visit)
	})
	return h.orUnreachable(err)
}

// readSome appends the pairs of one from-city that are wanted, of all files.
func (o *opened) readSome(from string, to map[string]bool, t *table) {
	q := query{columns: append(slices.Clip(seriesColumns), colRTTs), from: from, to: from, words: o.words}
	for i, f := range o.files {
		q.round = o.span.numberIn(&o.span.files[i])
		first := t.n
		if o.span.files[i].month && len(to) < fewPairs {
			for _, city := range slices.Sorted(maps.Keys(to)) {
				q.only = city
				o.salvage(f, q, t)
			}
			continue
		}
		q.only = ""
		o.salvage(f, q, t)
		texts, tos := o.words.all(), t.cols[colTo]
		t.keep(first, func(row int) bool { return to[texts[tos[row]]] })
	}
}

// salvage reads what can be read of a file, and tells the rest.
func (o *opened) salvage(f *sampleFile, q query, t *table) {
	if err := f.salvage(q, t); err != nil {
		o.history.problem(f.path, err)
	}
}
