package bus

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
)

// Headers of a message. Its body is a line of probe/wire, or nothing.
const (
	headerDo      = "Matrix-Do"      // to an agent: open, line or close
	headerRun     = "Matrix-Run"     // what the conversation belongs to
	headerSession = "Matrix-Session" // one conversation of it, from 1
	headerLine    = "Matrix-Line"    // number of the line in it, from 1
	headerKeep    = "Matrix-Keep"    // with open: what it says is to be kept
	headerRefused = "Matrix-Refused" // in an answer: why not
	headerSaid    = "Matrix-Said"    // when the line was said, by the agent's clock
	headerClock   = "Matrix-Clock"   // what that clock showed when the message was sent
	headerTakes   = "Matrix-Takes"   // in an answer: how lines may be packed
	headerPacked  = "Matrix-Packed"  // how the line is packed; none: it is not
)

const (
	doOpen  = "open"
	doLine  = "line"
	doClose = "close"
)

// place is where a line stands.
type place struct {
	run     string
	session int
	line    int
}

func (p place) String() string { return fmt.Sprintf("%s/%d/%d", p.run, p.session, p.line) }

func (p place) mark(m *nats.Msg) {
	m.Header.Set(headerRun, p.run)
	m.Header.Set(headerSession, strconv.Itoa(p.session))
	m.Header.Set(headerLine, strconv.Itoa(p.line))
}

// placeOf reads a message's place; what is not one gives an error.
func placeOf(h nats.Header) (p place, err error) {
	p.run = h.Get(headerRun)
	if err := checkName(p.run); err != nil {
		return p, err
	}
	if p.session, err = strconv.Atoi(h.Get(headerSession)); err != nil || p.session < 1 {
		return p, fmt.Errorf("session %q is not a number", h.Get(headerSession))
	}
	if p.line, err = strconv.Atoi(h.Get(headerLine)); err != nil || p.line < 0 {
		return p, fmt.Errorf("line %q is not a number", h.Get(headerLine))
	}
	return p, nil
}

// endOfAll is the number of a line after which none comes, by whom does not know
// how many came before.
const endOfAll = 1 << 30

// word is the first word of a line.
func word(line []byte) string {
	first, _, _ := bytes.Cut(bytes.TrimRight(line, "\r\n"), []byte{' '})
	return string(first)
}

// The words of probe/wire that mean something on the way.
const (
	wordJob   = "job"
	wordTrace = "trace"
	wordBeat  = "beat"
	wordClock = "clock"
	wordDone  = "done"
)
