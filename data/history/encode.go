package history

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"matrix/probe"
)

// tableOf has the samples of a round, its self pings among them, sorted by
// (from, to).
func tableOf(r *probe.Round) (*table, error) {
	all := make([]*probe.Sample, 0, len(r.Samples)+len(r.Self)) // a copy of a large round would be large
	replies := 0
	for _, list := range [][]probe.Sample{r.Samples, r.Self} {
		for i := range list {
			all = append(all, &list[i])
			replies += len(list[i].RTTs)
		}
	}
	slices.SortFunc(all, func(a, b *probe.Sample) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
	})
	known := make(map[string]bool, len(r.Cities))
	for _, c := range r.Cities {
		known[c.Name] = true
	}
	t := &table{words: newWords()}
	t.grow(len(all), replies)
	for i, s := range all {
		switch {
		case !known[s.From] || !known[s.To]:
			return nil, fmt.Errorf("the pair %v has a city that is not among the round's", s.Pair)
		case i > 0 && all[i-1].Pair == s.Pair:
			return nil, fmt.Errorf("the pair %v is there twice", s.Pair)
		}
		if err := t.add(s); err != nil {
			return nil, fmt.Errorf("the pair %v: %w", s.Pair, err)
		}
	}
	return t, nil
}

// grow makes room for so many rows more, with so many RTTs.
func (t *table) grow(rows, rtts int) {
	for c := range t.cols {
		t.cols[c] = slices.Grow(t.cols[c], rows)
	}
	t.at, t.ends, t.rtts = slices.Grow(t.at, rows), slices.Grow(t.ends, rows), slices.Grow(t.rtts, rtts)
}

// add appends one sample of round 0.
func (t *table) add(s *probe.Sample) error {
	rtts := make([]time.Duration, len(s.RTTs))
	for i, d := range s.RTTs {
		us, err := micros(d)
		if err != nil {
			return err
		}
		rtts[i] = time.Duration(us) * time.Microsecond
		t.rtts = append(t.rtts, us)
	}
	// The statistics are those of the RTTs that are kept, so that anyone can
	// compute them again.
	summary := s.Imported.Summary()
	if len(rtts) > 0 {
		summary = probe.Summarize(rtts)
	}
	for stat := range probe.Stat(numStats) {
		us := int32(null)
		if d, ok := summary.Get(stat); ok {
			var err error
			if us, err = micros(d); err != nil {
				return fmt.Errorf("%v: %w", stat, err)
			}
		}
		t.put(statColumn(stat), us)
	}
	if s.Sent < 0 || s.Received < 0 || s.Received > s.Sent {
		return fmt.Errorf("%d received of %d sent", s.Received, s.Sent)
	}
	t.put(colRound, 0)
	t.put(colFrom, t.words.id(s.From))
	t.put(colTo, t.words.id(s.To))
	t.put(colState, int32(s.State))
	t.put(colReason, t.text(s.Reason))
	t.at = append(t.at, microsecond(s.At))
	address := ""
	if s.Address.IsValid() {
		address = s.Address.String()
	}
	t.put(colAddress, t.text(address))
	t.put(colSent, counted(s, s.Sent))
	t.put(colReceived, counted(s, s.Received))
	t.put(colCut, flag(s.Cut))
	t.ends = append(t.ends, int32(len(t.rtts)))
	t.put(colTTL, known(s.TTL))
	t.put(colStamps, known(int(s.Stamps)))
	t.put(colDuplicates, int32(s.Odd.Duplicates))
	t.put(colReordered, int32(s.Odd.Reordered))
	t.put(colLate, int32(s.Odd.Late))
	t.n++
	return nil
}

func (t *table) put(c column, v int32) { t.cols[c] = append(t.cols[c], v) }

func (t *table) text(s string) int32 {
	if s == "" {
		return null
	}
	return t.words.id(s)
}

// micros rounds to microseconds. What took time never becomes zero.
func micros(d time.Duration) (int32, error) {
	const most = time.Hour // a reply is waited for no longer than a minute
	if d < 0 || d > most {
		return 0, fmt.Errorf("a round-trip time of %v", d)
	}
	us := d.Round(time.Microsecond).Microseconds()
	if us == 0 && d > 0 {
		us = 1
	}
	return int32(us), nil
}

func microsecond(t time.Time) int64 {
	if t.IsZero() {
		return noTime
	}
	return t.UnixMicro()
}

// counted is null where a file does not say how many were sent: zero is only
// known of a pair for which nothing could be sent at all.
func counted(s *probe.Sample, n int) int32 {
	if s.Sent == 0 && s.State != probe.SourceDown && s.State != probe.Unresolved && s.State != probe.Excluded {
		return null
	}
	return int32(n)
}

func known(n int) int32 {
	if n == 0 {
		return null
	}
	return int32(n)
}

func flag(b bool) int32 {
	if b {
		return 1
	}
	return 0
}

// sample is row i as it was saved.
func (t *table) sample(i int) (probe.Sample, error) {
	texts := t.words.all()
	text := func(c column) string {
		if id := t.cols[c][i]; id != null {
			return texts[id]
		}
		return ""
	}
	number := func(c column) int { return int(max(0, t.cols[c][i])) }
	s := probe.Sample{
		Pair:  probe.Pair{From: text(colFrom), To: text(colTo)},
		State: probe.State(t.cols[colState][i]), Reason: text(colReason),
		Sent: number(colSent), Received: number(colReceived), Cut: t.cols[colCut][i] != 0,
		TTL: number(colTTL), Stamps: probe.Stamps(number(colStamps)),
		Odd: probe.Oddities{Duplicates: number(colDuplicates), Reordered: number(colReordered), Late: number(colLate)},
	}
	if us := t.at[i]; us != noTime {
		s.At = time.UnixMicro(us).UTC()
	}
	if address := text(colAddress); address != "" {
		var err error
		if s.Address, err = netip.ParseAddr(address); err != nil {
			return s, err
		}
	}
	for _, us := range t.rttsOf(i) {
		s.RTTs = append(s.RTTs, time.Duration(us)*time.Microsecond)
	}
	var summary probe.Summary
	for stat := range probe.Stat(numStats) {
		if us := t.cols[statColumn(stat)][i]; us != null && len(s.RTTs) == 0 {
			summary.Set(stat, time.Duration(us)*time.Microsecond)
		}
	}
	s.Imported = probe.ImportedOf(summary)
	return s, nil
}
