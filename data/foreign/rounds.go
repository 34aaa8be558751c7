package foreign

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"matrix/data"
	"matrix/probe"
)

// roundStart is how a round.json begins, and nothing else in one does.
var roundStart = []byte(`{"format":"matrix-round"`)

// readRounds reads our own rounds, one after the other. One that cannot be read
// costs only itself.
func readRounds(s *source, in *bufio.Reader, visit func(*probe.Round) error) error {
	one := &oneRound{in: in}
	for one.begin() {
		if s.ctx.Err() != nil {
			return context.Cause(s.ctx)
		}
		before := one.lines
		r, err := readRound(s, one)
		if skipped := one.rest(); skipped != nil {
			return fmt.Errorf("read %s: %w", s.name, skipped)
		}
		var mistake *data.FileError
		switch {
		case errors.As(err, &mistake):
			mistake.Line += before
			mistake.Hint = "this round is left out"
			s.bad(*mistake)
		case err != nil:
			return err
		default:
			if err := visit(r); err != nil {
				return err
			}
		}
	}
	return nil
}

func readRound(s *source, one *oneRound) (*probe.Round, error) {
	if head, _ := one.in.Peek(len(roundStart)); !bytes.Equal(head, roundStart) {
		one.scan.depth = -1 << 30 // whatever brackets there are, they close no round
		return nil, &data.FileError{Line: 1, Problem: "not the beginning of a round.json"}
	}
	r, err := data.ReadRound(one, s.name, nil)
	if err != nil {
		return nil, err
	}
	if r.Start.IsZero() {
		if s.at.IsZero() {
			return nil, &data.FileError{Line: 1, Problem: "a round that does not say when it began; " + s.hint}
		}
		r.Start, r.End = s.at, s.at
	}
	return r, nil
}

// oneRound reads up to the end of a round, or the line at which the next one
// begins.
type oneRound struct {
	in     *bufio.Reader
	lines  int // breaks, read so far
	inside bool
	fresh  bool // at the beginning of a line
	over   bool // the last bracket is closed
	scan   scanner
}

// begin says whether there is another round.
func (o *oneRound) begin() bool {
	o.inside, o.fresh, o.over, o.scan = false, true, false, scanner{}
	for {
		head, err := o.in.Peek(1)
		if err != nil {
			return !errors.Is(err, io.EOF)
		}
		switch head[0] {
		case '\n':
			o.lines++
			fallthrough
		case ' ', '\t', '\r':
			_, _ = o.in.Discard(1)
		default:
			return true
		}
	}
}

// Read implements io.Reader.
func (o *oneRound) Read(p []byte) (int, error) {
	if o.over || o.next() {
		return 0, io.EOF
	}
	if _, err := o.in.Peek(1); err != nil {
		return 0, err
	}
	head, _ := o.in.Peek(min(len(p), o.in.Buffered()))
	n := 0
	o.fresh = false
	for n < len(head) && !o.fresh && !o.over {
		o.over, _ = o.scan.step(head[n])
		o.fresh = head[n] == '\n'
		n++
	}
	if o.fresh {
		o.lines++
	}
	copy(p, head[:n])
	o.inside = true
	return o.in.Discard(n)
}

// next says whether the next round begins here.
func (o *oneRound) next() bool {
	if !o.fresh || !o.inside {
		return false
	}
	head, _ := o.in.Peek(len(roundStart))
	return bytes.Equal(head, roundStart)
}

// rest skips what is left of the round, or what is none.
func (o *oneRound) rest() error {
	if o.over {
		return nil
	}
	_, err := io.Copy(io.Discard, o)
	return err
}
