package probe

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"
)

// manyPairs is a round whose samples are its largest piece of memory: 232 bytes
// each, at once.
const manyPairs = 100_000

// round makes the round of what the hosts said.
func (r *run) round(ctx context.Context, began time.Time) *Round {
	if r.plan.Pairs() > manyPairs {
		debug.FreeOSMemory() // what the conversations left is not there beside the samples: 500 MB would be 350
	}
	round := &Round{
		Start:   began.UTC(),
		End:     time.Now().UTC(),
		Source:  "measured",
		Options: r.plan.Options,
		Cities:  r.plan.Cities,
		Samples: append(make([]Sample, 0, r.plan.Pairs()), r.plan.Settled...),
	}
	for i := range r.hosts {
		h := &r.hosts[i]
		end := h.ending(ctx)
		for target := range h.collector.job.Targets {
			round.Samples = append(round.Samples, h.collector.sample(target, h.start.UTC(), end))
		}
		round.Hosts = append(round.Hosts, h.host())
		round.Warnings = append(round.Warnings, h.warnings(ctx)...)
	}
	cut := 0
	for i := range round.Samples {
		if round.Samples[i].Cut {
			cut++
		}
	}
	if cut > 0 {
		round.Warnings = append(round.Warnings, Warning{Text: fmt.Sprintf(
			"%d pairs have fewer than their %d echo requests, and no loss: they were cut short", cut, r.plan.Options.Count)})
	}
	round.Partial = context.Cause(ctx) != nil && (cut > 0 || round.Count(NotRun) > 0)
	round.order()
	return round
}

// ending is what the pairs that a host did not finish are told.
func (h *hostRun) ending(ctx context.Context) ending {
	cause := context.Cause(ctx)
	switch {
	case h.err != nil && !isCancel(h.err):
		return ending{SourceDown, Clean(h.err.Error(), 200)}
	case errors.Is(cause, errOutOfTime) || errors.Is(h.err, errOutOfTime):
		return ending{NotRun, "out of time"}
	case cause != nil:
		return ending{NotRun, "cancelled"}
	case !h.ended:
		return ending{SourceDown, "the session did not end"}
	default:
		return ending{SourceDown, "the session ended without these pairs"}
	}
}

// isCancel says whether an error only repeats that the round was ended.
func isCancel(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errOutOfTime)
}

func (h *hostRun) host() Host {
	host := Host{City: h.collector.job.From, Version: h.version, Health: h.health}
	if h.err != nil {
		host.Error, host.Hint = Clean(h.err.Error(), 400), hintOf(h.err)
	}
	return host
}

func (h *hostRun) warnings(ctx context.Context) []Warning {
	var all []Warning
	from := h.collector.job.From
	if h.err != nil && !(isCancel(h.err) && context.Cause(ctx) != nil) {
		text := Clean(h.err.Error(), 400)
		if hint := hintOf(h.err); hint != "" {
			text += "; " + hint
		}
		all = append(all, Warning{from, text})
	}
	for _, text := range h.health.Complaints(h.collector.job.Interval) {
		all = append(all, Warning{from, text})
	}
	if n := h.collector.refused; n > 0 {
		all = append(all, Warning{from, fmt.Sprintf("%d reports from its host could not be true and were ignored", n)})
	}
	return all
}

// order puts the samples row by row in the order of the cities.
func (r *Round) order() {
	place := make(map[string]int, len(r.Cities))
	for i, c := range r.Cities {
		place[c.Name] = i
	}
	slices.SortFunc(r.Samples, func(a, b Sample) int {
		if a.From != b.From {
			return place[a.From] - place[b.From]
		}
		return place[a.To] - place[b.To]
	})
}
