//go:build !linux

package bus_test

import "os/exec"

// usage is what a process took.
func usage(cmd *exec.Cmd) string {
	return (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).String()
}
