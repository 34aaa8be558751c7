package report

import (
	"cmp"
	"math"
	"slices"
	"time"

	"matrix/geo"
	"matrix/probe"
)

const (
	// leastStep is by how much the round-trip time rises where a way leaves
	// for a far place: less is what a busy router takes to answer.
	leastStep = 10 * time.Millisecond
	// leastDetour is the least way round that is worth a word.
	leastDetour geo.Miles = 300
	// slack is added to a hop's time before it is said to be too short for a
	// place: clocks are coarse, and airports lie outside of their cities.
	slack = time.Millisecond
	// waypointFits is how well two legs over a city add up to the whole.
	waypointFits = 0.03
	// besideCity is how far a router may be from the fleet's city whose round
	// trips stand for its own.
	besideCity geo.Miles = 60
)

// Confidence is how sure a finding is.
type Confidence uint8

const (
	Unknown   Confidence = iota // less than two of the three speak for it
	Likely                      // two of them
	Confirmed                   // a router's name that physics allows, a step in the RTT, and a waypoint's two legs
)

func (c Confidence) String() string { return [...]string{"unknown", "likely", "confirmed"}[c] }

// Bend is which of a pair's ways is bent.
type Bend uint8

const (
	NoBend      Bend = iota // neither is, as far as routers have places
	BentThere               // the way there, or both
	BentBack                // only the way back
	BentUnknown             // the RTT says that one is; no router says which, or where
)

func (b Bend) String() string { return [...]string{"none", "there", "back", "unknown"}[b] }

// DrillDown is where the packets of two cities go.
type DrillDown struct {
	From, To      string // titles
	Direct        geo.Miles
	RTT           time.Duration // the lower one of what is known
	There, Back   *Path         // nil: not traced
	Untraced      []string      // the directions in which nothing was sent, and why
	Bend          Bend
	Detour        *WayRound // nil: none was found
	Confidence    Confidence
	Waypoint      *Waypoint // whose legs add up to the RTT; nil: none
	WaypointTitle string
	Slow          bool      // the RTT is more than the distance explains
	Step          *WayRound // where neither way has a detour: the largest rise of the RTT, which has no Turn; nil: none
}

// Path is one direction, hop by hop.
type Path struct {
	From, To string // titles
	Hops     []PathHop
	Reached  bool // the last hop is To
}

// PathHop is what one hop says of where it is.
type PathHop struct {
	TTL     int
	Address string
	Name    string
	Floor   time.Duration // the least of it and of all later hops; 0: not known
	Place   *Hint         // nil: unlocated
	Refused *Hint         // what its name says, and the speed of light forbids
}

// WayRound is where a way leaves the straight one.
type WayRound struct {
	Turn    PathHop       // the located hop that adds the most miles
	Extra   geo.Miles     // by how much the way over it is longer than the direct one
	Leave   PathHop       // the hop before which the RTT steps up
	Step    time.Duration // by so much
	Before  *PathHop      // the last hop before the step that has an address; nil: none
	Network string        // whose that one is; "" if it has no name
	Back    bool          // on the way back
	Other   *WayRound     // of the way back, where both are bent; nil: none
}

// Drill is what a drill-down is made from.
type Drill struct {
	Pair        probe.Pair
	Cities      []City         // the fleet
	There, Back *Trace         // nil: not traced
	Verdicts    *Verdicts      // on a round with the pair; nil: none
	Atlas       Atlas          //
	Light       geo.MilesPerMs // nothing in glass is faster; 0: 2/3 of c
}

// Down finds where a pair's packets go; false if the coordinates of one of the
// two are not known, for then nothing can be said.
//
//	traces ─ floors ─ hints in names ─ physics ─ places ─ detour, step ─┐
//	                     RTTs of the round ─ waypoint ──────────────────┴─ confidence
func (d Drill) Down() (*DrillDown, bool) {
	from, ok := d.city(d.Pair.From)
	to, ok2 := d.city(d.Pair.To)
	a, ok3 := pointOf(from)
	b, ok4 := pointOf(to)
	if !ok || !ok2 || !ok3 || !ok4 {
		return nil, false
	}
	out := &DrillDown{From: titleOf(from), To: titleOf(to), Direct: geo.Distance(a, b), RTT: d.rtt()}
	out.Slow = d.slow(out)
	out.Untraced = d.untraced(from, to)
	l := locator{atlas: newAtlas(d.Atlas, d.Cities), light: cmp.Or(d.Light, 2./3*geo.LightSpeed), rtt: out.RTT}
	out.There = l.path(d.There, from, to)
	out.Back = l.path(d.Back, to, from)
	there, back := detour(out.There, a, b), detour(out.Back, b, a)
	switch {
	case there != nil:
		out.Bend, out.Detour = BentThere, there
		there.Other = back
	case back != nil:
		back.Back = true
		out.Bend, out.Detour = BentBack, back
	case out.Slow:
		out.Bend = BentUnknown
	}
	d.judge(out)
	return out, true
}

