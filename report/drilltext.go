package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"

	"matrix/geo"
	"matrix/probe"
)

// Lines tell a drill-down: where each way goes, and what that means. Names that
// routers were given by others are cleaned.
func (d *DrillDown) Lines() []string {
	var all []string
	for _, p := range []*Path{d.There, d.Back} {
		if p != nil {
			all = append(all, p.lines()...)
		}
	}
	return append(all, d.Finding()...)
}

// lines are the places of a way, and those that were refused.
func (p *Path) lines() []string {
	all := []string{"places: " + p.Places()}
	for _, h := range p.Hops {
		if h.Place == nil && h.Refused != nil {
			all = append(all, h.refusal())
		}
	}
	return all
}

func (p *Path) located() bool {
	for _, h := range p.Hops {
		if h.Place != nil {
			return true
		}
	}
	return false
}

func (h PathHop) refusal() string {
	return fmt.Sprintf("hop %d calls itself %q (%s), which light cannot reach and leave in the time measured: not believed",
		h.TTL, Clean(h.Refused.Word, titleRunes), placeName(h.Refused.Place))
}

// placeName is a place's name, fit to be shown.
func placeName(p Place) string { return Clean(p.Name, titleRunes) }

// Finding says what a drill-down found, a sentence a line. Where nothing could
// be sent there is nothing to find, but why.
func (d *DrillDown) Finding() []string {
	if d.There == nil && d.Back == nil && len(d.Untraced) > 0 {
		return d.Untraced
	}
	return append(slices.Clone(d.Untraced), d.found()...)
}

func (d *DrillDown) found() []string {
	switch {
	case d.Bend == NoBend && d.RTT == 0:
		return append([]string{"finding: the other end did not answer"}, d.ends()...)
	case d.Bend == NoBend:
		return []string{d.straight()}
	case d.Bend == BentUnknown:
		return d.unknown()
	}
	t := d.Detour
	way := d.There
	if t.Back {
		way = d.Back
	}
	where := "detour"
	if t.Back {
		where = "return path: a detour on the way back"
	}
	all := []string{fmt.Sprintf("finding: %s over %s (hop %d of %s → %s), +%s miles beside %s direct: %s",
		where, placeName(t.Turn.Place.Place), t.Turn.TTL, way.From, way.To, thousands(t.Extra), thousands(d.Direct), d.Confidence)}
	all = append(all, t.leaves(""))
	if t.Back && d.There != nil {
		all = append(all, "the way there is straight, as far as its routers say where they are")
	}
	if o := t.Other; o != nil {
		all = append(all, fmt.Sprintf("the way back is bent as well: over %s (hop %d of %s → %s), +%s miles",
			placeName(o.Turn.Place.Place), o.Turn.TTL, d.To, d.From, thousands(o.Extra)))
	}
	return append(all, d.legs()...)
}

// unsent says whether a trace failed before anything was sent: it says nothing
// about the way.
func unsent(t *Trace) bool {
	failed := t.End == probe.TraceFailed || t.End == probe.NoTraceRoute
	return failed && !slices.ContainsFunc(t.Hops, func(h probe.Hop) bool { return h.Sent > 0 || len(h.Answers) > 0 })
}

// untraced are the directions in which nothing was sent, and why.
func (d Drill) untraced(from, to City) []string {
	var all []string
	for _, t := range []*Trace{d.There, d.Back} {
		if t == nil || !unsent(t) {
			continue
		}
		a, b := from, to
		if t == d.Back {
			a, b = to, from
		}
		why := cmp.Or(Clean(t.Reason, reasonRunes), "nothing was sent")
		all = append(all, fmt.Sprintf("%s → %s could not be traced: %s", titleOf(a), titleOf(b), why))
	}
	return all
}

// straight is what is said where nothing is out of the way: of both ways only if
// both were traced.
func (d *DrillDown) straight() string {
	way := cmp.Or(d.There, d.Back)
	switch {
	case way == nil:
		return "finding: the RTT is what the distance explains; no way was traced"
	case d.There != nil && d.Back != nil:
		return "finding: nothing bent; the RTT is what the distance explains, and no router is out of the way"
	}
	return fmt.Sprintf("finding: the RTT is what the distance explains, and no router of %s → %s is out of the way; the other way was not traced", way.From, way.To)
}

