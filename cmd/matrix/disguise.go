//go:build matrixtest

package main

import (
	"fmt"
	"os"
	"time"

	"matrix/probe/wire"
)

// A far side in a program built with this tag tells the time as
// MATRIX_TEST_CLOCK says ("-70s" off) and calls itself MATRIX_TEST_VERSION.
// Debian's faketime cannot do the former: it replaces functions of the C
// library, and a Go program asks the kernel itself. A time namespace shifts only
// the monotonic clock, and the wall clock is one for the whole machine.
func init() {
	disguise = func(far *wire.FarSide) {
		if v := os.Getenv("MATRIX_TEST_VERSION"); v != "" {
			far.Version = v
		}
		text := os.Getenv("MATRIX_TEST_CLOCK")
		if text == "" {
			return
		}
		off, err := time.ParseDuration(text)
		if err != nil {
			panic(fmt.Sprintf("MATRIX_TEST_CLOCK: %v", err))
		}
		far.Clock = func() time.Time { return time.Now().Add(off) }
	}
}
