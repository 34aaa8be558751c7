package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"matrix/data"
	"matrix/probe/bus"
	"matrix/probe/schedule"
	"matrix/report/webhook"
)

// serveFlags are the flags of matrix serve.
type serveFlags struct {
	measureFlags
	every   seconds
	listen  string
	site    string
	keep    string
	maxAge  time.Duration
	webhook string
	headers []string

	autonomous bool
}

const serveLong = `serve measures all pairs on a schedule, for years: at the multiples of --every in
UTC, a few seconds later by chance, and never two rounds at once. A round that
takes too long costs those that became due meanwhile; they are counted, not made
up for. Each round is saved in the history before anything else is done with it.

A host that could not be reached is tried again beside the rounds, ever more
rarely, and costs them nothing until it is back; others ping it all the same.

On --listen it serves

  /metrics    for Prometheus
  /api/v1/    JSON; /api/v1/openapi.json describes it
  /healthz    200 while the last round is fresh, 503 once it is stale
  /           a live page: the round under way, the last matrix, hosts
  /site/      the website in --site, if there is one

With --site the pages of the current month and of the last round are kept up to
date. Months that are over are compacted, and dropped after --keep.

With --via hosts are reached over NATS. Services with one schedule and one history
measure each round once: whoever begins it first. If that one dies, another one
finishes its round, or itself when it is started again. With --autonomous the
agents hold inventory and schedule, and measure also while no service is there;
what they measured meanwhile is collected by the next.

SIGHUP reads the settings and the inventory again; if they are wrong it says so,
with file, line and field, and goes on with the old ones. SIGTERM and Ctrl-C let
the round under way finish for a minute, and then save what there is of it, marked
partial; a second one does so at once.

Exit status: 0 it was told to stop, 3 the arguments, the settings or the inventory
are wrong, 4 the system failed: the address is in use, the history cannot be
written. All of these show when it starts.`

func serveCommand(std streams) *cobra.Command {
	var o serveFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Measure on a schedule, and serve pages, metrics and alarms",
		Long:  serveLong,
		Example: `  matrix serve                                     every hour, on 127.0.0.1:9876
  matrix serve --via tls://nats.example.net        over NATS; several may share schedule and history
  matrix serve --via tls://nats.example.net --autonomous
  matrix serve --every 15m --site /var/www/matrix  with a website that is always current
  matrix serve --webhook https://chat.example/hook --keep 400d`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := clashes(cmd.Flags()); err != nil {
				return err
			}
			again := func() (*serveFlags, error) { return readAgain(cmd) }
			return serve(cmd.Context(), &o, again, std)
		},
	}
	o.register(cmd.Flags())
	return cmd
}

func (o *serveFlags) register(f *pflag.FlagSet) {
	f.SortFlags = false
	o.every, o.format, o.trace = seconds(time.Hour), "table", usualTraces
	f.Var(&o.every, "every", "`TIME` from one round to the next: 30s, 15m, 1h, 24h")
	f.StringVar(&o.listen, "listen", "127.0.0.1:9876", "serve on this `ADDRESS`, or on unix:PATH; none serves nothing")
	f.StringVar(&o.site, "site", "", "keep a website in this `DIR` up to date")
	f.StringVar(&o.keep, "keep", "", "drop months of the history that ended so long ago, `TIME` such as 400d (default never)")
	f.DurationVar(&o.maxAge, "max-age", 0, "a round that ended so long ago, `TIME`, is stale (default twice --every, and a minute)")
	f.StringVar(&o.webhook, "webhook", "", "post alarms as JSON to this `URL`")
	f.StringArrayVar(&o.headers, "webhook-header", nil, "with this `HEADER`, such as \"Authorization: Bearer …\"; repeat it")
	o.registerCities(f)
	o.registerPings(f)
	registerHistory(f, &o.history)
	f.Var(&o.trace, "trace", "measure the worst `N` anomalies again after a round, and trace those that are still there; or none")
	f.StringVar(&o.stat, "stat", "avg", "which round-trip time tables show: min, median, avg or max")
	f.StringVar(&o.units, "units", "mi", "mi or km")
	f.StringVar(&o.fibre, "fibre-speed", "0.65c", "speed of light in fibre: a fraction of c, or miles per millisecond")
	f.StringVar(&o.distances, "distances", "", "distances in miles from this `FILE` instead of coordinates")
	f.StringArrayVar(&o.thresholds, "threshold", nil, "change a threshold of the verdicts, `NAME=VALUE`")
	o.registerReach(f)
	o.registerVia(f)
	f.BoolVar(&o.autonomous, "autonomous", false, "have the agents hold inventory and schedule, and begin rounds by themselves; this side only collects them")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "no progress, no remarks")
	o.registerVerbose(f)
}

// readAgain reads the settings as if the service were started now, with the same
// command line.
func readAgain(cmd *cobra.Command) (*serveFlags, error) {
	root := newRoot(streams{})
	var fresh *cobra.Command
	for _, c := range root.Commands() {
		if c.Name() == cmd.Name() {
			root.RemoveCommand(c)
			fresh = &cobra.Command{Use: c.Use}
		}
	}
	var o serveFlags
	o.register(fresh.Flags())
	root.AddCommand(fresh)
	if err := fresh.ParseFlags(nil); err != nil { // takes in those of the root
		return nil, err
	}
	var failed error
	cmd.Flags().Visit(func(f *pflag.Flag) {
		values := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		for _, value := range values {
			failed = errors.Join(failed, fresh.Flags().Set(f.Name, value))
		}
	})
	if failed != nil {
		return nil, failed
	}
	return &o, blame(fresh, applySettings(fresh))
}

