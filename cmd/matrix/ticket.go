package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"matrix/data"
	"matrix/data/history"
	"matrix/geo"
	"matrix/probe"
	"matrix/report"
	"matrix/report/export"
)

const ticketLong = `ticket measures two cities again, to each other and to all others, traces both
ways, and prints a text for the provider: addresses, times, figures, traces and
what is asked; and when it was well last, if the history knows. If nothing is
wrong any more it says so, and prints no ticket.
With --in it is written from that round, with the traces that it has.

Exit status: 0 there is a ticket, 1 nothing is wrong or it could not be
measured, 2 a city or host is unknown, 3 the arguments or the inventory are
wrong, 4 the system failed.`

// tickets write a ticket, by --format.
var tickets = map[string]func(io.Writer, *report.Ticket) error{
	"markdown": export.TicketMarkdown,
	"text":     export.TicketText,
}

func ticketCommand(std streams) *cobra.Command {
	var o measureFlags
	cmd := &cobra.Command{
		Use:   "ticket FROM TO",
		Short: "Write to the provider about two cities, with the proof",
		Long:  ticketLong,
		Example: `  matrix ticket baltimore "new york"
  matrix ticket paris zurich --in round.json --format text`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usage("want two cities, and was given %q (see %s --help)", args, cmd.CommandPath())
			}
			if err := clashes(cmd.Flags()); err != nil {
				return err
			}
			return o.ticket(cmd.Context(), args[0], args[1], std)
		},
	}
	o.registerTicket(cmd)
	return cmd
}

func (o *measureFlags) registerTicket(cmd *cobra.Command) {
	f := cmd.Flags()
	f.SortFlags = false
	o.options = probe.DefaultOptions()
	o.registerCities(f)
	f.StringVar(&o.in, "in", "", "write it from the round in this `FILE` instead of measuring")
	registerHistory(f, &o.history)
	f.Lookup("history").Usage = "look in this `DIR` for the last time when all was well; none looks nowhere (default ~/.local/share/matrix/history, or in $XDG_DATA_HOME; with --in only one that is named)"
	f.StringVar(&o.format, "format", "markdown", "markdown or text")
	f.StringArrayVar(&o.thresholds, "threshold", nil, "change a threshold of the verdicts, `NAME=VALUE` (matrix verdicts --help lists them)")
	f.IntVarP(&o.options.Count, "count", "c", o.options.Count, "echo requests a pair")
	f.VarP((*seconds)(&o.options.Interval), "interval", "i", "`TIME` between two echo requests of a pair")
	f.StringVar(&o.distances, "distances", "", "distances in miles from this `FILE` instead of coordinates")
	o.registerFamily(f)
	o.registerReach(f)
	o.registerVia(f)
	f.BoolVarP(&o.quiet, "quiet", "q", false, "no progress, no remarks")
	o.registerVerbose(f)
}

// ticket measures, or reads, and writes.
func (o *measureFlags) ticket(ctx context.Context, from, to string, std streams) error {
	defer o.leave()
	write, ok := tickets[o.format]
	if !ok {
		return usage("--format %s: want markdown or text", o.format)
	}
	shape := *o
	shape.format, shape.stat, shape.units, shape.fibre = "table", report.Min.String(), "mi", "0.65c"
	s, err := shape.check()
	if err != nil {
		return err
	}
	inventory, err := o.inventory(std)
	if err != nil {
		return err
	}
	if _, err := o.measureDistances(inventory, &s.options); err != nil {
		return err
	}
	past, err := o.pastHistory()
	if err != nil {
		return err
	}
	round, hosts, pair, err := o.pairRound(ctx, inventory, from, to, &s.options, std)
	if err != nil {
		return err
	}
	r := report.New(round, s.options)
	if err := worthATicket(r, pair); err != nil {
		return err
	}
	d := report.Drill{Pair: pair, Cities: round.Cities, Verdicts: r.Verdicts, Atlas: geo.World()}
	traced := r.LookedInto(pair)
	if traced == nil {
		traced = &report.Traced{Anomaly: report.Anomaly{Pair: pair}, Again: r.Verdicts.Pair(pair.From, pair.To)}
	}
	traced.Drill(d)
	if hosts != nil {
		l := look{hosts: hosts, report: r, verdicts: r.Verdicts, progress: newProgress(std.err, o.quiet || o.verbose), found: []*report.Traced{traced}}
		l.trace(ctx)
		l.progress.clear()
	}
	t, ok := report.NewTicket(r, d, traced, lastGood(ctx, past, r, round, pair, std))
	if !ok {
		return usage("%v is not in the round", pair)
	}
	return write(std.out, t)
}

