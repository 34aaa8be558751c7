package foreign

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"matrix/data"
	"matrix/probe"
)

// columns says in which cell of a row a column stands.
type columns map[string]int

var aliases = map[string]string{"from": "source", "to": "destination"}

// newColumns finds the columns of a header; of two of one name the first.
func newColumns(header []string) columns {
	c := make(columns)
	for i, cell := range header {
		name := strings.ToLower(strings.Trim(strings.TrimSpace(cell), `"`))
		if full, ok := aliases[name]; ok {
			name = full
		}
		if _, taken := c[name]; !taken {
			c[name] = i
		}
	}
	return c
}

// list reads lists of pairs, a row each: WonderNetwork's, and our own.
type list struct {
	*source
	format  Format
	comma   byte
	header  []string
	columns columns
	cells   []string

	lastTime string // rows of an hour often have one time
	lastAt   time.Time
}

func readList(s *source, in *bufio.Reader, format Format) error {
	l := &list{source: s, format: format}
	err := s.eachLine(&lines{in: in}, func(line []byte) error {
		line = bytes.TrimSpace(line)
		switch {
		case len(line) == 0 || line[0] == '#':
			return nil
		case l.header == nil:
			return l.head(string(line))
		}
		return l.row(line)
	})
	if err == nil && l.header == nil {
		return &data.FileError{File: s.name, Problem: "the file is empty", Hint: "its first line has to name the columns"}
	}
	return err
}

// head reads the line that names the columns. What is wrong there is wrong with
// the file.
func (l *list) head(line string) error {
	l.comma = ','
	for _, c := range []byte(";\t") {
		if strings.Count(line, string(c)) > strings.Count(line, string(l.comma)) {
			l.comma = c
		}
	}
	if err := l.split([]byte(line)); err != nil {
		return &data.FileError{File: l.name, Line: l.line, Problem: "the line of column names is no CSV", Hint: "write source,destination,timestamp,min,avg,max,mdev"}
	}
	l.header = slices.Clone(l.cells)
	l.columns = newColumns(l.header)
	want := []string{"source", "destination"}
	if l.format == CSV {
		want = append(want, "state")
	}
	for _, name := range want {
		if _, ok := l.columns[name]; !ok {
			return &data.FileError{File: l.name, Line: l.line, Problem: "no column " + name, Hint: "its first line has to name the columns"}
		}
	}
	_, rounds := l.columns["round"]
	l.whole = l.format == CSV && !rounds
	return nil
}

// split cuts a line into cells. Only lines with quotation marks need a parser;
// none of these formats has texts of several lines.
func (l *list) split(line []byte) error {
	l.cells = l.cells[:0]
	text := string(line)
	if !strings.Contains(text, `"`) {
		for {
			i := strings.IndexByte(text, l.comma)
			if i < 0 {
				l.cells = append(l.cells, strings.TrimSpace(text))
				return nil
			}
			l.cells = append(l.cells, strings.TrimSpace(text[:i]))
			text = text[i+1:]
		}
	}
	parser := csv.NewReader(strings.NewReader(text))
	parser.Comma = rune(l.comma)
	cells, err := parser.Read()
	if err != nil {
		return err
	}
	if _, err := parser.Read(); !errors.Is(err, io.EOF) {
		return errors.New("more than one row")
	}
	for _, cell := range cells {
		l.cells = append(l.cells, strings.TrimSpace(cell))
	}
	return nil
}

func (l *list) get(name string) string {
	if i, ok := l.columns[name]; ok && i < len(l.cells) {
		return l.cells[i]
	}
	return ""
}

// field reports what is wrong with a cell.
func (l *list) field(name, problem, hint string) {
	i := l.columns[name]
	field := name
	if i < len(l.header) {
		field = l.header[i]
	}
	l.wrong(i+1, field, l.get(name), problem, hint)
}

func (l *list) row(line []byte) error {
	if err := l.split(line); err != nil {
		l.bad(data.FileError{Problem: "quotation marks that do not match", Hint: "double every quotation mark inside a text in quotation marks"})
		return nil
	}
	if len(l.cells) < len(l.header) && l.format == CSV {
		l.bad(data.FileError{Problem: fmt.Sprintf("%d of the %d cells that the header has", len(l.cells), len(l.header)), Hint: "keep the separator even where a cell is blank"})
		return nil
	}
	var r reading
	var ok bool
	if r.from, ok = l.city(l.columns["source"]+1, "source", l.get("source")); !ok {
		return nil
	}
	if r.to, ok = l.city(l.columns["destination"]+1, "destination", l.get("destination")); !ok {
		return nil
	}
	if r.sample.At, ok = l.when("timestamp"); !ok {
		return nil
	}
	if l.format == CSV {
		if !l.ours(&r) {
			return nil
		}
		return l.take(r)
	}
	r.sample.State = probe.Measured
	if !l.figures(&r.sample) {
		return l.leftOut(r, "its row cannot be read")
	}
	return l.take(r)
}

// when reads a time; a blank cell is none.
func (l *list) when(column string) (time.Time, bool) {
	text := l.get(column)
	switch text {
	case "":
		return time.Time{}, true
	case l.lastTime:
		return l.lastAt, true
	}
	at, err := data.ParseTime(text)
	if err != nil {
		l.field(column, "not a time", "write it as 2020-07-19T00:00:00Z")
		return at, false
	}
	l.lastTime, l.lastAt = text, at
	return at, true
}

// figures reads the statistics that a row has.
func (l *list) figures(s *probe.Sample) bool {
	for _, stat := range stats {
		name := stat.String()
		cell := l.get(name)
		if cell == "" || cell == "-" || strings.EqualFold(cell, "null") {
			continue
		}
		d, problem, hint := data.ParseMillis(cell)
		if problem != "" {
			l.field(name, problem, hint)
			return false
		}
		s.Imported.Set(stat, d)
	}
	return true
}

// ours reads what our own list has besides.
func (l *list) ours(r *reading) bool {
	s := &r.sample
	if err := s.State.UnmarshalText([]byte(l.get("state"))); err != nil {
		l.field("state", "not a state", fmt.Sprintf("states are %v", probe.States()))
		return false
	}
	s.Reason = probe.Clean(unquote(l.get("reason")), maxReason)
	if text := l.get("address"); text != "" {
		addr, err := data.ParseAddr(text)
		if err != nil {
			l.field("address", "not an IP address", "write it as 192.0.2.1 or 2001:db8::1")
			return false
		}
		s.Address = addr
	}
	var ok bool
	if s.Sent, ok = l.count("sent"); !ok {
		return false
	}
	if s.Received, ok = l.count("received"); !ok {
		return false
	}
	if r.group, ok = l.when("round"); !ok || !l.figures(s) {
		return false
	}
	return l.once(r)
}

// once refuses a pair that the file's only round has already.
func (l *list) once(r *reading) bool {
	if !l.whole {
		return true
	}
	pair := [2]int{r.from, r.to}
	if line, twice := l.seen[pair]; twice {
		l.field("destination", fmt.Sprintf("line %d has this pair already", line), "keep one of them, or say in a column round when the round of each began")
		return false
	}
	l.seen[pair] = l.line
	return true
}

func (l *list) count(column string) (int, bool) {
	text := l.get(column)
	if text == "" {
		return 0, true
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > maxSent {
		l.field(column, "not a count of echo requests", fmt.Sprintf("write a whole number from 0 to %d", maxSent))
		return 0, false
	}
	return n, true
}
