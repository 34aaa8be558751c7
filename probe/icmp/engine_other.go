//go:build !linux

package icmp

import (
	"errors"

	"matrix/probe"
)

func newKernel() (probe.Pinger, error) {
	return nil, errors.New("the kernel engine is for Linux; the probing engine runs here")
}
