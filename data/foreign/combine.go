package foreign

import (
	"math"
	"slices"
	"time"

	"matrix/probe"
)

// Bounds of what the sample of one pair and round is made of.
const (
	maxRTTs = 10_000 // as many as a measurement of our own has at most
	maxSent = 1_000_000
)

// better says whether a reading takes the place of another of its pair and
// round: one of the network before one that says why there is none, and else
// the newer, or the later in the file.
func better(s, than *probe.Sample) bool {
	if tried(s) != tried(than) {
		return tried(s)
	}
	return !s.At.Before(than.At)
}

func tried(s *probe.Sample) bool { return s.State == probe.Measured || s.State == probe.Lost }

// combine makes one sample of two of a pair that were counted on the same
// address. Where one has no single RTTs, what follows from counts, minimum,
// average, maximum and deviation is kept, and median and jitter are not.
func combine(into, s *probe.Sample) bool {
	sent, received := into.Sent+s.Sent, into.Received+s.Received
	if into.Address != s.Address || !tried(into) || !tried(s) || into.Sent == 0 || s.Sent == 0 || sent > maxSent {
		return false
	}
	first, second := into, s
	if s.At.Before(into.At) {
		first, second = s, into
	}
	joined := *first
	if complete(first) && complete(second) && received <= maxRTTs {
		joined.RTTs = slices.Concat(first.RTTs, second.RTTs)
	} else {
		joined.RTTs, joined.Imported = nil, probe.ImportedOf(pool(first, second))
	}
	joined.Sent, joined.Received = sent, received
	joined.Cut = first.Cut || second.Cut
	joined.Odd.Add(second.Odd)
	if second.State == probe.Measured {
		joined.State, joined.TTL = probe.Measured, second.TTL
	}
	if second.Reason != "" {
		joined.Reason = second.Reason
	}
	*into = joined
	return true
}

func complete(s *probe.Sample) bool { return len(s.RTTs) == s.Received }

// pool computes the statistics of the replies of both from the statistics of
// each.
func pool(a, b *probe.Sample) probe.Summary {
	x, y := a.Summary(), b.Summary()
	switch {
	case a.Received == 0:
		return y
	case b.Received == 0:
		return x
	}
	var out probe.Summary
	both := func(stat probe.Stat, of func(p, q time.Duration) time.Duration) {
		p, ok := x.Get(stat)
		q, ok2 := y.Get(stat)
		if ok && ok2 {
			out.Set(stat, of(p, q))
		}
	}
	share := float64(a.Received) / float64(a.Received+b.Received)
	mean := func(p, q float64) float64 { return share*p + (1-share)*q }
	both(probe.Min, func(p, q time.Duration) time.Duration { return min(p, q) })
	both(probe.Max, func(p, q time.Duration) time.Duration { return max(p, q) })
	both(probe.Avg, func(p, q time.Duration) time.Duration { return rounded(mean(float64(p), float64(q))) })
	p, ok := x.Get(probe.Avg)
	q, ok2 := y.Get(probe.Avg)
	if ok && ok2 {
		both(probe.Mdev, func(u, v time.Duration) time.Duration {
			apart := float64(p - q)
			return rounded(math.Sqrt(mean(float64(u)*float64(u), float64(v)*float64(v)) + share*(1-share)*apart*apart))
		})
	}
	return out
}

func rounded(ns float64) time.Duration { return time.Duration(math.Round(ns)) }
