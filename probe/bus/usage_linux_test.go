package bus_test

import (
	"fmt"
	"os/exec"
	"syscall"
)

// usage is what a process took.
func usage(cmd *exec.Cmd) string {
	r, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return "not known"
	}
	return fmt.Sprintf("%.1f s of CPU, %d MB at most", (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), r.Maxrss>>10)
}
