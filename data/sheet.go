package data

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strings"
)

// sheet is a CSV file with a header line, read row by row. Mistakes of form go
// to its mistakes; the rows after them are still read.
type sheet struct {
	*mistakes
	header []string
	line   int // of the header
	csv    *csv.Reader
	failed error // the file could not be read on
}

// row is a line of a sheet that has at least one cell with something in it.
type row struct {
	cells []string
	line  int
}

// openSheet reads the header line. The separator is whichever of comma,
// semicolon and tab that line has most of.
func openSheet(in *bufio.Reader, file string) (*sheet, error) {
	s := &sheet{mistakes: &mistakes{file: file}}
	t := &text{in: in, file: file}
	first, err := t.heading()
	if errors.Is(err, io.EOF) {
		return nil, &FileError{File: file, Problem: "the file is empty", Hint: "its first line has to name the columns"}
	}
	if err != nil {
		return nil, err
	}
	s.csv = csv.NewReader(t)
	s.csv.Comma = separator(first)
	s.csv.FieldsPerRecord = -1
	header, ok := s.next()
	if !ok {
		if err := s.err(); err != nil {
			return nil, err
		}
		return nil, &FileError{File: file, Problem: "the first line names no column", Hint: "name the columns there"}
	}
	s.header, s.line = header.cells, header.line
	return s, nil
}

func separator(header []byte) rune {
	best, most := ',', 0
	for _, candidate := range ",;\t" {
		if n := bytes.Count(header, []byte(string(candidate))); n > most {
			best, most = candidate, n
		}
	}
	return best
}

// next is the next row, without the space around its cells. It skips rows in
// which every cell is blank: spreadsheets leave such rows behind.
func (s *sheet) next() (row, bool) {
	for s.failed == nil {
		cells, err := s.csv.Read()
		if err != nil {
			s.refuse(err)
			continue
		}
		line, _ := s.csv.FieldPos(0)
		filled := false
		for i, cell := range cells {
			cells[i] = strings.TrimSpace(cell)
			filled = filled || cells[i] != ""
		}
		if filled {
			return row{cells, line}, true
		}
	}
	return row{}, false
}

// refuse records why a row could not be read. Only a mistake of CSV syntax
// leaves the rest of the file readable.
func (s *sheet) refuse(err error) {
	var syntax *csv.ParseError
	var file *FileError
	switch {
	case errors.As(err, &syntax):
		problem, hint := "a quotation mark inside a text that does not start with one",
			"put the whole text in quotation marks and double those inside it"
		if errors.Is(syntax.Err, csv.ErrQuote) {
			problem, hint = "a text in quotation marks that is not closed, or goes on after its end",
				"close it, and double every quotation mark inside it"
		}
		s.add(FileError{Line: syntax.StartLine, Problem: problem, Hint: hint})
	case errors.As(err, &file):
		s.add(*file)
		s.failed = err
	default:
		s.failed = err
	}
}

// err is what kept the file from being read, or its mistakes, or nil.
func (s *sheet) err() error {
	var file *FileError
	if s.failed == nil || errors.Is(s.failed, io.EOF) || errors.As(s.failed, &file) {
		return s.mistakes.err()
	}
	return s.failed
}

// at starts a mistake about cell i of a row.
func (s *sheet) at(r row, i int) FileError {
	e := FileError{Line: r.line, Column: i + 1}
	if i < len(s.header) {
		e.Field = s.header[i]
	}
	if i < len(r.cells) {
		e.Value = r.cells[i]
	}
	return e
}

// bad adds a mistake about cell i of a row.
func (s *sheet) bad(r row, i int, problem, hint string) {
	e := s.at(r, i)
	e.Problem, e.Hint = problem, hint
	s.add(e)
}
