package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"matrix/data"
	"matrix/data/foreign"
	"matrix/data/history"
	"matrix/probe"
)

const exportLong = `export writes the rounds of the history to standard output, round after round, in
constant memory. csv is a line a sample with its statistics, as in pairs.csv, and
the time at which its round began; json is every round as a round.json, one after
the other, with all that was measured; atlas is a list of RIPE Atlas results of
pings and traceroutes. matrix import reads all three. docs/formats.md describes
them.

Exit status: 0 all was written, 1 it was interrupted or a damaged file was left
out, 2 a city is unknown, 3 the arguments are wrong, 4 the system failed.`

// exportFlags are the flags of matrix export, as the person gave them.
type exportFlags struct {
	history, format, since, until, probes string
	from, to                              []string
	quiet                                 bool
}

func exportCommand(std streams) *cobra.Command {
	var o exportFlags
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write rounds of the history for other programs",
		Long:  exportLong,
		Example: `  matrix export --format csv --since 2026-10-01 --until 2026-11-01 > october.csv
  matrix export --format json | gzip > rounds.json.gz
  matrix export --format atlas --from baltimore --probes probes.csv > baltimore.json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), std) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	registerHistory(f, &o.history)
	f.StringVar(&o.format, "format", "csv", "csv, json or atlas")
	f.StringVar(&o.since, "since", "", "rounds that began at this `TIME` or later, UTC: 2026-10, 2026-10-05, 2026-10-05T12:00:00Z, or so long ago: 36h, 90d (default all)")
	f.StringVar(&o.until, "until", "", "rounds that began before this `TIME`")
	f.StringArrayVar(&o.from, "from", nil, "only pairs from these `CITIES`")
	f.StringArrayVar(&o.to, "to", nil, "only pairs to these `CITIES`")
	f.StringVar(&o.probes, "probes", "", "ids of RIPE Atlas probes for cities, a `FILE` with the columns prb_id,city")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "no progress")
	return cmd
}

// roundWriter writes rounds and, where its format has a place for them, traces.
type roundWriter interface {
	Round(*probe.Round) error
	Close() error
}

var (
	_ roundWriter = (*foreign.CSVWriter)(nil)
	_ roundWriter = (*foreign.AtlasWriter)(nil)
	_ roundWriter = (*jsonRounds)(nil)
)

// jsonRounds writes round.json after round.json.
type jsonRounds struct{ out *bufio.Writer }

func (j *jsonRounds) Round(r *probe.Round) error { return data.WriteRound(j.out, r) }
func (j *jsonRounds) Close() error               { return j.out.Flush() }

// exporting is an export under way.
type exporting struct {
	*history.History
	since, until time.Time
	selection    probe.Selection
	out          roundWriter
	meter        *meter
	rounds       int
	damaged      int // rounds that were left out
}

func (o *exportFlags) run(ctx context.Context, std streams) error {
	job, err := o.prepare(ctx, std)
	if err != nil {
		return err
	}
	err = job.months(ctx)
	job.meter.clear()
	interrupted := err != nil && ctx.Err() != nil
	if err != nil && !interrupted {
		return err
	}
	if err := job.out.Close(); err != nil {
		return err
	}
	warnProblems(job.History, std)
	switch {
	case interrupted:
		return &statusError{exitSomeMissed, fmt.Errorf("interrupted; %s written", count(job.rounds, "round"))}
	case job.damaged > 0:
		return &statusError{exitSomeMissed, fmt.Errorf("%s written, %s left out; matrix verify says what to do", count(job.rounds, "round"), count(job.damaged, "damaged round"))}
	case len(job.Problems()) > 0:
		return &statusError{status: exitSomeMissed}
	case job.rounds == 0:
		fmt.Fprintln(std.err, "matrix: no round of that time in the history; only the frame was written")
	}
	return nil
}

func (o *exportFlags) prepare(ctx context.Context, std streams) (*exporting, error) {
	job := &exporting{until: time.Date(2201, 1, 1, 0, 0, 0, 0, time.UTC)}
	for _, bound := range []struct {
		flag, text string
		into       *time.Time
	}{{"since", o.since, &job.since}, {"until", o.until, &job.until}} {
		if bound.text == "" {
			continue
		}
		at, err := moment(bound.text, time.Now())
		if err != nil {
			return nil, usage("--%s %w", bound.flag, err)
		}
		*bound.into = at
	}
	h, err := readHistory(o.history)
	if err != nil {
		return nil, err
	}
	job.History = h
	inventory, total, err := job.cities(ctx)
	if err != nil {
		return nil, err
	}
	if job.selection.From, err = names(inventory, o.from); err != nil {
		return nil, err
	}
	if job.selection.To, err = names(inventory, o.to); err != nil {
		return nil, err
	}
	probes, err := openProbes(o.probes, inventory)
	if err != nil {
		return nil, err
	}
	job.meter = newMeter(std.err, o.quiet || isTerminal(std.out), int64(total), false)
	job.out, err = newRoundWriter(o.format, std.out, probes)
	return job, err
}

func newRoundWriter(format string, w io.Writer, probes map[int]string) (roundWriter, error) {
	switch format {
	case "csv":
		return foreign.NewCSVWriter(w), nil
	case "json":
		return &jsonRounds{bufio.NewWriter(w)}, nil
	case "atlas":
		return foreign.NewAtlasWriter(w, probes), nil
	}
	return nil, usage("--format %s: want csv, json or atlas", format)
}

// eachMonth visits the part of every month of the history that is asked for.
func (job *exporting) eachMonth(ctx context.Context, visit func(from, to time.Time) error) error {
	months, err := job.Months(ctx)
	if err != nil {
		return err
	}
	for _, m := range months {
		from, to := m.Start(), m.End()
		if job.since.After(from) {
			from = job.since
		}
		if job.until.Before(to) {
			to = job.until
		}
		if from.Before(to) {
			if err := visit(from, to); err != nil {
				return err
			}
		}
	}
	return nil
}

// cities are those of all rounds, and how many rounds there are.
func (job *exporting) cities(ctx context.Context) (*data.Inventory, int, error) {
	inventory, total := &data.Inventory{Name: "the history"}, 0
	known := make(map[string]bool)
	err := job.eachMonth(ctx, func(from, to time.Time) error {
		rounds, err := job.Rounds(ctx, from, to)
		total += len(rounds)
		for _, r := range rounds {
			for _, c := range r.Cities {
				if !known[c.Name] {
					known[c.Name] = true
					inventory.Cities = append(inventory.Cities, c)
				}
			}
		}
		return err
	})
	return inventory, total, err
}

// months writes what is asked for, month by month: the rounds, and after them
// their traces.
func (job *exporting) months(ctx context.Context) error {
	return job.eachMonth(ctx, func(from, to time.Time) error {
		ids, err := job.IDs(ctx, from, to)
		if err != nil {
			return err
		}
		hosts := make(map[string]string)
		for _, id := range ids {
			r, err := job.Round(ctx, id)
			if errors.Is(err, history.ErrDamaged) {
				job.damaged++
				continue
			}
			if err != nil {
				return errors.Join(ctx.Err(), err)
			}
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			for _, c := range r.Cities {
				hosts[c.Name] = c.Host
			}
			r.Select(job.selection)
			if err := job.out.Round(r); err != nil {
				return err
			}
			job.rounds++
			job.meter.add(1)
		}
		return job.traces(ctx, from, to, hosts)
	})
}

func (job *exporting) traces(ctx context.Context, from, to time.Time, hosts map[string]string) error {
	out, ok := job.out.(*foreign.AtlasWriter)
	if !ok {
		return nil
	}
	traces, err := job.Traces(ctx, from, to)
	if err != nil {
		return err
	}
	for i := range traces {
		if !job.selects(traces[i].Pair) {
			continue
		}
		if err := out.Trace(&traces[i], hosts); err != nil {
			return err
		}
	}
	return nil
}

func (job *exporting) selects(p probe.Pair) bool {
	one := probe.Round{Cities: []probe.City{{Name: p.From}, {Name: p.To}}, Samples: []probe.Sample{{Pair: p}}}
	one.Select(job.selection)
	return len(one.Samples) > 0
}
