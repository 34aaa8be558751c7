package report

import (
	"fmt"
	"strings"
	"time"

	"matrix/geo"
	"matrix/probe"
)

// Method is how the figures were come by; it is printed on every output.
type Method struct {
	Source     string // "measured" or the file
	Start, End time.Time
	Options    probe.Options // zero if the source does not say
	Stat       probe.Stat
	Units      Units
	Fibre      geo.MilesPerMs
	Model      string // of the distances
	Version    string // of the program that measured; "" if the source does not say
	Partial    bool
	Rounds     int // of a month; 0: it is one round
}

// measured is the Source of a round that this program measured itself.
const measured = "measured"

// Fact is one part of the method.
type Fact struct{ Name, Text string }

// Facts are the method in parts, for outputs that lay them out one by one.
func (m Method) Facts() []Fact {
	facts := []Fact{
		{"Latency", m.latency()},
	}
	if m.Rounds > 0 {
		facts = append(facts, Fact{"Verdicts", "by the median over rounds of the minimum; physics by the smallest that 3 rounds saw; queues by the median of average − minimum"})
	}
	facts = append(facts, []Fact{
		{"Speed", fmt.Sprintf("2 × distance / RTT, in %s, none under %s", Speed.Unit(m.Units), m.Units.length(geo.SpeedFrom))},
		{"Fibre", "100 % is " + m.FibreSpeed()},
		{"Distance", Clean(m.Model, reasonRunes)},
	}...)
	if when := m.When(); when != "" {
		facts = append(facts, Fact{"Time", when})
	}
	if m.Source != "" && m.Source != measured {
		facts = append(facts, Fact{"Source", Clean(m.Source, reasonRunes)})
	}
	if m.Version != "" {
		facts = append(facts, Fact{"Version", "matrix " + Clean(m.Version, titleRunes)})
	}
	return facts
}

// String is the method in one line, the same on every output.
func (m Method) String() string {
	parts := make([]string, 0, 7)
	for _, f := range m.Facts() {
		switch f.Name {
		case "Latency", "Version":
			parts = append(parts, f.Text)
		case "Time":
			parts = append(parts, "measured "+f.Text)
		default:
			parts = append(parts, strings.ToLower(f.Name)+": "+f.Text)
		}
	}
	return strings.Join(parts, "; ")
}

// latency says which statistic of what.
func (m Method) latency() string {
	s := statName(m.Stat) + " round-trip time"
	if m.Rounds > 0 {
		s = fmt.Sprintf("median over %s of the %s", plural(m.Rounds, "round"), s)
	}
	if o := m.Options; o.Count > 0 {
		s += fmt.Sprintf(" of %s a pair, %v apart, timeout %v, %d bytes", plural(o.Count, "echo request"), o.Interval, o.Timeout, o.Size)
	}
	for _, how := range askedFor(m.Options.Sending) {
		s += ", " + how
	}
	return s
}

// FibreSpeed is the speed of light in fibre in the report's units.
func (m Method) FibreSpeed() string {
	if m.Units == UseKm {
		return fmt.Sprintf("%.2f km/ms (%.3g c)", m.Fibre.Km(), float64(m.Fibre/geo.LightSpeed))
	}
	return m.Fibre.String()
}

// When is the time of the round, in UTC; "" if the source does not say.
func (m Method) When() string {
	if m.Start.IsZero() {
		return ""
	}
	start, end := m.Start.UTC(), m.End.UTC()
	s := start.Format("2006-01-02 15:04:05")
	switch {
	case !end.After(start):
	case end.Format(time.DateOnly) == start.Format(time.DateOnly):
		s += "–" + end.Format(time.TimeOnly)
	default:
		s += " – " + end.Format(time.DateTime)
	}
	return s + " UTC"
}

// StatName is the statistic that the matrices show, as a sentence names it.
func (m Method) StatName() string { return statName(m.Stat) }
