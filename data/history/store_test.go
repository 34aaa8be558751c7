package history_test

import (
	"path/filepath"
	"testing"

	"matrix/data/history"
	"matrix/data/history/storetest"
)

func TestFolderIsAStore(t *testing.T) {
	storetest.Store(t, func(t *testing.T) history.Store {
		folder, err := history.OpenFolder(filepath.Join(t.TempDir(), "history"))
		if err != nil {
			t.Fatal(err)
		}
		return folder
	})
}

func TestHistoryInAFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "history")
	storetest.History(t, func(t *testing.T) *history.History {
		h, err := history.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		return h
	})
}

// TestHistoryElsewhere has a folder stand for a store that is not on this
// machine: what is saved goes through the spool.
func TestHistoryElsewhere(t *testing.T) {
	dir, spool := t.TempDir(), t.TempDir()
	storetest.History(t, func(t *testing.T) *history.History {
		folder, err := history.OpenFolder(dir)
		if err != nil {
			t.Fatal(err)
		}
		h, err := history.On(folder, spool)
		if err != nil {
			t.Fatal(err)
		}
		return h
	})
	if left, err := filepath.Glob(filepath.Join(spool, "*", "*", "*", "*")); err != nil || len(left) > 0 {
		t.Fatalf("left in the spool: %v, %v", left, err)
	}
}
