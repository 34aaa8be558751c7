package geo

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// The codes by which carriers name the cities of their routers. Coordinates are
// those of OurAirports (https://ourairports.com, public domain), as packed by
// the npm package iata-location 1.0.1.
//
//go:generate node airports.mjs
//go:embed airports.tsv
var airportsTsv string

// airports are the cities by code, in small letters. They are read when one is
// first asked for.
var airports = sync.OnceValue(func() map[string]Place {
	table, err := readAirports(airportsTsv)
	if err != nil {
		panic(fmt.Sprintf("built-in airports: %v", err)) // the tests would have seen it
	}
	return table
})

// Airport is the city of an airport's code, or of one that carriers use
// instead: "cdg" and "par" are Paris. So is "frpar", as UN/LOCODE has it. Only
// cities where networks meet are known.
func (g *Gazetteer) Airport(code string) (Place, bool) {
	code = strings.ToLower(code)
	if p, ok := airports()[code]; ok {
		return p, true
	}
	if len(code) != 5 {
		return Place{}, false
	}
	p, ok := airports()[code[2:]]
	return p, ok && strings.EqualFold(p.Country, code[:2])
}

// readAirports reads lines of codes, name, country, latitude and longitude.
func readAirports(text string) (map[string]Place, error) {
	table := make(map[string]Place, 500)
	for line := range strings.Lines(text) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(fields) != 5 {
			return nil, fmt.Errorf("%d fields instead of 5: %q", len(fields), line)
		}
		p := Place{Name: fields[1], Country: fields[2]}
		var err error
		if p.Latitude, err = strconv.ParseFloat(fields[3], 64); err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
		if p.Longitude, err = strconv.ParseFloat(fields[4], 64); err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
		if p.Point, err = NewPoint(p.Latitude, p.Longitude); err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
		for _, code := range strings.Fields(fields[0]) {
			if _, twice := table[code]; twice {
				return nil, fmt.Errorf("%q: %s is there twice", line, code)
			}
			table[code] = p
		}
	}
	return table, nil
}
