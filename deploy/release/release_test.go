package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"matrix/probe/lacktest"
)

// asked skips what takes minutes and fetches tools and packages; a step of
// .ci/run asks for it.
func asked(t *testing.T) {
	t.Helper()
	if suite() == "" {
		t.Skip("MATRIX_TEST_RELEASE is not set to a suite of Debian, such as bookworm")
	}
}

func suite() string { return os.Getenv("MATRIX_TEST_RELEASE") }

// releaseHere makes a release for one system from the repository around a
// folder, with the changes in its work tree.
func releaseHere(t *testing.T, repository, out, cache string) string {
	t.Helper()
	commit := strings.TrimSpace(command(t, "git", "-C", repository, "stash", "create"))
	if commit == "" {
		commit = "HEAD"
	}
	targets, err := choose("linux/amd64")
	if err != nil {
		t.Fatal(err)
	}
	r := &release{repository: repository, commit: commit, work: t.TempDir(), out: out, targets: targets, cache: cache, talk: t.Output()}
	if err := r.make(t.Context()); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestReproducible makes a release twice: the second time elsewhere, later, in
// another time zone, and with nothing left of the first build.
func TestReproducible(t *testing.T) {
	asked(t)
	first := releaseHere(t, ".", filepath.Join(t.TempDir(), "first"), "")

	elsewhere := filepath.Join(t.TempDir(), "another", "place")
	command(t, "git", "clone", "--quiet", strings.TrimSpace(command(t, "git", "rev-parse", "--show-toplevel")), elsewhere)
	t.Setenv("TZ", "Asia/Kathmandu")
	second := releaseHere(t, elsewhere, filepath.Join(t.TempDir(), "second"), t.TempDir())

	want, got := sumsOf(t, first), sumsOf(t, second)
	if want != got || strings.Count(got, "\n") != 5 {
		t.Errorf("the first time:\n%s\nthe second:\n%s", want, got)
	}
}

func sumsOf(t *testing.T, folder string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTarTellsNothingOfItsMaker(t *testing.T) {
	date := time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)
	make := func(umask os.FileMode, age time.Duration) []byte {
		path := filepath.Join(t.TempDir(), "file")
		put(t, path, []byte("text"))
		if err := errors.Join(os.Chmod(path, 0o666&^umask), os.Chtimes(path, date.Add(-age), date.Add(-age))); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := writeTar(&b, []entry{{"a/file", path, 0o755}}, date); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	archive := make(0o022, time.Hour)
	if !bytes.Equal(archive, make(0o077, 20*time.Hour)) {
		t.Error("two archives of the same text differ")
	}
	packed, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	reader := tar.NewReader(packed)
	h, err := reader.Next()
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(reader)
	if err != nil || string(text) != "text" || h.Name != "a/file" || h.Mode != 0o755 || h.Uid != 0 || !h.ModTime.Equal(date) {
		t.Errorf("%q in %+v, %v", text, h, err)
	}
}

func TestBillOfMaterials(t *testing.T) {
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r := &release{time: time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)}
	b, err := r.billOf(own)
	if err != nil {
		t.Fatal(err)
	}
	if b.Components[0].Name != "std" || !strings.HasPrefix(b.Components[0].URL, "pkg:golang/std@1.") {
		t.Errorf("the Go library is %+v", b.Components[0])
	}
	if len(b.Dependencies[0].On) != len(b.Components) {
		t.Errorf("%d components, and dependencies on %d", len(b.Components), len(b.Dependencies[0].On))
	}
	if sum := b.Metadata.Component.Hashes[0].Content; len(sum) != 64 {
		t.Errorf("checksum %q", sum)
	}
}

func TestChoose(t *testing.T) {
	chosen, err := choose("linux/arm,windows/amd64")
	if err != nil || len(chosen) != 2 || chosen[0].label() != "linux-armv7" || chosen[1].program() != "matrix.exe" {
		t.Errorf("%v, %v", chosen, err)
	}
	if _, err := choose("plan9/amd64"); err == nil {
		t.Error("plan9 is released")
	}
}

func TestDebianVersionsSort(t *testing.T) {
	rising := []string{"v0.0.0-20261122210243-1a68c692c6d3", "v1.0.0-rc.1", "v1.0.0", "v1.0.1"}
	lacktest.Programs(t, "dpkg")
	for i := range len(rising) - 1 {
		command(t, "dpkg", "--compare-versions", debianVersion(rising[i]), "lt", debianVersion(rising[i+1]))
	}
}

// the is the one file of a pattern.
func the(t *testing.T, folder, pattern string) string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(folder, pattern))
	if err != nil || len(paths) != 1 {
		t.Fatalf("%s in %s: %v, %v", pattern, folder, paths, err)
	}
	return paths[0]
}

func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := output(t.Context(), ".", nil, name, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func put(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := writeFile(path, text); err != nil {
		t.Fatal(err)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	put(t, to, text)
}
