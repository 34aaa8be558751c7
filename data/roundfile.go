package data

import (
	"bufio"
	"bytes"
	"io"
	"os"

	"matrix/probe"
)

// OpenRound reads the round in a file; see ReadRound.
func OpenRound(path string, inv *Inventory) (*probe.Round, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadRound(f, path, inv)
}

// ReadRound reads a round from any of these, known by their content:
//
//   - a table of round-trip times as published: cities across the top and down
//     the side, rows from, columns to, one time in ms a cell;
//   - a long list as WonderNetwork publishes it: source, destination, min, avg,
//     max, mdev, with or without timestamp, cities by name or by id;
//   - our own long list, pairs.csv, which has also sent, received and state;
//   - our own round.json, which is the round as it was measured.
//
// With an inventory, cities are its cities, and names are matched as whole
// names. Without one they are what the file calls them, and have no location. A
// round.json brings its own cities; the inventory is not used.
//
// What a table or a long list covers is every pair of a city that it has as
// source and one that it has as destination; a pair without figures is NotRun.
func ReadRound(r io.Reader, name string, inv *Inventory) (*probe.Round, error) {
	in, err := openText(r, name)
	if err != nil {
		return nil, err
	}
	switch firstByte(in) {
	case '{':
		return readRoundJSON(in, name)
	case '[':
		return nil, &FileError{File: name, Line: 1, Problem: "a JSON list, not a round", Hint: wanted}
	}
	s, err := openSheet(in, name)
	if err != nil {
		return nil, err
	}
	keys := s.headings()
	switch {
	case keys.has("source", "destination", "state"):
		return readPairs(s, inv)
	case keys.has("source", "destination"):
		return readLongList(s, inv)
	case keys.has("latitude", "longitude") || keys.has("name", "host"):
		return nil, &FileError{File: name, Line: s.line, Problem: "a list of cities, not of round-trip times", Hint: "give it as the inventory"}
	case len(s.header) < 2:
		return nil, &FileError{File: name, Line: s.line, Problem: "neither a table nor a list of round-trip times", Hint: wanted}
	}
	return readRoundTable(s, inv)
}

const wanted = "give a table with cities across and down, a list that starts with source,destination, or a round.json"

// firstByte is the first one that is not space.
func firstByte(in *bufio.Reader) byte {
	head, _ := in.Peek(512) // an error comes again when the text is read
	if head = bytes.TrimSpace(head); len(head) > 0 {
		return head[0]
	}
	return 0
}
