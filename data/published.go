package data

import (
	"embed"
	"fmt"
	"io/fs"

	"matrix/probe"
)

// The tables of ten cities that WonderProxy published on 9 February 2011 under
// the title "Miles per Millisecond", and cities.csv, which is ours: city centres
// for their cities, and names in the lab.
//
//go:embed 2011
var published embed.FS

// Published2011 holds cities.csv, ping-ms.csv, distance-miles.csv,
// miles-per-ms.csv and percent-of-fibre.csv.
func Published2011() fs.FS {
	sub, err := fs.Sub(published, "2011")
	if err != nil {
		panic(err) // the name is not a path; the tests would have seen it
	}
	return sub
}

// Cities2011 are the ten cities.
func Cities2011() *Inventory {
	return must(embedded("cities.csv", func(f fs.File, name string) (*Inventory, error) { return ReadInventory(f, name) }))
}

// Round2011 is the round of their round-trip times.
func Round2011() *probe.Round {
	return must(embedded("ping-ms.csv", func(f fs.File, name string) (*probe.Round, error) {
		return ReadRound(f, name, Cities2011())
	}))
}

// Distances2011 are their distances. They count 1.6 km to the mile.
func Distances2011() *Distances {
	return must(embedded("distance-miles.csv", func(f fs.File, name string) (*Distances, error) {
		return ReadDistances(f, name, Cities2011())
	}))
}

func embedded[T any](name string, read func(fs.File, string) (T, error)) (T, error) {
	f, err := published.Open("2011/" + name)
	if err != nil {
		var none T
		return none, err
	}
	defer f.Close()
	return read(f, "2011/"+name)
}

// must is for what is built into the program and read by its tests.
func must[T any](v T, err error) T {
	if err != nil {
		panic(fmt.Sprintf("built-in data: %v", err))
	}
	return v
}
