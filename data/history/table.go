package history

import (
	"math"
	"slices"
	"sync"

	"matrix/probe"
)

// null is no value in a column of numbers, none of which are below zero.
const null = probe.Unknown

// noTime is no value in the column at.
const noTime = math.MinInt64

// table is a stretch of samples in memory, column by column. A column that was
// not asked for is empty.
//
// Texts are numbers of words, and so is a start, in µs since 1970; a round is its number in whatever is being read;
// a state is a probe.State, and stamps are probe.Stamps.
type table struct {
	n     int
	cols  [numColumns][]int32 // but for at and rtts_us
	at    []int64             // µs since 1970
	ends  []int32             // where the RTTs of each row end
	rtts  []int32             // µs, of all rows, one after the other
	words *words
}

// words are texts that occur again and again, by number.
type words struct {
	mu   sync.RWMutex
	list []string
	ids  map[string]int32
}

func newWords() *words { return &words{ids: make(map[string]int32)} }

// id is the number of a text.
func (w *words) id(text string) int32 {
	w.mu.RLock()
	id, ok := w.ids[text]
	w.mu.RUnlock()
	if ok {
		return id
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if id, ok := w.ids[text]; ok {
		return id
	}
	id = int32(len(w.list))
	w.list = append(w.list, text)
	w.ids[text] = id
	return id
}

// find is the number of a text that was met before.
func (w *words) find(text []byte) (int32, bool) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	id, ok := w.ids[string(text)]
	return id, ok
}

// all are the words so far; a later one is appended, none is changed.
func (w *words) all() []string {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.list[:len(w.list):len(w.list)]
}

// truncate forgets the rows from n on.
func (t *table) truncate(n int) {
	t.n = n
	for c, values := range t.cols {
		t.cols[c] = values[:min(n, len(values))]
	}
	t.at = t.at[:min(n, len(t.at))]
	t.ends = t.ends[:min(n, len(t.ends))]
	t.rtts = t.rtts[:t.end(len(t.ends))]
}

// end is where the RTTs of the row before i end.
func (t *table) end(i int) int32 {
	if i == 0 {
		return 0
	}
	return t.ends[i-1]
}

// rttsOf are the RTTs of row i.
func (t *table) rttsOf(i int) []int32 { return t.rtts[t.end(i):t.ends[i]:t.ends[i]] }

// keep drops the rows from first on for which wanted is false.
func (t *table) keep(first int, wanted func(row int) bool) {
	n := first
	rtts := t.end(min(first, len(t.ends)))
	for i := first; i < t.n; i++ {
		if !wanted(i) {
			continue
		}
		if len(t.ends) > 0 {
			rtts += int32(copy(t.rtts[rtts:], t.rttsOf(i)))
		}
		if n != i {
			t.move(n, i)
		}
		if len(t.ends) > 0 {
			t.ends[n] = rtts
		}
		n++
	}
	t.truncate(n)
}

// move copies all but the RTTs of a row.
func (t *table) move(to, from int) {
	for _, values := range t.cols {
		if len(values) > 0 {
			values[to] = values[from]
		}
	}
	if len(t.at) > 0 {
		t.at[to] = t.at[from]
	}
}

// order is how rows are sorted by (from, to, round), as texts are; nil if they
// are already. sizes are how many rows each pair has, in that order.
type order struct {
	rows  []int32
	sizes []int32
}

// sorted finds the order of the rows: by counting, since there are few pairs
// and many rows.
func (t *table) sorted() order {
	from, to, round := t.cols[colFrom], t.cols[colTo], t.cols[colRound]
	rows, columns := ranks(from, t.words), ranks(to, t.words)
	width := int32(columns.n)
	key := func(i int) int32 { return rows.of[from[i]]*width + columns.of[to[i]] }
	counts := make([]int32, rows.n*columns.n+1)
	inOrder := true
	last, lastRound := int32(-1), int32(-1)
	for i := range t.n {
		k := key(i)
		counts[k+1]++
		inOrder = inOrder && (k > last || k == last && round[i] >= lastRound)
		last, lastRound = k, round[i]
	}
	o := order{sizes: slices.DeleteFunc(slices.Clone(counts), func(n int32) bool { return n == 0 })}
	if inOrder {
		return o
	}
	for k := 1; k < len(counts); k++ {
		counts[k] += counts[k-1]
	}
	o.rows = make([]int32, t.n)
	for i := range t.n {
		k := key(i)
		o.rows[counts[k]] = int32(i)
		counts[k]++
	}
	byRound := func(a, b int32) int { return int(round[a]) - int(round[b]) }
	at := int32(0)
	for _, n := range o.sizes {
		if pair := o.rows[at : at+n]; !slices.IsSortedFunc(pair, byRound) {
			slices.SortStableFunc(pair, byRound)
		}
		at += n
	}
	return o
}

// ranking numbers the words of a column in the order of their texts.
type ranking struct {
	of []int32 // by word
	n  int
}

func ranks(values []int32, w *words) ranking {
	texts := w.all()
	r := ranking{of: make([]int32, len(texts))}
	var met []int32
	for i, v := range values {
		if i > 0 && v == values[i-1] {
			continue
		}
		if r.of[v] == 0 {
			r.of[v] = 1
			met = append(met, v)
		}
	}
	slices.SortFunc(met, func(a, b int32) int {
		if texts[a] < texts[b] {
			return -1
		}
		return 1
	})
	for i, v := range met {
		r.of[v] = int32(i)
	}
	r.n = len(met)
	return r
}

// gather puts values into an order, into room that it may use.
func gather[T any](values []T, order []int32, room []T) []T {
	if order == nil || len(values) == 0 {
		return values
	}
	room = slices.Grow(room[:0], len(order))[:len(order)]
	for i, row := range order {
		room[i] = values[row]
	}
	return room
}
