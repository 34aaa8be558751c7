package versity

import (
	"fmt"
	"path/filepath"
	"testing"

	"matrix/data/history"
	"matrix/data/history/storetest"
)

// TestBucketIsAStore has the bucket, and prefixes of it, pass what the folder
// passes.
func TestBucketIsAStore(t *testing.T) {
	s := start(t)
	n := 0
	storetest.Store(t, func(t *testing.T) history.Store {
		n++
		return s.way(t).bucket(t, fmt.Sprintf("s3://fleet/some/where%d", n))
	})
}

func TestHistoryInABucket(t *testing.T) {
	s := start(t)
	w, spool := s.way(t), t.TempDir()
	storetest.History(t, func(t *testing.T) *history.History { return w.history(t, "s3://fleet", spool) })
	left, err := filepath.Glob(filepath.Join(spool, "*", "*", "*", "*"))
	if err != nil || len(left) > 0 {
		t.Fatalf("left in the spool: %v, %v", left, err)
	}
}
