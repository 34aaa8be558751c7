package history_test

import (
	"os"
	"path/filepath"
	"testing"

	"matrix/data/history"
)

// TestDrop: a month goes, compacted or not, and nothing else does.
func TestDrop(t *testing.T) {
	h := open(t)
	september := october.AddDate(0, -1, 0)
	old, now := hours(september, 3, 4, 2), hours(october, 3, 4, 2)
	saveAll(t, h, old)
	if _, err := h.Compact(t.Context(), history.MonthOf(september), nil); err != nil {
		t.Fatal(err)
	}
	late := made(september.AddDate(0, 0, 20), 4, 2, 9) // after it was compacted
	saveAll(t, h, append(now, late))
	foreign := filepath.Join(h.Dir(), "samples", "year=2026", "month=09", "notes.txt")
	if err := os.WriteFile(foreign, []byte("mine"), 0o666); err != nil {
		t.Fatal(err)
	}
	removed, err := again(t, h).Drop(t.Context(), history.MonthOf(september))
	if err != nil || removed != 3 {
		t.Errorf("%d files removed, want the month's two and one round's: %v", removed, err)
	}
	checkHistory(t, again(t, h), now)
	if _, err := os.Stat(foreign); err != nil {
		t.Errorf("a file that is not the history's went as well: %v", err)
	}
	if removed, err := again(t, h).Drop(t.Context(), history.MonthOf(september)); err != nil || removed != 0 {
		t.Errorf("again: %d files, %v", removed, err)
	}
	if removed, err := again(t, h).Drop(t.Context(), history.MonthOf(october)); err != nil || removed != 3 {
		t.Errorf("October: %d files, %v", removed, err)
	}
	if months, err := again(t, h).Months(t.Context()); err != nil || len(months) != 1 {
		t.Errorf("left are %v (September has the foreign file), %v", months, err)
	}
}
