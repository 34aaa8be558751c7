package main

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"matrix/data"
	"matrix/probe"
	"matrix/report"
	"matrix/report/export"
	"matrix/report/terminal"
)

// lookFlags are the flags of the commands that look at hosts.
type lookFlags struct {
	fleetFlags
	format string
}

func (o *lookFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.SortFlags = false
	o.registerCities(f)
	o.registerFamily(f)
	o.registerReach(f)
	f.StringVar(&o.format, "format", "text", "text, json or csv")
	o.registerVerbose(f)
}

const statusLong = `status looks at every host, or at those of the named cities, all at the same
time: whether it can be reached, and why not; the version of matrix there; what
it pings with, or why it may not; where the times of its packets are taken; the
round-trip time to itself; its load and number of CPUs; and how far its clock is
from this machine's. Nothing is put on the hosts.

The clock is compared over the connection itself, by the fastest of several
exchanges. It is off by no more than the uncertainty beside it, half of what that
exchange took. Up to 5 s is OK, up to 60 s a WARNING, and more an ERROR. No
round-trip time depends on it.

Over NATS it says as well, if the agents measure by themselves, which of them have
the fleet's plan, and why others have not.

Exit status: 0 every host is OK or has warnings only, 1 some host has an ERROR,
2 a city is unknown, 3 the arguments or the inventory are wrong, 4 the system
failed.`

func statusCommand(std streams) *cobra.Command {
	var o lookFlags
	cmd := &cobra.Command{
		Use:   "status [CITY...]",
		Short: "Say how every host is: reachable, version, right to ping, clock, load",
		Long:  statusLong,
		Example: `  matrix status
  matrix status baltimore "new york"
  matrix status --format json`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return o.status(cmd.Context(), args, std) },
	}
	o.register(cmd)
	o.registerVia(cmd.Flags())
	return cmd
}

func (o *lookFlags) status(ctx context.Context, wanted []string, std streams) error {
	defer o.leave()
	hosts, chosen, err := o.findChosen(ctx, wanted, std)
	if err != nil {
		return err
	}
	opener, err := o.opener(ctx, hosts.addresses, hosts.log, onlyLooking)
	if err != nil {
		return err
	}
	if hosts.crossing != nil {
		if err := hosts.crossing.tellPlan(ctx, std.err); err != nil {
			return err
		}
	}
	return o.show(std, examine(ctx, hosts, opener, chosen))
}

// findChosen reads the inventory, looks its names up, and finds the cities that
// are wanted; none named are all.
func (o *lookFlags) findChosen(ctx context.Context, wanted []string, std streams) (*hosts, []probe.City, error) {
	if !slices.Contains([]string{"text", "json", "csv"}, o.format) {
		return nil, nil, usage("--format %s: want text, json or csv", o.format)
	}
	if o.v4 && o.v6 {
		return nil, nil, usage("--ipv4 and --ipv6 cannot go together")
	}
	inventory, err := o.inventory(std)
	if err != nil {
		return nil, nil, err
	}
	chosen, err := chosenCities(inventory, wanted)
	if err != nil {
		return nil, nil, err
	}
	hosts, err := o.find(ctx, inventory.Cities, std)
	return hosts, chosen, err
}

func chosenCities(inventory *data.Inventory, wanted []string) ([]probe.City, error) {
	if len(wanted) == 0 {
		return inventory.Cities, nil
	}
	return inventory.FindAll(wanted)
}

// examine looks at the hosts and judges them.
func examine(ctx context.Context, hosts *hosts, opener probe.Opener, cities []probe.City) []report.HostLine {
	coordinator := probe.Coordinator{Opener: opener, Log: hosts.log}
	var list []report.HostLine
	for _, e := range coordinator.Examine(ctx, cities) {
		list = append(list, report.NewHostLine(e, version()))
	}
	return list
}

// show prints the hosts, and says how that ends the program.
func (o *lookFlags) show(std streams, list []report.HostLine) error {
	err := choose(o.format, map[string]func() error{
		"text": func() error { return terminal.Hosts(std.out, list, screen(std)) },
		"json": func() error { return export.HostsJSON(std.out, list) },
		"csv":  func() error { return export.HostsCSV(std.out, list) },
	})
	if err == nil && slices.ContainsFunc(list, func(h report.HostLine) bool { return h.Level == report.Failing }) {
		return &statusError{status: exitSomeMissed}
	}
	return err
}
