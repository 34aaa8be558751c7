package report

import (
	"fmt"

	"matrix/probe"
)

// Traced is what was found out about one anomaly after the round.
type Traced struct {
	Anomaly
	Again  *PairVerdict // as it was judged when it was measured again; nil: it could not be
	Gone   bool         // it was not there any more, so nothing was traced
	Failed string       // why it could not be measured again, or not traced; "" if it could
	Traces []Trace      // all that were made
	There  *Trace       // of these, the one on which the finding rests; nil: none
	Back   *Trace       // likewise, of the way back
	Found  *DrillDown   // nil: nothing was traced, or a place is not known
}

// Remeasured takes in how the anomaly was judged when it was measured again.
func (t *Traced) Remeasured(again *PairVerdict) {
	t.Again = again
	t.Gone = again.still() == Fine
}

// Drill finds where the packets go, by the traces that say most: of each
// direction there may be one a method. d has everything but the traces.
func (t *Traced) Drill(d Drill) {
	d.Pair = t.Pair
	t.Found, t.There, t.Back = nil, nil, nil
	most := -1
	for _, there := range t.ways(t.Pair) {
		for _, back := range t.ways(t.Pair.Reverse()) {
			d.There, d.Back = there, back
			found, _ := d.Down()
			if says := found.says() + reaches(there) + reaches(back); says > most {
				most, t.Found, t.There, t.Back = says, found, there, back
			}
		}
	}
}

// ways are the traces of one direction, a single flow each; one that is nil if
// there are none.
func (t *Traced) ways(pair probe.Pair) []*Trace {
	var all []*Trace
	for i := range t.Traces {
		if one := &t.Traces[i]; one.Pair == pair && one.Flow == 0 && len(one.Hops) > 0 {
			all = append(all, one)
		}
	}
	if len(all) == 0 {
		return []*Trace{nil}
	}
	return all
}

// says orders findings by how much they say: how sure they are, and of as sure
// ones whether a router says where.
func (d *DrillDown) says() int {
	switch {
	case d == nil:
		return 0
	case d.Detour != nil:
		return 8*int(d.Confidence) + 4
	}
	return 8 * int(d.Confidence)
}

// reaches counts for a trace that got to its target.
func reaches(t *Trace) int {
	if t != nil && t.End == probe.Reached {
		return 1
	}
	return 0
}

// Settled says whether another traceroute, by another method, can add nothing.
func (t *Traced) Settled() bool { return t.Found != nil && t.Found.Confidence == Confirmed }

// Others are the traces on which the finding does not rest.
func (t *Traced) Others() []Trace {
	var all []Trace
	for i := range t.Traces {
		if one := &t.Traces[i]; one != t.There && one != t.Back {
			all = append(all, *one)
		}
	}
	return all
}

// Status says what became of the anomaly when it was measured again.
func (t *Traced) Status() string {
	was := "no answer in the round"
	if t.RTT != nil {
		was = fmt.Sprintf("%.1f ms in the round", *t.RTT)
	}
	now := "no answer"
	if t.Again != nil && t.Again.RTT != nil {
		now = fmt.Sprintf("%.1f ms", *t.Again.RTT)
	}
	switch {
	case t.Again == nil:
		return fmt.Sprintf("not measured again (%s)", was)
	case t.Gone:
		return fmt.Sprintf("gone on re-measuring: %s now, %s", now, was)
	}
	return fmt.Sprintf("measured again: %s, %s", now, was)
}

// Text tells all that was found, a sentence a line.
func (t *Traced) Text() []string {
	lines := []string{t.Status()}
	if t.Failed != "" {
		lines = append(lines, "not traced: "+Clean(t.Failed, reasonRunes))
	}
	if t.Found != nil {
		lines = append(lines, t.Found.Finding()...)
	}
	for _, trace := range t.Traces {
		if trace.End != probe.Reached {
			lines = append(lines, fmt.Sprintf("%s traceroute %s: %s", methodOf(trace), t.direction(trace), endOf(trace)))
		}
	}
	return lines
}

// direction is which way a trace goes.
func (t *Traced) direction(trace Trace) string {
	if trace.Pair == t.Pair {
		return "there"
	}
	return "back"
}
