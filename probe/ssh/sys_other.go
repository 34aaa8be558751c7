//go:build !unix

package ssh

import (
	"errors"
	"os/exec"
)

// private: ssh has no masters on these systems.
func private(string) error { return errors.ErrUnsupported }

func detach(*exec.Cmd) {}
