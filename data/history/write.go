package history

import (
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"

	"matrix/probe"
)

// A page is the least that can be read of a column. A round's are read a few
// cities at a time, a month's a few pairs at a time.
const (
	roundPage = 500
	monthPage = 4000
)

// sampleWriter writes a file of samples, a row group a call.
type sampleWriter struct {
	pq     *parquet.GenericWriter[sampleRow]
	page   int // rows
	values []parquet.Value
	ints   []int32
	longs  []int64
	starts []parquet.Value // of the rounds, by number
	ids    []parquet.Value
}

func newSampleWriter(w io.Writer, rounds []held, page int) *sampleWriter {
	options := append(writerOptions(), sampleSchema,
		// A page is written in one call, whatever its size, and ends where we say.
		parquet.PageBufferSize(16<<10), parquet.WriteBufferSize(1<<20),
		parquet.SortingWriterConfig(parquet.SortingColumns(parquet.Ascending("from"), parquet.Ascending("to"), parquet.Ascending("start"))),
		parquet.SkipPageBounds("rtts_us", "list", "element"), parquet.SkipPageBounds("reason"),
		parquet.KeyValueMetadata(roundsKey, contents{Rounds: rounds}.json()))
	s := &sampleWriter{pq: parquet.NewGenericWriter[sampleRow](w, options...), page: page}
	for _, r := range rounds {
		s.starts = append(s.starts, parquet.Int64Value(r.Start.UnixMicro()))
		s.ids = append(s.ids, parquet.ByteArrayValue([]byte(r.Round)))
	}
	return s
}

// write writes a table in an order as one row group.
func (s *sampleWriter) write(t *table, o order) error {
	cuts := s.cuts(o, t.n)
	texts := make([]parquet.Value, 0, len(t.words.all()))
	for _, text := range t.words.all() {
		texts = append(texts, parquet.ByteArrayValue([]byte(text)))
	}
	for c, w := range s.pq.ColumnWriters() {
		var err error
		switch c := column(c); c {
		case colRTTs:
			err = s.lists(w, t, o.rows, cuts)
		case colAt:
			s.longs = gather(t.at, o.rows, s.longs)
			err = s.pages(w, c, cuts, func(i int) (parquet.Value, bool) { return parquet.Int64Value(s.longs[i]), s.longs[i] != noTime })
		case colStart:
			err = s.numbers(w, c, t.cols[colRound], o.rows, cuts, func(v int32) parquet.Value { return s.starts[v] })
		case colRound:
			err = s.numbers(w, c, t.cols[colRound], o.rows, cuts, func(v int32) parquet.Value { return s.ids[v] })
		case colFrom, colTo, colReason, colAddress:
			err = s.numbers(w, c, t.cols[c], o.rows, cuts, func(v int32) parquet.Value { return texts[v] })
		case colState:
			err = s.numbers(w, c, t.cols[c], o.rows, cuts, stateValue)
		case colStamps:
			err = s.numbers(w, c, t.cols[c], o.rows, cuts, stampsValue)
		case colCut:
			err = s.numbers(w, c, t.cols[c], o.rows, cuts, func(v int32) parquet.Value { return parquet.BooleanValue(v != 0) })
		default:
			err = s.numbers(w, c, t.cols[c], o.rows, cuts, parquet.Int32Value)
		}
		if err != nil {
			return fmt.Errorf("column %v: %w", column(c), err)
		}
	}
	return s.pq.Flush()
}

func stateValue(v int32) parquet.Value {
	return parquet.ByteArrayValue([]byte(probe.State(v).String()))
}

func stampsValue(v int32) parquet.Value {
	return parquet.ByteArrayValue([]byte(probe.Stamps(v).String()))
}

// cuts are the rows before which pages end: behind whole pairs.
func (s *sampleWriter) cuts(o order, n int) []int {
	var cuts []int
	row, begun := 0, 0
	for _, size := range o.sizes {
		row += int(size)
		if row-begun >= s.page {
			cuts = append(cuts, row)
			begun = row
		}
	}
	if begun < n {
		cuts = append(cuts, n)
	}
	return cuts
}

// numbers writes a column of which each value stands for another.
func (s *sampleWriter) numbers(w *parquet.ColumnWriter, c column, values, order []int32, cuts []int, value func(int32) parquet.Value) error {
	ints := values
	if order != nil {
		s.ints = gather(values, order, s.ints)
		ints = s.ints
	}
	if nullable[c] {
		return s.pages(w, c, cuts, func(i int) (parquet.Value, bool) {
			if ints[i] == null {
				return parquet.Value{}, false
			}
			return value(ints[i]), true
		})
	}
	return s.pages(w, c, cuts, func(i int) (parquet.Value, bool) { return value(ints[i]), true })
}

// pages writes a column page by page.
func (s *sampleWriter) pages(w *parquet.ColumnWriter, c column, cuts []int, value func(i int) (parquet.Value, bool)) error {
	present := 0
	if nullable[c] {
		present = 1
	}
	i := 0
	for _, cut := range cuts {
		s.values = s.values[:0]
		for ; i < cut; i++ {
			if v, ok := value(i); ok {
				s.values = append(s.values, v.Level(0, present, int(c)))
			} else {
				s.values = append(s.values, parquet.Value{}.Level(0, 0, int(c)))
			}
		}
		if err := s.page1(w); err != nil {
			return err
		}
	}
	return nil
}

func (s *sampleWriter) page1(w *parquet.ColumnWriter) error {
	if _, err := w.WriteRowValues(s.values); err != nil {
		return err
	}
	return w.Flush()
}

// lists writes the RTTs.
func (s *sampleWriter) lists(w *parquet.ColumnWriter, t *table, order []int32, cuts []int) error {
	i := 0
	for _, cut := range cuts {
		s.values = s.values[:0]
		for ; i < cut; i++ {
			row := i
			if order != nil {
				row = int(order[i])
			}
			rtts := t.rttsOf(row)
			if len(rtts) == 0 {
				s.values = append(s.values, parquet.Value{}.Level(0, 0, int(colRTTs)))
			}
			for k, us := range rtts {
				s.values = append(s.values, parquet.Int32Value(us).Level(min(k, 1), 1, int(colRTTs)))
			}
		}
		if err := s.page1(w); err != nil {
			return err
		}
	}
	return nil
}
