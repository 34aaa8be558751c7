package probe

import (
	"slices"
	"time"
)

// Round is one measurement of the chosen pairs, at one time, with one set of
// options. Every planned pair has exactly one Sample.
type Round struct {
	Start, End time.Time // UTC, the coordinator's clock
	Source     string    // where it comes from: "measured", or the file it was read from
	Version    string    // of the program that measured it; "" if a file does not say
	Options    Options   // zero for a round from a file that does not say
	Cities     []City    // the fleet as it was, in the inventory's order
	Samples    []Sample  // planned pairs, row by row in the order of Cities
	Self       []Sample  // of cities pinging themselves, where a file has them
	Hosts      []Host    // the from-hosts, in the order of Cities
	Warnings   []Warning // footnotes of every output
	Partial    bool      // cancelled or out of time before every pair had its turn
	Looks      []Look    // anomalies that were looked into after the round, worst first
}

// Look is what was found out about two cities after the round in which they
// stood out. The round's own samples stay what they are.
type Look struct {
	Pair
	Samples []Sample // of both directions, as they were measured again
	Traces  []Trace  // of both directions, with the routers' names
	Failed  string   // why they could not be measured again, or not traced; "" if they could
}

// Host is what a round knows of a from-host itself.
type Host struct {
	City    string
	Version string // of the matrix that ran there
	Error   string // why it could not run, or stopped early; "" if all was well
	Hint    string // what a person can do about it
	Health  Health // how well it was able to measure
}

// Warning is something a reader of the round must know.
type Warning struct {
	Subject string // a city, a pair or a file; "" for the round as a whole
	Text    string
}

// Planned counts the pairs of the round's plan.
func (r *Round) Planned() int { return len(r.Samples) }

// Count counts the pairs that ended in a state.
func (r *Round) Count(state State) int {
	n := 0
	for i := range r.Samples {
		if r.Samples[i].State == state {
			n++
		}
	}
	return n
}

// Complete says whether every planned pair was measured.
func (r *Round) Complete() bool { return r.Count(Measured) == r.Planned() }

// Select keeps only the pairs of a selection, as if no other had been planned.
func (r *Round) Select(selection Selection) {
	from, to := chosen(r.Cities, selection.From), chosen(r.Cities, selection.To)
	isFrom, isTo := map[string]bool{}, map[string]bool{}
	for i, c := range r.Cities {
		isFrom[c.Name], isTo[c.Name] = from[i], to[i]
	}
	unwanted := func(s Sample) bool { return !isFrom[s.From] || !isTo[s.To] }
	r.Samples = slices.DeleteFunc(r.Samples, unwanted)
	r.Self = slices.DeleteFunc(r.Self, unwanted)
	r.Looks = slices.DeleteFunc(r.Looks, func(l Look) bool {
		return unwanted(Sample{Pair: l.Pair}) && unwanted(Sample{Pair: l.Reverse()})
	})
}
