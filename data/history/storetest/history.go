package storetest

import (
	"context"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"matrix/data/history"
	"matrix/probe"
)

// October is the month of the rounds.
var October = time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)

// Round is a round of n cities with figures that a formula gives.
func Round(i, n int) *probe.Round {
	r := &probe.Round{
		Start: October.Add(time.Duration(i) * time.Hour), End: October.Add(time.Duration(i)*time.Hour + time.Minute),
		Source: "measured", Version: "1.2.3", Options: probe.DefaultOptions(),
	}
	for c := range n {
		name := fmt.Sprintf("c%03d", c)
		r.Cities = append(r.Cities, probe.City{Name: name, Title: "City " + name, Host: fmt.Sprintf("192.0.2.%d", c%250+1),
			Location: &probe.Location{Latitude: float64(c%90) / 2, Longitude: float64(c%360) / 3}})
	}
	for a := range n {
		for b := range n {
			if a != b {
				r.Samples = append(r.Samples, sample(r, i, a, b))
			}
		}
	}
	return r
}

func sample(r *probe.Round, i, a, b int) probe.Sample {
	pair := probe.Pair{From: r.Cities[a].Name, To: r.Cities[b].Name}
	if (i+2*a+b)%17 == 0 {
		return probe.Sample{Pair: pair, State: probe.SourceDown, Reason: "connect: refused"}
	}
	s := probe.Sample{Pair: pair, State: probe.Measured, Sent: 5, At: r.Start, TTL: 55, Stamps: probe.KernelStamps, Address: netip.MustParseAddr(r.Cities[b].Host)}
	for k := range 5 - (i+a+b)%3/2 {
		s.RTTs = append(s.RTTs, time.Duration(10_000+1000*a+100*b+(i*7919+a*31+b*17+k*104729)%9973)*time.Microsecond)
	}
	s.Received = len(s.RTTs)
	return s
}

// History tests that a history on a store is what it is in a folder. open opens
// the same store each time, at first empty.
func History(t *testing.T, open func(t *testing.T) *history.History) {
	const n, cities = 26, 8
	var rounds []*probe.Round
	for i := range n {
		rounds = append(rounds, Round(i, cities))
	}
	save := func(rounds []*probe.Round) (saved history.Saved) {
		t.Helper()
		h := open(t)
		for _, r := range rounds {
			var err error
			if saved, err = h.Save(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
		return saved
	}
	save(rounds[:20])
	save(rounds[:2]) // the same again
	Same(t, open(t), rounds[:20])
	compact(t, open(t), 20, 20)
	Same(t, open(t), rounds[:20])
	last := save(rounds[20:])
	save(rounds[3:5]) // which are in the month already
	Same(t, open(t), rounds)

	traces := []probe.Trace{{Pair: probe.Pair{From: "c001", To: "c002"}, At: October.Add(time.Minute), Address: netip.MustParseAddr("192.0.2.3"),
		Method: probe.TraceICMP, Size: 56, End: probe.Reached}}
	if _, err := open(t).SaveTraces(t.Context(), last, traces); err != nil {
		t.Fatal(err)
	}
	compact(t, open(t), n, 7)
	Same(t, open(t), rounds)
	if got, err := open(t).Traces(t.Context(), October, October.AddDate(0, 1, 0)); err != nil || !reflect.DeepEqual(got, traces) {
		t.Fatalf("%+v: %v", got, err)
	}
	Whole(t, open(t), n)
	latest, err := open(t).Latest(t.Context())
	if err != nil || latest != last.ID {
		t.Fatalf("the latest is %s, want %s: %v", latest, last.ID, err)
	}
}

func compact(t *testing.T, h *history.History, rounds, merged int) {
	t.Helper()
	done, err := h.Compact(t.Context(), history.MonthOf(October), nil)
	if err != nil || done.Rounds != rounds || done.Merged != merged || done.Removed < merged || len(done.Warnings) > 0 {
		t.Fatalf("%+v: %v", done, err)
	}
}

// Whole has a history verified.
func Whole(t *testing.T, h *history.History, rounds int) {
	t.Helper()
	found, err := h.Verify(t.Context(), nil)
	if err != nil || found.Rounds != rounds || len(found.Damaged) > 0 {
		t.Fatalf("%+v: %v", found, err)
	}
}

// Same holds what a history says of October against the rounds that it was
// given: whole rounds, and series.
func Same(t *testing.T, h *history.History, want []*probe.Round) {
	t.Helper()
	to := October.AddDate(0, 1, 0)
	ids, err := h.IDs(t.Context(), October, to)
	if err != nil || len(ids) != len(want) {
		t.Fatalf("%d rounds, want %d: %v", len(ids), len(want), err)
	}
	for _, i := range []int{0, len(want) / 2, len(want) - 1} {
		got, err := h.Round(t.Context(), ids[i])
		if err != nil || !reflect.DeepEqual(got, want[i]) {
			t.Fatalf("round %d is %+v, want %+v: %v", i, got, want[i], err)
		}
	}
	if got, expected := sums(t, h, to), sumsOf(want); !reflect.DeepEqual(got, expected) {
		t.Fatalf("the series say %v, want %v", got, expected)
	}
	if problems := h.Problems(); len(problems) > 0 {
		t.Fatal(problems)
	}
}

// sums are the samples and the sum of the minima of each pair, as its series
// has them.
func sums(t *testing.T, h *history.History, to time.Time) map[probe.Pair][2]int64 {
	t.Helper()
	var mu sync.Mutex
	all := make(map[probe.Pair][2]int64)
	err := h.Series(context.WithoutCancel(t.Context()), October, to, func(s *probe.Series) error {
		sum := int64(0)
		for i, state := range s.State {
			if state == probe.Measured {
				sum += int64(s.Stats[probe.Min][i])
			}
		}
		mu.Lock()
		defer mu.Unlock()
		all[s.Pair] = [2]int64{int64(s.Len()), sum}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func sumsOf(rounds []*probe.Round) map[probe.Pair][2]int64 {
	all := make(map[probe.Pair][2]int64)
	for _, r := range rounds {
		for _, s := range r.Samples {
			sum := all[s.Pair]
			sum[0]++
			if s.State == probe.Measured {
				sum[1] += slices.Min(s.RTTs).Microseconds()
			}
			all[s.Pair] = sum
		}
	}
	return all
}
