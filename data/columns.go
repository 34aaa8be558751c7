package data

import (
	"fmt"
	"slices"
	"strings"
)

// columns says in which cell of a row a known column stands.
type columns map[string]int

// heading strips what people write differently in column names.
func heading(cell string) string {
	key := strings.ToLower(strings.NewReplacer(" ", "", "_", "", "-", "").Replace(cell))
	if full, ok := headingAliases[key]; ok {
		return full
	}
	return key
}

var headingAliases = map[string]string{
	"lat": "latitude", "lng": "longitude", "lon": "longitude", "long": "longitude",
	"from": "source", "to": "destination",
}

// headings are all columns of the header, known or not.
func (s *sheet) headings() columns {
	all := make(columns)
	for i, cell := range s.header {
		all[heading(cell)] = i
	}
	return all
}

// findColumns looks for known columns in the header, and reports those that are
// there twice.
func (s *sheet) findColumns(known []string) columns {
	found := make(columns)
	for i, cell := range s.header {
		key := heading(cell)
		first, twice := found[key]
		switch {
		case !slices.Contains(known, key):
		case twice:
			s.add(FileError{Line: s.line, Column: i + 1, Field: "column", Value: cell,
				Problem: fmt.Sprintf("the same as column %d", first+1), Hint: "remove one of them"})
		default:
			found[key] = i
		}
	}
	return found
}

// get is a row's cell under a known column; "" if either is not there.
func (c columns) get(r row, name string) string {
	if i, ok := c[name]; ok && i < len(r.cells) {
		return r.cells[i]
	}
	return ""
}

func (c columns) has(names ...string) bool {
	for _, name := range names {
		if _, ok := c[name]; !ok {
			return false
		}
	}
	return true
}

// ragged reports a row that has not as many cells as the header. Cells that are
// merely blank at the end are no mistake.
func (s *sheet) ragged(r row) bool {
	for i := len(s.header); i < len(r.cells); i++ {
		if r.cells[i] != "" {
			s.bad(r, i, fmt.Sprintf("the header has only %d columns", len(s.header)),
				"put texts that contain the separator in quotation marks, and write numbers with a decimal point")
			return true
		}
	}
	if len(r.cells) < len(s.header) {
		s.add(FileError{Line: r.line, Problem: fmt.Sprintf("%d of the %d cells that the header has", len(r.cells), len(s.header)),
			Hint: "keep the separator even where a cell is blank"})
		return true
	}
	return false
}
