package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"matrix/data"
	"matrix/geo"
	"matrix/probe"
	"matrix/report"
	"matrix/report/export"
	"matrix/report/terminal"
)

const traceExamples = `  matrix trace baltimore "new york"              the routers of both directions
  matrix trace --one-way --flows 4 paris milan   four conversations: other branches show
  matrix trace --method udp -n paris zurich      datagrams, and no names
  matrix trace --tos 184 --one-way paris milan   do routers send marked packets another way?
  matrix trace --json paris zurich | jq .report  as mtr --json has it`

// traceFlags are the flags of a traceroute, as the person gave them.
type traceFlags struct {
	fleetFlags
	method          string
	options         probe.TraceOptions
	oneWay, noNames bool
	json            bool
	in              string
}

func traceCommand(std streams) *cobra.Command {
	var o traceFlags
	cmd := &cobra.Command{
		Use:   "trace FROM TO",
		Short: "Show the routers between two cities, both ways",
		Long: `trace makes a traceroute from one city to another and, at the same time, back:
the ways differ more often than not. All routers are asked at once, in one
conversation, so that routers that share load among several paths show one of
them; --flows shows more. It needs no privilege where ping needs none; udp and
tcp need none anywhere.

With --interface each end sends by its own interface of that name. An address is
one end's alone: use --one-way with it.

Exit status: 0 the targets answered, 1 one did not, 2 a city or host is unknown,
3 the arguments or the inventory are wrong, 4 the system failed.`,
		Example: traceExamples,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usage("want two cities, and was given %q (see %s --help)", args, cmd.CommandPath())
			}
			if err := exclude(cmd.Flags(), [2]string{"ipv4", "ipv6"}); err != nil {
				return err
			}
			options, err := o.check()
			if err != nil {
				return err
			}
			return o.run(cmd.Context(), args[0], args[1], options, std)
		},
	}
	o.register(cmd)
	return cmd
}

func (o *traceFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.SortFlags = false
	o.options = probe.DefaultTraceOptions(probe.TraceICMP)
	o.registerCities(f)
	f.BoolVar(&o.oneWay, "one-way", false, "only from FROM to TO")
	f.StringVar(&o.method, "method", "icmp", "of the probes: icmp, udp or tcp")
	f.IntVar(&o.options.Flows, "flows", o.options.Flows, "conversations, each of which keeps to one path")
	f.IntVarP(&o.options.Probes, "probes", "q", o.options.Probes, "to each hop, in each flow")
	f.IntVarP(&o.options.MaxHops, "max-hops", "m", o.options.MaxHops, "give up behind so many")
	f.VarP((*seconds)(&o.options.Timeout), "timeout", "t", "an answer that takes more `TIME` is lost")
	f.VarP((*seconds)(&o.options.Interval), "interval", "i", "`TIME` between two probes to one hop")
	f.IntVarP(&o.options.Size, "size", "s", o.options.Size, "`BYTES` of payload")
	f.IntVarP(&o.options.Port, "port", "p", 0, "of the target, for udp and tcp (default 33434 and 80)")
	registerSending(f, &o.options.Sending)
	o.registerFamily(f)
	f.BoolVarP(&o.noNames, "no-names", "n", false, "do not look the routers' names up")
	f.BoolVar(&o.json, "json", false, "as mtr --json, a report for each direction and flow, one after the other, with the finding beside each")
	f.StringVar(&o.in, "in", "", "judge the ways with the round in this `FILE` as well")
	o.registerReach(f)
	o.registerVia(f)
	o.registerVerbose(f)
}

// check turns the flags into options.
func (o *traceFlags) check() (probe.TraceOptions, error) {
	options := o.options
	if err := options.Method.UnmarshalText([]byte(o.method)); err != nil {
		return options, usage("--method %s: want icmp, udp or tcp", o.method)
	}
	if options.Port == 0 {
		options.Port = probe.DefaultTraceOptions(options.Method).Port
	}
	if err := options.Check(); err != nil {
		return options, usage("%w", err)
	}
	return options, nil
}

