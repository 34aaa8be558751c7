package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Change is that the floor of two cities moved and stayed there, while both
// kept their addresses.
type Change struct {
	From, To      string  // in alphabetical order
	Verdict       Verdict // Degraded or Recovered
	Before, After Ms
	BeforeSince   time.Time // the first day of the floor before, as far as two months tell; 00:00 UTC as all of these
	Since         time.Time // the first day on which it was so
	Until         time.Time // the first day on which it was as before again; zero: it still was on the last day
	Days          int       // on which it was measured so
}

// Text is the change in few words: "from 45.2 to 88.1 ms, 11 to 20 October".
func (c Change) Text() string {
	text := fmt.Sprintf("from %.1f to %.1f ms", c.Before, c.After)
	switch {
	case c.Until.IsZero():
		text += " since " + dayName(c.Since)
	case c.Until.AddDate(0, 0, -1).Month() == c.Since.Month():
		text += fmt.Sprintf(", %d to %s", c.Since.Day(), dayName(c.Until.AddDate(0, 0, -1)))
	default:
		text += fmt.Sprintf(", %s to %s", dayName(c.Since), dayName(c.Until.AddDate(0, 0, -1)))
	}
	return text
}

// dayName is a date as a sentence names it.
func dayName(t time.Time) string { return t.Format("2 January") }

// change is the largest of the pair's changes of one kind.
func (p *PairVerdict) change(v Verdict) Change {
	var largest Change
	for _, c := range p.Changes {
		if c.Verdict == v && (largest.Days == 0 || (c.After-c.Before).abs() > (largest.After-largest.Before).abs()) {
			largest = c
		}
	}
	return largest
}

func (m Ms) abs() Ms { return max(m, -m) }

// byDay parts pairs that changed on different days, which have different
// causes. A step may be seen a day late, so that days which follow each other
// are one.
func byDay(pairs []*PairVerdict, v Verdict) [][]*PairVerdict {
	if v != Degraded && v != Recovered {
		return [][]*PairVerdict{pairs}
	}
	of := map[time.Time][]*PairVerdict{}
	for _, p := range pairs {
		since := p.change(v).Since
		of[since] = append(of[since], p)
	}
	var parts [][]*PairVerdict
	last := time.Time{}
	for _, since := range slices.SortedFunc(maps.Keys(of), time.Time.Compare) {
		if n := len(parts); n > 0 && since.Sub(last) <= 24*time.Hour {
			parts[n-1] = append(parts[n-1], of[since]...)
		} else {
			parts = append(parts, of[since])
		}
		last = since
	}
	for _, part := range parts {
		slices.SortStableFunc(part, func(a, b *PairVerdict) int { return cmp.Compare(b.badness(v), a.badness(v)) })
	}
	return parts
}

// comparison finds what changed from one month to the next, and within it.
// Days are counted from the first of the month before.
type comparison struct {
	this, before *Month // before may be nil
	verdicts     *Verdicts
	first        int // day on which this month begins
	steps        steps
	moved        map[string][]int // days on which a host's address changed
}

func newComparison(this, before *Month, v *Verdicts) *comparison {
	t := v.Thresholds
	c := &comparison{
		this: this, before: before, verdicts: v, moved: map[string][]int{},
		steps: steps{by: millis(t.DegradedBy), share: t.DegradedShare, hold: max(1, t.HeldFor)},
	}
	homes := map[string]*home{}
	for _, h := range this.Hosts {
		homes[h.City] = &home{}
	}
	if before != nil {
		c.first = before.Span.Day(this.Span.From)
		for _, h := range before.Hosts {
			if homes[h.City] == nil {
				homes[h.City] = &home{}
			}
			c.note(h, before.Span, 0, homes[h.City])
		}
	}
	for _, h := range this.Hosts {
		c.note(h, this.Span, c.first, homes[h.City])
	}
	return c
}

// note takes in the days on which a host's address changed.
func (c *comparison) note(h HostMonth, span Span, first int, at *home) {
	for _, m := range h.Moves {
		if at.moved(m.Address) {
			c.moved[h.City] = append(c.moved[h.City], first+span.Day(m.Since))
		}
	}
}

// date is a day as a time.
func (c *comparison) date(day int) time.Time { return c.this.Span.From.AddDate(0, 0, day-c.first) }