func (d Drill) city(name string) (City, bool) {
	i := slices.IndexFunc(d.Cities, func(c City) bool { return c.Name == name })
	if i < 0 {
		return City{}, false
	}
	return d.Cities[i], true
}

func titleOf(c City) string { return cmp.Or(Clean(c.Title, titleRunes), Clean(c.Name, titleRunes)) }

// pair is what the round says of the two cities; nil if nothing.
func (d Drill) pair(a, b string) *PairVerdict {
	if d.Verdicts == nil {
		return nil
	}
	return d.Verdicts.Pair(a, b)
}

// rtt is the least round-trip time that either trace or the round has.
func (d Drill) rtt() time.Duration {
	best := time.Duration(math.MaxInt64)
	for _, t := range []*Trace{d.There, d.Back} {
		if t != nil && t.End == probe.Reached && len(t.Hops) > 0 {
			if rtts := t.Hops[len(t.Hops)-1].RTTs(); len(rtts) > 0 {
				best = min(best, slices.Min(rtts))
			}
		}
	}
	if p := d.pair(d.Pair.From, d.Pair.To); p != nil && p.RTT != nil {
		best = min(best, time.Duration(float64(*p.RTT)*float64(time.Millisecond)))
	}
	if best == math.MaxInt64 {
		return 0
	}
	return best
}

// slow says whether the RTT is more than the distance explains: by the round's
// judgement, or else by the line of small fleets.
func (d Drill) slow(out *DrillDown) bool {
	if p := d.pair(d.Pair.From, d.Pair.To); p != nil {
		return p.Verdict().Bent() || p.Has(SlowUnproven)
	}
	t := DefaultThresholds()
	usual := millis(t.Base) + t.Slope*float64(out.Direct)
	over := millis(out.RTT) - usual
	cushion := millis(t.Cushion)
	return over >= millis(t.Over) && (millis(out.RTT)+cushion)/(usual+cushion) >= t.Detour
}

// locator finds the places of hops.
type locator struct {
	atlas atlas
	light geo.MilesPerMs
	rtt   time.Duration // of the whole; 0: not known
}

// path locates the hops of one direction.
func (l locator) path(t *Trace, from, to City) *Path {
	if t == nil || unsent(t) {
		return nil
	}
	a, _ := pointOf(from)
	b, _ := pointOf(to)
	p := &Path{From: titleOf(from), To: titleOf(to), Reached: t.End == probe.Reached}
	floors := floorsOf(t.Hops)
	for i, h := range t.Hops {
		hop := PathHop{TTL: h.TTL, Floor: floors[i]}
		for _, answer := range h.Answers {
			if hop.Address == "" {
				hop.Address, hop.Name = addressText(answer.Addr), Clean(answer.Name, 253)
			}
		}
		if !p.Reached || i < len(t.Hops)-1 { // the target's name says nothing new
			l.locate(&hop, a, b)
		}
		p.Hops = append(p.Hops, hop)
	}
	return p
}

// floorsOf are the baselines: a router that was slow to answer for itself let
// others pass, so that no hop counts for more than any later one took.
func floorsOf(hops []probe.Hop) []time.Duration {
	floors := make([]time.Duration, len(hops))
	least := time.Duration(0)
	for i, h := range slices.Backward(hops) {
		rtts := h.RTTs()
		if len(rtts) > 0 && (least == 0 || slices.Min(rtts) < least) {
			least = slices.Min(rtts)
		}
		if len(rtts) > 0 {
			floors[i] = least
		}
	}
	return floors
}

// locate takes the first hint that physics allows.
func (l locator) locate(hop *PathHop, from, to geo.Point) {
	if hop.Name == "" || hop.Floor == 0 {
		return
	}
	for _, hint := range l.atlas.hints(hop.Name) {
		if l.feasible(hint.Place.Point, hop.Floor, from, to) {
			hop.Place = &hint
			return
		}
		if hop.Refused == nil {
			hop.Refused = &hint
		}
	}
}

