package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"matrix/data"
	"matrix/data/history"
	"matrix/probe"
	"matrix/report"
	"matrix/report/chart"
	"matrix/report/export"
	"matrix/report/terminal"
)

// spanFlags are the flags of the commands that show a part of the history.
type spanFlags struct {
	history, since, until, format string
}

func (o *spanFlags) register(f *pflag.FlagSet) {
	f.SortFlags = false
	registerHistory(f, &o.history)
	f.StringVar(&o.since, "since", "", "from this `TIME` on, UTC: 2026-10, 2026-10-05, 2026-10-05T12:00:00Z, or so long ago: 36h, 90d (default 31d)")
	f.StringVar(&o.until, "until", "", "up to this `TIME` (default now)")
}

// span is the time that is meant: since and until are turned into moments.
func (o *spanFlags) span(now time.Time) (from, to time.Time, err error) {
	from, to = now.AddDate(0, 0, -31), now.Add(time.Second)
	if o.until != "" {
		if to, err = moment(o.until, now); err != nil {
			return from, to, usage("--until %w", err)
		}
		from = to.AddDate(0, 0, -31)
	}
	if o.since != "" {
		if from, err = moment(o.since, now); err != nil {
			return from, to, usage("--since %w", err)
		}
	}
	if !from.Before(to) {
		return from, to, usage("--since %s is not before --until %s", from.Format(time.RFC3339), to.Format(time.RFC3339))
	}
	return from, to, nil
}

// moment reads a time, or how long ago it was.
func moment(text string, now time.Time) (time.Time, error) {
	for _, layout := range []string{"2006-01", time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	ago := text
	if days, ok := strings.CutSuffix(text, "d"); ok {
		ago = days + "h"
	}
	d, err := time.ParseDuration(ago)
	if err != nil || d < 0 {
		return now, fmt.Errorf("%q: want a time such as 2026-10, 2026-10-05, 2026-10-05T12:00:00Z, 36h or 90d", text)
	}
	if ago != text {
		d *= 24
	}
	return now.Add(-d), nil
}

const roundsLong = `rounds lists the rounds in the history: when each began, how many of its pairs
were measured, and whether it was interrupted.`

func roundsCommand(std streams) *cobra.Command {
	var o spanFlags
	cmd := &cobra.Command{
		Use:   "rounds",
		Short: "List the rounds in the history",
		Long:  roundsLong,
		Example: `  matrix rounds
  matrix rounds --since 2026-10 --until 2026-11 --format csv`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.rounds(cmd.Context(), std) },
	}
	o.register(cmd.Flags())
	cmd.Flags().StringVar(&o.format, "format", "text", "text, json or csv")
	return cmd
}

func (o *spanFlags) rounds(ctx context.Context, std streams) error {
	h, err := readHistory(o.history)
	if err != nil {
		return err
	}
	from, to, err := o.span(time.Now())
	if err != nil {
		return err
	}
	infos, err := h.List(ctx, from, to)
	if err != nil {
		return err
	}
	list := make([]report.RoundLine, len(infos))
	for i := range infos {
		list[i] = roundLine(&infos[i])
	}
	warnProblems(h, std)
	return choose(o.format, map[string]func() error{
		"text": func() error { return terminal.Rounds(std.out, list, screen(std)) },
		"json": func() error { return export.RoundsJSON(std.out, list) },
		"csv":  func() error { return export.RoundsCSV(std.out, list) },
	})
}

func roundLine(i *history.Info) report.RoundLine {
	r := i.Header
	return report.RoundLine{
		ID: i.ID, File: i.File, Compacted: i.Compacted, Start: r.Start, End: r.End, Source: r.Source, Version: r.Version,
		Cities: len(r.Cities), Planned: i.Planned(), States: i.States, Partial: r.Partial, Warnings: r.Warnings,
	}
}

func screen(std streams) terminal.Options {
	return terminal.Options{Width: width(std.out), Color: isColourful(std.out)}
}

// warnProblems names the files that had to be left out.
func warnProblems(h *history.History, std streams) {
	for _, p := range h.Problems() {
		fmt.Fprintf(std.err, "matrix: %s: %s\n", p.Subject, p.Text)
	}
}

// pastFlags are the flags of matrix history.
type pastFlags struct {
	spanFlags
	by     string
	oneWay bool
}

const historyLong = `history shows two cities over time, in both directions: a line a round, or a line
a day where the time is longer than three days. As svg it is a graph of every
round-trip time.

Exit status: 0, 1 they were never measured in that time, 2 a city is unknown,
3 the arguments are wrong, 4 the system failed.`

