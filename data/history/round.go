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

// Latest is the id of the round that began last; ErrEmpty if there is none. A
// damaged file is passed over.
func (h *History) Latest(ctx context.Context) (string, error) {
	months, err := h.Months()
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
	return "", fmt.Errorf("%s: %w", h.dir, ErrEmpty)
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

// Round is one whole round, by its id, as it was saved.
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
		return nil, fmt.Errorf("%s: there is no round %s", h.dir, id)
	}
	s.keepOnly(at)
	headers, err := h.headers(ctx, s)
	if err != nil {
		return nil, err
	}
	return headers[0], h.fill(s, headers[0])
}

// keepOnly forgets all rounds of a span but one.
func (s *span) keepOnly(at int) {
	one := s.rounds[at]
	file := s.files[one.source]
	file.takes, file.rows = map[string]held{one.Round: one.held}, one.Rows
	s.files, s.rounds, s.number = []source{file}, []entry{{held: one.held}}, map[string]int32{one.Round: 0}
}

// fill reads the samples of a span's only round.
func (h *History) fill(s *span, r *probe.Round) error {
	file := &s.files[0]
	f, err := openSamples(file.path)
	if err != nil {
		return h.changed(file.path, err)
	}
	t := &table{words: newWords()}
	err = f.read(query{columns: allColumns, round: s.numberIn(file), words: t.words}, t)
	if err = errors.Join(err, f.close()); err != nil {
		return fmt.Errorf("%s: %w", h.short(file.path), err)
	}
	for i := range t.n {
		sample, err := t.sample(i)
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", h.short(file.path), err)
		case sample.IsSelf():
			r.Self = append(r.Self, sample)
		default:
			r.Samples = append(r.Samples, sample)
		}
	}
	restoreOrder(r)
	return nil
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
