package site

import (
	"errors"
	"fmt"
	"os"

	"matrix/report/chart"
)

// shelf keeps the graphs of pairs in a file until their pages are written: a page
// needs both directions, which a history hands over far apart, and those of a
// large fleet do not fit into memory.
type shelf struct {
	file  *os.File
	end   int64
	at    map[[2]string]place
	spare []byte
}

// place is where a graph is in the file.
type place struct{ from, length int64 }

// newShelf makes one in a folder.
func newShelf(dir string) (*shelf, error) {
	file, err := os.CreateTemp(dir, ".graphs-*")
	if err != nil {
		return nil, err
	}
	return &shelf{file: file, at: map[[2]string]place{}}, nil
}

// put adds the graph of a direction. It is not to be called from several
// goroutines at once.
func (s *shelf) put(from, to string, g *chart.Smoke) (err error) {
	if s.spare, err = g.AppendBinary(s.spare[:0]); err != nil {
		return err
	}
	if _, err := s.file.WriteAt(s.spare, s.end); err != nil {
		return err
	}
	s.at[[2]string{from, to}] = place{s.end, int64(len(s.spare))}
	s.end += int64(len(s.spare))
	return nil
}

// get is the graph of a direction; nil if there is none.
func (s *shelf) get(from, to string) (*chart.Smoke, error) {
	where, there := s.at[[2]string{from, to}]
	if !there {
		return nil, nil
	}
	packed := make([]byte, where.length)
	if _, err := s.file.ReadAt(packed, where.from); err != nil {
		return nil, fmt.Errorf("read the graph of %s and %s: %w", from, to, err)
	}
	g := new(chart.Smoke)
	return g, g.UnmarshalBinary(packed)
}

// remove takes the file away.
func (s *shelf) remove() error {
	return errors.Join(s.file.Close(), os.Remove(s.file.Name()))
}
