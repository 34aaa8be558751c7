package main

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"matrix/data/history"
)

const verifyLong = `verify reads every byte of the history and holds it against the checksums that
were written with it. A damaged file costs only what is in it; verify names it,
and what to do about it.

Exit status: 0 all is whole, 1 something is damaged, 3 the arguments are wrong,
4 the system failed.`

func verifyCommand(std streams) *cobra.Command {
	var folder string
	var quiet bool
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Read all of the history and say what is damaged",
		Long:  verifyLong,
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, err := readHistory(folder)
			if err != nil {
				return err
			}
			bar := gauge{std: std, quiet: quiet, text: "reading"}
			found, err := h.Verify(cmd.Context(), bar.show)
			bar.clear()
			if err != nil {
				return err
			}
			return tellCheckup(h, found, std)
		},
	}
	registerHistory(cmd.Flags(), &folder)
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "no progress")
	return cmd
}

// gauge is a meter whose total comes with the first news.
type gauge struct {
	std   streams
	quiet bool
	text  string
	meter *meter
	done  int64
}

func (g *gauge) show(done, total int64) {
	if g.meter == nil {
		g.meter = newMeter(g.std.err, g.quiet, total, false)
		g.meter.describe(g.text)
	}
	g.meter.add(int(done - g.done))
	g.done = done
}

func (g *gauge) clear() {
	if g.meter != nil {
		g.meter.clear()
	}
}

func tellCheckup(h *history.History, found history.Checkup, std streams) error {
	for _, d := range found.Damaged {
		fmt.Fprintf(std.out, "%s: %s; %s\n", d.File, d.Problem, d.Advice)
	}
	for _, r := range found.Remarks {
		fmt.Fprintf(std.out, "%s: %s\n", r.Subject, r.Text)
	}
	fmt.Fprintf(std.out, "%s: %d files, %d rounds and %d samples are whole\n", h.Dir(), found.Files-len(found.Damaged), found.Rounds, found.Samples)
	if len(found.Damaged) > 0 {
		return &statusError{exitSomeMissed, fmt.Errorf("%d damaged", len(found.Damaged))}
	}
	return nil
}

const compactLong = `compact merges the rounds of a past month into one file sorted by pair, which
takes less room and is read much faster. The rounds' own files are removed only
after the new one was read again and found to hold all of them. It may be
interrupted at any moment and run again at any time, also when rounds of the
month came later.`

func compactCommand(std streams) *cobra.Command {
	var folder, month string
	var quiet bool
	cmd := &cobra.Command{
		Use:   "compact",
		Short: "Merge the rounds of past months into a file each",
		Long:  compactLong,
		Example: `  matrix compact                    all months that are over
  matrix compact --month 2026-10`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, err := readHistory(folder)
			if err != nil {
				return err
			}
			months, err := monthsToCompact(cmd.Context(), h, month, time.Now())
			if err != nil {
				return err
			}
			return compactAll(cmd.Context(), h, months, quiet, std)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	registerHistory(f, &folder)
	f.StringVar(&month, "month", "", "only this `MONTH`, such as 2026-10, even if it is not over")
	f.BoolVarP(&quiet, "quiet", "q", false, "no progress, no remarks")
	return cmd
}

// monthsToCompact are the month that was named, or all that are over.
func monthsToCompact(ctx context.Context, h *history.History, month string, now time.Time) ([]history.Month, error) {
	if month != "" {
		m, err := history.ParseMonth(month)
		if err != nil {
			return nil, usage("--month: %w", err)
		}
		return []history.Month{m}, nil
	}
	all, err := h.Months(ctx)
	if err != nil {
		return nil, err
	}
	var over []history.Month
	for _, m := range all {
		if !m.End().After(now) {
			over = append(over, m)
		}
	}
	return over, nil
}

func compactAll(ctx context.Context, h *history.History, months []history.Month, quiet bool, std streams) error {
	// It is the memory that a small machine lacks, not the time.
	defer debug.SetGCPercent(debug.SetGCPercent(50))
	damaged := 0
	for _, m := range months {
		bar := gauge{std: std, quiet: quiet, text: m.String()}
		done, err := h.Compact(ctx, m, func(n, total int) { bar.show(int64(n), int64(total)) })
		bar.clear()
		if err != nil {
			return err
		}
		for _, w := range done.Warnings {
			fmt.Fprintf(std.err, "matrix: %s: %s\n", w.Subject, w.Text)
		}
		damaged += len(done.Warnings)
		if !quiet {
			fmt.Fprintf(std.out, "%v: %s\n", m, compacted(done))
		}
	}
	if damaged > 0 {
		return &statusError{status: exitSomeMissed}
	}
	return nil
}

func compacted(done history.Compaction) string {
	switch {
	case done.Path == "":
		return "no rounds"
	case done.Merged == 0:
		return fmt.Sprintf("%s, %s, compacted already; %s removed", count(done.Rounds, "round"), count(done.Samples, "sample"), count(done.Removed, "file"))
	}
	return fmt.Sprintf("%s, %s, from %s into one; %s removed", count(done.Rounds, "round"), count(done.Samples, "sample"), count(done.Merged, "file"), count(done.Removed, "file"))
}
