package lab

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestQueueOrder(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 2))
	var q queue
	var want []held
	for i := range 2000 {
		h := held{due: dice.Int64N(100), arrived: int64(i)} // many are due at once
		want = append(want, h)
		q.push(h)
	}
	slices.SortStableFunc(want, func(a, b held) int { return cmp.Compare(a.due, b.due) })
	for i := range want {
		if first := *q.first(); first.arrived != want[i].arrived {
			t.Fatalf("first of %d: %d, want %d", q.len(), first.arrived, want[i].arrived)
		}
		if got := q.pop(); got.due != want[i].due || got.arrived != want[i].arrived {
			t.Fatalf("pop %d: due %d, arrived %d; want %d, %d", i, got.due, got.arrived, want[i].due, want[i].arrived)
		}
	}
	if q.len() != 0 {
		t.Errorf("%d left", q.len())
	}
}

func TestQueueInterleaved(t *testing.T) {
	dice := rand.New(rand.NewPCG(3, 4))
	var q queue
	last := int64(-1)
	for range 10_000 {
		if q.len() > 0 && dice.IntN(2) == 0 {
			got := q.pop().due
			if got < last {
				t.Fatalf("%d after %d", got, last)
			}
			last = got
		} else {
			q.push(held{due: max(last, 0) + dice.Int64N(50)})
		}
	}
}

func TestPool(t *testing.T) {
	var p pool
	for _, n := range []int{1, smallBuf, smallBuf + 1, largeBuf, largeBuf + 1} {
		buf := p.get(n)
		if len(buf) != 0 || cap(buf) < n {
			t.Fatalf("get(%d): %d of %d", n, len(buf), cap(buf))
		}
		p.put(append(buf, make([]byte, n)...))
	}
	a, b := p.get(10), p.get(10)
	a = append(a, 1, 2, 3)
	b = append(b, 4, 5, 6)
	if a[0] != 1 || b[0] != 4 {
		t.Error("two buffers share memory")
	}
}

func BenchmarkQueue(b *testing.B) {
	var q queue
	for i := range 5000 {
		q.push(held{due: int64(i * 7919 % 5000)})
	}
	b.ReportAllocs()
	for b.Loop() {
		h := q.pop()
		h.due += 5000
		q.push(h)
	}
}

func TestALabThatWasLateSaysSo(t *testing.T) {
	for want, c := range map[string]Counters{
		"": {Delivered: 5000, Late: 4000, Echoes: 1000, LateEchoes: 10},
		"matrix lab: this machine was too busy: 2 % of the echo packets came over 1ms late, and what was measured is too slow\n": {Delivered: 5000, Late: 4000, Echoes: 1000, LateEchoes: 20},
		"matrix lab: this machine was too busy: 3 packets were lost that should not have been\n":                                 {Delivered: 1000, RingDrops: 3},
	} {
		var b strings.Builder
		if c.complain(&b); b.String() != want {
			t.Errorf("%+v: %q, want %q", c, b.String(), want)
		}
	}
}
