package reporttest

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

// Golden compares got with testdata/name. On a mismatch got is left beside it
// as name.got, so that the two can be compared with any tool.
func Golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err == nil && bytes.Equal(got, want) {
		os.Remove(path + ".got") // of an earlier run
		return
	}
	if err := os.WriteFile(path+".got", got, 0o666); err != nil {
		t.Fatal(err)
	}
	t.Errorf("%s is not as expected (%v); look at %s.got, or run with -update", path, err, path)
}
