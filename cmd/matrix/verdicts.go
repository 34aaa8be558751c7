package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"matrix/data"
	"matrix/data/history"
	"matrix/probe"
	"matrix/report"
	"matrix/report/export"
	"matrix/report/terminal"
)

// judgeFlags are the flags of the commands that judge a round in a file.
type judgeFlags struct {
	measureFlags
	explain    string
	least      time.Duration
	thresholds []string
}

// register adds the flags that these commands share. They are those of the
// measurement that say which round and in which units.
func (o *judgeFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.in, "in", "", "the round in this `FILE`: round.json, pairs.csv, a published matrix, WonderNetwork's pings (default the last one in the history)")
	registerHistory(f, &o.history)
	f.StringVar(&o.cities, "cities", "", "inventory of cities, a `FILE`")
	f.StringVar(&o.distances, "distances", "", "distances in miles from this `FILE` instead of coordinates")
	f.StringArrayVar(&o.from, "from", nil, "show only pairs from these `CITIES`")
	f.StringArrayVar(&o.to, "to", nil, "show only pairs to these `CITIES`")
	f.StringVar(&o.units, "units", "mi", "mi or km")
	f.StringVar(&o.fibre, "fibre-speed", "0.65c", "speed of light in fibre: a fraction of c, or miles per millisecond")
	f.StringArrayVar(&o.thresholds, "threshold", nil, "change a threshold, `NAME=VALUE`: "+strings.Join(report.ThresholdNames(), ", "))
	f.StringVar(&o.format, "format", "text", "text, json or csv")
}

const verdictsLong = `verdicts judges a round: which hosts and which pairs of cities are wrong, in what
way, and by which numbers. First the hosts, since their faults show in dozens of
pairs: those that measure what cannot be, those that are not where their
coordinates are. Then the pairs: slower than their distance explains and than a
relay through a third city, lossy, asymmetric, congested, unreachable.`

