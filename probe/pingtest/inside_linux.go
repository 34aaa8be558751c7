package pingtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"matrix/probe/lacktest"
)

const insideVariable = "MATRIX_TEST_INSIDE"

// Inside runs a test again in user and network namespaces of its own, in which
// it may do everything and nobody is disturbed. It is true there; where it is
// false the test has been run and must return.
func Inside(t *testing.T) bool {
	t.Helper()
	if os.Getenv(insideVariable) == t.Name() {
		return true
	}
	//nolint:gosec // it is this program
	again := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v", "-test.count=1", "-test.timeout=300s")
	again.Env = append(os.Environ(), insideVariable+"="+t.Name())
	again.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}},
		AmbientCaps: []uintptr{unix.CAP_NET_ADMIN, unix.CAP_NET_RAW},
	}
	said, err := again.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err != nil && !errors.As(err, &exit):
		lacktest.Skip(t, fmt.Errorf("namespaces are not to be had: %w", err))
	case err != nil:
		t.Errorf("in its own network:\n%s", said)
	default:
		t.Logf("in its own network:\n%s", said)
	}
	return false
}

// Unprivileged runs do without any capability, as a user without rights would.
func Unprivileged(t *testing.T, do func()) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var none [2]unix.CapUserData
		_, _, errno := unix.RawSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&none)), 0)
		if errno != 0 {
			done <- errno
			return
		}
		defer close(done)
		do()
	}()
	if err := <-done; err != nil {
		t.Errorf("cannot drop capabilities: %v", err)
	}
}
