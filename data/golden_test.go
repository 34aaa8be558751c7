package data

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the tests got as what they want")

// golden compares with testdata/name.want; on a mismatch it leaves a .got
// beside it.
func golden(t *testing.T, path, got string) {
	t.Helper()
	want := path + ".want"
	if *update {
		if err := os.WriteFile(want, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	text, err := os.ReadFile(want)
	if err != nil {
		t.Fatal(err)
	}
	if got == string(text) {
		os.Remove(path + ".got")
		return
	}
	if err := os.WriteFile(path+".got", []byte(got), 0o644); err != nil {
		t.Error(err)
	}
	t.Errorf("%s: got\n%s\nwant\n%s", path, got, text)
}

// eachFile runs a test for every input file of a folder in testdata: its .want
// is what read makes of it, or the message of its error. A file whose name
// starts with ok must be read; no other must.
func eachFile(t *testing.T, folder string, read func(f *os.File, name string) (string, error)) {
	files, err := filepath.Glob("testdata/" + folder + "/*")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, path := range files {
		name := filepath.Base(path)
		if strings.HasSuffix(name, ".want") || strings.HasSuffix(name, ".got") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			got, err := read(f, name)
			if strings.HasPrefix(name, "ok") != (err == nil) {
				t.Errorf("error %v", err)
			}
			if err != nil {
				var mistake *FileError
				if !errors.As(err, &mistake) || mistake.File != name {
					t.Errorf("%v is no FileError of %s", err, name)
				}
				got = err.Error() + "\n"
			}
			golden(t, path, got)
		})
	}
}
