package report

import (
	"fmt"
	"iter"
	"slices"

	"matrix/geo"
)

// Verdict is what a pair or a host is called.
type Verdict uint8

const (
	Fine Verdict = iota
	// Of pairs. Worst last within a kind.
	Unjudged      // there is too little to go by
	Congested     // the average lies far above the minimum
	Asymmetric    // the directions differ
	LossyHours    // more echo requests are lost than may be at some hours of day (needs a month)
	Lossy         // more echo requests are lost than may be
	SlowUnproven  // slow for its distance, and no relay is faster
	Recovered     // faster than the month before (needs a history)
	Degraded      // slower than the month before (needs a history)
	Detour        // slow for its distance, and a relay proves that it need not be
	Severe        // a worse one
	Extreme       // twice as slow, or more
	Unreachable   // nothing came back
	TooFast       // faster than light in glass: one of its two cities is somewhere else
	PoorlyJoined  // of hosts, poorly-connected: all its pairs are slower than their distance explains
	SuspectPlace  // of hosts, coordinates-suspect: they are not where the city of that name is
	Misplaced     // of hosts: it cannot be where its coordinates are
	InvalidSource // of hosts: what it measures cannot be true
)

var verdictNames = [...]string{
	"fine", "unjudged", "congested", "asymmetric", "lossy-hours", "lossy", "slow-unproven", "recovered", "degraded",
	"detour", "severe", "extreme", "unreachable", "impossible",
	"poorly-connected", "coordinates-suspect", "misplaced", "invalid-source",
}

func (v Verdict) String() string { return verdictNames[v] }

// MarshalText writes the verdict's word.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads the verdict's word.
func (v *Verdict) UnmarshalText(text []byte) error {
	for i, name := range verdictNames {
		if name == string(text) {
			*v = Verdict(i)
			return nil
		}
	}
	return fmt.Errorf("unknown verdict %q: want one of %q", text, verdictNames)
}

// Bent says whether it is one of the three words for a detour.
func (v Verdict) Bent() bool { return v == Detour || v == Severe || v == Extreme }

// Flagged says whether somebody should look at it.
func (v Verdict) Flagged() bool { return v > Unjudged }

// Mark is the verdict in one character, for a cell; "" for what needs none.
func (v Verdict) Mark() string {
	switch v {
	case Detour, Severe, Extreme, Unreachable, Degraded:
		return "!"
	case SlowUnproven, TooFast:
		return "?"
	case Lossy, LossyHours:
		return "%"
	case Asymmetric:
		return "≠"
	case Congested:
		return "~"
	}
	return ""
}

// Meaning explains the verdict to somebody who meets its word for the first
// time.
func (v Verdict) Meaning() string {
	return [...]string{
		"nothing stands out", "too little is known", "the average is far above the minimum", "the two directions differ",
		"loses packets at some hours of day", "loses packets", "slow for its distance; no relay proves that it need not be", "faster than the month before", "slower than the month before",
		"a detour: slower than its distance and a relay through a third city", "a severe detour", "an extreme detour", "nothing came back in either direction",
		"faster than light in glass: one of the two is somewhere else",
		"all its pairs are slow for their distance", "the coordinates are not those of the city of that name",
		"not where its coordinates are", "what it measures cannot be true",
	}[v]
}

// Ms is a time in milliseconds.
type Ms float64

// HostVerdict is what a city's host is called, and why.
type HostVerdict struct {
	City    string
	Verdict Verdict

	SelfPing    *Ms      // invalid-source: what it takes to reach itself
	Correlation *float64 // invalid-source: of its way out and its way in
	Partners    int      // invalid-source: cities that were compared; misplaced: with which it is too fast
	Worst       *PairVerdict
	Nearest     string    // misplaced: the city nearest by RTT, where it probably stands
	NearestRTT  Ms        //
	Within      geo.Miles // misplaced: it is no further than that from Nearest
	Fits        *Fitting  // misplaced: where its RTTs fit, if that is what says so
	Named       *Place    // coordinates-suspect: the nearest place of that name
	Off         geo.Miles // coordinates-suspect: how far the coordinates are from it
	Term        *Ms       // poorly-connected: what it adds to each of its pairs
}

// Fitting is how much better another place explains a host's RTTs than its own.
type Fitting struct {
	Place  Place
	City   string    // of the fleet; "" of a town
	Miles  geo.Miles // from where the host should be
	Cities int       // that were compared
	Own    Ms        // how far the median RTT is off what the host's place explains
	There  Ms        // and off what the other one does
	Misfit float64   // of its own place, in nats
	Better float64   // by how many the other place fits better
	Enough float64   // from how many it is misplaced
	Speed  float64   // of its fastest pair, by light in glass
	From   string    // the city of that pair
}

// PairVerdict is everything that led to the verdicts on two cities. From and To
// are in alphabetical order; what differs by direction says which it means.
type PairVerdict struct {
	From, To string
	Verdicts []Verdict // worst first; never empty

	RTT       *Ms // the lower floor of the two directions
	Out, Back *Ms // the floor of each direction: From pings To, and To pings From
	Miles     *geo.Miles
	Percent   *geo.Percent // of light in fibre

	Expected *Ms    // what the distance and the two last miles should take
	Usual    *Ms    // what the distance takes between two such hosts as a rule
	Glass    *Ms    // what light in fibre takes
	Relay    string // the third city by which it would be fastest
	Legs     [2]Ms  // to it and on from it
	Slowdown *float64
	Over     Ms // the slower of Expected and the relay

	Waypoints []Waypoint // where a detour may go, likeliest first

	Sent, Lost int     // both directions together, or the one that loses more
	LossFrom   string  // whose echo requests those are; "" both
	LossLow    float64 // the interval in which the loss lies, as ratios
	LossHigh   float64
	Queue      *Ms // average − minimum, mean of the two directions

	Changes []Change     // of a month: how the floor moved, in the order of the days
	Hours   []HourLosses // of a month: hours of day at which it loses packets, one a direction at most

	Grade Grade
	Why   string // why it is not judged
}

