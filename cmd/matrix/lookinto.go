package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"matrix/geo"
	"matrix/probe"
	"matrix/report"
)

// How anomalies are looked into after a round.
const (
	// lookLimit bounds all of it: a person is waiting for the round.
	lookLimit = 60 * time.Second
	// An anomaly is measured again before it is traced, quickly: it is there or
	// it is not.
	againCount    = 5
	againInterval = 200 * time.Millisecond
	// usualTraces is how many anomalies are traced unless somebody says so.
	usualTraces = 3
	mostTraces  = 50
	// knownFor is how long an anomaly that was traced is no news, and knownRounds
	// how many rounds ago: of a round every 30 s there are 20,160 in a week, and
	// each of their files would be opened after each round.
	knownFor    = 7 * 24 * time.Hour
	knownRounds = 500
)

// tracing is how many anomalies are to be traced, as a flag: a number or none.
type tracing int

func (t *tracing) String() string {
	if *t == 0 {
		return "none"
	}
	return strconv.Itoa(int(*t))
}

func (t *tracing) Type() string { return "number" }

func (t *tracing) Set(text string) error {
	if text == "none" {
		*t = 0
		return nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > mostTraces {
		return fmt.Errorf("want none, or 1 to %d", mostTraces)
	}
	*t = tracing(n)
	return nil
}

// showsTraces says whether anything of what is asked for has a place for them.
func (s show) showsTraces() bool { return s.format != "csv" || s.out != "" }

// lookInto measures the worst anomalies of a round again and traces those that
// are still there. The round stays as it was measured; what goes wrong here is a
// remark on it. Whatever was found is in the report that it returns.
func (o *measureFlags) lookInto(ctx context.Context, hosts *hosts, round *probe.Round, r *report.Report, s show, std streams) *report.Report {
	if len(r.WorthTracing(int(o.trace), nil)) == 0 || ctx.Err() != nil {
		return r
	}
	looks, err := o.recentLooks(ctx, round)
	if err != nil {
		round.Warnings = append(round.Warnings, probe.Warning{Text: fmt.Sprintf("which anomalies are new is not known: %v", err)})
	}
	anomalies := r.WorthTracing(int(o.trace), looks)
	if len(anomalies) == 0 {
		return r
	}
	if s.out != "" {
		// What comes now may be killed, and the round with it. Why it cannot be
		// saved is said when that is tried again.
		_, _ = s.save(r, round)
	}
	limited, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	progress := newProgress(std.err, o.quiet || o.verbose)
	defer progress.clear()
	l := look{hosts: hosts, report: r, progress: progress, sending: o.options.Sending}
	for _, a := range anomalies {
		l.found = append(l.found, &report.Traced{Anomaly: a})
	}
	l.again(limited, round, o.options, s.options)
	l.trace(limited)
	round.Looks = l.looks()
	round.Warnings = append(round.Warnings, l.remarks(ctx, limited)...)
	s.options.Verdicts, s.options.Traced = r.Verdicts, l.found
	return report.New(round, s.options)
}

// recentLooks are what rounds of the last days looked into, so that what is new
// comes first. Files that cannot be read are the business of matrix verify.
func (o *measureFlags) recentLooks(ctx context.Context, round *probe.Round) ([]probe.Look, error) {
	if o.history == noHistory {
		return nil, nil
	}
	h, err := openHistory(o.history)
	if err != nil {
		return nil, err
	}
	return h.Looks(ctx, round.Start.Add(-knownFor), round.Start, knownRounds)
}

// look is a few anomalies being looked into.
type look struct {
	hosts    *hosts
	report   *report.Report // on the round
	verdicts *report.Verdicts
	progress *progress
	sending  probe.Sending // as in the round: what stands out may do so in its class only
	found    []*report.Traced
	fresh    []probe.Sample // of their pairs, measured again
}

// looks are what the round keeps, from which all else can be found again.
func (l *look) looks() []probe.Look {
	var all []probe.Look
	for _, t := range l.found {
		one := probe.Look{Pair: t.Pair, Failed: t.Failed, Traces: t.Traces}
		for _, s := range l.fresh {
			if s.Pair == t.Pair || s.Pair == t.Pair.Reverse() {
				one.Samples = append(one.Samples, s)
			}
		}
		all = append(all, one)
	}
	return all
}

// again measures the anomalies again, both ways, and judges them in the place
// of what the round has.
func (l *look) again(ctx context.Context, round *probe.Round, pings probe.Options, options report.Options) {
	l.progress.step(0, 3, fmt.Sprintf("measuring %d again", len(l.found)))
	l.verdicts = l.report.Verdicts
	wanted := map[probe.Pair]bool{}
	var names []string
	for _, t := range l.found {
		names = append(names, t.Pair.From, t.Pair.To)
		for _, pair := range []probe.Pair{t.Pair, t.Pair.Reverse()} {
			wanted[pair] = l.report.Runs(pair)
		}
	}
	var cities []probe.City
	for _, c := range l.hosts.cities {
		if slices.Contains(names, c.Name) {
			cities = append(cities, c)
		}
	}
	pings.Count, pings.Interval = min(pings.Count, againCount), min(pings.Interval, againInterval)
	plan, err := probe.MakePlan(cities, l.hosts.addresses, probe.Selection{}, pings)
	if err != nil {
		l.fail(err.Error())
		return
	}
	fresh := l.hosts.measure(ctx, plan.Only(func(p probe.Pair) bool { return wanted[p] }), nil)
	l.fresh = fresh.Samples
	l.verdicts = report.Again(round, options, l.fresh)
	for _, t := range l.found {
		if why := unmeasured(l.fresh, t.Pair); why != "" {
			t.Failed = why
			continue
		}
		t.Remeasured(l.verdicts.Pair(t.Pair.From, t.Pair.To))
	}
}

// unmeasured says why two cities could not be measured again in either
// direction; "" if they could, whatever came of it.
func unmeasured(fresh []probe.Sample, pair probe.Pair) string {
	why := "neither host could be asked"
	for _, s := range fresh {
		switch {
		case s.Pair != pair && s.Pair != pair.Reverse():
		case s.State == probe.Measured || s.State == probe.Lost:
			return ""
		case s.Reason != "":
			why = s.Reason
		}
	}
	return why
}

// fail says of all anomalies that they could not be looked into.
func (l *look) fail(why string) {
	for _, t := range l.found {
		t.Failed = why
	}
}

// trace traces what is still there: with echo requests, which the target
// answers if it answers pings; and where that leaves something open with
// datagrams, to which other routers may answer.
func (l *look) trace(ctx context.Context) {
	for i, method := range []probe.TraceMethod{probe.TraceICMP, probe.TraceUDP} {
		open := slices.DeleteFunc(slices.Clone(l.found), func(t *report.Traced) bool { return !t.Open() })
		if len(open) == 0 || ctx.Err() != nil {
			return
		}
		l.progress.step(i+1, 3, fmt.Sprintf("tracing %d both ways, %s", len(open), method))
		options := probe.DefaultTraceOptions(method)
		options.Sending = l.sending
		l.hosts.drill(ctx, open, options, l.report.Runs, report.Drill{Cities: l.hosts.cities, Verdicts: l.verdicts, Atlas: geo.World()})
	}
}

// drill traces anomalies in one manner, both ways and all at once, and drills
// down with all that is known of them then. A from-host that cannot be reached
// is not asked.
func (h *hosts) drill(ctx context.Context, open []*report.Traced, options probe.TraceOptions, runs func(probe.Pair) bool, d report.Drill) {
	var jobs []probe.TraceJob
	for _, t := range open {
		for _, pair := range []probe.Pair{t.Pair, t.Pair.Reverse()} {
			if runs(pair) {
				jobs = append(jobs, probe.TraceJob{Pair: pair, TraceOptions: options})
			}
		}
	}
	traces := h.trace(ctx, jobs)
	nameHops(ctx, traces)
	for _, t := range open {
		for _, trace := range traces {
			if trace.Pair == t.Pair || trace.Pair == t.Pair.Reverse() {
				t.Traces = append(t.Traces, trace)
			}
		}
		t.Drill(d)
	}
}

// remarks are what the reader of the round should know of how this went.
func (l *look) remarks(ctx, limited context.Context) []probe.Warning {
	var all []probe.Warning
	switch {
	case ctx.Err() != nil:
		all = append(all, probe.Warning{Text: "tracing the anomalies was interrupted; the traces are what there was"})
	case errors.Is(limited.Err(), context.DeadlineExceeded):
		all = append(all, probe.Warning{Text: fmt.Sprintf("tracing the anomalies took more than %v; the traces are what there was", lookLimit)})
	}
	for _, t := range l.found {
		name := l.report.Title(t.Pair.From) + " → " + l.report.Title(t.Pair.To)
		if t.Failed != "" {
			all = append(all, probe.Warning{Text: name + " was not traced: " + t.Failed})
		}
		for _, trace := range t.Traces {
			if trace.End == probe.TraceFailed {
				all = append(all, probe.Warning{Subject: trace.From, Text: "could not trace: " + trace.Reason})
			}
		}
	}
	return all
}
