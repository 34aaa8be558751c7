package export

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"matrix/report"
)

// HostLine is what HostsJSON writes of a host. Times are in milliseconds, those
// of clocks in seconds; null is not known.
type HostLine struct {
	City        string   `json:"city"`
	Status      string   `json:"status"` // OK, WARNING, ERROR
	Up          bool     `json:"up"`
	ConnectMs   *float64 `json:"connect_ms"`
	Version     string   `json:"version"`
	Ping        string   `json:"ping"` // the engine, or no
	Stamps      string   `json:"stamps"`
	SelfMs      *float64 `json:"self_ms"`
	Clock       string   `json:"clock"` // OK, WARNING, ERROR; "" if not known
	Offset      *float64 `json:"clock_offset_s"`
	Uncertainty *float64 `json:"clock_uncertainty_s"`
	Load        *float64 `json:"load"`
	CPUs        int      `json:"cpus"`
	Deployed    string   `json:"deployed,omitempty"`
	Problems    []string `json:"problems"`
	Hints       []string `json:"hints"`
}

func hostLines(list []report.HostLine) []HostLine {
	all := make([]HostLine, 0, len(list))
	for i := range list {
		h := &list[i]
		line := HostLine{
			City: h.City, Status: h.Level.String(), Up: h.Up, Version: report.Clean(h.Version, maxText), Ping: h.MayPing(),
			CPUs: h.Health.CPUs, Deployed: h.Deployed, Problems: cleaned(h.Problems), Hints: cleaned(h.Hints),
			ConnectMs: positive(h.Connect), SelfMs: positive(h.Self),
		}
		if h.Health.Stamps != 0 {
			line.Stamps = h.Health.Stamps.String()
		}
		if h.Up && !h.ClockIsOurs {
			line.Clock = h.Clock.String()
			line.Offset, line.Uncertainty = rounded(h.Health.Offset.Seconds(), 6), rounded(h.Health.OffsetError.Seconds(), 6)
		}
		if h.Health.CPUs > 0 {
			line.Load = rounded(h.Health.Load, 2)
		}
		all = append(all, line)
	}
	return all
}

// positive is a time in milliseconds, if it is known.
func positive(d time.Duration) *float64 {
	if d <= 0 {
		return nil
	}
	return rounded(float64(d)/float64(time.Millisecond), 3)
}

func cleaned(texts []string) []string {
	all := make([]string, 0, len(texts))
	for _, t := range texts {
		all = append(all, report.Clean(t, maxText))
	}
	return all
}

// HostsJSON writes a list of hosts, one a line.
func HostsJSON(w io.Writer, list []report.HostLine) error {
	out := &lines{w: w}
	out.text("{\"hosts\": [")
	writeLines(out, slices.Values(hostLines(list)))
	out.text("]}\n")
	if out.err != nil {
		return fmt.Errorf("write hosts: %w", out.err)
	}
	return nil
}

// HostsCSV writes the same as a table.
func HostsCSV(w io.Writer, list []report.HostLine) error {
	out := csv.NewWriter(w)
	err := out.Write([]string{"city", "status", "up", "connect_ms", "version", "ping", "stamps", "self_ms",
		"clock", "clock_offset_s", "clock_uncertainty_s", "load", "cpus", "deployed", "problems", "hints"})
	for _, h := range hostLines(list) {
		cpus := ""
		if h.CPUs > 0 {
			cpus = strconv.Itoa(h.CPUs)
		}
		if err == nil {
			err = out.Write([]string{text(h.City), h.Status, strconv.FormatBool(h.Up), orEmpty(h.ConnectMs, 3), text(h.Version), text(h.Ping),
				h.Stamps, orEmpty(h.SelfMs, 3), h.Clock, orEmpty(h.Offset, 6), orEmpty(h.Uncertainty, 6), orEmpty(h.Load, 2), cpus,
				text(h.Deployed), text(strings.Join(h.Problems, "; ")), text(strings.Join(h.Hints, "; "))})
		}
	}
	if err != nil {
		return fmt.Errorf("write hosts: %w", err)
	}
	out.Flush()
	return out.Error()
}

func orEmpty(v *float64, decimals int) string {
	if v == nil {
		return ""
	}
	return number(*v, true, decimals)
}
