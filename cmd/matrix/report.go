package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"matrix/data"
	"matrix/data/history"
	"matrix/geo"
	"matrix/report"
	"matrix/report/export"
	"matrix/report/terminal"
)

// reportFlags are the flags of the month's report. The embedded ones say in
// which units and by which thresholds.
type reportFlags struct {
	measureFlags
	month    string
	allPairs bool
}

const reportLong = `report says what a month of rounds was like: which hosts had trouble, which pairs
of cities became slower or faster than in the month before and on which day, which
make a detour or lose packets, the best and the worst over each distance, and loss
and queues by hour and by day. It reads the folder in which rounds are saved.

The same history gives the same report, to the byte.

Exit status: 0 all was read, 1 a damaged file of the history was left out, and
with --out a month that was published before is not replaced by one that lacks
files, 3 the arguments are wrong, 4 the system failed.`

func reportCommand(std streams) *cobra.Command {
	var o reportFlags
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Say what a month was like, beside the month before",
		Long:  reportLong,
		Example: `  matrix report                                      the last month that is over
  matrix report --month 2026-10 --out site/          onto the website in site/
  matrix report --month 2026-10 --format markdown    for a mail`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), std) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.month, "month", "", "`YYYY-MM`, UTC (default the last one that is over)")
	registerHistory(f, &o.history)
	f.StringVar(&o.format, "format", "text", "of what is printed: text, markdown or json")
	f.StringVar(&o.out, "out", "", "add the month to the website in this `DIR`, with all its files")
	f.BoolVar(&o.allPairs, "all-pairs", false, "on the website a page for every two cities, not only for flagged ones")
	f.StringVar(&o.stat, "stat", "avg", "which round-trip time tables show: min, median, avg or max")
	f.StringVar(&o.units, "units", "mi", "mi or km")
	f.StringVar(&o.fibre, "fibre-speed", "0.65c", "speed of light in fibre: a fraction of c, or miles per millisecond")
	f.StringVar(&o.distances, "distances", "", "distances in miles from this `FILE` instead of coordinates")
	f.StringArrayVar(&o.thresholds, "threshold", nil, "change a threshold, `NAME=VALUE`: "+strings.Join(report.ThresholdNames(), ", "))
	f.BoolVarP(&o.quiet, "quiet", "q", false, "no progress, no remarks")
	return cmd
}

// run makes the report, saves it and prints it.
func (o *reportFlags) run(ctx context.Context, std streams) error {
	options, err := o.monthOptions()
	if err != nil {
		return err
	}
	formats := map[string]func(io.Writer, *report.MonthReport) error{
		"text": func(w io.Writer, m *report.MonthReport) error {
			return terminal.Month(w, m, terminal.Options{Width: width(w), Color: isColourful(w), Files: o.out})
		},
		"markdown": export.MonthMarkdown,
		"json":     export.MonthJSON,
	}
	write, ok := formats[o.format]
	if !ok {
		return usage("--format %s: want text, markdown or json", o.format)
	}
	h, err := readHistory(o.history)
	if err != nil {
		return err
	}
	limitMemory(reportMemory, reportGarbage)
	m, err := o.report(ctx, h, options, std)
	if err != nil {
		return err
	}
	var kept error // why what was published before stays
	if o.out != "" {
		err := o.publish(ctx, h, m, std)
		switch {
		case errors.Is(err, errLess):
			kept, o.out = err, ""
		case err != nil:
			return fmt.Errorf("nothing was published: %w", err)
		}
	}
	if err := write(std.out, m); err != nil {
		return err
	}
	if kept != nil || len(h.Lost()) > 0 {
		return &statusError{exitSomeMissed, kept}
	}
	return nil
}

// monthOptions turns the flags into values.
func (o *reportFlags) monthOptions() (report.MonthOptions, error) {
	shape := o.measureFlags
	shape.format = "table"
	s, err := shape.check()
	if err != nil {
		return report.MonthOptions{}, err
	}
	span, err := parseMonth(o.month, time.Now())
	return report.MonthOptions{Options: s.options, Span: span, Atlas: geo.World()}, err
}

// parseMonth reads a month; none is the last one that was over by now.
func parseMonth(text string, now time.Time) (report.Span, error) {
	if text == "" {
		now = now.UTC()
		return report.MonthSpan(now.Year(), now.Month()-1), nil
	}
	at, err := time.Parse("2006-01", text)
	if err != nil {
		return report.Span{}, usage("--month %q: want a month as 2026-10", text)
	}
	return report.MonthSpan(at.Year(), at.Month()), nil
}

// report reads the history.
func (o *reportFlags) report(ctx context.Context, h *history.History, options report.MonthOptions, std streams) (*report.MonthReport, error) {
	if o.distances != "" {
		if err := o.monthDistances(ctx, h, &options); err != nil {
			return nil, err
		}
	}
	progress := newProgress(std.err, o.quiet)
	m, err := report.NewMonthReport(ctx, h, options, progress.stage)
	progress.clear()
	if errors.Is(err, report.ErrNoRounds) {
		return nil, usage("%s has no rounds of %v; --history names the folder, --month another month", h.Dir(), options.Span)
	}
	for _, problem := range h.Problems() {
		o.say(std, "matrix: %s: %s", problem.Subject, problem.Text)
	}
	return m, err
}

// reportMemory is what a report may take, and reportGarbage how much garbage may
// lie about as long as there is room, in percent of what is in use: a month of
// 250 cities has 130 MB in use while its pages are written, and twice as much
// garbage halves the work of collecting it.
const (
	reportMemory  = 400 << 20
	reportGarbage = 200
)

// monthDistances reads the distances of the month's cities.
func (o *reportFlags) monthDistances(ctx context.Context, h report.History, options *report.MonthOptions) error {
	rounds, err := h.Rounds(ctx, options.Span.From, options.Span.To)
	if err != nil || len(rounds) == 0 {
		return err
	}
	inventory := &data.Inventory{Cities: rounds[len(rounds)-1].Cities}
	_, err = o.measureDistances(inventory, &options.Options)
	return err
}
