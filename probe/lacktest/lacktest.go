// Package lacktest is what a test does on a machine that lacks what it needs: it is
// skipped, with the reason, or fails where MATRIX_TEST_REQUIRE says that nothing may
// be missing.
package lacktest

import (
	"os"
	"os/exec"
	"testing"
)

// Skip skips a test, or fails it, for want of something; why says of what.
func Skip(t testing.TB, why ...any) {
	t.Helper()
	if os.Getenv("MATRIX_TEST_REQUIRE") != "" {
		t.Fatal(append([]any{"MATRIX_TEST_REQUIRE is set, but "}, why...)...)
	}
	t.Skip(why...)
}

// Programs skips a test, or fails it, on a machine that lacks one of these.
func Programs(t testing.TB, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			Skip(t, err)
		}
	}
}
