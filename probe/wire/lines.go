package wire

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"matrix/probe"
)

// Protocol is the version of the protocol. Raise it with every change that an
// older side would misunderstand.
const Protocol = 1

// level counts what orders have learnt since: what an older far side would pass
// over in silence, and measure something else. It greets with its own, and is
// not asked for what is above it.
//
//	1: where packets leave from, and what traceroutes' headers say
//	2: what the clock shows
const (
	level        = 2
	levelSending = 1
	levelClock   = 2
)

const (
	greeting  = "matrix-probe"
	beatEvery = 2 * time.Second
	// maxLine holds the job of 10,000 targets, and bounds what a hostile far
	// side can make us remember.
	maxLine = 2 << 20
)

// hello introduces the far side.
type hello struct {
	Version  string `json:"version"`
	Platform string `json:"platform"`
	Level    int    `json:"level,omitempty"`
}

// done ends a job; Error says why it could not be run to the end.
type done struct {
	Error  string       `json:"error,omitempty"`
	Hint   string       `json:"hint,omitempty"`
	Health probe.Health `json:"health,omitzero"`
}

// echo is a probe.Echo on the wire: microseconds for a reply, counts for
// oddities, a word for any other outcome.
type echo struct {
	Target int            `json:"t"`
	Seq    int            `json:"s"`
	Micros int64          `json:"us,omitempty"`
	TTL    int            `json:"ttl,omitempty"`
	Stamps int            `json:"st,omitempty"` // probe.Stamps as a number: a word would be a third of the line
	Is     string         `json:"is,omitempty"`
	Why    string         `json:"why,omitempty"`
	Odd    probe.Oddities `json:"odd,omitzero"`
}

var outcomeWords = map[probe.Outcome]string{
	probe.TimedOut: "timed-out",
	probe.Refused:  "refused",
	probe.Unsent:   "unsent",
	probe.Odd:      "odd",
}

func encode(e probe.Echo) echo {
	on := echo{
		Target: e.Target, Seq: e.Seq, TTL: e.TTL, Stamps: int(e.Stamps),
		Is: outcomeWords[e.Outcome], Why: e.Reason, Odd: e.Odd,
	}
	if e.Outcome == probe.Replied {
		on.Micros = max(1, e.RTT.Round(time.Microsecond).Microseconds())
	}
	return on
}

func (e echo) decode() (probe.Echo, error) {
	out := probe.Echo{Target: e.Target, Seq: e.Seq, Reason: e.Why, TTL: e.TTL, Odd: e.Odd}
	if e.Stamps < 0 || e.Stamps > int(probe.KernelStamps) {
		return out, fmt.Errorf("an echo with time stamps of kind %d", e.Stamps)
	}
	out.Stamps = probe.Stamps(e.Stamps)
	if e.Is == "" {
		if e.Micros < 1 || e.Micros > time.Hour.Microseconds() {
			return out, fmt.Errorf("an echo with neither a round-trip time nor an outcome")
		}
		out.Outcome, out.RTT = probe.Replied, time.Duration(e.Micros)*time.Microsecond
		return out, nil
	}
	for outcome, word := range outcomeWords {
		if word == e.Is {
			out.Outcome = outcome
			return out, nil
		}
	}
	return out, fmt.Errorf("an echo with the unknown outcome %q", probe.Clean(e.Is, 40))
}

// errTooLong is what a line beyond maxLine ends with.
var errTooLong = errors.New("a line of over 2 MiB")

// readLine reads one line without its end. A last line without one is dropped:
// it was cut.
func readLine(r *bufio.Reader) (string, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > maxLine:
			return "", errTooLong
		case err == nil:
			return strings.TrimRight(string(line), "\r\n"), nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return "", err
		}
	}
}

// lineWriter writes whole lines from several goroutines.
type lineWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lineWriter) line(word string, value any) error {
	text := []byte(word)
	if value != nil {
		body, err := json.Marshal(value)
		if err != nil {
			return err
		}
		text = append(append(text, ' '), body...)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err := l.w.Write(append(text, '\n'))
	return err
}
