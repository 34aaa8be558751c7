package export

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"

	"matrix/report"
)

// Relay is a pair that a one-stop way would speed up.
type Relay struct {
	From    string  `json:"from"`
	To      string  `json:"to"`
	Relay   string  `json:"relay"`
	RTTMs   float64 `json:"rtt_ms"`
	RelayMs float64 `json:"relay_ms"`
	SavesMs float64 `json:"saves_ms"`
	Percent float64 `json:"saves_percent"`
}

func relays(r *report.Report, least report.Ms) []Relay {
	list := []Relay{}
	for _, p := range r.Relays(least) {
		list = append(list, Relay{
			From: report.Clean(p.From, maxText), To: report.Clean(p.To, maxText), Relay: report.Clean(p.Relay, maxText),
			RTTMs: round(float64(*p.RTT), 3), RelayMs: round(float64(p.RelayRTT()), 3),
			SavesMs: round(float64(p.Saves()), 3), Percent: round(100*float64(p.Saves() / *p.RTT), 2),
		})
	}
	return list
}

// RelaysJSON writes the pairs that a relay speeds up by so many ms at least, the
// largest gain first.
func RelaysJSON(w io.Writer, r *report.Report, least report.Ms) error {
	out := &lines{w: w}
	out.text("{\"relays\": [")
	writeLines(out, slices.Values(relays(r, least)))
	out.text("]}\n")
	if out.err != nil {
		return fmt.Errorf("write relays: %w", out.err)
	}
	return nil
}

// RelaysCSV writes the same as a table.
func RelaysCSV(w io.Writer, r *report.Report, least report.Ms) error {
	out := csv.NewWriter(w)
	err := out.Write([]string{"from", "to", "relay", "rtt", "relay_rtt", "saves_ms", "saves_percent"})
	for _, l := range relays(r, least) {
		if err == nil {
			err = out.Write([]string{text(l.From), text(l.To), text(l.Relay), number(l.RTTMs, true, 3),
				number(l.RelayMs, true, 3), number(l.SavesMs, true, 3), number(l.Percent, true, 1)})
		}
	}
	if err != nil {
		return fmt.Errorf("write relays: %w", err)
	}
	out.Flush()
	return out.Error()
}
