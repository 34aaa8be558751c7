package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"matrix/probe/bus"
)

const collectLong = `collect saves the rounds that their coordinators left open on NATS, because they
ended, or because hosts were cut off that have measured all the same. matrix does
that as well beside each round that it measures over NATS. So are rounds that agents
measured by themselves (matrix serve --autonomous) while nobody collected them.

A round waits an hour for hosts that are cut off; then it is saved without them.

Exit status: 0 all is saved, or waits; 1 all is, but what cannot be read; 3 the
arguments are wrong, 4 the system failed.`

func collectCommand(std streams) *cobra.Command {
	var o struct {
		viaFlags
		fleet   fleetFlags
		history string
		quiet   bool
	}
	cmd := &cobra.Command{
		Use:     "collect",
		Short:   "Save rounds that were left open on NATS",
		Long:    collectLong,
		Example: `  matrix collect --via tls://nats.example.net:4222`,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !o.isVia() {
				return usage("collect needs --via or --nats-listen")
			}
			c, err := o.cross(cmd.Context(), o.fleet.logger(std))
			if err != nil {
				return err
			}
			defer o.leave()
			say := func(format string, args ...any) {
				if !o.quiet {
					fmt.Fprintf(std.err, format+"\n", args...)
				}
			}
			found := c.discover(cmd.Context(), func(format string, args ...any) { say("matrix: "+format, args...) })
			open, err := c.bus.Open(cmd.Context())
			largest := 0 // they are finished one after the other
			for _, ticket := range open {
				largest = max(largest, len(ticket.Cities))
			}
			limitRound(largest)
			failed := errors.Join(found, c.finishAll(cmd.Context(), open, o.history, say))
			if unreadable := (*bus.UnreadableError)(nil); errors.As(err, &unreadable) && failed == nil {
				return &statusError{exitSomeMissed, err}
			}
			return errors.Join(failed, err)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	o.registerVia(f)
	registerHistory(f, &o.history)
	f.BoolVarP(&o.quiet, "quiet", "q", false, "no remarks")
	o.fleet.registerVerbose(f)
	return cmd
}
