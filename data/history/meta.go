package history

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"matrix/data"
	"matrix/probe"
)

// Keys of a file's metadata.
const (
	roundsKey = "matrix.rounds" // which rounds a file of samples holds: contents
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
	Round  string `json:"round"`            // its id
	Rows   int    `json:"rows"`             // samples, self pings among them
	Check  string `json:"check"`            // of its rows
	Header string `json:"header,omitempty"` // checksum of the header in the same file
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
		if _, err := startOf(r.Round); err != nil {
			return c, err
		}
		if r.Rows < 0 || seen[r.Round] {
			return c, fmt.Errorf("it holds %s twice, or less than nothing of it", r.Round)
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
