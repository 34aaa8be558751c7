package report

import (
	"fmt"
	"slices"

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

// LookedInto is what the round has of an anomaly, told from a pair's first city
// to its second; Drill has yet to find out what it means in that direction. nil
// if nobody looked.
func (r *Report) LookedInto(pair probe.Pair) *Traced {
	for _, t := range r.Traced {
		if t.Pair == pair || t.Pair == pair.Reverse() {
			told := *t
			told.Pair = pair
			return &told
		}
	}
	return nil
}

// look finds out what the samples and traces say that were made of anomalies
// after the round.
func (r *Report) look(round *Round, options Options) []*Traced {
	if len(round.Looks) == 0 {
		return nil
	}
	var fresh []Sample
	for _, l := range round.Looks {
		fresh = append(fresh, l.Samples...)
	}
	again := Again(round, options, fresh)
	var all []*Traced
	for _, l := range round.Looks {
		t := &Traced{Anomaly: r.anomaly(l.Pair), Failed: l.Failed, Traces: l.Traces}
		if judged := again.Pair(l.From, l.To); judged != nil && wasMeasured(l.Samples) {
			t.Remeasured(judged)
		}
		if len(t.Traces) > 0 {
			t.Drill(Drill{Cities: round.Cities, Verdicts: again, Atlas: options.Atlas})
		}
		all = append(all, t)
	}
	return all
}

// wasMeasured says whether anything was sent in either direction.
func wasMeasured(samples []Sample) bool {
	return slices.ContainsFunc(samples, func(s Sample) bool { return s.State == Measured || s.State == Lost })
}

// Open says whether a traceroute, or one by another method, can still add
// something to what is known of an anomaly.
func (t *Traced) Open() bool {
	return t.Again != nil && !t.Gone && (t.Found == nil || t.Found.Confidence != Confirmed)
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
