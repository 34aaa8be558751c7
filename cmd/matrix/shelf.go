package main

import (
	"context"
	"fmt"
	"time"

	"matrix/data/history"
	"matrix/probe"
)

// shelf puts rounds into the history, each once.
type shelf struct {
	*history.History
	folder  string // as the person is told
	month   history.Month
	ids     map[string][]string // of the month, by the second of their start
	saved   int
	known   int // were there already
	other   int // of a time at which there is another with the same pairs
	remarks []string
}

func openShelf(flag string) (*shelf, error) {
	h, err := openHistory(flag)
	if err != nil {
		return nil, err
	}
	folder, err := historyFolder(flag)
	return &shelf{History: h, folder: folder}, err
}

// stampForm is how an id says its second, with which it begins.
const (
	stampForm = "20060102T150405Z"
	stampLen  = len(stampForm)
)

// put saves a round, if it is not there. A list that has grown since it was
// imported gives another round of the same time; saving that as well would
// count its pairs twice.
func (s *shelf) put(ctx context.Context, r *probe.Round) error {
	if err := s.look(ctx, history.MonthOf(r.Start)); err != nil {
		return err
	}
	second := r.Start.UTC().Format(stampForm)
	if there := s.ids[second]; len(there) > 0 { // else no id is needed, which a large round takes a while to get
		if known, err := s.compare(ctx, r, there); known || err != nil {
			return err
		}
	}
	saved, err := s.Save(ctx, r)
	if err != nil {
		return err
	}
	s.ids[second] = append(s.ids[second], saved.ID)
	s.saved++
	return nil
}

// compare holds a round against those of its second. One that is known, or that
// has a pair of another, is counted.
func (s *shelf) compare(ctx context.Context, r *probe.Round, rounds []string) (known bool, err error) {
	id, err := history.ID(r)
	if err != nil {
		return false, err
	}
	for _, there := range rounds {
		if there == id {
			s.known++
			return true, nil
		}
		old, err := s.Round(ctx, there)
		if err != nil {
			return false, err
		}
		pair, both, same := shared(old, r)
		switch {
		case !both:
			continue
		case same:
			s.known++
		default:
			s.other++
			s.remark(r, there, pair)
		}
		return true, nil
	}
	return false, nil
}

// look finds what the history has of a month.
func (s *shelf) look(ctx context.Context, m history.Month) error {
	if s.ids != nil && m == s.month {
		return nil
	}
	ids, err := s.IDs(ctx, m.Start(), m.End())
	if err != nil {
		return err
	}
	s.month, s.ids = m, make(map[string][]string)
	for _, id := range ids {
		s.ids[id[:stampLen]] = append(s.ids[id[:stampLen]], id)
	}
	return nil
}

// shared says whether an old and a new round have a pair in common, and whether
// the old one has all the figures of the new: then only what they say of
// themselves differs, such as the file.
func shared(old, r *probe.Round) (pair probe.Pair, both, same bool) {
	known := make(map[probe.Pair]*probe.Sample, len(old.Samples))
	for i := range old.Samples {
		known[old.Samples[i].Pair] = &old.Samples[i]
	}
	same = true
	for i := range r.Samples {
		s := &r.Samples[i]
		before, met := known[s.Pair]
		if met && !both {
			pair, both = s.Pair, true
		}
		same = same && met && figures(before) == figures(s)
	}
	return pair, both, same
}

// figures are what a sample says, as exactly as a history keeps it.
func figures(s *probe.Sample) string {
	text := fmt.Sprint(s.State, s.At.UnixMicro(), s.Address, s.Sent, s.Received, s.Cut)
	summary := s.Summary()
	for stat := probe.Min; stat <= probe.Jitter; stat++ {
		d, known := summary.Get(stat)
		text += fmt.Sprint(" ", known, d.Round(time.Microsecond))
	}
	return text
}

// remark says why a round was left out; of many the first few.
func (s *shelf) remark(r *probe.Round, there string, pair probe.Pair) {
	const shown = 10
	if len(s.remarks) == shown {
		s.remarks = append(s.remarks, "and more rounds like these")
	}
	if len(s.remarks) < shown {
		s.remarks = append(s.remarks, fmt.Sprintf("%s: its round of %s was left out: round %s of the history has %v of that time, with other figures",
			r.Source, r.Start.Format(time.RFC3339), there, pair))
	}
}
