package report

import "matrix/geo"

// noSpeed is why a pair has no speed; 0 if it has one.
type noSpeed uint8

const (
	isSelf noSpeed = 1 + iota
	notMeasured
	notLocated
	tooNear
	notGiven  // in this statistic
	faster    // than light
	elsewhere // one of its cities is
)

const (
	// noDistance is why there is neither distance nor speed.
	noDistance = "distance not known"
	// tooFast is why an impossible pair has no speed.
	tooFast = "faster than light in glass: a place or the RTT is wrong"
	// notThere is why pairs of a misplaced city have no speed.
	notThere = "one of the two cities is not where its coordinates are"
)

// nearReason is why there is no speed between neighbours.
func (r *Report) nearReason() string { return "under " + r.Method.Units.length(geo.SpeedFrom) }

// Speed is how fast the pair's distance is crossed; false if there is no RTT, no
// distance, or the two are too near. NoSpeed says why.
func (p *Pair) Speed() (geo.MilesPerMs, bool) { return p.speed, p.speed > 0 }

// Fibre is a pair's speed in percent of light's in fibre; false as Speed.
func (r *Report) Fibre(p *Pair) (geo.Percent, bool) {
	speed, ok := p.Speed()
	return speed.PercentOf(r.Method.Fibre), ok
}

// NoSpeed says why a pair has no speed: "under 20 miles"; "" if it has one.
func (r *Report) NoSpeed(p *Pair) string {
	switch p.noSpeed {
	case isSelf:
		return "a city and itself"
	case notMeasured:
		return p.State.String()
	case notLocated:
		return noDistance
	case tooNear:
		return r.nearReason()
	case notGiven:
		return noStat(r.Method.Stat)
	case faster:
		return tooFast
	case elsewhere:
		return notThere
	}
	return ""
}

// Impossible says whether a pair has no speed because that would be faster than
// light in glass.
func (p *Pair) Impossible() bool { return p.noSpeed == faster }
