package history

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"matrix/data"
	"matrix/probe"
)

// Keys of a file's metadata.
const (
	roundsKey = "matrix.rounds" // which rounds a file of samples holds: contents
	looksKey  = "matrix.looks"  // in a file of traces: the round's header with its looks
	headerKey = "matrix.round"  // the header of a round in its own file: a round.json without samples
)

const (
	format        = "matrix-history"
	formatVersion = 1
)

// contents say which rounds a file of samples holds, and how much of them.
type contents struct {
	Format  string `json:"format"`
	Version int    `json:"format_version"`
	Rounds  []held `json:"rounds"`
}

// held is one round of a file of samples.
type held struct {
	Round  string              `json:"round"`            // its id
	Start  time.Time           `json:"start"`            // in whole microseconds
	Rows   int                 `json:"rows"`             // samples, self pings among them
	States map[probe.State]int `json:"states"`           // planned pairs by how they ended
	Check  string              `json:"check"`            // of its rows
	Header string              `json:"header,omitempty"` // checksum of the header in the same file
}

// check refuses what cannot be true of a round.
func (r *held) check() error {
	start, err := startOf(r.Round)
	if err != nil {
		return err
	}
	if !r.Start.Truncate(time.Second).Equal(start) || r.Start.Nanosecond()%1000 != 0 {
		return fmt.Errorf("it says that round %s began at %v", r.Round, r.Start)
	}
	pairs := 0
	for _, n := range r.States {
		if n < 0 {
			return fmt.Errorf("it has less than no pairs of round %s", r.Round)
		}
		pairs += n
	}
	if pairs > r.Rows {
		return fmt.Errorf("it has %d pairs of round %s, and %d samples", pairs, r.Round, r.Rows)
	}
	return nil
}

func (c check) String() string { return fmt.Sprintf("%016x", uint64(c)) }

func (c contents) json() string {
	c.Format, c.Version = format, formatVersion
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // only strings and numbers
	}
	return string(text)
}

func readContents(text string) (contents, error) {
	var c contents
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return c, fmt.Errorf("what it holds is unreadable: %w", err)
	}
	if c.Format != format || c.Version != formatVersion {
		return c, fmt.Errorf("it is of %s version %d, and this program reads %s version %d",
			probe.Clean(c.Format, 40), c.Version, format, formatVersion)
	}
	seen := make(map[string]bool, len(c.Rounds))
	for _, r := range c.Rounds {
		if err := r.check(); err != nil {
			return c, err
		}
		if seen[r.Round] {
			return c, fmt.Errorf("it holds %s twice", r.Round)
		}
		seen[r.Round] = true
	}
	return c, nil
}

// headerOf is a round without its samples, as text.
func headerOf(r *probe.Round) (string, error) {
	header := *r
	header.Samples, header.Self = nil, nil
	var text strings.Builder
	if err := data.WriteRound(&text, &header); err != nil {
		return "", err
	}
	return text.String(), nil
}

func readHeader(text, file string) (*probe.Round, error) {
	return data.ReadRound(bytes.NewReader([]byte(text)), file, nil)
}
