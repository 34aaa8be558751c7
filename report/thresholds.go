package report

import (
	"cmp"
	"time"

	"matrix/geo"
)

// Thresholds are the numbers that the judge compares with. A field that is zero
// has the default that its comment states; a negative one means none at all. The
// defaults come from where the distributions of a day of 250 cities have their
// gaps; docs/verdicts.md says what each does, and how well it does it.
type Thresholds struct {
	SelfPing    time.Duration // 5ms; a host that takes longer to reach itself measures something else
	Correlation float64       // 0.5; least rank correlation of a host's way out and way in. Bad ones had 0.1, others 0.94 and up
	FewPartners int           // 5; a correlation of fewer partners is chance
	GlassLight  float64       // 2/3 of c; nothing in glass is faster
	CitySize    geo.Miles     // 30; hosts stand in suburbs, coordinates in centres

	// Of a host whose RTTs fit another place better than its own.
	Quick        float64       // 0.82; of the speed of light in glass: as fast it must be to one city at least, or its ways are only long
	Elsewhere    geo.Miles     // 300; nearer than that is no other place
	Faster       float64       // 0.1; to be faster than a place explains by so much, as a logarithm, is as unlikely
	Slower       float64       // 0.3; as to be slower by so much; much slower is little more so
	LastMile     time.Duration // 15ms; and as a last mile of so much
	Stretch      float64       // 0.1; and as that all of a host's ways are so much longer or shorter
	Neighbours   geo.Miles     // 300; at which a neighbour's routes say a third as much as its own
	Alone        float64       // 0.5; of a neighbour, which a place's distances are worth
	Evidence     float64       // 4; nats by which another place must fit better,
	Explained    float64       // 0.6; nats for each city, at most, that the other place leaves unexplained, unless the host beats light
	EvidenceEach float64       // 0.25; and as many more for each city that was compared, of a host as fast as Quick; fewer of a faster one, none at light

	FitFrom int     // 15; hosts, fewer cannot tell their own terms from the pairs'
	Spared  float64 // 0.1; what this part of a host's pairs does without, by Over and more, is not the host's own term
	// Of smaller fleets: what a large one takes.
	Base  time.Duration // 13.5ms
	Slope float64       // 0.0272 ms a mile: 61 % of light in fibre

	Cushion time.Duration // 10ms; added on both sides of a slowdown, so that 4 ms instead of 2 is no doubling
	Over    time.Duration // 20ms; less is not worth a ticket
	Detour  float64       // 1.25; the slowdown from which a pair is called so
	Severe  float64       // 1.5
	Extreme float64       // 2

	WaypointBy    time.Duration // 2ms; how exactly two legs must add up to the whole,
	WaypointShare float64       // 0.02; or this part of it, whichever is more
	Bend          float64       // 1.3; a way over a waypoint is this much longer than the direct one, or it explains nothing

	AsymmetricBy    time.Duration // 5ms; the directions differ by more, and
	AsymmetricShare float64       // 0.1; by more than this part of the faster one
	Loss            float64       // 0.01; the interval of the loss lies above this ratio whole
	LeastLost       int           // 2; one echo request that was lost is an accident
	CongestedBy     time.Duration // 10ms; the average exceeds the minimum by more, and
	CongestedShare  float64       // 0.1; by more than this part of it
	PoorlyConnected time.Duration // 50ms; a host's own term

	// Of a month, beside the month before.
	DegradedBy    time.Duration // 10ms; the floor moved by more, and
	DegradedShare float64       // 0.1; by more than this part of the lower one
	HeldFor       int           // 3; days for which it did, at least
	FalseAlarm    float64       // 0.01; the chance that in all of a month's pairs and hours one is called lossy by chance
	DownFor       time.Duration // 3h; a host that was down for less in one go gets no line for it

	GroupFrom int       // 3; flagged pairs that share a host from which they are one line
	GradeFrom geo.Miles // 100; nearer than that says nothing of the network
	GradeOf   int       // 100; pairs in a band of distance from which the fleet is its own measure
}

// DefaultThresholds are the documented ones.
func DefaultThresholds() Thresholds { return Thresholds{}.filled() }

// filled replaces zeros with defaults, and negatives with zeros.
func (t Thresholds) filled() Thresholds {
	return Thresholds{
		SelfPing: setting(t.SelfPing, 5*time.Millisecond), Correlation: setting(t.Correlation, 0.5),
		FewPartners: setting(t.FewPartners, 5), GlassLight: setting(t.GlassLight, 2./3), CitySize: setting(t.CitySize, 30),
		Quick: setting(t.Quick, 0.82), Elsewhere: setting(t.Elsewhere, 300), Faster: setting(t.Faster, 0.1), Slower: setting(t.Slower, 0.3),
		LastMile: setting(t.LastMile, 15*time.Millisecond), Stretch: setting(t.Stretch, 0.1), Neighbours: setting(t.Neighbours, 300), Alone: setting(t.Alone, 0.5),
		Evidence: setting(t.Evidence, 4), EvidenceEach: setting(t.EvidenceEach, 0.25), Explained: setting(t.Explained, 0.6),
		FitFrom: setting(t.FitFrom, 15), Spared: setting(t.Spared, 0.1), Base: setting(t.Base, 13500*time.Microsecond), Slope: setting(t.Slope, 0.0272),
		Cushion: setting(t.Cushion, 10*time.Millisecond), Over: setting(t.Over, 20*time.Millisecond),
		Detour: setting(t.Detour, 1.25), Severe: setting(t.Severe, 1.5), Extreme: setting(t.Extreme, 2),
		WaypointBy: setting(t.WaypointBy, 2*time.Millisecond), WaypointShare: setting(t.WaypointShare, 0.02), Bend: setting(t.Bend, 1.3),
		AsymmetricBy: setting(t.AsymmetricBy, 5*time.Millisecond), AsymmetricShare: setting(t.AsymmetricShare, 0.1),
		Loss: setting(t.Loss, 0.01), LeastLost: setting(t.LeastLost, 2),
		CongestedBy: setting(t.CongestedBy, 10*time.Millisecond), CongestedShare: setting(t.CongestedShare, 0.1),
		PoorlyConnected: setting(t.PoorlyConnected, 50*time.Millisecond),
		DegradedBy:      setting(t.DegradedBy, 10*time.Millisecond), DegradedShare: setting(t.DegradedShare, 0.1),
		HeldFor: setting(t.HeldFor, 3), FalseAlarm: setting(t.FalseAlarm, 0.01), DownFor: setting(t.DownFor, 3*time.Hour),
		GroupFrom: setting(t.GroupFrom, 3), GradeFrom: setting(t.GradeFrom, 100), GradeOf: setting(t.GradeOf, 100),
	}
}

func setting[N ~int | ~int64 | ~float64](given, standard N) N { return max(0, cmp.Or(given, standard)) }
