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

// TimelinePoint is what TimelineJSON writes of a pair in one round or on one
// day. What is not known is null.
type TimelinePoint struct {
	Start       time.Time `json:"start"` // of the round or of the day, UTC
	From        string    `json:"from"`
	To          string    `json:"to"`
	Rounds      int       `json:"rounds"` // that were to measure it
	Measured    int       `json:"measured"`
	State       string    `json:"state"` // of a day: what befell it most often, "measured" if nothing did
	MinMs       *float64  `json:"min_ms"`
	MedianMs    *float64  `json:"median_ms"`
	AvgMs       *float64  `json:"avg_ms"`
	MaxMs       *float64  `json:"max_ms"`
	Sent        *int      `json:"sent"`
	Received    *int      `json:"received"`
	LossPercent *float64  `json:"loss_percent"`
	Address     string    `json:"address"`
}

func timelinePoints(timelines []*report.Timeline) []TimelinePoint {
	all := []TimelinePoint{}
	for _, t := range timelines {
		for i := range t.Points {
			p := &t.Points[i]
			point := TimelinePoint{
				Start: p.Start.UTC(), From: report.Clean(t.From, maxText), To: report.Clean(t.To, maxText),
				Rounds: p.Rounds, Measured: p.Measured, State: p.State.String(),
				MinMs: milliseconds(p.Min), MedianMs: milliseconds(p.Median), AvgMs: milliseconds(p.Avg), MaxMs: milliseconds(p.Max),
				Address: p.Address,
			}
			if loss, ok := p.Loss(); ok {
				point.Sent, point.Received, point.LossPercent = &p.Sent, &p.Received, rounded(loss, 3)
			}
			all = append(all, point)
		}
	}
	return all
}

func milliseconds(ms *report.Ms) *float64 {
	if ms == nil {
		return nil
	}
	return rounded(float64(*ms), 3)
}

// TimelineJSON writes pairs over time, a line a point.
func TimelineJSON(w io.Writer, timelines ...*report.Timeline) error {
	out := &lines{w: w}
	out.text("{\"points\": [")
	writeLines(out, slices.Values(timelinePoints(timelines)))
	out.text("]}\n")
	if out.err != nil {
		return fmt.Errorf("write history: %w", out.err)
	}
	return nil
}

// TimelineCSV writes the same as a table.
func TimelineCSV(w io.Writer, timelines ...*report.Timeline) error {
	out := csv.NewWriter(w)
	err := out.Write([]string{"start", "source", "destination", "rounds", "measured", "state", "min", "median", "avg", "max", "sent", "received", "loss", "address"})
	optional := func(v *float64) string {
		if v == nil {
			return ""
		}
		return number(*v, true, 3)
	}
	for _, p := range timelinePoints(timelines) {
		sent, received := "", ""
		if p.Sent != nil {
			sent, received = strconv.Itoa(*p.Sent), strconv.Itoa(*p.Received)
		}
		if err == nil {
			err = out.Write([]string{p.Start.Format(time.RFC3339), text(p.From), text(p.To), strconv.Itoa(p.Rounds), strconv.Itoa(p.Measured), p.State,
				optional(p.MinMs), optional(p.MedianMs), optional(p.AvgMs), optional(p.MaxMs), sent, received, optional(p.LossPercent), text(p.Address)})
		}
	}
	if err != nil {
		return fmt.Errorf("write history: %w", err)
	}
	out.Flush()
	return out.Error()
}
