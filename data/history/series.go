package history

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"time"

	"matrix/probe"
)

// seriesColumns are what a series has but for the RTTs.
var seriesColumns = []column{colFrom, colTo, colRound, colState, colAddress, colSent, colReceived, colCut,
	colMin, colMedian, colAvg, colMax, colMdev, colJitter}

// blockRows is how many samples are in memory at once in each goroutine that
// reads series: 30 MB.
const blockRows = 400_000

// Series hands over every ordered pair that was planned in a span, and the pings
// of cities to themselves (Pair.IsSelf). visit is called from several goroutines at once, with pairs in no
// particular order; a series is valid until visit returns. The first error of
// visit ends it. Round is an index into what Rounds returns for the same span.
// RTTs are not filled.
//
// What turns out to be damaged of a file is left out, and the file told by
// Problems.
func (h *History) Series(ctx context.Context, from, to time.Time, visit func(*probe.Series) error) error {
	s, err := h.span(ctx, from, to)
	if err != nil {
		return err
	}
	var blocks []block
	return h.visitParts(ctx, s, func(open *opened) int {
		blocks = open.blocks(blockRows)
		return len(blocks)
	}, func(open *opened, i int, t *table) {
		open.read(query{columns: seriesColumns, from: blocks[i].from, to: blocks[i].to}, t)
	}, visit)
}

// visitParts opens the files of a span, reads them in parts, a few at a time, and
// has each visited. What a server did not give is an error, and no empty part.
func (h *History) visitParts(ctx context.Context, s *span, parts func(*opened) int, read func(open *opened, i int, t *table), visit func(*probe.Series) error) error {
	open, err := h.openAll(ctx, s)
	if err != nil {
		return err
	}
	defer open.close()
	n := parts(open)
	tables := make(chan *table, n)
	err = forEach(ctx, n, func(i int) error {
		var t *table
		select {
		case t = <-tables:
		default:
			t = &table{words: open.words}
		}
		t.truncate(0)
		defer func() { tables <- t }()
		read(open, i, t)
		if err := h.unreachable(); err != nil {
			return err
		}
		return t.visit(visit)
	})
	return h.orUnreachable(err)
}

// opened are the files of a span, all open.
type opened struct {
	history *History
	span    *span
	files   []*sampleFile
	words   *words
}

func (h *History) openAll(ctx context.Context, s *span) (*opened, error) {
	o := &opened{history: h, span: s, files: make([]*sampleFile, len(s.files)), words: newWords()}
	for i := range s.files {
		f, err := openSamples(ctx, h.store, s.files[i].path)
		if err != nil {
			o.close()
			return nil, h.changed(s.files[i].path, err)
		}
		f.forgetHeader()
		o.files[i] = f
	}
	return o, nil
}

// forgetHeader frees what hundreds of open files need not keep.
func (f *sampleFile) forgetHeader() {
	f.header = ""
	f.pq.Metadata().KeyValueMetadata = nil
}

func (o *opened) close() {
	for _, f := range o.files {
		if f != nil {
			_ = f.close() // was only read
		}
	}
}

// block is a stretch of from-cities, by name.
type block struct{ from, to string }

// blocks cuts the from-cities into stretches of about so many rows.
func (o *opened) blocks(rows int) []block {
	perCity := make(map[string]float64)
	for i, f := range o.files {
		if err := f.froms(func(city string, n float64) { perCity[city] += n * o.share(i) }); err != nil {
			o.history.problem(f.path, err)
		}
	}
	var blocks []block
	sum := 0.0
	for _, city := range slices.Sorted(maps.Keys(perCity)) {
		if len(blocks) == 0 || sum+perCity[city] > float64(rows) {
			blocks = append(blocks, block{from: city})
			sum = 0
		}
		sum += perCity[city]
		blocks[len(blocks)-1].to = city
	}
	return blocks
}

// share is how much of a file its span takes.
func (o *opened) share(i int) float64 {
	return float64(o.span.files[i].rows) / float64(max(1, o.files[i].pq.NumRows()))
}

// read appends what is wanted of all files. What is damaged is left out.
func (o *opened) read(q query, t *table) {
	q.words = o.words
	for i, f := range o.files {
		q.round = o.span.numberIn(&o.span.files[i])
		o.salvage(f, q, t)
	}
}

