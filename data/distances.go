package data

import (
	"fmt"
	"io"
	"math"
	"os"

	"matrix/geo"
	"matrix/probe"
)

// Distances are the lengths of the ways between cities as a file gives them.
type Distances struct {
	Warnings []probe.Warning
	between  map[probe.Pair]geo.Miles
}

// farthest is a little more than half the way round the Earth, 12,437 miles: the
// tables of 2011 counted 1.6 km to the mile, and are 0.58 % high.
const farthest geo.Miles = 12_600

// Between is the distance of a pair. A cell that is blank in the file is taken
// from the other direction.
func (d *Distances) Between(p probe.Pair) (geo.Miles, bool) {
	if miles, ok := d.between[p]; ok {
		return miles, true
	}
	miles, ok := d.between[p.Reverse()]
	return miles, ok
}

// OpenDistances reads the distances in a file; see ReadDistances.
func OpenDistances(path string, inv *Inventory) (*Distances, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadDistances(f, path, inv)
}

// ReadDistances reads a table with cities across and down. Distances are in
// miles, unless the corner cell ends in "(km)". With an inventory the names are
// matched to it, and cities that it does not have are left out with a warning:
// a table may cover more than the fleet. A pair whose two directions differ by
// more than 1 % is a mistake: the Earth does not do that.
func ReadDistances(r io.Reader, name string, inv *Inventory) (*Distances, error) {
	in, err := openText(r, name)
	if err != nil {
		return nil, err
	}
	s, err := openSheet(in, name)
	if err != nil {
		return nil, err
	}
	b := &distanceReader{table: readTable(s), cities: newResolver(inv), lines: make(map[probe.Pair]int),
		distances: &Distances{between: make(map[probe.Pair]geo.Miles)}}
	b.read()
	if err := b.err(); err != nil {
		return nil, err
	}
	return b.distances, nil
}

type distanceReader struct {
	*table
	cities    *resolver
	distances *Distances
	lines     map[probe.Pair]int
	strangers []string // cities that the inventory does not have
}

func (b *distanceReader) read() {
	toMiles := func(v float64) geo.Miles { return geo.Miles(v) }
	switch u := b.unit(); u {
	case "", "mi", "miles":
	case "km", "kilometres", "kilometers":
		toMiles = func(v float64) geo.Miles { return geo.Kilometres(v).Miles() }
	default:
		b.wrongUnit("give a table of distances in mi or km")
	}
	columns := make([]int, len(b.columns))
	taken := make(map[int]bool)
	for i, title := range b.columns {
		columns[i] = -1
		if title != "" {
			columns[i] = b.known(row{b.header, b.line}, i+1, taken)
		}
	}
	taken = make(map[int]bool)
	for _, r := range b.rows {
		from := b.known(r, 0, taken)
		for i, to := range columns {
			if from >= 0 && to >= 0 && from != to {
				b.cell(r, i+1, probe.Pair{From: b.cities.city[from].Name, To: b.cities.city[to].Name}, toMiles)
			}
		}
	}
	if len(b.distances.between) == 0 && !b.any() && b.err() == nil {
		hint := "rows and columns are cities, cells are miles"
		if len(b.strangers) > 0 {
			hint = fmt.Sprintf("it has %s, which %s does not", list(b.strangers, "and"), b.cities.index.inv.short())
		}
		b.whole("no distance between cities of the fleet", hint)
	}
	if len(b.strangers) > 0 {
		b.distances.Warnings = append(b.distances.Warnings, probe.Warning{Subject: b.file,
			Text: fmt.Sprintf("has cities that %s does not: %s", b.cities.index.inv.short(), list(b.strangers, "and"))})
	}
}

// known is the city that a cell names, or -1.
func (b *distanceReader) known(r row, i int, taken map[int]bool) int {
	if _, ok := b.cities.find(r.cells[i]); !ok && b.cities.index != nil {
		name := shown(r.cells[i])
		for _, s := range b.strangers {
			if s == name {
				return -1
			}
		}
		b.strangers = append(b.strangers, name)
		return -1
	}
	if city, ok := b.title(b.cities, r, i, taken); ok {
		return city
	}
	return -1
}

// cell reads one distance and holds it against the other direction.
func (b *distanceReader) cell(r row, i int, p probe.Pair, toMiles func(float64) geo.Miles) {
	if blank(r.cells[i]) {
		return
	}
	v, problem, hint := number(r.cells[i])
	miles := toMiles(v)
	switch {
	case problem != "":
	case v < 0:
		problem, hint = "a distance below zero", "leave the cell blank if it is not known"
	case miles > farthest:
		problem, hint = "farther than half the way round the Earth", `check the unit: miles, or km with "(km)" in the first cell`
	}
	if other, ok := b.distances.between[p.Reverse()]; ok && problem == "" && apart(miles, other) {
		problem = fmt.Sprintf("line %d has another distance for the way back", b.lines[p.Reverse()])
		hint = "correct one of the two, or leave it blank"
	}
	if problem != "" {
		b.bad(r, i, problem, hint)
		return
	}
	b.distances.between[p], b.lines[p] = miles, r.line
}

// apart allows for rounding: a mile, or 1 %.
func apart(a, b geo.Miles) bool {
	difference := math.Abs(float64(a - b))
	return difference > 1 && difference > 0.01*float64(max(a, b))
}
