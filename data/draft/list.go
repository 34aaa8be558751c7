package draft

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"matrix/data"
	"matrix/geo"
	"matrix/probe"
)

const (
	maxCities = 1000
	maxText   = 4 << 20
)

// ReadList reads a list or a table of cities and hosts. A table has a first line
// that names its columns, as CSV or with tabs; columns that are not known are
// passed over. In a list a line is the name of a city, of a host, or both, in any
// order; # starts a comment.
func ReadList(r io.Reader, name string) ([]City, error) {
	in, err := data.OpenText(io.LimitReader(r, maxText+1), name)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(in)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(text) > maxText {
		return nil, &data.FileError{File: name, Problem: fmt.Sprintf("longer than %d MB", maxText>>20), Hint: "a list of cities has a line for each"}
	}
	l := &list{file: name}
	if first, ok := heading(string(text)); ok && l.isTable(first) {
		l.readTable(string(text))
	} else {
		l.readLines(string(text))
	}
	switch {
	case l.bad != nil:
		return nil, l.bad
	case len(l.cities) == 0:
		return nil, &data.FileError{File: name, Problem: "no city", Hint: "give a city or a host in each line"}
	}
	return l.cities, nil
}

// list is one that is being read.
type list struct {
	file    string
	comma   rune
	columns map[string][]int // what we call a column, and where it is
	header  []string
	cities  []City
	bad     *data.FileErrors
}

// headings are what columns are called, folded.
var headings = map[string][]string{
	"title":     {"city", "title", "location", "place", "town", "name"},
	"host":      {"host", "hostname", "fqdn", "server", "servername", "dns", "address", "ip", "ipaddress", "ipv4"},
	"latitude":  {"latitude", "lat"},
	"longitude": {"longitude", "lon", "lng", "long"},
	"country":   {"country", "countrycode", "cc"},
	"region":    {"region", "state"},
	"provider":  {"provider", "isp", "network", "carrier"},
	"ssh":       {"ssh", "login"},
}

// heading is the first line that says something.
func heading(text string) (string, bool) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			return line, true
		}
	}
	return "", false
}

// isTable looks for the names of columns in a line. One with the name of a city
// or host column makes a table.
func (l *list) isTable(line string) bool {
	l.comma = ','
	for _, c := range "\t;" {
		if strings.ContainsRune(line, c) {
			l.comma = c
			break
		}
	}
	l.columns = map[string][]int{}
	for i, cell := range strings.Split(line, string(l.comma)) {
		cell = strings.Trim(strings.TrimSpace(cell), `"`)
		l.header = append(l.header, cell)
		for column, names := range headings {
			if slices.Contains(names, geo.Fold(cell)) {
				l.columns[column] = append(l.columns[column], i)
			}
		}
	}
	return len(l.columns["title"])+len(l.columns["host"]) > 0
}

func (l *list) add(line int, c City) {
	if len(l.cities) == maxCities {
		l.mistake(data.FileError{Line: line, Problem: fmt.Sprintf("more than %d cities", maxCities), Hint: "split the fleet"})
	}
	c.Source = fmt.Sprintf("%s:%d", l.file, line)
	l.cities = append(l.cities, c)
}

// mistake keeps the first screenful.
func (l *list) mistake(e data.FileError) {
	e.File = l.file
	if l.bad == nil {
		l.bad = &data.FileErrors{}
	}
	if len(l.bad.List) == 20 {
		l.bad.More++
		return
	}
	l.bad.List = append(l.bad.List, &e)
}

// readTable reads the rows below the headings.
func (l *list) readTable(text string) {
	rows := csv.NewReader(strings.NewReader(text))
	rows.Comma, rows.Comment, rows.FieldsPerRecord, rows.LazyQuotes = l.comma, '#', -1, true
	for first := true; ; first = false {
		cells, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			l.mistake(data.FileError{Problem: probe.Clean(err.Error(), 200), Hint: "mend the quotation marks"})
			return
		}
		if line, _ := rows.FieldPos(0); !first && strings.TrimSpace(strings.Join(cells, "")) != "" {
			l.row(line, cells)
		}
	}
}

// cell is the first one with something in it of those that a column may mean.
func (l *list) cell(cells []string, column string) string {
	for _, i := range l.columns[column] {
		if i >= len(cells) {
			continue
		}
		// MySQL writes NULL for nothing.
		if text := strings.TrimSpace(cells[i]); text != "" && text != "NULL" && text != `\N` {
			return text
		}
	}
	return ""
}