// Verdict is the worst of the pair's.
func (p *PairVerdict) Verdict() Verdict { return p.Verdicts[0] }

// Has says whether a verdict is among the pair's.
func (p *PairVerdict) Has(v Verdict) bool {
	for _, mine := range p.Verdicts {
		if mine == v {
			return true
		}
	}
	return false
}

// RelayRTT is the best one-stop route.
func (p *PairVerdict) RelayRTT() Ms { return p.Legs[0] + p.Legs[1] }

// Waypoint is a city over which a detour may go.
type Waypoint struct {
	City  string
	Legs  [2]Ms
	Miles geo.Miles // of the way over it
	Votes int       // other flagged pairs of the two hosts that it explains as well
}

// Verdicts are the judgement on a round.
type Verdicts struct {
	Thresholds Thresholds
	Fit        Fit
	Hosts      []HostVerdict // worst first

	judge *judge          // makes the judgements on pairs that are not kept
	kept  []*PairVerdict  // all that are flagged, and all of a month, alphabetically
	index map[int32]int32 // of kept, by the cells of the judge's matrices
	host  map[string][]*HostVerdict
}

// Fit is what a pair's RTT is expected to be.
type Fit struct {
	Fitted bool           // to this fleet; else the line for small fleets
	Base   Ms             // what no miles take
	Slope  float64        // ms a mile
	Terms  map[string]Ms  // of each host: what it adds to the middle of its pairs, the median host being 0
	Last   map[string]Ms  // of each host: what no pair of it does without, so that it is its last mile
	Pairs  int            // that it was fitted to
	Light  geo.MilesPerMs // nothing is expected to be faster
}

// Pair is the judgement on two cities, in either order; nil if they were not
// planned. One that is not flagged is made anew whenever it is asked for, unless
// it is of a month.
func (v *Verdicts) Pair(a, b string) *PairVerdict {
	if from, to, planned := v.judge.places(a, b); planned {
		return v.at(from, to)
	}
	return nil
}

// Verdict is the worst on two cities, in either order; Fine if they were not
// planned.
func (v *Verdicts) Verdict(a, b string) Verdict {
	from, to, planned := v.judge.places(a, b)
	if !planned {
		return Fine
	}
	if i, kept := v.index[int32(from*v.judge.n+to)]; kept {
		return v.kept[i].Verdict()
	}
	if v.judge.why(from, to) != "" {
		return Unjudged
	}
	return Fine
}

// at is the judgement on two cities by their places in the alphabet.
func (v *Verdicts) at(a, b int) *PairVerdict {
	j := v.judge
	if i, kept := v.index[int32(a*j.n+b)]; kept {
		return v.kept[i]
	}
	return j.pair(a, b)
}

// Pairs are the judgements on all pairs, one for two cities, alphabetically.
func (v *Verdicts) Pairs() iter.Seq[*PairVerdict] {
	return func(yield func(*PairVerdict) bool) {
		for a := range v.judge.n {
			for b := a + 1; b < v.judge.n; b++ {
				if p := v.at(a, b); p != nil && !yield(p) {
					return
				}
			}
		}
	}
}

// PairsOf are those of one city.
func (v *Verdicts) PairsOf(city string) iter.Seq[*PairVerdict] {
	return func(yield func(*PairVerdict) bool) {
		for _, other := range v.judge.names {
			if p := v.Pair(city, other); p != nil && !yield(p) {
				return
			}
		}
	}
}

// Host are the verdicts on a host, worst first; none if nothing is wrong.
func (v *Verdicts) Host(city string) []*HostVerdict { return v.host[city] }

// JudgedPairs are the judgements on the cities of this report, alphabetically.
func (r *Report) JudgedPairs() iter.Seq[*PairVerdict] { return r.planned(r.Verdicts.Pairs()) }

// JudgedPairsOf are those of one city.
func (r *Report) JudgedPairsOf(city string) iter.Seq[*PairVerdict] {
	return r.planned(r.Verdicts.PairsOf(city))
}

// FlaggedPairs are those of the judged pairs that somebody should look at.
func (r *Report) FlaggedPairs() []*PairVerdict {
	var flagged []*PairVerdict
	for p := range r.planned(slices.Values(r.Verdicts.kept)) {
		if p.Verdict().Flagged() {
			flagged = append(flagged, p)
		}
	}
	return flagged
}

// planned are the judgements that are on pairs of this report.
func (r *Report) planned(pairs iter.Seq[*PairVerdict]) iter.Seq[*PairVerdict] {
	return func(yield func(*PairVerdict) bool) {
		for p := range pairs {
			if (r.Pair(p.From, p.To) != nil || r.Pair(p.To, p.From) != nil) && !yield(p) {
				return
			}
		}
	}
}

// hostIs says whether a verdict is among a host's.
func (v *Verdicts) hostIs(city string, verdict Verdict) bool {
	for _, h := range v.host[city] {
		if h.Verdict == verdict {
			return true
		}
	}
	return false
}