// visit hands a table's pairs over.
func (t *table) visit(visit func(*probe.Series) error) error {
	o := t.sorted()
	if o.rows != nil {
		t = t.inOrder(o)
	}
	texts := t.words.all()
	begin := 0
	for _, size := range o.sizes {
		end := begin + int(size)
		pair := probe.Pair{From: texts[t.cols[colFrom][begin]], To: texts[t.cols[colTo][begin]]}
		if err := visit(t.series(pair, begin, end)); err != nil {
			return err
		}
		begin = end
	}
	return nil
}

// inOrder is a sorted copy of a table.
func (t *table) inOrder(o order) *table {
	sorted := &table{n: t.n, words: t.words}
	for c, values := range t.cols {
		sorted.cols[c] = gather(values, o.rows, nil)
	}
	for i := range t.ends {
		sorted.rtts = append(sorted.rtts, t.rttsOf(int(o.rows[i]))...)
		sorted.ends = append(sorted.ends, int32(len(sorted.rtts)))
	}
	return sorted
}

// series is the rows begin..end, which are of one pair, in the order of rounds.
func (t *table) series(pair probe.Pair, begin, end int) *probe.Series {
	part := func(c column) []int32 { return t.cols[c][begin:end:end] }
	s := &probe.Series{
		Pair: pair, Round: part(colRound), Sent: part(colSent), Received: part(colReceived),
		State: make([]probe.State, end-begin), Address: part(colAddress),
	}
	for stat := range s.Stats {
		s.Stats[stat] = part(statColumn(probe.Stat(stat)))
	}
	for i, state := range part(colState) {
		s.State[i] = probe.State(state)
	}
	for i, cut := range part(colCut) {
		if cut != 0 {
			s.Sent[i], s.Received[i] = probe.Unknown, probe.Unknown
		}
	}
	t.addresses(s)
	for i := begin; i < end && len(t.ends) > 0; i++ {
		s.RTTs = append(s.RTTs, t.rttsOf(i))
	}
	return s
}

// addresses replaces words by indices into the series' own addresses.
func (t *table) addresses(s *probe.Series) {
	var met []int32
	texts := t.words.all()
	for i, word := range s.Address {
		if word == null {
			continue
		}
		at := slices.Index(met, word)
		if at < 0 {
			at = len(met)
			met = append(met, word)
			s.Addresses = append(s.Addresses, netip.MustParseAddr(texts[word])) // checked when it was read
		}
		s.Address[i] = int32(at)
	}
}

// Pair is the series of one ordered pair in a span, with every RTT; one of
// length 0 if it was never planned.
func (h *History) Pair(ctx context.Context, pair probe.Pair, from, to time.Time) (*probe.Series, error) {
	s, err := h.span(ctx, from, to)
	if err != nil {
		return nil, err
	}
	parts := make([]*table, len(s.files))
	words := newWords()
	err = forEach(ctx, len(s.files), func(i int) error {
		parts[i] = &table{words: words}
		return h.readPair(ctx, s, i, pair, parts[i])
	})
	if err := h.orUnreachable(err); err != nil {
		return nil, err
	}
	t := &table{words: words}
	for _, part := range parts {
		t.append(part)
	}
	series := &probe.Series{Pair: pair}
	err = t.visit(func(s *probe.Series) error {
		series = s
		return nil
	})
	return series, err
}

func (h *History) readPair(ctx context.Context, s *span, i int, pair probe.Pair, t *table) error {
	f, err := openSamples(ctx, h.store, s.files[i].path)
	if err != nil {
		return h.changed(s.files[i].path, err)
	}
	err = f.salvage(query{
		columns: append(slices.Clip(seriesColumns), colRTTs), from: pair.From, to: pair.From, only: pair.To,
		round: s.numberIn(&s.files[i]), words: t.words,
	}, t)
	if err != nil {
		h.problem(f.path, err)
	}
	return f.close()
}

// append adds the rows of another table with the same words.
func (t *table) append(u *table) {
	for c := range t.cols {
		t.cols[c] = append(t.cols[c], u.cols[c]...)
	}
	t.at = append(t.at, u.at...)
	base := int32(len(t.rtts))
	for _, end := range u.ends {
		t.ends = append(t.ends, base+end)
	}
	t.rtts = append(t.rtts, u.rtts...)
	t.n += u.n
}
