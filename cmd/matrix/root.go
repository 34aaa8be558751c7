package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"matrix/data"
	"matrix/geo"
	"matrix/probe"
	"matrix/probe/icmp"
	"matrix/report"
)

const rootExamples = `  matrix                                     measure all pairs of cities.csv and print the matrices
  matrix --from baltimore                    one city's row: a line a destination
  matrix --from baltimore --to "new york"    one pair, with every round-trip time
  matrix trace baltimore "new york"          the routers between them, both ways
  matrix --out public/                       write CSV, JSON, Markdown and HTML files as well
  matrix --in pings.csv --cities cities.csv  the same outputs from a file
  matrix --format csv > pairs.csv            a line a pair, for a spreadsheet
  matrix status                              every host: reachable, version, right to ping, clock
  matrix history baltimore "new york"        the pair in the rounds so far, which are all kept
  matrix serve --every 1h --site site/       rounds on a schedule, pages, metrics, alarms
  matrix demo                                see it work, on a virtual internet`

const rootLong = `matrix measures the round-trip time from every city to every other, in parallel
and in both directions, from the cities' own hosts. It joins the times with the
great-circle distances and prints three matrices: latency, miles per millisecond
and percent of the speed of light in fibre. Rows are from, columns are to.

The hosts are reached with ssh, and the same program runs on them.

Exit status: 0 all planned pairs were measured, 1 some were not, 2 a city or host
is unknown, 3 the arguments or the inventory are wrong, 4 the system failed.`

// newRoot makes the command tree; the root itself measures.
func newRoot(std streams) *cobra.Command {
	var o measureFlags
	root := &cobra.Command{
		Use:                        "matrix",
		Short:                      "Ping every city from every city",
		Long:                       rootLong,
		Example:                    rootExamples,
		Args:                       noArguments,
		SilenceErrors:              true,
		SilenceUsage:               true,
		SuggestionsMinimumDistance: 2,
		RunE: func(cmd *cobra.Command, _ []string) error {
			// What is in a file is not saved once more.
			if err := clashes(cmd.Flags(), [2]string{"in", "history"}); err != nil {
				return err
			}
			return measure(cmd.Context(), &o, std)
		},
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	registerSettings(root)
	root.AddCommand(initCommand(std))
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage("%w (see %s --help)", err, cmd.CommandPath())
	})
	o.register(root)
	root.AddCommand(demoCommand(std), labCommand(), probeCommand(std), statusCommand(std), deployCommand(std), traceCommand(std),
		versionCommand(std), manCommand(),
		verdictsCommand(std), relaysCommand(std), citiesCommand(std), ticketCommand(std), reportCommand(std),
		roundsCommand(std), historyCommand(std), compactCommand(std), verifyCommand(std), syncCommand(std),
		importCommand(std), exportCommand(std), checkCommand(std), serveCommand(std),
		agentCommand(std), keysCommand(std), collectCommand(std))
	return root
}

func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if cmd.HasParent() {
		return usage("%s takes no arguments, and was given %q", cmd.CommandPath(), args)
	}
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return usage("unknown command %q; did you mean %s?", args[0], strings.Join(near, " or "))
	}
	return usage("unknown command %q; to measure from a city: --from %s", args[0], args[0])
}

// measureFlags are the flags of a measurement, as the person gave them.
type measureFlags struct {
	fleetFlags
	in, distances       string
	from, to            []string
	options             probe.Options
	metric, stat, units string
	fibre, format, out  string
	history             string
	quiet               bool
	thresholds          []string
	trace               tracing
	books               bool // the round is saved: over NATS it is in the books until then
}

func (o *measureFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.SortFlags = false
	o.registerCities(f)
	f.StringArrayVar(&o.from, "from", nil, "measure only from these `CITIES`: repeat it, or separate them with commas")
	f.StringArrayVar(&o.to, "to", nil, "measure only to these `CITIES`")
	o.registerPings(f)
	f.StringVar(&o.metric, "metric", "", "show only one of rtt, speed, fibre, loss, distance (default the first three)")
	f.StringVar(&o.stat, "stat", "avg", "which round-trip time of a pair: min, median, avg or max")
	f.StringVar(&o.units, "units", "mi", "mi or km")
	f.StringVar(&o.fibre, "fibre-speed", "0.65c", "speed of light in fibre: a fraction of c, or miles per millisecond")
	f.StringVar(&o.format, "format", "table", "of what is printed: table, csv, json, markdown or html")
	f.StringVar(&o.out, "out", "", "write all tables and pages into this `DIR` as well")
	f.StringVar(&o.in, "in", "", "show the round in this `FILE` instead of measuring: round.json, pairs.csv, a published matrix, WonderNetwork's pings")
	registerHistory(f, &o.history)
	f.Lookup("history").Usage = "save the round in the history in this `DIR`, or s3://BUCKET/PREFIX; none saves nothing (default ~/.local/share/matrix/history, or in $XDG_DATA_HOME)"
	o.trace = usualTraces
	f.Var(&o.trace, "trace", "measure the worst `N` anomalies again after the round, and trace those that are still there; or none")
	f.StringVar(&o.distances, "distances", "", "distances in miles from this `FILE` instead of coordinates")
	f.StringArrayVar(&o.thresholds, "threshold", nil, "change a threshold of the verdicts, `NAME=VALUE` (matrix verdicts --help lists them)")
	o.registerReach(f)
	o.registerVia(f)
	f.BoolVarP(&o.quiet, "quiet", "q", false, "no progress, no remarks")
	o.registerVerbose(f)
}

