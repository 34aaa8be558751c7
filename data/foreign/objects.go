package foreign

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// Bounds of one JSON object of a stream. A traceroute of 64 hops takes 30 kB.
const (
	maxObject = 256 << 10
	maxDepth  = 16
)

// objects takes a stream of JSON objects apart, be it a list or an object a
// line. What is no object is skipped to the end of its line and told; so an
// object that is cut off costs only its own line.
type objects struct {
	in   *bufio.Reader // holds maxObject
	line int           // of the object, from 1
	next int           // line at which reading goes on
}

func newObjects(in io.Reader) *objects {
	return &objects{in: bufio.NewReaderSize(in, maxObject), next: 1}
}

// errGarbage is text that is no object.
var errGarbage = errors.New("not a JSON object, or one that is cut off")

// read returns the next object, valid until the next call; errGarbage, after
// which reading can go on; io.EOF; or why it could not read.
func (o *objects) read() ([]byte, error) {
	if err := o.space(); err != nil {
		return nil, err
	}
	o.line = o.next
	size, err := o.size()
	if errors.Is(err, errGarbage) {
		return nil, errors.Join(o.skipLine(), errGarbage)
	}
	if err != nil {
		return nil, err
	}
	text, _ := o.in.Peek(size) // size has seen it all
	o.next += bytes.Count(text, []byte("\n"))
	_, err = o.in.Discard(size)
	return text, err
}

// space skips what stands between objects.
func (o *objects) space() error {
	for {
		c, err := o.in.ReadByte()
		switch {
		case err != nil:
			return err
		case c == '\n':
			o.next++
		case c == ' ' || c == '\t' || c == '\r' || c == ',' || c == '[' || c == ']':
		default:
			return o.in.UnreadByte()
		}
	}
}

func (o *objects) skipLine() error {
	for {
		c, err := o.in.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case c == '\n':
			o.next++
			return nil
		}
	}
}

// size is how long the object is that begins here.
func (o *objects) size() (int, error) {
	var scan scanner
	seen := 0
	for {
		// What is in the buffer first, so that a stream is not waited for.
		text, err := o.in.Peek(min(max(seen+1, o.in.Buffered()), maxObject))
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		for seen < len(text) {
			end, ok := scan.step(text[seen])
			seen++
			if !ok {
				return 0, errGarbage
			}
			if end {
				return seen, nil
			}
		}
		if err != nil || seen == maxObject {
			return 0, errGarbage
		}
	}
}

// scanner follows the brackets of JSON, and its strings.
type scanner struct {
	depth           int
	inText, escaped bool
}

// step says whether the object ends with this byte, and whether there can be
// one.
func (s *scanner) step(c byte) (end, ok bool) {
	switch {
	case s.inText && c < ' ':
		return false, false
	case s.escaped:
		s.escaped = false
	case s.inText && c == '\\':
		s.escaped = true
	case c == '"':
		s.inText = !s.inText
	case s.inText:
	case c == '{' || c == '[':
		s.depth++
	case c == '}' || c == ']':
		s.depth--
	}
	return s.depth == 0, (s.depth > 0 || c == '}') && s.depth <= maxDepth
}
