//go:build unix

package ssh

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// private refuses a folder that somebody else made or can enter.
func private(folder string) error {
	info, err := os.Lstat(folder)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || !ok || int(stat.Uid) != os.Getuid() || info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s: not a folder that only this user can enter", folder)
	}
	return nil
}

// detach keeps a terminal's Ctrl-C from ssh: matrix ends its sessions itself,
// after it has asked them for what they know.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
