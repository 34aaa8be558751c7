package alarm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"matrix/report"
	"matrix/report/reporttest"
)

// change is what a round has instead of what is usual.
type change func(*report.Sample)

// story is told round by round; each step is of a round, and the events that it
// must give: "new host/milan".
type step struct {
	change change
	events string
}

func lose(pairs func(from, to string) bool) change {
	return func(s *report.Sample) {
		if pairs(s.From, s.To) {
			s.State, s.RTTs, s.Received = report.Lost, nil, 0
		}
	}
}

// dead is a host that is gone: nobody reaches it, and it cannot ping.
func dead(city string) change {
	return func(s *report.Sample) {
		switch city {
		case s.To:
			s.State, s.RTTs, s.Received = report.Lost, nil, 0
		case s.From:
			s.State, s.RTTs, s.Sent, s.Received = report.SourceDown, nil, 0, 0
		}
	}
}

func between(a, b string) func(from, to string) bool {
	return func(from, to string) bool { return from == a && to == b || from == b && to == a }
}

// slow stretches a pair in both directions.
func slow(a, b string, times float64) change {
	return func(s *report.Sample) {
		if between(a, b)(s.From, s.To) {
			for i := range s.RTTs {
				s.RTTs[i] = time.Duration(float64(s.RTTs[i]) * times)
			}
		}
	}
}

// unseen are rounds that did not measure a city's pairs.
func unseen(city string) change {
	return func(s *report.Sample) {
		if s.From == city || s.To == city {
			s.State, s.RTTs, s.Sent, s.Received = report.NotRun, nil, 0, 0
		}
	}
}

// round is the nth of ten cities, without those whose pairs always stand out.
func round(n int, c change) *report.Round {
	r := reporttest.Only(reporttest.Measured(), quiet, quiet)
	r.Cities = slices.DeleteFunc(slices.Clone(r.Cities), func(c report.City) bool { return !slices.Contains(quiet, c.Name) })
	r.Start = r.Start.Add(time.Duration(n) * time.Hour)
	for i := range r.Samples {
		r.Samples[i].RTTs = slices.Clone(r.Samples[i].RTTs)
		if c != nil {
			c(&r.Samples[i])
		}
	}
	return r
}

var quiet = []string{"brisbane", "dallas", "fremont", "milan", "newyork", "paris"}

func tell(t *testing.T, tracker *Tracker, steps []step) {
	t.Helper()
	for n, s := range steps {
		var got []string
		for _, e := range tracker.Next(report.New(round(n, s.change), report.Options{})) {
			got = append(got, fmt.Sprintf("%s %s", e.Event, e.ID))
		}
		if text := strings.Join(got, ", "); text != s.events {
			t.Errorf("round %d: %q, want %q", n, text, s.events)
		}
	}
}

// begun is a tracker that has seen a round in which all was well.
func begun(s Settings) *Tracker {
	t := &Tracker{Settings: s}
	t.Next(report.New(round(-1, nil), report.Options{}))
	return t
}

func TestStories(t *testing.T) {
	milan := dead("milan")
	pair := lose(between("paris", "milan"))
	for name, steps := range map[string][]step{
		"all is well":                  {{nil, ""}, {nil, ""}, {nil, ""}},
		"one bad host is one message":  {{nil, ""}, {milan, ""}, {milan, "new host/milan"}, {milan, ""}, {nil, ""}, {nil, "resolved host/milan"}, {nil, ""}},
		"once is no alarm":             {{nil, ""}, {milan, ""}, {nil, ""}, {nil, ""}},
		"flapping, never two in a row": {{milan, ""}, {nil, ""}, {milan, ""}, {nil, ""}, {milan, ""}, {nil, ""}},
		"flapping while open":          {{milan, ""}, {milan, "new host/milan"}, {nil, ""}, {milan, ""}, {nil, ""}, {milan, ""}, {nil, ""}, {nil, "resolved host/milan"}},
		"one pair":                     {{pair, ""}, {pair, "new pair/milan/paris"}, {nil, ""}, {nil, "resolved pair/milan/paris"}},
		"not measured is not mended":   {{pair, ""}, {pair, "new pair/milan/paris"}, {unseen("milan"), ""}, {unseen("milan"), ""}, {unseen("milan"), ""}, {nil, ""}, {nil, "resolved pair/milan/paris"}},
		"a host that was not measured": {{milan, ""}, {milan, "new host/milan"}, {unseen("milan"), ""}, {unseen("milan"), ""}, {nil, ""}, {nil, "resolved host/milan"}},
		"a host mends pair by pair":    {{milan, ""}, {milan, "new host/milan"}, {pair, ""}, {pair, ""}, {nil, ""}, {nil, "resolved host/milan"}},
		"a pair, then its host":        {{pair, ""}, {pair, "new pair/milan/paris"}, {milan, ""}, {milan, "new host/milan, resolved pair/milan/paris"}},
		"worse":                        {{slow("paris", "newyork", 2.1), ""}, {slow("paris", "newyork", 2.1), "new pair/newyork/paris"}, {slow("paris", "newyork", 9), ""}, {slow("paris", "newyork", 9), "worsened pair/newyork/paris"}, {slow("paris", "newyork", 9), ""}, {slow("paris", "newyork", 2.1), ""}, {slow("paris", "newyork", 9), ""}},
	} {
		t.Run(name, func(t *testing.T) { tell(t, begun(Settings{}), steps) })
	}
}

