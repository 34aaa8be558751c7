package data

import (
	"fmt"
	"strings"
)

// table is a file in the shape of the published tables: a corner cell, cities
// across the top, and a row for each city with its values.
type table struct {
	*sheet
	columns []string
	rows    []row // cells[0] is the row's city
}

// readTable reads the shape; what the cells hold is the caller's business.
func readTable(s *sheet) *table {
	t := &table{sheet: s}
	for len(s.header) > 1 && s.header[len(s.header)-1] == "" {
		s.header = s.header[:len(s.header)-1]
	}
	t.columns = s.header[1:]
	top := row{s.header, s.line}
	for i, title := range t.columns {
		if title == "" {
			s.bad(top, i+1, "the column has no city", "write its name in the first line")
		}
	}
	if len(t.columns) > maxCities {
		s.add(FileError{Line: s.line, Problem: fmt.Sprintf("more than %d cities", maxCities), Hint: "split the table"})
		return t
	}
	for {
		r, ok := s.next()
		switch {
		case !ok:
			return t
		case len(t.rows) == maxCities:
			s.add(FileError{Line: r.line, Problem: fmt.Sprintf("more than %d rows", maxCities), Hint: "split the table"})
			return t
		case s.ragged(r):
		case r.cells[0] == "":
			s.bad(r, 0, "the row has no city", "write its name in the first cell")
		default:
			t.rows = append(t.rows, r)
		}
	}
}

// title reads a cell that names a city: its position among the resolver's
// cities. A city that is unknown or there twice is a mistake.
func (t *table) title(cities *resolver, r row, i int, taken map[int]bool) (int, bool) {
	city, ok := cities.find(r.cells[i])
	e := FileError{Line: r.line, Column: i + 1, Field: "city", Value: r.cells[i]}
	switch {
	case !ok:
		e.Problem, e.Hint = cities.unknown(r.cells[i])
	case taken[city]:
		e.Problem, e.Hint = "this city is there twice", "remove one of them"
	default:
		taken[city] = true
		return city, true
	}
	t.add(e)
	return 0, false
}

// blank says whether a cell stands for no value.
func blank(cell string) bool { return cell == "" || cell == "-" || cell == "–" || cell == "—" }

// unit is the unit that a table's corner cell ends in, in brackets: "from (km)".
func (t *table) unit() string {
	corner := strings.ToLower(t.header[0])
	open := strings.LastIndexAny(corner, "([")
	if open < 0 {
		return ""
	}
	return strings.TrimSpace(strings.TrimRight(corner[open+1:], ")] "))
}

// wrongUnit reports a unit that the reader does not take.
func (t *table) wrongUnit(want string) {
	t.add(FileError{Line: t.line, Column: 1, Field: "corner", Value: t.header[0],
		Problem: "the values are in " + shown(t.unit()), Hint: want})
}
