package lab

import (
	"os"
	"testing"
)

// lacking skips a test for want of something on this machine, or fails it
// where everything must be there.
func lacking(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("MATRIX_TEST_REQUIRE") != "" {
		t.Fatalf("MATRIX_TEST_REQUIRE is set, but %s", what)
	}
	t.Skip(what)
}
