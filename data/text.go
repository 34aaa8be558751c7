package data

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// maxLine bounds a line: a table row of a thousand cities takes some 10 kB.
const maxLine = 1 << 20

// kinds are files that people take for text, by how they start.
var kinds = []struct{ start, problem, hint string }{
	{"\xff\xfe", "encoded as UTF-16", "save it as UTF-8"},
	{"\xfe\xff", "encoded as UTF-16", "save it as UTF-8"},
	{"PK\x03\x04", "a spreadsheet or a zip archive, not text", "save it as CSV (UTF-8), or unpack it"},
	{"\x1f\x8b", "compressed with gzip", "unpack it with gunzip"},
	{"PAR1", "a Parquet file, not text", "give a CSV file or a round.json"},
}

// openText looks at how a file starts: it refuses what is not text and steps
// over a UTF-8 byte order mark.
func openText(r io.Reader, file string) (*bufio.Reader, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	head, err := in.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	for _, kind := range kinds {
		if bytes.HasPrefix(head, []byte(kind.start)) {
			return nil, &FileError{File: file, Problem: kind.problem, Hint: kind.hint}
		}
	}
	if bytes.HasPrefix(head, []byte("\ufeff")) {
		_, err = in.Discard(len("\ufeff"))
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
	}
	return in, nil
}

// text hands out a file as UTF-8 lines that end in \n, whatever ended them in
// the file. It stops with a *FileError at a line that is no text.
type text struct {
	in      *bufio.Reader
	file    string
	line    int    // the last one read
	pending []byte // read, not handed out yet
}

// Read implements io.Reader.
func (t *text) Read(p []byte) (int, error) {
	if len(t.pending) == 0 {
		line, err := t.next()
		if err != nil {
			return 0, err
		}
		t.pending = line
	}
	n := copy(p, t.pending)
	t.pending = t.pending[n:]
	return n, nil
}

// next reads and checks one line. It returns io.EOF after the last.
func (t *text) next() ([]byte, error) {
	line, err := t.cut()
	if err != nil {
		return nil, err
	}
	t.line++
	problem, hint := "", ""
	switch {
	case len(line) > maxLine:
		problem, hint = fmt.Sprintf("longer than %d bytes", maxLine), "a line is one row; check that the file is what it should be"
	case bytes.IndexByte(line, 0) >= 0:
		problem, hint = "a NUL byte, so this is not plain text", "save it as CSV in UTF-8"
	case !utf8.Valid(line):
		problem, hint = "not UTF-8 (an accent saved as Latin-1 looks like this)", "save the file as UTF-8"
	default:
		return line, nil
	}
	return nil, &FileError{File: t.file, Line: t.line, Problem: problem, Hint: hint}
}

// cut takes the bytes up to the next \n, \r\n or \r, and a little more than
// maxLine at most.
func (t *text) cut() ([]byte, error) {
	var line []byte
	for len(line) <= maxLine {
		b, err := t.in.ReadByte()
		switch {
		case errors.Is(err, io.EOF) && len(line) > 0:
			return append(line, '\n'), nil
		case errors.Is(err, io.EOF):
			return nil, io.EOF
		case err != nil:
			return nil, fmt.Errorf("read %s: %w", t.file, err)
		case b == '\r':
			if after, err := t.in.Peek(1); err == nil && after[0] == '\n' {
				continue
			}
			return append(line, '\n'), nil
		case b == '\n':
			return append(line, '\n'), nil
		}
		line = append(line, b)
	}
	return line, nil
}

// heading finds the first line that says something and leaves it to be read. Lines
// before it that are blank or start with # become blank: the CSV reader skips
// them and still counts right.
func (t *text) heading() ([]byte, error) {
	var skipped []byte
	for {
		line, err := t.next()
		if err != nil {
			return nil, err
		}
		if trimmed := bytes.TrimSpace(line); len(trimmed) > 0 && trimmed[0] != '#' {
			t.pending = append(skipped, line...)
			return line, nil
		}
		skipped = append(skipped, '\n')
	}
}
