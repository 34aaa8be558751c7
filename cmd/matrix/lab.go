package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"matrix/data"
	"matrix/probe/lab"
)

const labLong = `lab builds a virtual internet on this machine, runs a command in it and takes it
down again. Every city of the inventory is a host of its own, with a real kernel
that answers pings, and a real sshd if asked for; they are as far apart as the
table of round-trip times says. Between them stand routers that answer a
traceroute. Nothing leaves the machine, and nothing is left on it.

Without --rtt they are the ten cities of "matrix demo", baltimore.lab.example to
zurich.lab.example, and Baltimore reaches New York by way of Paris.

The command runs at a host beside all cities, with --at in a city. In it, where
this program is found as matrix, "matrix lab exec", "matrix lab set" and
"matrix lab ledger" reach the lab.

A route file (--route) says where the network differs from the table, in TOML:

  [[route]]
  from = "baltimore"          # "*" for every city
  to   = "newyork"
  rtt  = "174.7ms"            # and, if wanted, delay (one way), jitter, loss = 0.05
  hops = [{name = "cr1.par.example", delay = "46ms"}, {name = "x", delay = "80ms", silent = true}]

  [[city]]
  name = "paris"
  down = true                 # or sshd = "none", key = "wrong", disk = "1M", shell = "/path"

Needs Linux, and root or user namespaces. Exit status: that of the command.`

const labExamples = `  matrix lab --sshd -- sh
  matrix lab --cities cities.csv --rtt rtt.csv -- matrix --rsh "matrix lab exec"
  matrix lab --cities cities.csv --rtt rtt.csv --sshd -- matrix
  matrix lab --cities cities.csv --rtt rtt.csv --at baltimore -- traceroute newyork
  matrix lab --cities cities.csv --rtt rtt.csv -- bash`

// labFlags are the flags of a lab, as the person gave them.
type labFlags struct {
	cities, rtt, route, at string
	sshd                   bool
	loss                   float64
	seed                   uint64
}

func labCommand() *cobra.Command {
	var o labFlags
	cmd := &cobra.Command{
		Use:     "lab [--cities FILE --rtt FILE] [flags] -- COMMAND...",
		Short:   "Run a command in a virtual internet on this machine",
		Long:    labLong,
		Example: labExamples,
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd, args)
		},
	}
	f := cmd.Flags()
	f.SetInterspersed(false) // flags behind the command are the command's
	f.SortFlags = false
	f.StringVar(&o.cities, "cities", "cities.csv", "inventory of cities, a `FILE`")
	f.StringVar(&o.rtt, "rtt", "", "round-trip times, a `FILE`: a published matrix, pairs.csv, round.json, WonderNetwork's pings")
	f.StringVar(&o.route, "route", "", "routers, delays, loss and faults, a `FILE`")
	f.StringVar(&o.at, "at", "", "run the command in this `CITY`")
	f.BoolVar(&o.sshd, "sshd", false, "run a real sshd in every city")
	f.Float64Var(&o.loss, "loss", 0, "drop this `RATIO` of the packets of every pair")
	f.Uint64Var(&o.seed, "seed", 1, "of loss and jitter: the same seed drops the same packets")
	cmd.AddCommand(labExecCommand(), labSetCommand(), labLedgerCommand())
	return cmd
}

func (o *labFlags) run(cmd *cobra.Command, argv []string) error {
	if len(argv) == 0 {
		return usage("no command to run in the lab (see %s --help)", cmd.CommandPath())
	}
	if o.rtt == "" && cmd.Flags().Changed("cities") {
		return usage("no round-trip times for the cities of %s: name a file with --rtt; without both there are ten cities", o.cities)
	}
	config, err := o.config()
	if err != nil {
		return err
	}
	if err := findable(); err != nil {
		return err
	}
	status, err := runLab(cmd.Context(), config, streams{cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr()}, argv)
	return endWith(status, err)
}

func (o *labFlags) config() (config lab.Config, err error) {
	var inventory *data.Inventory
	if o.rtt == "" {
		inventory = data.Cities2011()
		config, err = demoLab()
	} else {
		inventory, config, err = o.internet()
	}
	if err != nil {
		return lab.Config{}, err
	}
	config.Sshd, config.Loss, config.Seed = o.sshd, o.loss, o.seed
	if o.route != "" {
		if config.Routes, err = lab.ReadRoutes(o.route); err != nil {
			return lab.Config{}, &statusError{exitArguments, err}
		}
	}
	if o.at != "" {
		at, err := inventory.Find(o.at)
		if err != nil {
			return lab.Config{}, err
		}
		config.At = at.Name
	}
	if o.loss < 0 || o.loss > 1 {
		return lab.Config{}, usage("--loss %v: want a ratio from 0 to 1", o.loss)
	}
	return config, nil
}

// findable has the commands of a lab find this program, if they find no other
// matrix: the person may have called it by its path.
func findable() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return os.Setenv("PATH", os.Getenv("PATH")+string(filepath.ListSeparator)+filepath.Dir(self))
}

// internet are the cities that the person names, as far apart as he says.
func (o *labFlags) internet() (*data.Inventory, lab.Config, error) {
	inventory, err := data.OpenInventory(o.cities)
	if err != nil {
		return nil, lab.Config{}, err
	}
	round, err := data.OpenRound(o.rtt, inventory)
	if err != nil {
		return nil, lab.Config{}, err
	}
	return inventory, lab.Config{Cities: inventory.Cities, RTT: rttTable(round)}, nil
}

