package history_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"matrix/data/history"
	"matrix/probe/lacktest"
)

// TestDiskFull fills a file system of a few hundred kilobytes, in a mount
// namespace of its own.
func TestDiskFull(t *testing.T) {
	if os.Getenv("MATRIX_TEST_SMALL_DISK") == "" {
		inside(t)
		return
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=600k"); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(dir, unix.MNT_DETACH)
	h, err := history.Open(filepath.Join(dir, "history"))
	if err != nil {
		t.Fatal(err)
	}
	saved := 0
	for _, r := range hours(october, 100, 12, 10) {
		if _, err = h.Save(t.Context(), r); err != nil {
			break
		}
		saved++
	}
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "no space left") || saved == 0 {
		t.Fatalf("after %d rounds: %v", saved, err)
	}
	nothingLost(t, h, saved)
	if _, err := h.Compact(t.Context(), history.MonthOf(october), nil); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("compacted without room: %v", err)
	}
	nothingLost(t, h, saved)
}

// nothingLost holds a history against what was saved. Nothing unfinished may be
// left on the full disk.
func nothingLost(t *testing.T, h *history.History, saved int) {
	t.Helper()
	if found := verified(t, h, saved); len(found.Remarks) > 0 {
		t.Fatalf("%+v", found.Remarks)
	}
}

// inside runs the test again as root of a user namespace.
func inside(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestDiskFull$", "-test.v")
	cmd.Env = append(os.Environ(), "MATRIX_TEST_SMALL_DISK=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		t.Logf("%s", out)
	case errors.As(err, &exit):
		t.Fatalf("%v\n%s", err, out)
	default:
		lacktest.Skip(t, "no user namespace: ", err)
	}
}
