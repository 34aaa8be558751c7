package history

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"matrix/probe"
)

// Saved is a round that is in the history.
type Saved struct {
	ID   string // the second of its start, and a checksum of all that it says
	Path string // of its file
}

// errNoTime is about a round from a file without times.
var errNoTime = errors.New("the round does not say when it began, so it has no place in a history")

// Save adds a round. When it returns without an error the round is on the disk,
// or in its store, whole; otherwise nothing of it is. The same round saved again
// stays one round. A Waiting says that it is whole on this machine, and not in
// its store yet; it is saved then too.
//
// All that was measured is kept, in whole microseconds. Samples that have RTTs
// keep no imported statistics beside them.
func (h *History) Save(ctx context.Context, r *probe.Round) (Saved, error) {
	saved, err := h.save(ctx, r)
	if err != nil {
		return saved, fmt.Errorf("save the round: %w", err)
	}
	return saved, nil
}

func (h *History) save(ctx context.Context, r *probe.Round) (Saved, error) {
	if year := r.Start.UTC().Year(); r.Start.IsZero() || year < 1970 || year > 9999 {
		return Saved{}, errNoTime
	}
	p, err := prepare(r)
	if err != nil {
		return Saved{}, err
	}
	key, err := h.put(ctx, folderOf(samplesFolder, MonthOf(r.Start)), p.held.Round, p.write)
	if key == "" {
		return Saved{}, err
	}
	return Saved{ID: p.held.Round, Path: h.store.Where(key)}, err
}

// ID is the id that a round has, or would have, in any history: the same for
// the same round. Who saves many can ask IDs first, and spare the writing.
func ID(r *probe.Round) (string, error) {
	p, err := prepare(r)
	if err != nil {
		return "", fmt.Errorf("identify the round: %w", err)
	}
	return p.held.Round, nil
}

// prepared is a round as it is going to lie in its file.
type prepared struct {
	table  *table
	header string
	held   held
}

func prepare(r *probe.Round) (*prepared, error) {
	t, err := tableOf(r)
	if err != nil {
		return nil, err
	}
	header, err := headerOf(r)
	if err != nil {
		return nil, err
	}
	sums, counts := make([]check, 1), make([]int, 1)
	t.addChecks(sums, counts)
	sum := textSum(header)
	return &prepared{table: t, header: header, held: held{
		Round: newID(r.Start, mix(sum, uint64(sums[0]))), Start: r.Start.UTC().Truncate(time.Microsecond),
		Rows: t.n, States: states(r), Check: sums[0].String(), Header: fmt.Sprintf("%016x", sum),
	}}, nil
}

func (p *prepared) write(w io.Writer) error {
	out := newSampleWriter(w, []held{p.held}, roundPage)
	out.pq.SetKeyValueMetadata(headerKey, p.header)
	if err := out.write(p.table, p.table.byFrom()); err != nil {
		return err
	}
	return out.pq.Close()
}

func states(r *probe.Round) map[probe.State]int {
	all := make(map[probe.State]int)
	for i := range r.Samples {
		all[r.Samples[i].State]++
	}
	return all
}

// byFrom is the order of a round, whose pages end behind whole cities: a month
// is read city by city.
func (t *table) byFrom() order {
	var o order
	for i, from := range t.cols[colFrom] {
		if i == 0 || from != t.cols[colFrom][i-1] {
			o.sizes = append(o.sizes, 0)
		}
		o.sizes[len(o.sizes)-1]++
	}
	return o
}
