package foreign

import (
	"bufio"
	"bytes"
	"strings"

	"matrix/data"
)

// marks are what gives a file away in its first lines; the first that is found
// counts. JSON is looked at without its spaces.
var marks = []struct {
	found  func(line, dense string) bool
	format Format
}{
	{func(_, dense string) bool { return strings.HasPrefix(dense, `{"format":"matrix-round"`) }, JSON},
	{func(_, dense string) bool { return isJSON(dense) && strings.Contains(dense, `"prb_id":`) }, Atlas},
	{func(_, dense string) bool { return isFpingJSON(dense) }, Fping},
	{func(_, dense string) bool { return dense == "[]" }, Atlas},
	{func(line, _ string) bool { return hasColumns(line, "source", "destination", "state") }, CSV},
	{func(line, _ string) bool { return hasColumns(line, "source", "destination") }, WonderNetwork},
	{func(line, _ string) bool { return strings.HasPrefix(line, "PING ") }, Ping},
	{func(line, _ string) bool { return strings.HasPrefix(line, "ping: ") }, Ping},
	{func(line, _ string) bool { return isFping(line) }, Fping},
}

// isJSON says whether a text is an object or a list of them; fping -D starts its
// lines with a time in square brackets.
func isJSON(dense string) bool {
	return strings.HasPrefix(dense, "{") || strings.HasPrefix(dense, "[{") || dense == "[]"
}

func isFpingJSON(dense string) bool {
	for _, key := range fpingKeys {
		if strings.HasPrefix(dense, `{"`+key+`":{`) {
			return true
		}
	}
	return false
}

func hasColumns(line string, names ...string) bool {
	header := newColumns(strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(",;\t", r) }))
	for _, name := range names {
		if _, ok := header[name]; !ok {
			return false
		}
	}
	return true
}

// detect knows a format by its first lines, which it leaves to be read.
func detect(in *bufio.Reader, name string) (Format, error) {
	head, _ := in.Peek(32 << 10) // an error comes again when the text is read
	if len(bytes.TrimSpace(head)) == 0 {
		return "", &data.FileError{File: name, Problem: "the file is empty", Hint: "there is nothing to import"}
	}
	dense := strings.Join(strings.Fields(string(head)), "")
	if isJSON(dense) {
		for _, mark := range marks {
			if mark.found("", dense) {
				return mark.format, nil
			}
		}
		return "", &data.FileError{File: name, Line: 1, Problem: "JSON of no known format", Hint: "say which it is with --format: " + words(Formats()[1:])}
	}
	for line := range strings.Lines(string(head)) {
		line = strings.TrimSpace(line)
		for _, mark := range marks {
			if mark.found(line, line) {
				return mark.format, nil
			}
		}
	}
	return "", &data.FileError{File: name, Line: 1, Problem: "of no known format", Hint: "say which it is with --format: " + words(Formats()[1:])}
}
