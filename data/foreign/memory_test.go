package foreign

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"testing"

	"matrix/data"
	"matrix/probe"
)

// TestMemory reads half a million rows in no order with 2 MiB for readings. Kept
// in memory they take some 110 MiB.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("half a million rows take some seconds")
	}
	const rows, memory, most = 500_000, 2 << 20, 32 << 20
	defer debug.SetGCPercent(debug.SetGCPercent(50))
	peak, beats := uint64(0), 0
	look := func() {
		if beats++; beats%100 != 1 {
			return
		}
		live := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		metrics.Read(live)
		peak = max(peak, live[0].Value.Uint64())
	}
	in := synthetic(rows)()
	im := Import{Inventory: inventory(t), Memory: memory, Temp: t.TempDir(), Bad: func(*data.FileError) {}}
	file := File{Name: "x", In: reader(func(p []byte) (int, error) { look(); return in.Read(p) })}
	samples := 0
	err := im.All(context.Background(), []File{file}, func(r *probe.Round) error {
		look()
		samples += len(r.Samples) + len(r.Self)
		return nil
	})
	tally := im.Tally()
	if err != nil || tally.Bad != rows/1000 || tally.Readings != rows-tally.Bad || samples == 0 {
		t.Fatalf("%+v, %d samples, %v", tally, samples, err)
	}
	t.Logf("%d rows in %d rounds: at most %d MiB of heap, %d MiB in the temporary file", rows, tally.Rounds, peak>>20, tally.Spilled>>20)
	if peak > most {
		t.Errorf("%d MiB of heap, more than %d", peak>>20, most>>20)
	}
}
