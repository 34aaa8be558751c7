package history

import (
	"context"
	"time"

	"matrix/probe"
)

// Info is what the history says of a round without reading its samples.
type Info struct {
	ID        string
	File      string              // that it is in, within the history
	Compacted bool                // it is in the file of its month
	States    map[probe.State]int // planned pairs by how they ended
	Header    *probe.Round        // without samples
}

// Planned counts the pairs of its plan.
func (i *Info) Planned() int {
	n := 0
	for _, pairs := range i.States {
		n += pairs
	}
	return n
}

// List describes the rounds of a span, in the order of Rounds.
func (h *History) List(ctx context.Context, from, to time.Time) ([]Info, error) {
	headers, err := h.Rounds(ctx, from, to)
	if err != nil {
		return nil, err
	}
	s, err := h.span(ctx, from, to)
	if err != nil {
		return nil, err
	}
	all := make([]Info, len(headers))
	for i, r := range s.rounds {
		file := &s.files[r.source]
		all[i] = Info{ID: r.Round, File: file.path, Compacted: file.month, States: r.States, Header: headers[i]}
	}
	return all, nil
}