// run traces and shows.
func (o *traceFlags) run(ctx context.Context, from, to string, options probe.TraceOptions, std streams) error {
	defer o.leave()
	inventory, err := o.inventory(std)
	if err != nil {
		return err
	}
	pair, err := findPair(inventory, from, to)
	if err != nil {
		return err
	}
	traces, err := o.trace(ctx, inventory, o.jobs(pair, options), std)
	if err != nil {
		return err
	}
	if err := o.show(std, inventory, traces); err != nil {
		return err
	}
	return traceStatus(traces)
}

func findPair(inventory *data.Inventory, from, to string) (pair probe.Pair, err error) {
	source, err := inventory.Find(from)
	if err != nil {
		return pair, err
	}
	target, err := inventory.Find(to)
	if err != nil {
		return pair, err
	}
	pair = probe.Pair{From: source.Name, To: target.Name}
	if pair.IsSelf() {
		return pair, usage("from %s to itself there is no way to trace", source.Title)
	}
	return pair, nil
}

func (o *traceFlags) jobs(pair probe.Pair, options probe.TraceOptions) []probe.TraceJob {
	jobs := []probe.TraceJob{{Pair: pair, TraceOptions: options}}
	if !o.oneWay {
		jobs = append(jobs, probe.TraceJob{Pair: pair.Reverse(), TraceOptions: options})
	}
	return jobs
}

// trace has the jobs done, all of which are between the same two cities, and the
// routers' names looked up.
func (o *traceFlags) trace(ctx context.Context, inventory *data.Inventory, jobs []probe.TraceJob, std streams) ([]probe.Trace, error) {
	var ends []probe.City
	for _, c := range inventory.Cities {
		if c.Name == jobs[0].From || c.Name == jobs[0].To {
			ends = append(ends, c)
		}
	}
	hosts, err := o.find(ctx, ends, std)
	if errors.Is(err, errNames) {
		return nil, &statusError{exitSomeMissed, fmt.Errorf("nothing was traced: %w", err)}
	}
	if err != nil {
		return nil, err
	}
	traces := hosts.trace(ctx, jobs)
	if !o.noNames {
		nameHops(ctx, traces)
	}
	return traces, nil
}

func (o *traceFlags) show(std streams, inventory *data.Inventory, traces []probe.Trace) error {
	verdicts, err := o.verdicts(inventory)
	if err != nil {
		return err
	}
	found, ok := drill(inventory.Cities, traces, verdicts).Down()
	if o.json {
		return export.Traces(std.out, traces, found)
	}
	titles := map[string]string{}
	for _, c := range inventory.Cities {
		titles[c.Name] = c.Title
	}
	style := terminal.Options{Width: width(std.out), Color: isColourful(std.out)}
	if err := terminal.WriteRoutes(std.out, report.Routes(traces, titles), style); err != nil {
		return err
	}
	if !ok {
		return nil
	}
	return terminal.WriteDrillDown(std.out, found, style)
}

// verdicts are those on the round in a file; nil if none was named.
func (o *traceFlags) verdicts(inventory *data.Inventory) (*report.Verdicts, error) {
	if o.in == "" {
		return nil, nil
	}
	round, err := data.OpenRound(o.in, inventory)
	if err != nil {
		return nil, err
	}
	return report.New(round, report.Options{Stat: probe.Min, Gazetteer: geo.World()}).Verdicts, nil
}

// drill is what traces, of one pair both ways, are drilled down with. Of several
// flows the first speaks.
func drill(cities []probe.City, traces []probe.Trace, verdicts *report.Verdicts) report.Drill {
	d := report.Drill{Cities: cities, Verdicts: verdicts, Atlas: geo.World()}
	for i := range traces {
		t := &traces[i]
		switch {
		case d.There == nil:
			d.Pair, d.There = t.Pair, t
		case d.Back == nil && t.Pair == d.Pair.Reverse():
			d.Back = t
		}
	}
	return d
}

// traceStatus is how traces end the program.
func traceStatus(traces []probe.Trace) error {
	status := exitMeasured
	for _, t := range traces {
		switch {
		case t.End == probe.NoTraceRoute:
			status = exitUnknown
		case t.End != probe.Reached && status == exitMeasured:
			status = exitSomeMissed
		}
	}
	if status == exitMeasured {
		return nil
	}
	return &statusError{status: status, err: nil}
}
