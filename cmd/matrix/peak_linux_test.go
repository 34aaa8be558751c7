package main

import (
	"os"
	"syscall"
)

// peak is how many bytes a process that has ended had in memory at most.
func peak(ended *os.ProcessState) float64 {
	usage, ok := ended.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return float64(usage.Maxrss) * 1024
}
