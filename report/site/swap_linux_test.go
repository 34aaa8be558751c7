package site_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"matrix/report/site"
)

// TestCheck: somebody else at work is no fault of the folder; that nothing can be
// made beside it is, and is not taken for somebody at work.
func TestCheck(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "site")
	if err := site.Check(dir); err != nil {
		t.Errorf("where nothing is: %v", err)
	}
	lock := filepath.Join(filepath.Dir(dir), ".site.lock")
	other, err := os.Create(lock)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Flock(int(other.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if err := site.Check(dir); !errors.Is(err, site.ErrBusy) {
		t.Errorf("while another writes: %v", err)
	}
	if err := errors.Join(other.Close(), os.Remove(lock), os.Mkdir(lock, 0o777)); err != nil {
		t.Fatal(err)
	}
	if err := site.Check(dir); err == nil || errors.Is(err, site.ErrBusy) {
		t.Errorf("where no file can be made: %v", err)
	}
}
