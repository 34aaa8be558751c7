package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"matrix/data/history"
	"matrix/probe"
)

// watch looks at the service all the time, until it is told to stop.
func (f *fleet) watch() (stop func()) {
	ctx, cancel := context.WithCancel(f.t.Context())
	ended := make(chan struct{})
	began := time.Now()
	go func() {
		defer close(ended)
		tick := time.NewTicker(f.every / 10) // looking at 50 cities costs 50 ms
		defer tick.Stop()
		for ctx.Err() == nil {
			f.look(time.Since(began))
			select {
			case <-ctx.Done():
			case <-tick.C:
			}
		}
	}()
	return func() { cancel(); <-ended }
}

// look asks twice for the state, and between that for the metrics: if the state
// is the same, they must agree.
func (f *fleet) look(at time.Duration) {
	f.mu.Lock()
	up := f.running
	f.mu.Unlock()
	if !up {
		return
	}
	before, err := f.status()
	asked := time.Now()
	values, errValues := f.values()
	got := time.Now()
	after, errAfter := f.status()
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil || errValues != nil || errAfter != nil {
		if f.running { // else it was ended meanwhile
			f.complain("it does not answer: %v %v %v", err, errValues, errAfter)
		}
		return
	}
	f.checks++
	if ended, ok := values["pingmatrix_last_round_timestamp_seconds"]; ok {
		stale := values["pingmatrix_stale"] == 1
		youngest, oldest := asked.Sub(instant(ended)), got.Sub(instant(ended))
		if !stale && youngest > f.maxAge+time.Millisecond || stale && oldest < f.maxAge-time.Millisecond {
			f.complain("a round that ended %v to %v ago: stale %v", youngest, oldest, stale)
		}
	}
	figures := 0
	for name := range values {
		if strings.HasPrefix(name, "pingmatrix_rtt_seconds") {
			figures++
		}
	}
	if values["pingmatrix_stale"] == 1 && figures > 0 {
		f.complain("%d figures beside pingmatrix_stale 1", figures)
	}
	if before.Running == nil && after.Running == nil {
		f.flat = append(f.flat, footprint{at, values["process_resident_memory_bytes"], values["go_goroutines"]})
	}
	if before.Last == nil || after.Last == nil || before.Last.ID != after.Last.ID || before.Last.Planned != after.Last.Planned || values["pingmatrix_stale"] == 1 {
		return
	}
	f.seen[after.Last.ID] = true
	for state, pairs := range after.Last.States {
		if values[`pingmatrix_pairs{state="`+state+`"}`] != float64(pairs) {
			f.complain("%d pairs are %s, and the metrics say %v", pairs, state, values[`pingmatrix_pairs{state="`+state+`"}`])
		}
	}
	f.agrees(after.Last.ID, after.Last.Planned, values, figures)
}

// agrees holds the metrics against the round in the history.
func (f *fleet) agrees(id string, planned int, values map[string]float64, figures int) {
	h, err := history.Open(f.history)
	if err != nil {
		f.complain("%v", err)
		return
	}
	round, err := h.Round(context.Background(), id)
	if err != nil {
		f.complain("round %s was shown, and is not in the history: %v", id, err)
		return
	}
	if round.Planned() != planned {
		return // a city has left since
	}
	want := 0
	for i := range round.Samples {
		s := &round.Samples[i]
		labels := fmt.Sprintf(`{from=%q,stat="min",to=%q}`, s.From, s.To)
		value, has := values["pingmatrix_rtt_seconds"+labels]
		least, measured := s.Summary().Get(probe.Min)
		if has != measured || has && time.Duration(value*1e9+0.5).Round(time.Microsecond) != least.Round(time.Microsecond) {
			f.complain("%v: the metrics say %v (%v), the history %v (%v)", s.Pair, value, has, least, measured)
		}
		if measured {
			want += 3
		}
	}
	if want != figures {
		f.complain("%d figures of round-trip times, want %d", figures, want)
	}
}

// complain notes what is wrong; of much the first.
func (f *fleet) complain(format string, args ...any) {
	if len(f.wrong) < 20 {
		f.wrong = append(f.wrong, time.Now().UTC().Format(time.TimeOnly)+" "+fmt.Sprintf(format, args...))
	}
}

// listed is the history, and the rounds that it has.
func (f *fleet) listed() (*history.History, []history.Info) {
	f.t.Helper()
	h, err := history.Open(f.history)
	if err != nil {
		f.t.Fatal(err)
	}
	found, err := h.List(f.t.Context(), time.Unix(0, 0), time.Now().Add(time.Hour))
	if err != nil {
		f.t.Fatal(err)
	}
	return h, found
}

// accounts are what must be true in the end: every round that was shown is in the
// history, and no two overlap.
func (f *fleet) accounts() (rounds int) {
	f.t.Helper()
	h, found := f.listed()
	there := map[string]bool{}
	for i, info := range found {
		there[info.ID] = true
		if i > 0 && info.Header.Start.Before(found[i-1].Header.End) {
			f.t.Errorf("round %s began at %v, before %s had ended at %v", info.ID, info.Header.Start, found[i-1].ID, found[i-1].Header.End)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for id := range f.seen {
		if !there[id] {
			f.t.Errorf("round %s was shown, and is lost", id)
		}
	}
	for _, text := range f.wrong {
		f.t.Error(text)
	}
	if len(h.Problems()) > 0 {
		f.t.Errorf("%+v", h.Problems())
	}
	f.t.Logf("%d rounds in the history, %d seen, looked at %d times", len(found), len(f.seen), f.checks)
	return len(found)
}

// isFlat compares the first and the last quarter of what the service took since
// a time, between rounds.
func (f *fleet) isFlat(since time.Duration) {
	f.t.Helper()
	var memory, goroutines []float64
	for _, p := range f.flat {
		if p.at >= since {
			memory, goroutines = append(memory, p.memory), append(goroutines, p.goroutines)
		}
	}
	if len(memory) < 20 {
		f.t.Fatalf("only %d looks between rounds", len(memory))
	}
	quarter := len(memory) / 4
	for _, q := range []struct {
		what   string
		values []float64
		unit   float64
		slack  float64
	}{{"MB resident", memory, 1 << 20, 0.25}, {"goroutines", goroutines, 1, 0.25}} {
		early, late := middle(q.values[:quarter]), middle(q.values[len(q.values)-quarter:])
		f.t.Logf("%s: median %.1f in the first quarter, %.1f in the last; %.1f to %.1f of %d",
			q.what, early/q.unit, late/q.unit, slices.Min(q.values)/q.unit, slices.Max(q.values)/q.unit, len(q.values))
		if late > early*(1+q.slack)+8*q.unit {
			f.t.Errorf("%s: they grow", q.what)
		}
	}
}

func middle(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