func verdictsCommand(std streams) *cobra.Command {
	var o judgeFlags
	cmd := &cobra.Command{
		Use:   "verdicts",
		Short: "Say which hosts and pairs are wrong, in what way and why",
		Long:  verdictsLong,
		Example: `  matrix verdicts                                       the last round that was measured
  matrix verdicts --in pings.csv --cities servers.csv
  matrix verdicts --in round.json --explain baltimore,newyork
  matrix verdicts --in round.json --explain paris
  matrix verdicts --in round.json --format json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.verdicts(cmd.Context(), std) },
	}
	o.register(cmd)
	cmd.Flags().StringVar(&o.explain, "explain", "", "how the verdict on a `PAIR|CITY` came about, number by number")
	return cmd
}

func relaysCommand(std streams) *cobra.Command {
	var o judgeFlags
	cmd := &cobra.Command{
		Use:     "relays",
		Short:   "List the pairs that a one-stop way through another city speeds up",
		Example: "  matrix relays --in round.json --least 20ms",
		Args:    noArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return o.relays(cmd.Context(), std) },
	}
	o.register(cmd)
	cmd.Flags().DurationVar(&o.least, "least", time.Millisecond, "that much faster")
	return cmd
}

func (o *judgeFlags) verdicts(ctx context.Context, std streams) error {
	r, inventory, err := o.report(ctx, std)
	if err != nil {
		return err
	}
	if o.explain != "" {
		return o.explainTo(std.out, r, inventory)
	}
	return choose(o.format, map[string]func() error{
		"text": func() error {
			return terminal.Verdicts(std.out, r, terminal.Options{Width: width(std.out), Color: isColourful(std.out)})
		},
		"json": func() error { return export.VerdictsJSON(std.out, r) },
		"csv":  func() error { return export.VerdictsCSV(std.out, r) },
	})
}

func (o *judgeFlags) relays(ctx context.Context, std streams) error {
	if o.least < 0 {
		return usage("--least %v: want no less than nothing", o.least)
	}
	r, _, err := o.report(ctx, std)
	if err != nil {
		return err
	}
	least := report.Ms(float64(o.least) / float64(time.Millisecond))
	return choose(o.format, map[string]func() error{
		"text": func() error {
			return terminal.Relays(std.out, r, least, terminal.Options{Width: width(std.out), Color: isColourful(std.out)})
		},
		"json": func() error { return export.RelaysJSON(std.out, r, least) },
		"csv":  func() error { return export.RelaysCSV(std.out, r, least) },
	})
}

// choose writes one of the formats.
func choose(format string, formats map[string]func() error) error {
	write, ok := formats[format]
	if !ok {
		known := slices.DeleteFunc([]string{"text", "json", "csv", "svg"}, func(name string) bool { return formats[name] == nil })
		last := len(known) - 1
		return usage("--format %s: want %s or %s", format, strings.Join(known[:last], ", "), known[last])
	}
	return write()
}

// report reads the round and judges it. Verdicts rest on the least RTTs,
// whatever tables show.
func (o *judgeFlags) report(ctx context.Context, std streams) (*report.Report, *data.Inventory, error) {
	if o.format != "text" && o.format != "json" && o.format != "csv" {
		return nil, nil, usage("--format %s: want text, json or csv", o.format)
	}
	shape := o.measureFlags
	shape.stat, shape.format = report.Min.String(), "table"
	shape.thresholds = o.thresholds
	s, err := shape.check()
	if err != nil {
		return nil, nil, err
	}
	inventory, err := o.judgedInventory(std)
	if err != nil {
		return nil, nil, err
	}
	if _, err := o.measureDistances(inventory, &s.options); err != nil {
		return nil, nil, err
	}
	round, inventory, err := o.judgedRound(ctx, inventory, std)
	if err != nil {
		return nil, nil, err
	}
	if err := o.choosePairs(round, inventory, &s.options); err != nil {
		return nil, nil, err
	}
	return report.New(round, s.options), inventory, nil
}

// judgedInventory is read only if it was named: a round brings its cities.
func (o *judgeFlags) judgedInventory(std streams) (*data.Inventory, error) {
	if o.cities == "" {
		return nil, nil
	}
	return o.fleetFlags.inventory(std)
}

// judgedRound is the round in the file that was named, or else the last one of
// the history.
func (o *judgeFlags) judgedRound(ctx context.Context, inventory *data.Inventory, std streams) (*probe.Round, *data.Inventory, error) {
	if o.in != "" {
		return o.roundFromFile(inventory)
	}
	round, err := latestRound(ctx, o.history, std)
	if errors.Is(err, history.ErrEmpty) {
		return nil, nil, usage("no round: %w; measure one first, or name a file with --in", err)
	}
	if err != nil {
		return nil, nil, err
	}
	o.in = "the round of " + round.Start.UTC().Format("2006-01-02 15:04 UTC")
	return withCities(round, inventory)
}

// explainTo says how the verdict on a city, or on two, came about.
func (o *judgeFlags) explainTo(w io.Writer, r *report.Report, inventory *data.Inventory) error {
	text := strings.NewReplacer("→", ",", "->", ",").Replace(o.explain)
	cities, err := names(inventory, []string{text})
	if err != nil {
		return err
	}
	var lines []string
	switch len(cities) {
	case 1:
		lines = r.ExplainCity(cities[0])
	case 2:
		lines = r.ExplainPair(cities[0], cities[1])
	default:
		return usage("--explain %q: want a city, or two with a comma between them", o.explain)
	}
	if lines == nil {
		return usage("--explain %q: %s has nothing about that", o.explain, o.in)
	}
	if err := terminal.Explain(w, r, lines, terminal.Options{Width: width(w), Color: isColourful(w)}); err != nil {
		return fmt.Errorf("explain: %w", err)
	}
	return nil
}