func historyCommand(std streams) *cobra.Command {
	var o pastFlags
	cmd := &cobra.Command{
		Use:   "history FROM TO",
		Short: "Show two cities over time",
		Long:  historyLong,
		Example: `  matrix history baltimore "new york"
  matrix history baltimore newyork --since 2026-10 --until 2026-11 --by round --format csv
  matrix history baltimore newyork --format svg > graph.svg`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usage("want two cities, and was given %q (see %s --help)", args, cmd.CommandPath())
			}
			return o.run(cmd.Context(), args[0], args[1], std)
		},
	}
	o.register(cmd.Flags())
	f := cmd.Flags()
	f.StringVar(&o.by, "by", "", "a line a round or a day (default by day if it is more than three)")
	f.BoolVar(&o.oneWay, "one-way", false, "only from FROM to TO")
	f.StringVar(&o.format, "format", "text", "text, json, csv, or svg: a graph of every round-trip time")
	return cmd
}

func (o *pastFlags) run(ctx context.Context, from, to string, std streams) error {
	if o.by != "" && o.by != "round" && o.by != "day" {
		return usage("--by %s: want round or day", o.by)
	}
	h, err := readHistory(o.history)
	if err != nil {
		return err
	}
	since, until, err := o.span(time.Now())
	if err != nil {
		return err
	}
	past, err := o.past(ctx, h, from, to, since, until)
	warnProblems(h, std)
	if err != nil {
		return err
	}
	timelines := past.timelines(o.by == "day" || o.by == "" && until.Sub(since) > 72*time.Hour)
	err = choose(o.format, map[string]func() error{
		"text": func() error { return terminal.Timelines(std.out, screen(std), timelines...) },
		"json": func() error { return export.TimelineJSON(std.out, timelines...) },
		"csv":  func() error { return export.TimelineCSV(std.out, timelines...) },
		"svg":  func() error { return past.draw(std.out, timelines) },
	})
	if err != nil {
		return err
	}
	for _, t := range timelines {
		if len(t.Points) > 0 {
			return nil
		}
	}
	return &statusError{status: exitSomeMissed}
}

// past is a pair, one way or both, and the rounds that it is of.
type past struct {
	rounds []*probe.Round
	series []*probe.Series
}

// past reads a pair.
func (o *pastFlags) past(ctx context.Context, h *history.History, from, to string, since, until time.Time) (*past, error) {
	rounds, err := h.Rounds(ctx, since, until)
	if err != nil {
		return nil, err
	}
	if len(rounds) == 0 {
		return nil, &statusError{exitSomeMissed, fmt.Errorf("%s: there is no round from %s to %s", h.Dir(), since.Format(time.RFC3339), until.Format(time.RFC3339))}
	}
	pair, err := findPair(&data.Inventory{Cities: everyCity(rounds)}, from, to)
	if err != nil {
		return nil, err
	}
	pairs := []probe.Pair{pair, pair.Reverse()}
	if o.oneWay {
		pairs = pairs[:1]
	}
	p := &past{rounds: rounds}
	for _, pair := range pairs {
		series, err := h.Pair(ctx, pair, since, until)
		if err != nil {
			return nil, err
		}
		p.series = append(p.series, series)
	}
	return p, nil
}

func (p *past) timelines(daily bool) []*report.Timeline {
	var timelines []*report.Timeline
	for _, series := range p.series {
		timelines = append(timelines, report.NewTimeline(p.rounds, series, daily))
	}
	return timelines
}

// draw draws every round-trip time, from the first round to the last.
func (p *past) draw(w io.Writer, timelines []*report.Timeline) error {
	starts := make([]time.Time, len(p.rounds))
	for i, r := range p.rounds {
		starts[i] = r.Start
	}
	span := report.Span{From: starts[0], To: starts[len(starts)-1].Add(chart.Apart(starts))}
	when := fmt.Sprintf("%s to %s UTC, %d rounds", span.From.UTC().Format("2006-01-02 15:04"), starts[len(starts)-1].UTC().Format("2006-01-02 15:04"), len(starts))
	var graphs []chart.Titled
	for i, series := range p.series {
		graphs = append(graphs, chart.Titled{Title: timelines[i].FromTitle + " → " + timelines[i].ToTitle, Note: when, Smoke: chart.NewSmoke(series, span, starts)})
	}
	about := fmt.Sprintf("Round-trip times between %s and %s, %s", timelines[0].FromTitle, timelines[0].ToTitle, when)
	return chart.File(w, about, smokeKey, graphs...)
}

// smokeKey says what is drawn.
const smokeKey = "Every round-trip time, darker where more are alike; dark line: median of a round; below: green none lost, yellow to violet some, grey not measured"

// everyCity are the cities of all rounds, each as it was last.
func everyCity(rounds []*probe.Round) []probe.City {
	var all []probe.City
	known := make(map[string]bool)
	for _, r := range slices.Backward(rounds) {
		for _, c := range r.Cities {
			if !known[c.Name] {
				known[c.Name] = true
				all = append(all, c)
			}
		}
	}
	return all
}
