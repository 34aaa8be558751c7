package main

import (
	"os"
	"runtime/debug"
)

// limitMemory has garbage collected as it suits a command, unless the person has
// said how: so that the program stays within so many bytes, and before there is
// so much of it, in percent of what is in use. It holds until the program ends: a
// service, which does one thing and another, must not have it.
func limitMemory(bytes int64, garbage int) {
	if os.Getenv("GOMEMLIMIT") == "" && os.Getenv("GOGC") == "" {
		debug.SetMemoryLimit(bytes)
		debug.SetGCPercent(garbage)
	}
}

// roundMemory is what a round of a thousand cities may take; the program itself
// comes on top.
const roundMemory = 400 << 20

// limitRound is limitMemory for a round of so many cities. A larger one gets more
// by its pairs: a limit below what is in use would have garbage collected all the
// time.
func limitRound(cities int) {
	pairs := int64(cities) * int64(cities)
	limitMemory(max(roundMemory, roundMemory*pairs/1e6), 100)
}
