package icmp

import (
	"fmt"

	"matrix/probe"
)

// New is the engine of a name: "kernel" or "probing"; "" is the best that this
// system has.
func New(name string) (probe.Pinger, error) {
	switch name {
	case "":
		return Default(), nil
	case "kernel":
		return newKernel()
	case "probing":
		return &Probing{}, nil
	}
	return nil, fmt.Errorf("unknown engine %q: want kernel or probing", name)
}

// Default is the best engine that this system has: Kernel on Linux, Probing
// elsewhere.
func Default() probe.Pinger {
	if k, err := newKernel(); err == nil {
		return k
	}
	return &Probing{}
}
