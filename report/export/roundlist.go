package export

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"matrix/report"
)

// RoundLine is what RoundsJSON writes of a round.
type RoundLine struct {
	Round           string         `json:"round"` // its id
	Start           time.Time      `json:"start"`
	End             *time.Time     `json:"end"`
	Source          string         `json:"source"`
	Version         string         `json:"version"`
	Cities          int            `json:"cities"`
	Planned         int            `json:"planned"`
	States          map[string]int `json:"states"` // of the planned pairs
	CoveragePercent *float64       `json:"coverage_percent"`
	Partial         bool           `json:"partial"`
	Warnings        []string       `json:"warnings"`
	File            string         `json:"file"`
}

func roundLines(list []report.RoundLine) []RoundLine {
	all := make([]RoundLine, 0, len(list))
	for i := range list {
		l := &list[i]
		line := RoundLine{
			Round: l.ID, Start: l.Start.UTC(), Source: report.Clean(l.Source, maxText), Version: report.Clean(l.Version, maxText),
			Cities: l.Cities, Planned: l.Planned, States: make(map[string]int), Partial: l.Partial, Warnings: []string{},
			File: report.Clean(l.File, maxText),
		}
		if !l.End.IsZero() {
			end := l.End.UTC()
			line.End = &end
		}
		if percent, ok := l.Percent(); ok {
			line.CoveragePercent = rounded(percent, 2)
		}
		for state, n := range l.States {
			line.States[state.String()] = n
		}
		for _, w := range l.Warnings {
			line.Warnings = append(line.Warnings, warning(w))
		}
		all = append(all, line)
	}
	return all
}

func warning(w report.Warning) string {
	if w.Subject != "" {
		return report.Clean(w.Subject+": "+w.Text, maxText)
	}
	return report.Clean(w.Text, maxText)
}

// RoundsJSON writes a list of rounds, one a line.
func RoundsJSON(w io.Writer, list []report.RoundLine) error {
	out := &lines{w: w}
	out.text("{\"rounds\": [")
	writeLines(out, slices.Values(roundLines(list)))
	out.text("]}\n")
	if out.err != nil {
		return fmt.Errorf("write rounds: %w", out.err)
	}
	return nil
}

// RoundsCSV writes the same as a table, warnings as their number.
func RoundsCSV(w io.Writer, list []report.RoundLine) error {
	out := csv.NewWriter(w)
	err := out.Write([]string{"round", "start", "end", "source", "version", "cities", "planned", "measured", "coverage", "partial", "warnings", "file"})
	for _, l := range roundLines(list) {
		end, coverage := "", ""
		if l.End != nil {
			end = l.End.Format(time.RFC3339)
		}
		if l.CoveragePercent != nil {
			coverage = number(*l.CoveragePercent, true, 2)
		}
		if err == nil {
			err = out.Write([]string{l.Round, l.Start.Format(time.RFC3339), end, text(l.Source), text(l.Version), strconv.Itoa(l.Cities),
				strconv.Itoa(l.Planned), strconv.Itoa(l.States[report.Measured.String()]), coverage, strconv.FormatBool(l.Partial),
				strconv.Itoa(len(l.Warnings)), text(l.File)})
		}
	}
	if err != nil {
		return fmt.Errorf("write rounds: %w", err)
	}
	out.Flush()
	return out.Error()
}