// pastHistory is the history that may know when all was well; nil if none was
// asked for. A round from a file may be of another fleet than the usual history,
// which has to be named then.
func (o *measureFlags) pastHistory() (*history.History, error) {
	if o.history == noHistory || o.history == "" && o.in != "" {
		return nil, nil
	}
	return readHistory(o.history)
}

// lastGood is what the history says of the pair, the latest months first; nil
// if there is none. One that cannot be read costs the ticket its line and no more.
func lastGood(ctx context.Context, h *history.History, r *report.Report, round *probe.Round, pair probe.Pair, std streams) *report.Past {
	if h == nil {
		return nil
	}
	defer warnProblems(h, std)
	before := round.Start
	if before.IsZero() {
		before = time.Now()
	}
	past := &report.Past{}
	if err := lookBack(ctx, h, before, pair, r.Verdicts, past); err != nil {
		fmt.Fprintf(std.err, "matrix: the ticket does not say when it was well last: %v\n", err)
		return nil
	}
	return past
}

// lookBack adds month after month to the past, until it knows.
func lookBack(ctx context.Context, h *history.History, before time.Time, pair probe.Pair, verdicts *report.Verdicts, past *report.Past) error {
	months, err := h.Months(ctx)
	if err != nil {
		return err
	}
	now := verdicts.Pair(pair.From, pair.To)
	for _, m := range slices.Backward(months) {
		from, to := m.Start(), m.End()
		if !from.Before(before) {
			continue
		}
		if before.Before(to) {
			to = before
		}
		rounds, err := h.Rounds(ctx, from, to)
		if err != nil {
			return err
		}
		out, err := h.Pair(ctx, pair, from, to)
		if err != nil {
			return err
		}
		back, err := h.Pair(ctx, pair.Reverse(), from, to)
		if err != nil {
			return err
		}
		if verdicts.Before(now, past, rounds, out, back) {
			return nil
		}
	}
	return nil
}

// pairRound reads the round, or measures the two cities' rows: enough for the
// pair, its relays and its waypoints. Then it returns the hosts as well.
func (o *measureFlags) pairRound(ctx context.Context, inventory *data.Inventory, from, to string, options *report.Options, std streams) (*probe.Round, *hosts, probe.Pair, error) {
	if o.in != "" {
		round, inventory, err := o.roundFromFile(inventory)
		if err != nil {
			return nil, nil, probe.Pair{}, err
		}
		pair, err := findPair(inventory, from, to)
		return round, nil, pair, err
	}
	pair, err := findPair(inventory, from, to)
	if err != nil {
		return nil, nil, pair, err
	}
	rows := *o
	rows.from = []string{pair.From, pair.To}
	options.Thresholds.FitFrom = math.MaxInt // two rows say nothing of what the others' last miles take
	round, hosts, err := rows.roundFromNetwork(ctx, inventory, std)
	return round, hosts, pair, err
}

// worthATicket is an error if there is nothing to write about: an anomaly that
// is gone when it is measured again is none.
func worthATicket(r *report.Report, pair probe.Pair) error {
	v, gone := r.Verdicts.Pair(pair.From, pair.To), r.LookedInto(pair)
	switch {
	case v == nil:
		return usage("%s – %s is not in the round", r.Title(pair.From), r.Title(pair.To))
	case v.Verdict() == report.Unjudged:
		return &statusError{exitSomeMissed, fmt.Errorf("no ticket: %s – %s: %s", r.Title(v.From), r.Title(v.To), v.Why)}
	case gone != nil && gone.Gone:
		return &statusError{exitSomeMissed, fmt.Errorf("no ticket: %s – %s: %s", r.Title(v.From), r.Title(v.To), gone.Status())}
	case !v.Verdict().Flagged() && v.RTT != nil:
		return &statusError{exitSomeMissed, fmt.Errorf("no ticket: nothing is wrong with %s – %s now: it takes %.1f ms", r.Title(v.From), r.Title(v.To), *v.RTT)}
	}
	return nil
}
