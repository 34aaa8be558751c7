package data

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"matrix/probe"
)

// Inventory is a fleet: its cities in the order of its file.
type Inventory struct {
	Name     string // of the file
	Cities   []probe.City
	Warnings []probe.Warning // what is strange but not wrong

	ids map[string]int // WonderNetwork's numbers, which its pings refer to
}

// maxCities is the largest fleet: a round of it has a million pairs.
const maxCities = 1000

var (
	inventoryColumns = []string{"name", "title", "host", "latitude", "longitude", "country", "region", "provider", "ssh"}
	// serverColumns are those of WonderNetwork's servers file, and those that
	// somebody who wants to measure has to add to it.
	serverColumns = append([]string{"id", "location", "state", "stateabbv", "continent"}, inventoryColumns...)
)

// OpenInventory reads the inventory in a file.
func OpenInventory(path string) (*Inventory, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadInventory(f, path)
}

// ReadInventory reads a CSV file of cities, ours or WonderNetwork's. Its first
// line names the columns: name, title (one of the two is enough), host,
// latitude and longitude; country, region, provider and ssh may be there. Order,
// case, spaces, underscores and hyphens in column names do not matter. A city
// whose latitude and longitude are both blank has no location.
//
// WonderNetwork's file is known by its columns id, name, title and continent or
// state_abbv. Columns that are strange there are ignored, and hosts may be
// missing: see CheckMeasurable.
//
// The mistakes of the file come together as *FileErrors.
func ReadInventory(r io.Reader, name string) (*Inventory, error) {
	in, err := openText(r, name)
	if err != nil {
		return nil, err
	}
	s, err := openSheet(in, name)
	if err != nil {
		return nil, err
	}
	return newInventoryReader(s).read()
}

// CheckMeasurable is a *FileError that names the cities without a host to ping.
func (inv *Inventory) CheckMeasurable() error {
	var without []string
	for _, c := range inv.Cities {
		if c.Host == "" {
			without = append(without, c.Title)
		}
	}
	if len(without) == 0 {
		return nil
	}
	return &FileError{File: inv.called(), Problem: "no host to ping in " + list(without, "and"),
		Hint: `fill in the column "host" with the name or address to measure`}
}

// inventoryReader turns the rows of one file into cities.
type inventoryReader struct {
	*sheet
	inv       *Inventory
	columns   columns
	published bool           // WonderNetwork's file
	lines     []int          // of each city
	names     map[string]int // names and titles as they are matched, and the city that has them
	hosts     map[string]int
}

func newInventoryReader(s *sheet) *inventoryReader {
	b := &inventoryReader{
		sheet: s,
		inv:   &Inventory{Name: s.file, ids: make(map[string]int)},
		names: make(map[string]int), hosts: make(map[string]int),
	}
	keys := s.headings()
	b.published = keys.has("id", "name", "title") && (keys.has("continent") || keys.has("stateabbv"))
	if b.published {
		b.columns = s.findColumns(serverColumns)
	} else {
		b.columns = s.findColumns(inventoryColumns)
	}
	return b
}

func (b *inventoryReader) read() (*Inventory, error) {
	b.checkHeader()
	if b.any() { // the rows would only repeat it
		return nil, b.err()
	}
	for {
		r, ok := b.next()
		if !ok {
			break
		}
		if len(b.inv.Cities) == maxCities {
			b.add(FileError{Line: r.line, Problem: fmt.Sprintf("more than %d cities", maxCities), Hint: "split the fleet"})
			break
		}
		if b.published || !b.ragged(r) {
			b.city(r)
		}
	}
	if len(b.inv.Cities) == 0 && !b.any() && b.err() == nil {
		b.whole("no city: the file has only its header line", "add a line for each city")
	}
	if err := b.err(); err != nil {
		return nil, err
	}
	return b.inv, nil
}

// unknownColumn reports a column that we do not know. One without a name is
// what spreadsheets leave at the right edge; it matters only if it is not empty,
// and then its rows are ragged.
func (b *inventoryReader) unknownColumn(i int) {
	if b.header[i] == "" {
		return
	}
	hint := "known are " + strings.Join(inventoryColumns, ", ")
	if near := nearest(heading(b.header[i]), inventoryColumns); len(near) > 0 {
		hint = fmt.Sprintf("did you mean %s?", near[0])
	}
	e := b.at(row{b.header, b.line}, i)
	e.Field, e.Problem, e.Hint = "column", "not a column of a list of cities", hint
	b.add(e)
}

func (b *inventoryReader) checkHeader() {
	form := strings.Join(inventoryColumns[:5], ",")
	if len(b.columns) == 0 {
		b.add(FileError{Line: b.line, Problem: "no column is named as one of a list of cities", Hint: "the first line has to be like " + form})
		return
	}
	for i, cell := range b.header {
		if !b.published && !slices.Contains(inventoryColumns, heading(cell)) {
			b.unknownColumn(i)
		}
	}
	var missing []string
	if !b.columns.has("name") && !b.columns.has("title") {
		missing = append(missing, "name (or title)")
	}
	for _, name := range []string{"host", "latitude", "longitude"} {
		if !b.columns.has(name) && !(b.published && name == "host") {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		b.add(FileError{Line: b.line, Problem: "no column " + strings.Join(missing, ", "),
			Hint: "the first line names the columns: " + form})
	}
}

// city reads one row. A city with a mistake is added all the same, so that what
// clashes with it is found too; the inventory is not handed out then.
func (b *inventoryReader) city(r row) {
	for i, cell := range r.cells {
		if i < len(b.header) && b.header[i] == "" && cell != "" && !b.published {
			b.bad(r, i, "the column has no name", "name it in the first line, or empty it")
		}
	}
	c := probe.City{
		Country:  b.words(r, "country"),
		Region:   b.words(r, "region"),
		Provider: b.words(r, "provider"),
	}
	if b.published && c.Region == "" {
		c.Region = b.words(r, "state")
	}
	b.name(r, &c)
	b.host(r, &c)
	c.Location = b.location(r)
	if id := b.columns.get(r, "id"); b.published && id != "" {
		b.claim(r, b.inv.ids, id, "id")
	}
	b.inv.Cities = append(b.inv.Cities, c)
	b.lines = append(b.lines, r.line)
	b.remark(r, c)
}

// remark adds the warnings that a correct row deserves.
func (b *inventoryReader) remark(r row, c probe.City) {
	if place := b.words(r, "location"); b.published && place != "" && fold(place) != fold(c.Title) {
		b.inv.Warnings = append(b.inv.Warnings, probe.Warning{Subject: c.Name,
			Text: fmt.Sprintf("the title is %s, but the location is %s", c.Title, place)})
	}
	if c.Location != nil && *c.Location == (probe.Location{}) {
		b.inv.Warnings = append(b.inv.Warnings, probe.Warning{Subject: c.Name,
			Text: "its coordinates are 0, 0, a place in the sea; distances to it are probably wrong"})
	}
}

// claim takes a key for the city of this row, and reports the city that has it
// already.
func (b *inventoryReader) claim(r row, taken map[string]int, key, column string) {
	this := len(b.inv.Cities)
	if other, ok := taken[key]; ok && other != this {
		hint := map[string]string{
			"host": "give every city a host of its own",
			"id":   "give every city an id of its own",
		}[column]
		if hint == "" {
			hint = "names and titles must differ by more than case, accents and punctuation"
		}
		b.bad(r, b.columns[column], fmt.Sprintf("line %d (%s) has it already", b.lines[other], b.inv.Cities[other].Title), hint)
		return
	}
	taken[key] = this
}
