package pingtest

import (
	"context"
	"testing"

	"matrix/probe"
)

// Lacks are what an engine cannot do, each with the reason; "" if it can. Where
// a case needs it the suite demands what is true without: what an engine does
// not see is lost or passed over, and nothing is made up.
type Lacks struct {
	Many     string // to ping a thousand targets at once: a hundred
	Refusals string // to be told of ICMP errors: they are losses without a reason
	Exact    string // to hold all of a reply against the request: only its address, token and number, and whether it is shorter
	Lingers  string // to count what comes of a target after the reply to its last request
}

// tell says what the engine cannot do.
func (l Lacks) tell(t *testing.T) {
	t.Helper()
	for what, why := range map[string]string{
		"ping a thousand targets": l.Many, "tell of ICMP errors": l.Refusals,
		"compare all of a reply": l.Exact, "linger after the last reply": l.Lingers,
	} {
		if why != "" {
			t.Logf("this engine does not %s: %s", what, why)
		}
	}
}

// engine is one that is tested.
type engine struct {
	probe.Pinger
	lacks Lacks
}

// outcome is everything that a pinger said of a job.
type outcome struct {
	echoes map[[2]int]probe.Echo
	odd    map[int]probe.Oddities
	lacks  Lacks
}

func carryOut(t *testing.T, p probe.Pinger, j probe.Job) outcome {
	t.Helper()
	o := outcome{odd: map[int]probe.Oddities{}}
	if e, ok := p.(engine); ok {
		o.lacks = e.lacks
	}
	var err error
	o.echoes, err = collect(t, t.Context(), overhearing{p, func(e probe.Echo) {
		if e.Outcome == probe.Odd {
			sum := o.odd[e.Target]
			sum.Add(e.Odd)
			o.odd[e.Target] = sum
		}
	}}, j)
	if err != nil {
		t.Fatal(err)
	}
	if want := len(j.Targets) * j.Count; len(o.echoes) != want {
		t.Errorf("%d echoes have a fate, want %d", len(o.echoes), want)
	}
	return o
}

// overhearing is a pinger whose echoes somebody else hears first.
type overhearing struct {
	probe.Pinger
	hear func(probe.Echo)
}

func (o overhearing) Ping(ctx context.Context, j probe.Job, emit func(probe.Echo)) error {
	return o.Pinger.Ping(ctx, j, func(e probe.Echo) {
		o.hear(e)
		emit(e)
	})
}

// all checks that every echo of a target had the same fate. What an engine is
// not told of is lost.
func (o outcome) all(t *testing.T, target int, want probe.Outcome) {
	t.Helper()
	if want == probe.Refused && o.lacks.Refusals != "" {
		want = probe.TimedOut
	}
	for key, e := range o.echoes {
		if key[0] == target && e.Outcome != want {
			t.Errorf("target %d, echo %d: %+v, want outcome %d", target, key[1], e, want)
		}
	}
}

func (o outcome) oddities(t *testing.T, target int, want probe.Oddities) {
	t.Helper()
	if got := o.odd[target]; got != want {
		t.Errorf("target %d: %+v, want %+v", target, got, want)
	}
}
