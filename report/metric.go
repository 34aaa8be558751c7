package report

import (
	"fmt"
	"strings"

	"matrix/geo"
)

// Metric is what a matrix shows.
type Metric uint8

const (
	RTT      Metric = iota // milliseconds
	Speed                  // miles or kilometres per millisecond: 2 × distance / RTT
	Fibre                  // that as percent of the speed of light in fibre
	Loss                   // percent of the echo requests sent
	Distance               // great circle, miles or kilometres
)

// Metrics lists every metric in the order of the outputs.
func Metrics() []Metric { return []Metric{RTT, Speed, Fibre, Loss, Distance} }

var metricNames = [...]string{"rtt", "speed", "fibre", "loss", "distance"}

func (m Metric) String() string { return metricNames[m] }

// UnmarshalText reads a metric's word.
func (m *Metric) UnmarshalText(text []byte) error {
	for i, name := range metricNames {
		if name == string(text) {
			*m = Metric(i)
			return nil
		}
	}
	return fmt.Errorf("unknown metric %q: want one of %s", text, strings.Join(metricNames[:], ", "))
}

// Units chooses between miles and kilometres.
type Units uint8

const (
	UseMiles Units = iota
	UseKm
)

func (u Units) String() string { return [...]string{"mi", "km"}[u] }

// UnmarshalText reads "mi" or "km".
func (u *Units) UnmarshalText(text []byte) error {
	switch string(text) {
	case "mi":
		*u = UseMiles
	case "km":
		*u = UseKm
	default:
		return fmt.Errorf("unknown unit %q: want mi or km", text)
	}
	return nil
}

// Length is a distance as a number in these units.
func (u Units) Length(d geo.Miles) float64 {
	if u == UseKm {
		return float64(d.Km())
	}
	return float64(d)
}

// length is a distance as a sentence states it: "20 miles".
func (u Units) length(d geo.Miles) string {
	return fmt.Sprintf("%.0f %s", u.Length(d), [...]string{"miles", "km"}[u])
}

// Speed is a speed as a number in these units.
func (u Units) Speed(v geo.MilesPerMs) float64 {
	if u == UseKm {
		return v.Km()
	}
	return float64(v)
}

// Heading is a metric's name for people.
func (m Metric) Heading() string {
	return [...]string{"Latency", "Speed", "Percent of the speed of light in fibre", "Packet loss", "Distance"}[m]
}

// Unit is the metric's unit as shown beside its figures.
func (m Metric) Unit(u Units) string {
	switch m {
	case RTT:
		return "ms"
	case Speed:
		return u.String() + "/ms"
	case Distance:
		return u.String()
	default:
		return "%"
	}
}

// Decimals is how many decimals published tables of the metric have.
func (m Metric) Decimals() int {
	switch m {
	case Loss:
		return 1
	case Distance:
		return 0
	default:
		return 2
	}
}
