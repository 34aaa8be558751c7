package foreign

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"matrix/data"
)

// ReadProbes reads which city each RIPE Atlas probe stands for: CSV with the
// columns prb_id and city, the name of a city of the inventory. Several probes
// may stand for one city. Its mistakes come together.
func ReadProbes(r io.Reader, name string, inv *data.Inventory) (map[int]string, error) {
	in, err := data.OpenText(r, name)
	if err != nil {
		return nil, err
	}
	rows := csv.NewReader(in)
	rows.FieldsPerRecord, rows.Comment = 2, '#'
	lookup := data.NewLookup(inv)
	probes := make(map[int]string)
	var mistakes data.FileErrors
	for first := true; ; first = false {
		cells, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		var syntax *csv.ParseError
		if errors.As(err, &syntax) {
			return nil, &data.FileError{File: name, Line: syntax.StartLine, Problem: syntax.Err.Error(), Hint: "a line is a probe's number, a comma and a city"}
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		line, _ := rows.FieldPos(0)
		id, problem := probeRow(first, cells, lookup, probes)
		if problem != nil {
			problem.File, problem.Line = name, line
			mistakes.List = append(mistakes.List, problem)
		} else if id > 0 {
			i, _ := lookup.City(strings.TrimSpace(cells[1]))
			probes[id] = inv.Cities[i].Name
		}
		if len(mistakes.List) == 20 {
			break
		}
	}
	if len(mistakes.List) > 0 {
		return nil, &mistakes
	}
	return probes, nil
}

// probeRow checks a row; 0 is the row of column names.
func probeRow(first bool, cells []string, lookup *data.Lookup, known map[int]string) (int, *data.FileError) {
	number, city := strings.TrimSpace(cells[0]), strings.TrimSpace(cells[1])
	id, err := strconv.Atoi(number)
	if err != nil && first && !strings.ContainsAny(number, "0123456789") {
		return 0, nil
	}
	if err != nil || id < 1 {
		return 0, &data.FileError{Column: 1, Field: "prb_id", Value: number, Problem: "not the number of a probe", Hint: "write it as RIPE Atlas does, such as 6001"}
	}
	if _, twice := known[id]; twice {
		return 0, &data.FileError{Column: 1, Field: "prb_id", Value: number, Problem: "the probe is there twice", Hint: "remove one of them"}
	}
	if _, ok := lookup.City(city); !ok {
		problem, hint := lookup.Unknown(city)
		return 0, &data.FileError{Column: 2, Field: "city", Value: city, Problem: problem, Hint: hint}
	}
	return id, nil
}