// regime is what the service goes by until it is told to look again: flags,
// settings and inventory, checked.
type regime struct {
	*serveFlags
	inventory *data.Inventory
	show      show
	remarks   []string // on the distances
	schedule  schedule.Schedule
	keepFor   time.Duration // 0: for ever
}

// regime checks everything that can be checked before a round.
func (o *serveFlags) regime(std streams) (*regime, error) {
	r := &regime{serveFlags: o}
	o.books = true
	var err error
	if r.schedule, err = schedule.New(time.Duration(o.every), o.seed()); err != nil {
		return nil, usage("--every: %w", err)
	}
	if o.autonomous && !o.isVia() {
		return nil, usage("--autonomous: only agents measure by themselves; say with --via or --nats-listen where they are")
	}
	if o.maxAge < 0 {
		return nil, usage("--max-age %v: want a time that is not negative", o.maxAge)
	}
	if o.keepsFor(&r.keepFor); r.keepFor < 0 {
		return nil, usage("--keep %s: want at least 32d, such as 400d", o.keep)
	}
	if err := o.checkListen(); err != nil {
		return nil, err
	}
	if _, err := o.hook(nil); err != nil {
		return nil, err
	}
	if err := o.options.Check(); err != nil {
		return nil, usage("%w", err)
	}
	if r.show, err = o.check(); err != nil {
		return nil, err
	}
	if o.cities == "-" {
		return nil, usage("--cities -: a service reads its inventory again; name a file")
	}
	if r.inventory, err = o.inventory(std); err != nil {
		return nil, err
	}
	if err := r.inventory.CheckMeasurable(); err != nil {
		return nil, err
	}
	if len(r.inventory.Cities) < 2 {
		return nil, usage("%s has one city: there is no pair to measure", cmp.Or(o.cities, "cities.csv"))
	}
	warnings, err := o.measureDistances(r.inventory, &r.show.options)
	for _, w := range warnings {
		r.remarks = append(r.remarks, w.Subject+": "+w.Text)
	}
	return r, err
}

// checkListen refuses what would be served on a port by chance, and everywhere.
func (o *serveFlags) checkListen() error {
	path, isPath := strings.CutPrefix(o.listen, "unix:")
	if isPath && path != "" || o.listen == "none" {
		return nil
	}
	if _, port, err := net.SplitHostPort(o.listen); isPath || err != nil || port == "" {
		return usage("--listen %q: want HOST:PORT, such as 127.0.0.1:9876, unix:PATH, or none", o.listen)
	}
	return nil
}

// keepsFor reads --keep; a negative one is none that can be taken.
func (o *serveFlags) keepsFor(length *time.Duration) {
	if o.keep == "" {
		return
	}
	now := time.Now()
	since, err := moment(o.keep, now)
	if *length = now.Sub(since); err != nil || *length < 32*24*time.Hour || !strings.HasSuffix(o.keep, "d") {
		*length = -1
	}
}

// stale is the age from which a round is stale.
func (r *regime) stale() time.Duration {
	if r.maxAge > 0 {
		return r.maxAge
	}
	return 2*r.schedule.Every + time.Minute
}

// seed differs from fleet to fleet; where agents measure by themselves, all services
// of the fleet have the same.
func (o *serveFlags) seed() uint64 {
	sum := fnv.New64a()
	if key, err := bus.ReadKey(o.keyFile()); o.autonomous && err == nil {
		public, _ := key.Public() // it was read as one
		fmt.Fprint(sum, public)
		return sum.Sum64()
	}
	host, _ := os.Hostname() // without it the seed is as good
	fmt.Fprintln(sum, host, o.history, o.cities)
	return sum.Sum64()
}

// hook is who posts messages; nil if nobody is to.
func (o *serveFlags) hook(report func(error)) (*webhook.Sender, error) {
	if o.webhook == "" {
		return nil, nil
	}
	headers := map[string]string{}
	for _, h := range o.headers {
		name, value, ok := strings.Cut(h, ":")
		if !ok || strings.ContainsAny(h, "\r\n") || strings.TrimSpace(name) == "" {
			return nil, usage("--webhook-header: want a name, a colon and a value") // it may hold a secret
		}
		headers[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	sender, err := webhook.New(webhook.Settings{URL: o.webhook, Headers: headers, Report: report})
	if err != nil {
		return nil, usage("--webhook: %w", err)
	}
	return sender, nil
}

// serve is the service, from its start to its end.
func serve(ctx context.Context, o *serveFlags, again func() (*serveFlags, error), std streams) error {
	std.err = &oneByOne{w: std.err}
	r, err := o.regime(std)
	if err != nil {
		return err
	}
	s := &service{std: std, again: again}
	s.regime.Store(r)
	if err := s.open(ctx); err != nil {
		r.leave()
		return err
	}
	return s.run(ctx)
}
