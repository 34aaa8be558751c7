// Command matrix measures the round-trip time between every pair of a fleet's
// cities, joins it with their distances and says how well the network uses
// them.
//
//	flags ─ inventory (data) ─ plan, coordinator (probe) ─ report ─ terminal, files
//	                             └─ ssh ─ matrix probe on every city's host
//
// It is the only place that joins the rooms, and the only one that talks to the
// person: results to stdout, everything else to stderr.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"matrix/probe/lab"
)

func main() {
	if status, taken := lab.TakeOver(); taken {
		os.Exit(status)
	}
	os.Exit(start())
}

// start leaves the person two ways to stop: the first Ctrl-C ends the
// measurement and shows what there is, the second ends the program.
func start() int {
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as under nohup
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	context.AfterFunc(ctx, stop)
	defer stop()
	return run(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr})
}

// streams are what the program reads from and writes to.
type streams struct {
	in  io.Reader
	out io.Writer // results
	err io.Writer // talk
}

// run is the whole program but for the process around it.
func run(ctx context.Context, args []string, std streams) int {
	root := newRoot(std)
	root.SetArgs(args)
	root.SetIn(std.in)
	root.SetOut(std.out)
	root.SetErr(std.err)
	cmd, err := root.ExecuteContextC(ctx)
	return conclude(std.err, blame(cmd, err))
}