func (l *list) row(line int, cells []string) {
	var c City
	c.Title = words(l.cell(cells, "title"))
	c.Host = l.cell(cells, "host")
	c.SSH = l.cell(cells, "ssh")
	c.Country = words(l.cell(cells, "country"))
	c.Region = words(l.cell(cells, "region"))
	c.Provider = words(l.cell(cells, "provider"))
	if isHost(c.Title) { // a column "name" of servers
		if c.Host == "" {
			c.Host = c.Title
		}
		c.Also, c.Title = c.Title, ""
	}
	c.alone = c.Host == "" && !strings.ContainsAny(c.Title, " ,")
	if c.Host != "" && probe.CheckHost(c.Host) != nil {
		l.mistake(data.FileError{Line: line, Column: 1, Field: "host", Value: c.Host, Problem: "not a host name or address"})
	}
	if c.SSH != "" && probe.CheckLogin(c.SSH) != nil {
		l.mistake(data.FileError{Line: line, Column: 1, Field: "ssh", Value: c.SSH, Problem: "not what ssh connects to", Hint: "write host, user@host or ssh://user@host:port"})
	}
	c.Location = l.location(line, cells)
	if c.Title == "" && c.Host == "" {
		l.mistake(data.FileError{Line: line, Problem: "neither a city nor a host"})
		return
	}
	l.add(line, c)
}

// location is where the row says that the city is; nil if it says nothing.
func (l *list) location(line int, cells []string) *probe.Location {
	latitude, longitude := l.cell(cells, "latitude"), l.cell(cells, "longitude")
	if latitude == "" && longitude == "" {
		return nil
	}
	at, ok := ParseLocation(latitude + "," + longitude)
	if !ok {
		l.mistake(data.FileError{Line: line, Column: 1, Field: "latitude, longitude", Value: latitude + ", " + longitude,
			Problem: "no place on earth", Hint: "write degrees, such as 39.29 and -76.61, or leave both blank"})
		return nil
	}
	return at
}

// ParseLocation reads "39.29, -76.61".
func ParseLocation(text string) (*probe.Location, bool) {
	first, second, _ := strings.Cut(text, ",")
	latitude, err1 := strconv.ParseFloat(strings.TrimSpace(first), 64)
	longitude, err2 := strconv.ParseFloat(strings.TrimSpace(second), 64)
	if err1 != nil || err2 != nil {
		return nil, false
	}
	if _, err := geo.NewPoint(latitude, longitude); err != nil {
		return nil, false
	}
	return &probe.Location{Latitude: latitude, Longitude: longitude}, true
}

// readLines reads a list.
func (l *list) readLines(text string) {
	lines := bufio.NewScanner(strings.NewReader(text))
	lines.Buffer(nil, maxText+1)
	for n := 1; lines.Scan(); n++ {
		line, _, _ := strings.Cut(" "+lines.Text(), " #")
		if line = strings.TrimSpace(line); line != "" {
			l.line(n, line)
		}
	}
}

// line takes a line apart: what looks like a host is one, and the rest is the
// name of the city.
func (l *list) line(n int, line string) {
	var c City
	var parts []string
	for _, word := range strings.Fields(strings.NewReplacer(",", ", ", ";", ", ", "\t", " ").Replace(line)) {
		bare := strings.TrimRight(word, ",")
		login, host, user := strings.Cut(bare, "@")
		switch {
		case user && login != "" && probe.CheckLogin(bare) == nil && c.Host == "":
			c.SSH, c.Host = bare, host
		case !isHost(bare):
			parts = append(parts, word)
		case c.Host == "":
			c.Host = bare
		default:
			c.Also = bare // as in /etc/hosts
		}
	}
	c.Title = words(strings.Trim(strings.Join(parts, " "), ", "))
	c.alone = c.Host == "" && len(parts) == 1
	switch {
	case c.Host != "" && probe.CheckHost(c.Host) != nil:
		l.mistake(data.FileError{Line: n, Column: 1, Field: "host", Value: c.Host, Problem: "not a host name or address"})
	case c.Host == "" && data.Slug(c.Title) == "":
		l.mistake(data.FileError{Line: n, Column: 1, Field: "line", Value: line, Problem: "neither a city nor a host"})
	default:
		l.add(n, c)
	}
}

// words are a text for people, without what makes a spreadsheet take it for a
// formula.
func words(text string) string { return probe.Clean(strings.TrimLeft(text, "=+-@ \t"), maxTitle) }

// isHost says whether a word is surely a host's: an address, or a name with a
// domain. "D.C." and "St.Louis" are none.
func isHost(word string) bool {
	if _, err := netip.ParseAddr(word); err == nil {
		return true
	}
	at := strings.LastIndex(word, ".")
	top := word[at+1:]
	return at > 0 && len(top) > 1 && strings.Trim(top, "0123456789") != "" && word == strings.ToLower(word) && probe.CheckHost(word) == nil
}