// ends say how far packets get that do not arrive.
func (d *DrillDown) ends() []string {
	var all []string
	for _, p := range []*Path{d.There, d.Back} {
		if p == nil || p.Reached {
			continue
		}
		text := fmt.Sprintf("packets from %s to %s: no router answers", p.From, p.To)
		if last := p.last(); last != nil {
			text = fmt.Sprintf("packets from %s to %s get as far as hop %d (%s), and nothing behind it answers", p.From, p.To, last.TTL, last.router())
		}
		all = append(all, text)
	}
	return all
}

// last is the last hop that answered; nil if none did.
func (p *Path) last() *PathHop {
	for i := len(p.Hops) - 1; i >= 0; i-- {
		if p.Hops[i].Address != "" {
			return &p.Hops[i]
		}
	}
	return nil
}

// Silent says whether nothing at all answered.
func (p *Path) Silent() bool { return p.last() == nil }

// router is a hop's name and address.
func (h *PathHop) router() string {
	if h.Name == "" {
		return h.Address
	}
	return h.Name + ", " + h.Address
}

// leaves is where the RTT steps up, and who is to be asked. way says on which
// way, where that was not said before.
func (t *WayRound) leaves(way string) string {
	text := fmt.Sprintf("step: +%.1f ms at hop %d%s", millis(t.Step), t.Leave.TTL, way)
	if t.Leave.Place != nil {
		text += " (" + placeName(t.Leave.Place.Place) + ")"
	}
	switch {
	case t.Before != nil:
		text += "; to ask: " + t.ask()
	case t.Leave.TTL == 1:
		text += ", the first one: the network by which the host itself is joined"
	}
	return text
}

// ask is the network before the step, and its router.
func (t *WayRound) ask() string {
	if t.Network == "" {
		return fmt.Sprintf("whoever runs hop %d (%s), the last one before it", t.Before.TTL, t.Before.router())
	}
	return fmt.Sprintf("%s, which runs hop %d (%s), the last one before it", t.Network, t.Before.TTL, t.Before.router())
}

func (d *DrillDown) unknown() []string {
	there, back := d.There != nil && d.There.located(), d.Back != nil && d.Back.located()
	first := "finding: slower than its distance explains, and no router says where it goes"
	switch {
	case there && back:
		first = "finding: slower than its distance explains, and out of the routers' sight: those that say where they are lie on the straight way, there and back"
	case there:
		first = "finding: slower than its distance explains, and the way there is straight, as far as its routers say where they are: the return path, probably"
	}
	all := []string{fmt.Sprintf("%s (confidence: %s)", first, d.Confidence)}
	if d.Step != nil {
		way := fmt.Sprintf(" of %s → %s", d.From, d.To)
		if d.Step.Back {
			way = fmt.Sprintf(" of %s → %s", d.To, d.From)
		}
		all = append(all, d.Step.leaves(way))
	}
	return append(all, d.legs()...)
}

// legs is what speaks for a city as a waypoint.
func (d *DrillDown) legs() []string {
	if d.Waypoint == nil {
		return nil
	}
	return []string{fmt.Sprintf("waypoint: the fleet's own RTTs over %s add up to the same: %s, and the pair takes %.1f ms",
		Clean(d.WaypointTitle, titleRunes), d.Waypoint.sum(), millis(d.RTT))}
}

// sum adds the legs as they are shown: a reader adds them too.
func (w *Waypoint) sum() string {
	one, two := tenths(w.Legs[0]), tenths(w.Legs[1])
	return fmt.Sprintf("%.1f + %.1f = %.1f ms", one, two, one+two)
}

func tenths(x Ms) Ms { return Ms(math.Round(10*float64(x)) / 10) }

// thousands writes miles as people read them: "7,255".
func thousands(d geo.Miles) string { return thousandsOf(float64(d)) }

func thousandsOf(x float64) string {
	n := int(math.Round(x))
	if n < 1000 {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}
