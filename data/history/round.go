package history

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"matrix/probe"
)

// ErrEmpty says that there is no round.
var ErrEmpty = errors.New("there is no round in the history")

// ErrDamaged says that a round cannot be read any more. Its file is among the
// Problems.
var ErrDamaged = errors.New("the round is damaged")

// Last is the round that began last of those that can be read; ErrEmpty if
// there is none.
func (h *History) Last(ctx context.Context) (*probe.Round, error) {
	months, err := h.Months(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range slices.Backward(months) {
		s, err := h.findSpan(ctx, m.Start(), m.End())
		if err != nil {
			return nil, err
		}
		damaged := make(map[int]bool) // files
		for _, e := range slices.Backward(s.rounds) {
			if damaged[e.source] {
				continue
			}
			r, err := h.Round(ctx, e.Round)
			if !errors.Is(err, ErrDamaged) {
				return r, err
			}
			damaged[e.source] = true
		}
	}
	if len(h.Lost()) > 0 {
		return nil, fmt.Errorf("%s: %w that can be read; matrix verify says what to do", h.Dir(), ErrEmpty)
	}
	return nil, fmt.Errorf("%s: %w", h.Dir(), ErrEmpty)
}

// Latest is the id of the round that began last; ErrEmpty if there is none. A
// damaged file is passed over.
func (h *History) Latest(ctx context.Context) (string, error) {
	months, err := h.Months(ctx)
	if err != nil {
		return "", err
	}
	for _, m := range slices.Backward(months) {
		s, err := h.findSpan(ctx, m.Start(), m.End())
		if err != nil {
			return "", err
		}
		if len(s.rounds) > 0 {
			return s.rounds[len(s.rounds)-1].Round, nil
		}
	}
	return "", fmt.Errorf("%s: %w", h.Dir(), ErrEmpty)
}

// IDs are the ids of the rounds of a span, in the order of Rounds.
func (h *History) IDs(ctx context.Context, from, to time.Time) ([]string, error) {
	s, err := h.span(ctx, from, to)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(s.rounds))
	for i, r := range s.rounds {
		ids[i] = r.Round
	}
	return ids, nil
}

// Round is one whole round, by its id, as it was saved; ErrDamaged if it cannot
// be read.
func (h *History) Round(ctx context.Context, id string) (*probe.Round, error) {
	start, err := startOf(id)
	if err != nil {
		return nil, err
	}
	s, err := h.findSpan(ctx, start, start.Add(time.Second))
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(s.rounds, func(e entry) bool { return e.Round == id })
	if at < 0 {
		return nil, fmt.Errorf("%s: there is no round %s", h.Dir(), id)
	}
	s.keepOnly(at)
	headers, err := h.headers(ctx, s)
	if err != nil {
		return nil, err
	}
	return headers[0], h.fill(ctx, s, headers[0])
}

// keepOnly forgets all rounds of a span but one.
func (s *span) keepOnly(at int) {
	one := s.rounds[at]
	file := s.files[one.source]
	file.takes, file.rows = map[string]held{one.Round: one.held}, one.Rows
	s.files, s.rounds, s.number = []source{file}, []entry{{held: one.held}}, map[string]int32{one.Round: 0}
}

// fill reads the samples of a span's only round.
func (h *History) fill(ctx context.Context, s *span, r *probe.Round) error {
	file := &s.files[0]
	f, err := openSamples(ctx, h.store, file.path)
	if err != nil {
		return h.changed(file.path, err)
	}
	t := &table{words: newWords()}
	err = f.read(query{columns: allColumns, round: s.numberIn(file), words: t.words}, t)
	if err = errors.Join(err, f.close()); err != nil {
		return h.damaged(file.path, err)
	}
	for i := range t.n {
		sample, err := t.sample(i)
		switch {
		case err != nil:
			return h.damaged(file.path, err)
		case sample.IsSelf():
			r.Self = append(r.Self, sample)
		default:
			r.Samples = append(r.Samples, sample)
		}
	}
	restoreOrder(r)
	return nil
}

// damaged remembers the file of a round that cannot be read.
func (h *History) damaged(path string, err error) error {
	if away := h.unreachable(); away != nil {
		return away
	}
	h.problem(path, err)
	return fmt.Errorf("%s: %w: %w", path, ErrDamaged, err)
}

// restoreOrder puts samples row by row in the order of the cities. The cities
// of a round whose header is lost are those of its samples.
func restoreOrder(r *probe.Round) {
	place := make(map[string]int)
	for i, c := range r.Cities {
		place[c.Name] = i
	}
	for _, samples := range [][]probe.Sample{r.Samples, r.Self} {
		for _, s := range samples {
			for _, name := range []string{s.From, s.To} {
				if _, known := place[name]; !known {
					place[name] = len(r.Cities)
					r.Cities = append(slices.Clip(r.Cities), probe.City{Name: name, Title: name})
				}
			}
		}
		slices.SortFunc(samples, func(a, b probe.Sample) int {
			return cmp.Or(cmp.Compare(place[a.From], place[b.From]), cmp.Compare(place[a.To], place[b.To]))
		})
	}
}