// feasible says whether light could have been there: from the near end and back
// within the hop's time; and there, on to the far end and home again within the
// time of the whole.
func (l locator) feasible(place geo.Point, floor time.Duration, from, to geo.Point) bool {
	reach := func(t time.Duration) geo.Miles { return geo.Miles(millis(t+slack) * float64(l.light)) }
	near, far := geo.Distance(from, place), geo.Distance(place, to)
	return 2*near <= reach(floor) && (l.rtt == 0 || near+far+geo.Distance(to, from) <= reach(l.rtt))
}

// detour finds the located hop that adds the most miles, and where the time
// that it costs begins; nil if the way is straight, as far as it is known.
func detour(p *Path, from, to geo.Point) *WayRound {
	if p == nil {
		return nil
	}
	direct := geo.Distance(from, to)
	best, d := 0, &WayRound{}
	for i, h := range p.Hops {
		if h.Place == nil {
			continue
		}
		extra := geo.Distance(from, h.Place.Place.Point) + geo.Distance(h.Place.Place.Point, to) - direct
		if extra > d.Extra {
			best, d.Extra = i, extra
		}
	}
	bend := DefaultThresholds().Bend
	if d.Extra < leastDetour || direct+d.Extra < geo.Miles(bend)*direct {
		return nil
	}
	d.Turn = p.Hops[best]
	d.step(p.Hops[:best+1])
	if d.Step < leastStep {
		return nil // it stands at a far place and costs nothing: the name is old
	}
	return d
}

// step finds the largest rise of the RTT on the way to a hop. The network before
// it is the one to ask: it chose where the packets leave.
func (d *WayRound) step(hops []PathHop) {
	before := PathHop{}
	var last *PathHop
	for i, h := range hops {
		if h.Floor == 0 {
			continue
		}
		if rise := h.Floor - before.Floor; rise > d.Step {
			d.Step, d.Leave, d.Before = rise, h, last
		}
		before, last = h, &hops[i]
	}
	if d.Before != nil {
		d.Network = networkOf(d.Before.Name)
	}
}

// judge says how sure the finding is.
func (d Drill) judge(out *DrillDown) {
	if out.Bend == NoBend {
		return
	}
	d.waypoint(out)
	if out.Waypoint != nil {
		city, _ := d.city(out.Waypoint.City)
		out.WaypointTitle = titleOf(city)
	}
	if out.Detour == nil {
		out.Step = out.step()
	}
	signs := 0
	for _, sign := range []bool{out.Detour != nil, out.Detour != nil || out.Step != nil, out.Waypoint != nil} {
		if sign {
			signs++
		}
	}
	out.Confidence = [...]Confidence{Unknown, Unknown, Likely, Confirmed}[signs]
}

// step is the larger of the two ways' steps of the RTT, if it is more than the
// distance explains.
func (out *DrillDown) step() *WayRound {
	usual := DefaultThresholds().Slope * float64(out.Direct)
	var largest *WayRound
	for _, p := range []*Path{out.There, out.Back} {
		if p == nil {
			continue
		}
		d := &WayRound{Back: p == out.Back}
		d.step(p.Hops)
		enough := d.Step >= leastStep && millis(d.Step) > 2*usual
		// Both see the same round trip: the first that does stands for both.
		if enough && (largest == nil || d.Step > largest.Step+leastStep) {
			largest = d
		}
	}
	return largest
}

// waypoint is the fleet's city beside the turn whose two legs add up to the
// whole; or any, where no router says where the turn is.
func (d Drill) waypoint(out *DrillDown) {
	p := d.pair(d.Pair.From, d.Pair.To)
	if p == nil || out.RTT == 0 {
		return
	}
	if out.Detour == nil {
		for _, w := range p.Waypoints {
			if d.fits(w.Legs, out.RTT) {
				out.Waypoint = &w
				return
			}
		}
		return
	}
	turn := out.Detour.Turn.Place.Place.Point
	for _, c := range d.Cities {
		point, ok := pointOf(c)
		if !ok || geo.Distance(point, turn) > besideCity || c.Name == d.Pair.From || c.Name == d.Pair.To {
			continue
		}
		one, two := d.pair(d.Pair.From, c.Name), d.pair(c.Name, d.Pair.To)
		if one == nil || two == nil || one.RTT == nil || two.RTT == nil {
			continue
		}
		if legs := [2]Ms{*one.RTT, *two.RTT}; d.fits(legs, out.RTT) {
			out.Waypoint = &Waypoint{City: c.Name, Legs: legs, Miles: out.Direct + out.Detour.Extra}
			return
		}
	}
}

func (d Drill) fits(legs [2]Ms, rtt time.Duration) bool {
	return math.Abs(float64(legs[0]+legs[1])-millis(rtt)) <= waypointFits*millis(rtt)
}
