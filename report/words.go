package report

import "matrix/probe"

// The words of measuring that the renderers need; they import nothing of ours
// but this package.
type (
	State     = probe.State
	Stat      = probe.Stat
	City      = probe.City
	Location  = probe.Location
	Round     = probe.Round
	Sample    = probe.Sample
	Warning   = probe.Warning
	Host      = probe.Host
	Series    = probe.Series
	Progress  = probe.Progress
	Look      = probe.Look
	Selection = probe.Selection
	CityPair  = probe.Pair // ordered; a Pair is one with its figures
)

const (
	NotRun     = probe.NotRun
	Measured   = probe.Measured
	Lost       = probe.Lost
	SourceDown = probe.SourceDown
	Unresolved = probe.Unresolved
	Excluded   = probe.Excluded

	Min    = probe.Min
	Median = probe.Median
	Avg    = probe.Avg
	Max    = probe.Max
	Mdev   = probe.Mdev
	Jitter = probe.Jitter
)

// Longest texts shown: a title that has to fit beside a table, and a reason
// that may take a line or two.
const (
	titleRunes  = 60
	reasonRunes = 300
)

// Clean makes a text of unknown origin fit to be shown anywhere: no control
// or format characters, no runs of space, at most max characters.
func Clean(text string, max int) string { return probe.Clean(text, max) }

// stateMeaning explains a state to a reader who sees its word for the first
// time.
func stateMeaning(s State) string {
	switch s {
	case Measured:
		return "at least one reply"
	case Lost:
		return "echo requests were sent, and nothing came back"
	case SourceDown:
		return "the from-host could not ping"
	case Unresolved:
		return "the to-host's name has no address"
	case Excluded:
		return "left out on purpose"
	default:
		return "out of time, cancelled, or not in the data"
	}
}

// statName is a statistic as a sentence names it.
func statName(s Stat) string {
	switch s {
	case Min:
		return "minimum"
	case Avg:
		return "average"
	case Max:
		return "maximum"
	case Mdev:
		return "standard deviation"
	default:
		return s.String()
	}
}
