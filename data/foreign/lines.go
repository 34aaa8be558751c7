package foreign

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"matrix/data"
)

// maxLine bounds a line: fping prints some seven bytes an echo, ten thousand of
// them at most.
const maxLine = 256 << 10

// lines hands out a text line by line, without its end. It allocates only for
// lines longer than its buffer.
type lines struct {
	in   *bufio.Reader
	n    int // the number of the last one, from 1
	long []byte
}

// next is the next line, valid until the next call, or io.EOF. A line that is
// no text is a *data.FileError, after which reading can go on.
func (l *lines) next() ([]byte, error) {
	line, err := l.cut()
	if err != nil {
		return nil, err
	}
	problem, hint := "", ""
	switch {
	case len(line) > maxLine:
		problem, hint = fmt.Sprintf("longer than %d bytes", maxLine), "check that the file is what it should be"
	case bytes.IndexByte(line, 0) >= 0:
		problem, hint = "a NUL byte, so this is not plain text", "write it again"
	case !utf8.Valid(line):
		problem, hint = "not UTF-8", "save the file as UTF-8"
	default:
		return bytes.TrimSuffix(line, []byte("\r")), nil
	}
	return nil, &data.FileError{Line: l.n, Problem: problem, Hint: hint}
}

// cut reads to the end of the line, and keeps no more of it than a little over
// maxLine.
func (l *lines) cut() ([]byte, error) {
	l.long = l.long[:0]
	for {
		part, err := l.in.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			if len(l.long) <= maxLine {
				l.long = append(l.long, part...)
			}
			continue
		case errors.Is(err, io.EOF) && len(part)+len(l.long) == 0:
			return nil, io.EOF
		case err != nil && !errors.Is(err, io.EOF):
			return nil, err
		}
		l.n++
		part = bytes.TrimSuffix(part, []byte("\n"))
		if len(l.long) > 0 {
			l.long = append(l.long, part...)
			return l.long, nil
		}
		return part, nil
	}
}
