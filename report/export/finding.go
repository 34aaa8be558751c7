package export

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"matrix/report"
)

// Finding is a drill-down: where the packets of two cities go.
type Finding struct {
	Text        []string   `json:"text"`       // the same in words
	Bend        string     `json:"bend"`       // none, there, back, unknown
	Confidence  string     `json:"confidence"` // unknown, likely, confirmed
	DirectMiles *float64   `json:"direct_miles"`
	RTTMs       *float64   `json:"rtt_ms"`
	Detours     []Detour   `json:"detours"`
	Step        *Step      `json:"step"` // where no detour is known: where the RTT rises
	Waypoint    *Legs      `json:"waypoint"`
	There       []FoundHop `json:"there"` // null: not traced
	Back        []FoundHop `json:"back"`
}

// Detour is where one of the ways leaves the straight one.
type Detour struct {
	Hop        int      `json:"hop"` // that adds the most miles
	Place      string   `json:"place"`
	Latitude   *float64 `json:"latitude"`
	Longitude  *float64 `json:"longitude"`
	ExtraMiles *float64 `json:"extra_miles"`
	Step       Step     `json:"step"`
}

// Step is where the RTT rises, and the last hop before it, whose network is the
// one to ask.
type Step struct {
	Way     string   `json:"way"` // there, back
	Hop     int      `json:"hop"`
	Ms      *float64 `json:"ms"`
	Before  *int     `json:"before_hop"`
	Address *string  `json:"before_address"`
	Name    *string  `json:"before_name"`
	Network *string  `json:"network"`
}

// Legs are the RTTs to and from a city of the fleet that add up to the pair's.
type Legs struct {
	City   string     `json:"city"`
	LegsMs [2]float64 `json:"legs_ms"`
}

// FoundHop is a hop and where it is.
type FoundHop struct {
	Hop       int      `json:"hop"`
	FloorMs   *float64 `json:"floor_ms"` // the least of it and of all later hops
	Address   *string  `json:"address"`
	Name      *string  `json:"name"`
	Place     *string  `json:"place"`
	Latitude  *float64 `json:"latitude"`
	Longitude *float64 `json:"longitude"`
	Refused   *string  `json:"refused"` // the place that its name says, and light forbids
}

func newFinding(d *report.DrillDown) *Finding {
	if d == nil || d.There == nil && d.Back == nil && len(d.Untraced) > 0 {
		return nil // where nothing was sent there is nothing to find
	}
	f := &Finding{
		Text: d.Lines(), Bend: d.Bend.String(), Confidence: d.Confidence.String(), DirectMiles: rounded(float64(d.Direct), 1),
		Detours: []Detour{}, There: newHops(d.There), Back: newHops(d.Back),
	}
	if d.RTT > 0 {
		f.RTTMs = rounded(millis(d.RTT), decimals)
	}
	if d.Step != nil {
		step := newStep(d.Step, d.Step.Back)
		f.Step = &step
	}
	if t := d.Detour; t != nil {
		f.Detours = append(f.Detours, newDetour(t, t.Back))
		if t.Other != nil {
			f.Detours = append(f.Detours, newDetour(t.Other, true))
		}
	}
	if w := d.Waypoint; w != nil {
		f.Waypoint = &Legs{report.Clean(w.City, maxText), [2]float64{round(float64(w.Legs[0]), decimals), round(float64(w.Legs[1]), decimals)}}
	}
	return f
}

func newDetour(t *report.WayRound, back bool) Detour {
	place := t.Turn.Place.Place
	return Detour{
		Hop: t.Turn.TTL, Place: report.Clean(place.Name, maxText), Latitude: finite(place.Latitude), Longitude: finite(place.Longitude),
		ExtraMiles: rounded(float64(t.Extra), 1), Step: newStep(t, back),
	}
}

func newStep(t *report.WayRound, back bool) Step {
	s := Step{Way: "there", Hop: t.Leave.TTL, Ms: rounded(millis(t.Step), decimals), Network: optional(t.Network)}
	if back {
		s.Way = "back"
	}
	if b := t.Before; b != nil {
		s.Before, s.Address, s.Name = &b.TTL, optional(b.Address), optional(b.Name)
	}
	return s
}

func newHops(p *report.Path) []FoundHop {
	if p == nil {
		return nil
	}
	all := []FoundHop{}
	for _, h := range p.Hops {
		hop := FoundHop{Hop: h.TTL, Address: optional(h.Address), Name: optional(h.Name)}
		if h.Floor > 0 {
			hop.FloorMs = rounded(float64(h.Floor)/float64(time.Millisecond), decimals)
		}
		switch {
		case h.Place != nil:
			hop.Place = optional(h.Place.Place.Name)
			hop.Latitude, hop.Longitude = finite(h.Place.Place.Latitude), finite(h.Place.Place.Longitude)
		case h.Refused != nil:
			hop.Refused = optional(h.Refused.Place.Name)
		}
		all = append(all, hop)
	}
	return all
}

// Traced is an anomaly that was looked into after the round.
type Traced struct {
	From         string      `json:"from"`
	To           string      `json:"to"`
	Verdict      string      `json:"verdict"`
	RTTMs        *float64    `json:"rtt_ms"`        // in the round
	AgainMs      *float64    `json:"again_rtt_ms"`  // measured again
	AgainVerdict *string     `json:"again_verdict"` // null: it could not be
	Gone         bool        `json:"gone"`          // when it was measured again, so that nothing was traced
	Failed       *string     `json:"failed"`        // why it was not measured again, or not traced
	Text         []string    `json:"text"`
	Finding      *Finding    `json:"finding"`
	Traces       []mtrReport `json:"traces"` // as mtr --json has them
}

func traced(r *report.Report) []Traced {
	all := []Traced{}
	for _, t := range r.Traced {
		one := Traced{
			From: report.Clean(t.Pair.From, maxText), To: report.Clean(t.Pair.To, maxText), Verdict: t.Verdict.String(), Gone: t.Gone,
			RTTMs: ms(t.RTT), Failed: optional(t.Failed), Text: t.Text(), Finding: newFinding(t.Found), Traces: []mtrReport{},
		}
		if t.Again != nil {
			one.AgainMs, one.AgainVerdict = ms(t.Again.RTT), optional(t.Again.Verdict().String())
		}
		for _, trace := range t.Traces {
			one.Traces = append(one.Traces, newMtrReport(trace))
		}
		all = append(all, one)
	}
	return all
}

// TracedJSON writes the anomalies that were looked into after a round, as JSON
// has them under "traced".
func TracedJSON(w io.Writer, r *report.Report) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(struct {
		Format string   `json:"format"`
		Traced []Traced `json:"traced"`
	}{"matrix-traced-1", traced(r)})
	if err != nil {
		return fmt.Errorf("write traces: %w", err)
	}
	return nil
}
