package alarm

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"matrix/report"
)

// Kind is what became of an anomaly.
type Kind string

const (
	New      Kind = "new"
	Worsened Kind = "worsened"
	Resolved Kind = "resolved"
	// Standing is one message for all that the first round of a tracker has: none
	// of it is new, and of a large fleet it is hundreds.
	Standing Kind = "standing"
)

// Anomaly is what is wrong with one host, or with two cities.
type Anomaly struct {
	City     string          `json:"city,omitempty"` // of a host
	From     string          `json:"from,omitempty"` // of two cities, in the direction that is worse
	To       string          `json:"to,omitempty"`
	Verdict  report.Verdict  `json:"verdict"` // the worst
	Severity report.Severity `json:"severity"`
	Pairs    int             `json:"pairs"`             // pairs of cities that show it
	Summary  string          `json:"summary"`           // the worst verdict's line
	Details  []string        `json:"details,omitempty"` // the other verdicts' lines
}

// ID names the anomaly from when it opens until it closes.
func (a *Anomaly) ID() string {
	if a.City != "" {
		return "host/" + a.City
	}
	return "pair/" + min(a.From, a.To) + "/" + max(a.From, a.To)
}

// Event is one message. Its JSON is documented in docs/alarms.md.
type Event struct {
	Version  int       `json:"version"` // of this format: 1
	Event    Kind      `json:"event"`
	ID       string    `json:"id"`
	Since    time.Time `json:"since"`            // start of the first round that saw it
	At       time.Time `json:"at"`               // start of the round that the event is of
	Reason   string    `json:"reason,omitempty"` // of resolved: why, if it is not that the round is well
	Coverage string    `json:"coverage"`
	Anomaly
}

const formatVersion = 1

// Settings are how events are damped.
type Settings struct {
	Hold  int             // rounds in a row to open, to worsen and to close; 0: 2
	Least report.Severity // less is no alarm; 0: Worrying
}

// Tracker remembers the anomalies between rounds. Its JSON is its memory: a
// service that starts again and reads it does not say everything once more.
type Tracker struct {
	Settings Settings          `json:"-"`
	Begun    bool              `json:"begun"` // it has seen a round
	Known    map[string]*known `json:"known"` // by ID
}

// known is an anomaly that was seen.
type known struct {
	Anomaly Anomaly         `json:"anomaly"` // as it was seen last
	Since   time.Time       `json:"since"`
	Open    bool            `json:"open"`  // it was told
	First   bool            `json:"first"` // the tracker's first round had it
	Told    report.Severity `json:"told"`  // how bad
	Seen    int             `json:"seen"`  // rounds in a row
	Worse   int             `json:"worse"` // rounds in a row in which it was worse than told
	Gone    int             `json:"gone"`  // rounds in a row in which it was not there
}

// Next takes the next round and returns what is to be said, by ID.
func (t *Tracker) Next(r *report.Report) []Event {
	if t.Known == nil {
		t.Known = make(map[string]*known)
	}
	var events []Event
	now := t.anomalies(r)
	for id, a := range now {
		events = append(events, t.see(r, id, a)...)
	}
	for id, k := range t.Known {
		if now[id] == nil {
			events = append(events, t.miss(r, id, k)...)
		}
	}
	t.Begun = true
	slices.SortFunc(events, func(a, b Event) int { return cmp.Compare(a.ID, b.ID) })
	return together(events)
}

// shownStanding is how many anomalies a standing message names.
const shownStanding = 20

// together puts the standing anomalies into one event, the worst first.
func together(events []Event) []Event {
	var rest, standing []Event
	for _, e := range events {
		if e.Event == Standing {
			standing = append(standing, e)
		} else {
			rest = append(rest, e)
		}
	}
	if len(standing) == 0 {
		return rest
	}
	slices.SortStableFunc(standing, func(a, b Event) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(b.Pairs, a.Pairs))
	})
	one := standing[0]
	one.ID, one.City, one.From, one.To, one.Details, one.Pairs = string(Standing), "", "", "", nil, 0
	one.Summary = fmt.Sprintf("%d anomalies that the first round had already", len(standing))
	for i, e := range standing {
		one.Pairs += e.Pairs
		if i < shownStanding {
			one.Details = append(one.Details, e.Verdict.String()+": "+e.Summary)
		}
	}
	return append([]Event{one}, rest...)
}

func (t *Tracker) hold() int { return cmp.Or(max(0, t.Settings.Hold), 2) }

// see counts a round in which an anomaly is there.
func (t *Tracker) see(r *report.Report, id string, a *Anomaly) []Event {
	k := t.Known[id]
	if k == nil {
		k = &known{Since: r.Method.Start, First: !t.Begun}
		t.Known[id] = k
	}
	k.Anomaly, k.Gone = *a, 0
	k.Seen++
	if k.Open && a.Severity > k.Told {
		k.Worse++
	} else {
		k.Worse = 0
	}
	switch {
	case !k.Open && k.Seen >= t.hold():
		k.Open, k.Told = true, a.Severity
		if k.First {
			return []Event{k.event(Standing, id, r)}
		}
		return []Event{k.event(New, id, r)}
	case k.Worse >= t.hold():
		k.Told, k.Worse = a.Severity, 0
		return []Event{k.event(Worsened, id, r)}
	}
	return nil
}

// miss counts a round in which an anomaly is not there, if the round can know.
func (t *Tracker) miss(r *report.Report, id string, k *known) []Event {
	sight := look(r, &k.Anomaly)
	if sight == blind {
		return nil
	}
	k.Seen, k.Worse = 0, 0
	k.Gone++
	if sight == seen && k.Open && k.Gone < t.hold() {
		return nil
	}
	delete(t.Known, id)
	if !k.Open {
		return nil
	}
	e := k.event(Resolved, id, r)
	switch {
	case sight == left:
		e.Reason = "no longer measured"
	case t.covered(&k.Anomaly):
		e.Reason = "part of what is wrong with a host"
	}
	return []Event{e}
}

func (k *known) event(kind Kind, id string, r *report.Report) Event {
	return Event{
		Version: formatVersion, Event: kind, ID: id, Since: k.Since.UTC(), At: r.Method.Start.UTC(),
		Coverage: r.Coverage.String(), Anomaly: k.Anomaly,
	}
}

// Open are the anomalies that were told and are not over, by ID.
func (t *Tracker) Open() []Anomaly {
	var open []Anomaly
	for _, k := range t.Known {
		if k.Open {
			open = append(open, k.Anomaly)
		}
	}
	slices.SortFunc(open, func(a, b Anomaly) int { return cmp.Compare(a.ID(), b.ID()) })
	return open
}
