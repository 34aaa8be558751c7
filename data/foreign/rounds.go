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

// oneRound reads up to the line at which the next round begins.
type oneRound struct {
	in     *bufio.Reader
	lines  int // breaks, read so far
	inside bool
	ended  bool // at the beginning of a line, after at least one
	failed error
}

// begin says whether there is another round.
func (o *oneRound) begin() bool {
	o.ended, o.inside = false, false
	for {
		head, err := o.in.Peek(1)
		if err != nil {
			return false
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
	if o.ended && o.inside {
		if head, _ := o.in.Peek(len(roundStart)); bytes.Equal(head, roundStart) {
			return 0, io.EOF
		}
	}
	head, err := o.in.Peek(1)
	if err != nil {
		if !errors.Is(err, io.EOF) {
			o.failed = err
		}
		return 0, err
	}
	head, _ = o.in.Peek(max(1, min(len(p), o.in.Buffered())))
	n := len(head)
	o.ended = false
	if i := bytes.IndexByte(head, '\n'); i >= 0 && i < len(p) {
		n, o.ended = i+1, true
		o.lines++
	}
	n = copy(p, head[:min(n, len(p))])
	_, err = o.in.Discard(n)
	o.inside = true
	return n, err
}

// rest skips what is left of the round.
func (o *oneRound) rest() error {
	if _, err := io.Copy(io.Discard, o); err != nil {
		return err
	}
	return nil
}
