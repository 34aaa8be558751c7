package probe

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Options are how a round pings. They are the same for all its pairs.
type Options struct {
	Count    int           `json:"count"`       // echo requests a pair
	Interval time.Duration `json:"interval_ns"` // between two of the same pair
	Timeout  time.Duration `json:"timeout_ns"`  // a reply that comes later is lost
	Size     int           `json:"size"`        // bytes of payload
	Rate     int           `json:"rate"`        // at most this many echo requests a second from one host

	Sending

	Engine string `json:"engine,omitempty"` // that sends them, of those that the host has; "": its best
}

// DefaultOptions ping as ping does, and give a slow path five seconds.
func DefaultOptions() Options {
	return Options{Count: 10, Interval: time.Second, Timeout: 5 * time.Second, Size: 56, Rate: 250}
}

// Check refuses options that cannot be carried out.
func (o Options) Check() error {
	switch {
	case o.Count < 1 || o.Count > 10_000:
		return fmt.Errorf("count %d: want 1 to 10000 echo requests a pair", o.Count)
	case o.Interval < 10*time.Millisecond || o.Interval > time.Hour:
		return fmt.Errorf("interval %v: want 10ms to 1h", o.Interval)
	case o.Timeout < 10*time.Millisecond || o.Timeout > time.Minute:
		return fmt.Errorf("timeout %v: want 10ms to 1m", o.Timeout)
	case o.Size < 24 || o.Size > 65_000:
		return fmt.Errorf("size %d: want 24 to 65000 bytes of payload", o.Size)
	case o.Rate < 1 || o.Rate > 100_000:
		return fmt.Errorf("rate %d: want 1 to 100000 echo requests a second from one host", o.Rate)
	}
	return o.Sending.Check()
}

// Target is one city that a job pings.
type Target struct {
	City  string        `json:"city"`
	Addr  netip.Addr    `json:"addr"`
	Start time.Duration `json:"start_ns"` // when its first echo request is due, after the job's start
}

// Job is all that one from-host has to do in a round. Target t is sent its
// echo request number s, counted from 0, at t.Start + s × Interval.
type Job struct {
	From    string   `json:"from"`
	Targets []Target `json:"targets"`
	Options
}

// Length is how long the job takes if the last reply is late.
func (j Job) Length() time.Duration {
	var last time.Duration
	for _, t := range j.Targets {
		last = max(last, t.Start)
	}
	return last + time.Duration(j.Count-1)*j.Interval + j.Timeout
}

// Plan is who pings whom, and when: a pure value, made before anything is
// sent. Pairs that cannot be measured are in it too, with the state in which
// they will end.
type Plan struct {
	Options Options  // Interval stretched where the rate demands it
	Cities  []City   // the whole fleet, in the inventory's order
	Jobs    []Job    // one a from-host, in the order of Cities
	Settled []Sample // pairs whose state is known already: unresolved, excluded
}

// Length is how long the plan takes once every host is ready.
func (p Plan) Length() time.Duration {
	var length time.Duration
	for _, j := range p.Jobs {
		length = max(length, j.Length())
	}
	return length
}

// Pairs counts the planned pairs.
func (p Plan) Pairs() int {
	n := len(p.Settled)
	for _, j := range p.Jobs {
		n += len(j.Targets)
	}
	return n
}

// Selection is which pairs of the fleet to measure. An empty list means every
// city.
type Selection struct{ From, To []string }

// Addresses are the cities' addresses, as the coordinator resolved them; a
// city without one gives the reason instead.
type Addresses map[string]Resolved

// Resolved is one name looked up.
type Resolved struct {
	Addr   netip.Addr // the zero Addr if there is none
	Reason string     // why there is none
}

