package foreign

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"path/filepath"
	"time"

	"matrix/data"
	"matrix/probe"
)

// reading is what a file says of one pair at one time.
type reading struct {
	from, to int       // positions in the inventory
	group    time.Time // the round that it is of, where the file says; else it is of its hour
	sample   probe.Sample
}

// source is one file while it is read. Its readers hand over readings with
// take, and what is wrong with bad.
type source struct {
	*Import
	ctx    context.Context
	name   string // as messages call it
	number int    // of the file, from 0
	from   int    // who measured, where the format does not say; -1: not known
	at     time.Time
	hint   string // what to do where there is no time
	line   int    // of the reading or mistake at hand

	whole bool           // the file is one round, whatever the times in it
	seen  map[[2]int]int // in a file that says no times: the line of each pair
}

// maxReason bounds the reason of a sample.
const maxReason = 1000

// bad reports a line that is not used.
func (s *source) bad(e data.FileError) {
	e.File = s.name
	if e.Line == 0 {
		e.Line = s.line
	}
	s.tally.Bad++
	if s.Bad != nil {
		s.Bad(&e)
	}
}

// wrong reports a field of a line.
func (s *source) wrong(column int, field, value, problem, hint string) {
	s.bad(data.FileError{Column: column, Field: field, Value: value, Problem: problem, Hint: hint})
}

// city finds the city that a field names, and reports one that there is not.
func (s *source) city(column int, field, text string) (int, bool) {
	i, ok := s.lookup.City(text)
	if !ok {
		problem, hint := s.lookup.Unknown(text)
		s.wrong(column, field, text, problem, hint)
	}
	return i, ok
}

// target finds the pinged city by what a program prints of it: a name, an
// address, or both.
func (s *source) target(names ...string) (int, bool) {
	for _, name := range names {
		if i, ok := s.lookup.City(name); ok && name != "" {
			return i, true
		}
	}
	return s.city(1, "target", names[0])
}

// take keeps a reading, if it can be true.
func (s *source) take(r reading) error {
	r.sample.Pair = probe.Pair{From: s.Inventory.Cities[r.from].Name, To: s.Inventory.Cities[r.to].Name}
	if s.otherFamily(r.sample.Address) {
		s.tally.Skipped++
		return nil
	}
	if !s.dated(&r) {
		return nil
	}
	if err := data.CheckSample(&r.sample); err != nil {
		s.bad(data.FileError{Problem: fmt.Sprintf("%v: %v", r.sample.Pair, err), Hint: "it is left out"})
		return s.leftOut(r, err.Error())
	}
	s.tally.Readings++
	return s.spool.add(record{key: s.key(r), file: s.number, reading: r})
}

// leftOut lets the round of a fleet's list say why a pair has no figures.
func (s *source) leftOut(r reading, why string) error {
	if !s.files[s.number].product || r.sample.At.IsZero() {
		return nil
	}
	none := probe.Sample{At: r.sample.At, Reason: probe.Clean(why, maxReason) + " in " + s.files[s.number].name}
	return s.spool.add(record{key: s.key(r), file: s.number, reading: reading{from: r.from, to: r.to, sample: none}})
}

// dated gives a reading its time. Where the file has none, each of its pairs is
// there once at most: two would be of two times.
func (s *source) dated(r *reading) bool {
	if !r.sample.At.IsZero() || s.whole || !r.group.IsZero() {
		return true
	}
	if s.at.IsZero() {
		s.bad(data.FileError{Problem: "it does not say when it was measured", Hint: s.hint})
		return false
	}
	pair := [2]int{r.from, r.to}
	if line, twice := s.seen[pair]; twice {
		s.bad(data.FileError{Problem: fmt.Sprintf("%v is on line %d already, and the file does not say when either was measured", r.sample.Pair, line),
			Hint: "give each run in a file of its own, or let the program print its times"})
		return false
	}
	s.seen[pair] = s.line
	r.sample.At = s.at
	return true
}

// key is what the readings of a round have in common, in the order of time.
func (s *source) key(r reading) int64 {
	switch {
	case !r.group.IsZero():
		return r.group.UnixNano()
	case s.whole:
		return wholeFile + int64(s.number)
	}
	return r.sample.At.Truncate(s.Every).UnixNano()
}

func (s *source) otherFamily(a netip.Addr) bool {
	return a.IsValid() && (s.Family == 4 && !a.Unmap().Is4() || s.Family == 6 && a.Unmap().Is4())
}

// eachLine hands every line to a reader of lines.
func (s *source) eachLine(in *lines, read func(line []byte) error) error {
	for {
		line, err := in.next()
		s.line = in.n
		var mistake *data.FileError
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.As(err, &mistake):
			s.bad(*mistake)
			continue
		case err != nil:
			return fmt.Errorf("read %s: %w", s.name, err)
		}
		if in.n%1024 == 0 && s.ctx.Err() != nil {
			return context.Cause(s.ctx)
		}
		if err := read(line); err != nil {
			return err
		}
	}
}

// short is the file without its folders, which are nobody's business on a page.
func short(name string) string { return probe.Clean(filepath.Base(name), 100) }