// registerPings has the flags that say how a round pings.
func (o *measureFlags) registerPings(f *pflag.FlagSet) {
	o.options = probe.DefaultOptions()
	f.IntVarP(&o.options.Count, "count", "c", o.options.Count, "echo requests a pair")
	f.VarP((*seconds)(&o.options.Interval), "interval", "i", "`TIME` between two echo requests of a pair")
	f.VarP((*seconds)(&o.options.Timeout), "timeout", "t", "a reply that takes more `TIME` is lost")
	f.IntVarP(&o.options.Size, "size", "s", o.options.Size, "`BYTES` of payload")
	f.IntVar(&o.options.Rate, "rate", o.options.Rate, "at most this many echo requests a second from one host")
	registerSending(f, &o.options.Sending)
	f.StringVar(&o.options.Engine, "engine", "", "how to ping: kernel (Linux, the default there) or probing (portable)")
	o.registerFamily(f)
}

// seconds is a duration as a flag: with a unit, or, as ping takes it, in
// seconds without one.
type seconds time.Duration

func (s *seconds) String() string { return time.Duration(*s).String() }

func (s *seconds) Type() string { return "duration" }

func (s *seconds) Set(text string) error {
	if n, err := strconv.ParseFloat(text, 64); err == nil && math.Abs(n) < 1e6 {
		*s = seconds(n * float64(time.Second))
		return nil
	}
	d, err := time.ParseDuration(text)
	*s = seconds(d)
	return err
}

// measuring are the flags that say nothing about a round that is in a file.
var measuring = []string{"count", "interval", "timeout", "size", "rate", "tos", "df", "interface", "engine", "ipv4", "ipv6", "rsh", "remote-path", "via", "nats-key", "nats-listen", "trace"}

// clashes refuses flags that contradict each other; more are a command's own.
func clashes(flags *pflag.FlagSet, more ...[2]string) error {
	pairs := append(more, [][2]string{{"ipv4", "ipv6"}, {"quiet", "verbose"}, {"rsh", "via"}, {"remote-path", "via"}, {"rsh", "nats-listen"}, {"remote-path", "nats-listen"}}...)
	for _, name := range measuring {
		pairs = append(pairs, [2]string{"in", name})
	}
	return exclude(flags, pairs...)
}

// exclude refuses pairs of flags that were both given.
func exclude(flags *pflag.FlagSet, pairs ...[2]string) error {
	for _, pair := range pairs {
		if flags.Changed(pair[0]) && flags.Changed(pair[1]) {
			return usage("--%s and --%s cannot go together", pair[0], pair[1])
		}
	}
	return nil
}

// show is how a report is made and shown, checked.
type show struct {
	options report.Options
	metrics []report.Metric // none: the usual three
	format  string
	out     string
}

// check turns the flags about showing into values.
func (o *measureFlags) check() (show, error) {
	s := show{format: o.format, out: o.out}
	var err error
	if s.options.Fibre, err = parseFibre(o.fibre); err != nil {
		return s, err
	}
	if err := s.options.Stat.UnmarshalText([]byte(o.stat)); err != nil || s.options.Stat > probe.Max {
		return s, usage("--stat %s: want min, median, avg or max", o.stat)
	}
	if err := s.options.Units.UnmarshalText([]byte(o.units)); err != nil {
		return s, usage("--units: %w", err)
	}
	s.options.Gazetteer, s.options.Atlas = geo.World(), geo.World()
	for _, setting := range o.thresholds {
		if err := s.options.Thresholds.Set(setting); err != nil {
			return s, usage("--threshold: %w", err)
		}
	}
	if o.metric != "" {
		var metric report.Metric
		if err := metric.UnmarshalText([]byte(o.metric)); err != nil {
			return s, usage("--metric: %w", err)
		}
		s.metrics = []report.Metric{metric}
	}
	if err := icmp.Check(o.options.Engine); err != nil {
		return s, usage("--engine: %w", err)
	}
	if _, ok := writers[s.format]; !ok {
		return s, usage("--format %s: want table, csv, json, markdown or html", o.format)
	}
	return s, nil
}

// inventory reads the cities; nil if none were named and none are needed.
func (o *measureFlags) inventory(std streams) (*data.Inventory, error) {
	if o.cities == "" && o.in != "" {
		return nil, nil
	}
	return o.fleetFlags.inventory(std)
}

// say talks to the person unless asked not to.
func (o *measureFlags) say(std streams, format string, args ...any) {
	if !o.quiet {
		fmt.Fprintf(std.err, format+"\n", args...)
	}
}