func TestHold(t *testing.T) {
	d := dead("milan")
	tell(t, begun(Settings{Hold: 1}), []step{{d, "new host/milan"}, {nil, "resolved host/milan"}})
	tell(t, begun(Settings{Hold: 3}), []step{{d, ""}, {d, ""}, {d, "new host/milan"}, {nil, ""}, {nil, ""}, {nil, "resolved host/milan"}})
}

// TestLeft: what is not measured any more is over, and the message says why.
func TestLeft(t *testing.T) {
	tracker := begun(Settings{Hold: 1})
	tell(t, tracker, []step{{dead("milan"), "new host/milan"}})
	rest := reporttest.Only(round(1, nil), []string{"paris", "dallas"}, []string{"paris", "dallas"})
	events := tracker.Next(report.New(rest, report.Options{}))
	if len(events) != 1 || events[0].Event != Resolved || events[0].Reason != "no longer measured" || len(tracker.Open()) != 0 {
		t.Errorf("%+v", events)
	}
}

// TestMemory: a service that starts again and reads its memory says nothing
// twice, and forgets nothing.
func TestMemory(t *testing.T) {
	before := begun(Settings{})
	tell(t, before, []step{{dead("milan"), ""}, {dead("milan"), "new host/milan"}})
	text, err := json.Marshal(before)
	if err != nil {
		t.Fatal(err)
	}
	after := &Tracker{}
	if err := json.Unmarshal(text, after); err != nil {
		t.Fatal(err)
	}
	if open := after.Open(); len(open) != 1 || open[0].ID() != "host/milan" {
		t.Errorf("%+v", open)
	}
	tell(t, after, []step{{dead("milan"), ""}, {nil, ""}, {nil, "resolved host/milan"}})
}

// TestJSON keeps the message as it is documented.
func TestJSON(t *testing.T) {
	tracker := begun(Settings{Hold: 1})
	var out bytes.Buffer
	for n, c := range []change{dead("milan"), nil, lose(between("paris", "milan"))} {
		for _, e := range tracker.Next(report.New(round(n, c), report.Options{})) {
			encoder := json.NewEncoder(&out)
			encoder.SetIndent("", "  ")
			if err := encoder.Encode(e); err != nil {
				t.Fatal(err)
			}
		}
	}
	reporttest.Golden(t, "events.json", out.Bytes())
}

// TestStanding: what a large fleet has from the beginning is one message, and
// each of its anomalies may still worsen and end.
func TestStanding(t *testing.T) {
	fleet := reporttest.NewFleet(250, 1).Round()
	r := report.New(fleet, report.Options{})
	tracker := &Tracker{}
	if events := tracker.Next(r); len(events) != 0 {
		t.Fatalf("%d events after one round", len(events))
	}
	events := tracker.Next(r)
	if len(events) != 1 || events[0].Event != Standing || len(events[0].Details) != shownStanding || len(tracker.Open()) < 100 {
		t.Fatalf("%d events, %d open: %+v", len(events), len(tracker.Open()), events)
	}
	if events := tracker.Next(r); len(events) != 0 {
		t.Errorf("%d events after three rounds", len(events))
	}
	tell(t, &Tracker{}, []step{{dead("milan"), ""}, {dead("milan"), "standing standing"}, {nil, ""}, {nil, "resolved host/milan"}, {dead("milan"), ""}, {dead("milan"), "new host/milan"}})
}
