package worldmap

import (
	"bufio"
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// landFile is written by land.mjs, which says what is in it.
//
//go:generate node land.mjs
//go:embed land.gz
var landFile []byte

// Credit is what a page with a map says of its coasts.
const Credit = "Coasts: Natural Earth"

// spot is a point of the plane: degrees before it is projected, pixels after.
type spot struct{ x, y float64 }

// coast is a closed ring, in degrees of longitude and latitude, and the box that
// it lies in.
type coast struct {
	spots     []spot
	low, high spot
}

// land are the coasts.
var land = sync.OnceValue(func() []coast {
	rings, err := readLand(landFile)
	if err != nil {
		panic(err) // the file is built in
	}
	coasts := make([]coast, len(rings))
	for i, ring := range rings {
		c := coast{ring, ring[0], ring[0]}
		for _, p := range ring {
			c.low = spot{min(c.low.x, p.x), min(c.low.y, p.y)}
			c.high = spot{max(c.high.x, p.x), max(c.high.y, p.y)}
		}
		coasts[i] = c
	}
	return coasts
})

func readLand(packed []byte) ([][]spot, error) {
	in, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("read coasts: %w", err)
	}
	var rings [][]spot
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		ring, err := readRing(strings.Fields(lines.Text()))
		if err != nil {
			return nil, fmt.Errorf("read coasts: ring %d: %w", len(rings)+1, err)
		}
		if len(ring) == 0 {
			return nil, fmt.Errorf("read coasts: ring %d is empty", len(rings)+1)
		}
		rings = append(rings, ring)
	}
	return rings, lines.Err()
}

func readRing(words []string) ([]spot, error) {
	var at [2]int
	ring := make([]spot, 0, len(words)/2)
	for i, word := range words {
		step, err := strconv.Atoi(word)
		if err != nil {
			return nil, err
		}
		at[i%2] += step
		if i%2 == 1 {
			ring = append(ring, spot{float64(at[0]) / 100, float64(at[1]) / 100})
		}
	}
	return ring, nil
}

// clipped is what of a ring lies within a box (Sutherland and Hodgman, 1974).
func clipped(ring []spot, low, high spot) []spot {
	for _, side := range []struct {
		inside func(spot) bool
		cut    func(a, b spot) spot
	}{
		{func(p spot) bool { return p.x >= low.x }, func(a, b spot) spot { return atX(a, b, low.x) }},
		{func(p spot) bool { return p.x <= high.x }, func(a, b spot) spot { return atX(a, b, high.x) }},
		{func(p spot) bool { return p.y >= low.y }, func(a, b spot) spot { return atY(a, b, low.y) }},
		{func(p spot) bool { return p.y <= high.y }, func(a, b spot) spot { return atY(a, b, high.y) }},
	} {
		if len(ring) == 0 {
			return nil
		}
		var kept []spot
		last := ring[len(ring)-1]
		for _, p := range ring {
			if side.inside(p) != side.inside(last) {
				kept = append(kept, side.cut(last, p))
			}
			if side.inside(p) {
				kept = append(kept, p)
			}
			last = p
		}
		ring = kept
	}
	return ring
}

// atX and atY are where the line through two points has that coordinate.
func atX(a, b spot, x float64) spot { return spot{x, a.y + (b.y-a.y)*(x-a.x)/(b.x-a.x)} }
func atY(a, b spot, y float64) spot { return spot{a.x + (b.x-a.x)*(y-a.y)/(b.y-a.y), y} }