// MakePlan plans a round.
//
// Time is cut into slots, one fewer than the fleet has cities, that fill one
// interval: in slot k, source i pings the city k places after it. So each
// source sends evenly, no target is hit by all sources at once, and the two
// directions of a pair are at most one interval apart. Where a source would
// exceed the rate, the interval is stretched until it does not.
func MakePlan(cities []City, addresses Addresses, selection Selection, options Options) (Plan, error) {
	if err := CheckPlan(cities, selection, options); err != nil {
		return Plan{}, err
	}
	from, to := chosen(cities, selection.From), chosen(cities, selection.To)
	plan := Plan{Cities: cities}
	targets := count(to)
	slots := make(map[string][]int) // by source, one a target
	busiest := 0
	for i, source := range cities {
		job := Job{From: source.Name}
		if from[i] {
			job.Targets, slots[source.Name] = make([]Target, 0, targets), make([]int, 0, targets)
		}
		for k := 1; k < len(cities) && from[i]; k++ {
			target := (i + k) % len(cities)
			if !to[target] {
				continue
			}
			pair := Pair{source.Name, cities[target].Name}
			if found := addresses[pair.To]; found.Addr.IsValid() {
				job.Targets = append(job.Targets, Target{City: pair.To, Addr: found.Addr})
				slots[source.Name] = append(slots[source.Name], k-1)
			} else {
				plan.Settled = append(plan.Settled, Sample{Pair: pair, State: Unresolved, Reason: found.Reason})
			}
		}
		if len(job.Targets) > 0 {
			plan.Jobs = append(plan.Jobs, job)
		}
		busiest = max(busiest, len(job.Targets))
	}
	options.Interval = max(options.Interval, time.Duration(busiest)*time.Second/time.Duration(options.Rate))
	plan.Options = options
	for i := range plan.Jobs {
		plan.Jobs[i].Options = options
		plan.Jobs[i].schedule(slots[plan.Jobs[i].From], len(cities)-1)
	}
	return plan, nil
}

// CheckPlan refuses what MakePlan cannot plan, without the work of planning it.
func CheckPlan(cities []City, selection Selection, options Options) error {
	if err := options.Check(); err != nil {
		return err
	}
	from, to := chosen(cities, selection.From), chosen(cities, selection.To)
	pairs := count(from) * count(to)
	for i := range cities {
		if from[i] && to[i] {
			pairs--
		}
	}
	if pairs == 0 {
		return errors.New("no pair to measure: a city does not ping itself, so at least two are needed")
	}
	return nil
}

// Only is the plan without the pairs that are not wanted. Those that are keep
// their times.
func (p Plan) Only(wanted func(Pair) bool) Plan {
	only := Plan{Options: p.Options, Cities: p.Cities}
	for _, job := range p.Jobs {
		job.Targets = slices.DeleteFunc(slices.Clone(job.Targets), func(t Target) bool { return !wanted(Pair{job.From, t.City}) })
		if len(job.Targets) > 0 {
			only.Jobs = append(only.Jobs, job)
		}
	}
	only.Settled = slices.DeleteFunc(slices.Clone(p.Settled), func(s Sample) bool { return !wanted(s.Pair) })
	return only
}

// schedule gives every target its time: that of its slot, or, where a few
// targets out of a large fleet would follow each other faster than the rate
// allows, an even share of the interval.
func (j *Job) schedule(slots []int, perInterval int) {
	tooFast := time.Second/time.Duration(j.Rate) > j.Interval/time.Duration(perInterval)
	if tooFast {
		perInterval = len(j.Targets)
	}
	for t := range j.Targets {
		slot := slots[t]
		if tooFast {
			slot = t
		}
		j.Targets[t].Start = time.Duration(slot) * j.Interval / time.Duration(perInterval)
	}
}

func chosen(cities []City, names []string) []bool {
	mask := make([]bool, len(cities))
	for i, c := range cities {
		mask[i] = len(names) == 0
		for _, name := range names {
			mask[i] = mask[i] || name == c.Name
		}
	}
	return mask
}

func count(mask []bool) int {
	n := 0
	for _, set := range mask {
		if set {
			n++
		}
	}
	return n
}

// String prints the plan for people and for tests, a line a job.
func (p Plan) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d pairs from %d hosts, %d echo requests each every %v, %v in all\n",
		p.Pairs(), len(p.Jobs), p.Options.Count, p.Options.Interval, p.Length())
	for _, j := range p.Jobs {
		fmt.Fprintf(&b, "%s:", j.From)
		for _, t := range j.Targets {
			fmt.Fprintf(&b, " %v %s;", t.Start, t.City)
		}
		b.WriteByte('\n')
	}
	for _, s := range p.Settled {
		fmt.Fprintf(&b, "%v: %v (%s)\n", s.Pair, s.State, s.Reason)
	}
	return b.String()
}

// LogValue is the plan in a log: what it comes to, and a digest by which two can be
// told apart: a million pairs are no line that anybody reads.
func (p Plan) LogValue() slog.Value {
	text, err := json.Marshal(p)
	if err != nil {
		return slog.StringValue(err.Error())
	}
	sum := sha256.Sum256(text)
	return slog.GroupValue(
		slog.Int("pairs", p.Pairs()), slog.Int("hosts", len(p.Jobs)), slog.Int("settled", len(p.Settled)),
		slog.Int("count", p.Options.Count), slog.Duration("interval", p.Options.Interval), slog.Duration("length", p.Length()),
		slog.String("digest", hex.EncodeToString(sum[:8])),
	)
}
