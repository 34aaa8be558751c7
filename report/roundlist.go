package report

import "time"

// RoundLine is a round as a list of rounds shows it.
type RoundLine struct {
	ID        string // in the history
	File      string // that it is in, within the history
	Compacted bool   // that is the file of its month
	Start     time.Time
	End       time.Time // zero if not known
	Source    string
	Version   string
	Cities    int
	Planned   int           // pairs
	States    map[State]int // of those
	Partial   bool
	Warnings  []Warning
}

// Percent is measured / planned; false if nothing was planned.
func (l *RoundLine) Percent() (float64, bool) {
	if l.Planned == 0 {
		return 0, false
	}
	return 100 * float64(l.States[Measured]) / float64(l.Planned), true
}