// judge adds to the verdicts what changed.
func (c *comparison) judge() {
	for _, p := range c.verdicts.kept {
		days := c.days(p)
		for _, piece := range c.pieces(p, days) {
			for _, change := range c.changes(piece) {
				change.From, change.To = p.From, p.To
				p.Changes = append(p.Changes, change)
				p.add(change.Verdict)
			}
		}
	}
}

// add puts a verdict to the others.
func (p *PairVerdict) add(v Verdict) {
	if p.Has(v) {
		return
	}
	p.Verdicts = slices.DeleteFunc(append(p.Verdicts, v), func(v Verdict) bool { return v == Fine })
	slices.SortFunc(p.Verdicts, func(a, b Verdict) int { return cmp.Compare(b, a) })
}

// days are the floors of two cities, day by day: of the direction that was
// measured on more days, or, if that makes no great difference, of the faster
// one. The directions are not mixed: where they differ, a day on which one is
// missing would look like a step.
func (c *comparison) days(p *PairVerdict) []dayFloor {
	var best []dayFloor
	for _, d := range [][2]string{{p.From, p.To}, {p.To, p.From}} {
		if c.verdicts.hostIs(d[0], InvalidSource) {
			continue
		}
		if mine := c.floors(d[0], d[1]); better(mine, best) {
			best = mine
		}
	}
	return best
}

// better says whether a direction's days tell more than another's.
func better(mine, other []dayFloor) bool {
	few := max(len(mine), len(other)) * 4 / 5
	switch {
	case len(mine) < few || len(mine) == 0:
		return false
	case len(other) < few || len(other) == 0:
		return true
	}
	return medianOf(valuesOf(mine)) < medianOf(valuesOf(other))
}

func valuesOf(days []dayFloor) []float64 {
	values := make([]float64, len(days))
	for i, d := range days {
		values[i] = d.floor
	}
	return values
}

// floors are those of one direction. A month whose rounds have averages only
// says nothing beside one with minima.
func (c *comparison) floors(from, to string) []dayFloor {
	now := c.this.Pair(from, to)
	if now == nil {
		return nil
	}
	var days []dayFloor
	take := func(p *PairMonth, first int) {
		for d, f := range p.Days {
			if f.Floor > 0 {
				days = append(days, dayFloor{first + d, float64(f.Floor.Ms())})
			}
		}
	}
	if c.before != nil {
		if was := c.before.Pair(from, to); was != nil && was.Base == now.Base {
			take(was, 0)
		}
	}
	take(now, c.first)
	return days
}

// pieces cuts the days where one of the two hosts changed its address; that day
// itself is of neither.
func (c *comparison) pieces(p *PairVerdict, days []dayFloor) [][]dayFloor {
	moves := slices.Sorted(slices.Values(slices.Concat(c.moved[p.From], c.moved[p.To])))
	var pieces [][]dayFloor
	for _, move := range moves {
		at, found := slices.BinarySearchFunc(days, move, func(d dayFloor, day int) int { return cmp.Compare(d.day, day) })
		pieces = append(pieces, days[:at])
		if found {
			at++
		}
		days = days[at:]
	}
	return append(pieces, days)
}

// changes are those of a piece that this month has to tell. A step on the last
// days of the month before had not been held yet when that was reported, so it
// is told now; one on the last days of this month will be told in the next.
func (c *comparison) changes(days []dayFloor) []Change {
	levels := c.steps.levels(days)
	base, begun := 0, c.first-c.steps.hold+1
	for i, l := range levels {
		if c.before != nil && l.first < begun {
			base = i
		}
	}
	var changes []Change
	var open *Change
	longest := 0
	for i := base + 1; i < len(levels); i++ {
		l, usual := levels[i], levels[base].floor
		verdict := Degraded
		if l.floor < usual {
			verdict = Recovered
		}
		moved := c.steps.differ(l.floor, usual)
		if open != nil && (!moved || open.Verdict != verdict) {
			open.Until, open = c.date(l.first), nil
		}
		if !moved {
			continue
		}
		if open == nil {
			changes = append(changes, Change{
				Verdict: verdict, Before: Ms(usual), Since: c.date(l.first), BeforeSince: c.date(levels[base].first),
			})
			open, longest = &changes[len(changes)-1], 0
		}
		if n := len(l.values); n > longest {
			open.After, longest = Ms(l.floor), n
		}
		open.Days += len(l.values)
	}
	return changes
}
