package foreign

import (
	"bufio"
	"cmp"
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// spool sorts records by their key, in the order of their arrival where keys
// are equal. What does not fit into its memory goes to a temporary file, in
// sorted runs that are merged at the end.
type spool struct {
	folder string // of the temporary file; "": the system's
	limit  int    // bytes in memory
	buffer []byte
	at     []place
	file   *os.File
	out    *bufio.Writer
	size   int64
	runs   []int64 // where each ends in the file
}

// place is where a record is in the buffer.
type place struct {
	key      int64
	from, to int
}

// placeSize is what a place takes of the memory.
const placeSize = 24

func (s *spool) add(r record) error {
	from := len(s.buffer)
	s.buffer = r.append(s.buffer)
	s.at = append(s.at, place{r.key, from, len(s.buffer)})
	if len(s.buffer)+placeSize*len(s.at) < s.limit {
		return nil
	}
	if err := s.spill(); err != nil {
		return fmt.Errorf("temporary file: %w", err)
	}
	return nil
}

func (s *spool) sort() {
	slices.SortStableFunc(s.at, func(a, b place) int { return cmp.Compare(a.key, b.key) })
}

// spill writes what is in memory as a sorted run.
func (s *spool) spill() error {
	if s.file == nil {
		if err := s.open(); err != nil {
			return err
		}
	}
	s.sort()
	var head []byte
	for _, p := range s.at {
		head = binary.AppendVarint(head[:0], p.key)
		head = binary.AppendUvarint(head, uint64(p.to-p.from))
		s.size += int64(len(head) + p.to - p.from)
		if _, err := s.out.Write(head); err != nil {
			return err
		}
		if _, err := s.out.Write(s.buffer[p.from:p.to]); err != nil {
			return err
		}
	}
	s.runs = append(s.runs, s.size)
	s.buffer, s.at = s.buffer[:0], s.at[:0]
	return s.out.Flush()
}

// open makes the file. Where the system lets it, it has no name from the start,
// so that nothing is left behind however the program ends.
func (s *spool) open() error {
	f, err := os.CreateTemp(s.folder, "matrix-import-*")
	if err != nil {
		return err
	}
	s.file, s.out = f, bufio.NewWriterSize(f, 1<<20)
	_ = os.Remove(f.Name()) // Windows refuses; close removes it there
	return nil
}

func (s *spool) close() error {
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	if gone := os.Remove(s.file.Name()); gone != nil && !errors.Is(gone, os.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	s.file = nil
	return err
}

// each hands out every record in order.
func (s *spool) each(visit func(record) error) error {
	if s.file == nil {
		s.sort()
		for _, p := range s.at {
			if err := s.hand(p.key, s.buffer[p.from:p.to], visit); err != nil {
				return err
			}
		}
		return nil
	}
	if len(s.at) > 0 {
		if err := s.spill(); err != nil {
			return fmt.Errorf("temporary file: %w", err)
		}
	}
	s.buffer, s.at = nil, nil
	return s.merge(visit)
}

func (s *spool) hand(key int64, body []byte, visit func(record) error) error {
	r, err := decode(key, body)
	if err != nil {
		return err
	}
	return visit(r)
}

func (s *spool) merge(visit func(record) error) error {
	var heads runHeap
	start := int64(0)
	// Together the runs are read with as much memory as they were written with.
	size := min(max(s.limit/len(s.runs), 4<<10), 256<<10)
	for i, end := range s.runs {
		r := &run{in: bufio.NewReaderSize(io.NewSectionReader(s.file, start, end-start), size), number: i}
		start = end
		if err := r.next(); err != nil {
			return fmt.Errorf("temporary file: %w", err)
		}
		heads = append(heads, r)
	}
	heap.Init(&heads)
	for len(heads) > 0 {
		r := heads[0]
		if err := s.hand(r.key, r.body, visit); err != nil {
			return err
		}
		switch err := r.next(); {
		case errors.Is(err, io.EOF):
			heap.Pop(&heads)
		case err != nil:
			return fmt.Errorf("temporary file: %w", err)
		default:
			heap.Fix(&heads, 0)
		}
	}
	return nil
}

// run is a sorted run of the file, at its first record not handed out yet.
type run struct {
	in     *bufio.Reader
	number int
	key    int64
	body   []byte
}

func (r *run) next() (err error) {
	if r.key, err = binary.ReadVarint(r.in); err != nil {
		return err
	}
	n, err := binary.ReadUvarint(r.in)
	if err != nil {
		return err
	}
	r.body = slices.Grow(r.body[:0], int(n))[:n]
	_, err = io.ReadFull(r.in, r.body)
	return err
}

// runHeap has the run first whose record comes first.
type runHeap []*run

func (h runHeap) Len() int      { return len(h) }
func (h runHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h runHeap) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(h[i].key, h[j].key), cmp.Compare(h[i].number, h[j].number)) < 0
}
func (h *runHeap) Push(x any) { *h = append(*h, x.(*run)) }
func (h *runHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