// endWith ends the program as a command ended.
func endWith(status int, err error) error {
	if err != nil || status == 0 {
		return err
	}
	return &statusError{status: status}
}

// passedOn are the signals that a command in the lab gets instead of us.
var passedOn = []os.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGHUP}

// catch takes the passed-on signals until the returned function is called.
func catch() (<-chan os.Signal, func()) {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, passedOn...)
	return signals, func() { signal.Stop(signals) }
}

// runLab runs a command in a lab. A signal is for the command, which may have
// results to save; the lab ends when the command does.
func runLab(ctx context.Context, config lab.Config, std streams, argv []string) (status int, err error) {
	var copying sync.WaitGroup
	in, closeIn, err := fileToRead(std.in)
	if err != nil {
		return 0, err
	}
	defer closeIn()
	out, closeOut, err := fileToWrite(std.out, &copying)
	if err != nil {
		return 0, err
	}
	talk, closeTalk, err := fileToWrite(std.err, &copying)
	if err != nil {
		closeOut()
		return 0, err
	}
	signals, stop := catch()
	defer stop()
	config.Stdin, config.Stdout, config.Stderr, config.Signals = in, out, talk, signals
	status, err = lab.Run(context.WithoutCancel(ctx), config, argv)
	closeOut()
	closeTalk()
	copying.Wait()
	return status, err
}

// fileToWrite is a file whose text ends up in w: w itself, or a pipe.
func fileToWrite(w io.Writer, copying *sync.WaitGroup) (*os.File, func(), error) {
	if f, ok := w.(*os.File); ok {
		return f, func() {}, nil
	}
	from, to, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	copying.Go(func() {
		defer from.Close()
		_, _ = io.Copy(w, from) // a writer that fails is like a reader that left
	})
	return to, func() { to.Close() }, nil
}

// fileToRead is a file with the text of r: r itself, or a pipe.
func fileToRead(r io.Reader) (*os.File, func(), error) {
	if f, ok := r.(*os.File); ok || r == nil {
		return f, func() {}, nil
	}
	from, to, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	go func() {
		defer to.Close()
		_, _ = io.Copy(to, r) // the command need not read it all
	}()
	return from, func() { from.Close() }, nil
}

// enter is the door of the lab that this process runs in.
func enter() (string, error) {
	door := os.Getenv(lab.EnvDoor)
	if door == "" {
		return "", usage("this is not inside a lab: %s is not set", lab.EnvDoor)
	}
	return door, nil
}

// exitUnreachable is what ssh says when the fault is its own.
const exitUnreachable = 255

func labExecCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "exec CITY COMMAND...",
		Short: "Run a command in a city of the lab",
		Long: `exec runs a command in a city, known by name, host or address, as ssh would: one
word is handed to /bin/sh, several are run as they are. It can take the place of
ssh: matrix --rsh "matrix lab exec". Exit status: that of the command, 255 if it
could not be run.`,
		Example:            `  matrix lab exec paris 'ping -c 3 newyork'`,
		DisableFlagParsing: true, // they are the command's
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && (args[0] == "-h" || args[0] == "--help") {
				return cmd.Help()
			}
			if len(args) < 2 {
				return usage("want a city and a command (see %s --help)", cmd.CommandPath())
			}
			door, err := enter()
			if err != nil {
				return err
			}
			signals, stop := catch()
			defer stop()
			status, err := lab.Exec(context.WithoutCancel(cmd.Context()), door, lab.Command{
				City: args[0], Argv: args[1:], Signals: signals,
				Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
			})
			if err != nil {
				return &statusError{exitUnreachable, err}
			}
			return endWith(status, nil)
		},
	}
}

func labLedgerCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "ledger",
		Short: "Print the delay that every echo packet was given, as CSV",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			door, err := enter()
			if err != nil {
				return err
			}
			return lab.Ledger(cmd.Context(), door, os.Stdout)
		},
	}
}

func labSetCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "set FROM,TO {rtt=TIME|loss=RATIO|jitter=TIME}... | set CITY {down|up}",
		Short: "Change the network of the lab",
		Example: `  matrix lab set baltimore,newyork loss=0.3 rtt=175ms
  matrix lab set '*',paris loss=1
  matrix lab set paris down`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) < 2 {
				return usage("want a pair or a city, and what to change (see %s --help)", cmd.CommandPath())
			}
			change, err := parseChange(args)
			if err != nil {
				return err
			}
			door, err := enter()
			if err != nil {
				return err
			}
			return lab.Set(cmd.Context(), door, change)
		},
	}
}

// parseChange reads what set is told.
func parseChange(args []string) (lab.Change, error) {
	var change lab.Change
	change.From, change.To, _ = strings.Cut(args[0], ",")
	for _, arg := range args[1:] {
		name, value, _ := strings.Cut(arg, "=")
		var err error
		switch name {
		case "down", "up":
			down := name == "down"
			change.Down = &down
			if value != "" {
				err = errors.New("it takes no value")
			}
		case "rtt":
			change.RTT, err = parsed(value, time.ParseDuration)
		case "jitter":
			change.Jitter, err = parsed(value, time.ParseDuration)
		case "loss":
			change.Loss, err = parsed(value, func(s string) (float64, error) { return strconv.ParseFloat(s, 64) })
		default:
			err = errors.New("want rtt=, loss=, jitter=, down or up")
		}
		if err != nil {
			return change, usage("%s: %w", arg, err)
		}
	}
	return change, nil
}

func parsed[T any](text string, parse func(string) (T, error)) (*T, error) {
	value, err := parse(text)
	return &value, err
}
