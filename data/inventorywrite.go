package data

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"

	"matrix/probe"
)

// WriteInventory writes cities as a file that ReadInventory reads. Columns that
// no city fills are left out, but for the host and the coordinates: a city has to
// have the one, and ought to have the others.
func WriteInventory(w io.Writer, cities []probe.City) error {
	number := func(c probe.City, v func(probe.Location) float64) string {
		if c.Location == nil {
			return ""
		}
		return strconv.FormatFloat(v(*c.Location), 'f', -1, 64)
	}
	fields := map[string]func(probe.City) string{
		"name":      func(c probe.City) string { return c.Name },
		"title":     func(c probe.City) string { return c.Title },
		"host":      func(c probe.City) string { return c.Host },
		"latitude":  func(c probe.City) string { return number(c, func(l probe.Location) float64 { return l.Latitude }) },
		"longitude": func(c probe.City) string { return number(c, func(l probe.Location) float64 { return l.Longitude }) },
		"country":   func(c probe.City) string { return c.Country },
		"region":    func(c probe.City) string { return c.Region },
		"provider":  func(c probe.City) string { return c.Provider },
		"ssh":       func(c probe.City) string { return c.SSH },
	}
	var header []string
	for _, column := range inventoryColumns {
		filled := column == "host" || column == "latitude" || column == "longitude"
		for _, c := range cities {
			filled = filled || fields[column](c) != ""
		}
		if filled {
			header = append(header, column)
		}
	}
	out := csv.NewWriter(w)
	err := out.Write(header)
	for _, c := range cities {
		row := make([]string, len(header))
		for i, column := range header {
			row[i] = fields[column](c)
		}
		if err == nil {
			err = out.Write(row)
		}
	}
	if err != nil {
		return fmt.Errorf("write inventory: %w", err)
	}
	out.Flush()
	return out.Error()
}
