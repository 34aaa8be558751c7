package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"matrix/data"
	"matrix/geo"
	"matrix/probe"
	"matrix/probe/bus"
	"matrix/report"
)

// measure is the main job: cities in, matrices out. The round comes from the
// network or from a file; all that follows is the same.
func measure(ctx context.Context, o *measureFlags, std streams) error {
	defer o.leave()
	o.books = o.history != noHistory
	s, err := o.check()
	if err != nil {
		return err
	}
	inventory, err := o.inventory(std)
	if err != nil {
		return err
	}
	if o.out != "" {
		if err := checkOut(o.out); err != nil {
			return fmt.Errorf("--out: %w", err)
		}
	}
	if err := o.checkKeep(); err != nil {
		return err
	}
	remarks, err := o.measureDistances(inventory, &s.options)
	if err != nil {
		return err
	}
	round, hosts, err := o.round(ctx, inventory, &s, std)
	if err != nil {
		return err
	}
	whole := context.WithoutCancel(ctx) // what was measured is saved, also after Ctrl-C
	saved, kept := o.keepBooked(whole, hosts, round, std)
	round.Warnings = append(round.Warnings, remarks...)
	r := report.New(round, s.options)
	if hosts != nil && s.showsTraces() {
		r = o.lookInto(ctx, hosts, round, r, s, std)
		kept = errors.Join(kept, o.keepLooks(whole, saved, round, std))
	}
	if err := errors.Join(s.write(std, r, round, o), kept); err != nil {
		return err
	}
	return roundStatus(round)
}

// measureDistances reads the distances, if they are in a file, and returns what
// is to be said of it.
func (o *measureFlags) measureDistances(inventory *data.Inventory, options *report.Options) ([]probe.Warning, error) {
	if o.distances == "" {
		return nil, nil
	}
	distances, err := data.OpenDistances(o.distances, inventory)
	if err != nil {
		return nil, err
	}
	options.Distances, options.Model = distances, "distances from "+filepath.Base(o.distances)
	return distances.Warnings, nil
}

// round reads the round, or measures it; then it returns the hosts as well.
func (o *measureFlags) round(ctx context.Context, inventory *data.Inventory, s *show, std streams) (*probe.Round, *hosts, error) {
	if o.in == "" {
		if err := inventory.CheckMeasurable(); err != nil {
			return nil, nil, err
		}
		return o.roundFromNetwork(ctx, inventory, std)
	}
	round, inventory, err := o.roundFromFile(inventory)
	if err != nil {
		return nil, nil, err
	}
	return round, nil, o.choosePairs(round, inventory, &s.options)
}

// roundFromFile reads a whole round. If no inventory was named its cities are
// one.
func (o *measureFlags) roundFromFile(inventory *data.Inventory) (*probe.Round, *data.Inventory, error) {
	round, err := data.OpenRound(o.in, inventory)
	if err != nil {
		return nil, nil, err
	}
	return withCities(round, inventory)
}

// withCities gives a round its inventory: its own cities if none was named.
func withCities(round *probe.Round, inventory *data.Inventory) (*probe.Round, *data.Inventory, error) {
	if inventory == nil {
		return round, &data.Inventory{Cities: round.Cities}, nil
	}
	round.Warnings = append(round.Warnings, inventory.Warnings...)
	return round, inventory, nil
}

// choosePairs keeps the pairs that were asked for. They are judged by the whole
// round first: a row alone has no relays and no fleet to be compared with.
func (o *measureFlags) choosePairs(round *probe.Round, inventory *data.Inventory, options *report.Options) error {
	selection, err := o.selection(inventory)
	if err != nil {
		return err
	}
	if len(selection.From)+len(selection.To) > 0 {
		whole := report.New(round, *options)
		options.Verdicts, options.Traced = whole.Verdicts, whole.Traced
	}
	round.Select(selection)
	if round.Planned() == 0 {
		return usage("%s: no pair of that selection is in it", o.in)
	}
	return nil
}

// roundFromNetwork resolves, plans and measures.
func (o *measureFlags) roundFromNetwork(ctx context.Context, inventory *data.Inventory, std streams) (*probe.Round, *hosts, error) {
	selection, err := o.selection(inventory)
	if err != nil {
		return nil, nil, err
	}
	limitRound(len(inventory.Cities))
	hosts, err := o.find(ctx, inventory.Cities, std)
	if errors.Is(err, errNames) {
		return nil, nil, &statusError{exitSomeMissed, fmt.Errorf("nothing was measured: %w", err)}
	}
	if err != nil {
		return nil, nil, err
	}
	finished := o.finishBeside(ctx, hosts, std)
	defer finished()
	progress := newProgress(std.err, o.quiet || o.verbose)
	round, err := o.roundOf(ctx, hosts, inventory, selection, progress.show)
	progress.clear()
	if err != nil {
		return nil, nil, err
	}
	if round.Partial && ctx.Err() != nil {
		o.say(std, "matrix: interrupted; this is what was measured so far, marked partial")
	}
	return round, hosts, nil
}

// roundOf plans and measures, and says in the round what its reader must know.
func (o *measureFlags) roundOf(ctx context.Context, hosts *hosts, inventory *data.Inventory, selection probe.Selection, progress func(probe.Progress)) (*probe.Round, error) {
	plan, err := probe.MakePlan(inventory.Cities, hosts.addresses, selection, o.options)
	if err != nil {
		return nil, usage("%w", err)
	}
	hosts.log.Debug("planned", "plan", plan)
	round, err := o.carryOut(ctx, hosts, plan, selection, progress)
	if err != nil {
		return nil, err
	}
	round.Version = version()
	o.annotate(round, inventory)
	return round, nil
}

// annotate says in the round what its reader must know.
func (o *measureFlags) annotate(round *probe.Round, inventory *data.Inventory) {
	round.Warnings = slices.Concat(inventory.Warnings, round.Warnings, otherVersions(round))
	if round.Options.Interval > o.options.Interval {
		round.Warnings = append(round.Warnings, probe.Warning{Text: fmt.Sprintf(
			"the interval was stretched from %v to %v, so that no host sends more than %d echo requests a second",
			o.options.Interval, round.Options.Interval, o.options.Rate)})
	}
}

// finishBeside finishes the rounds that others left open on NATS, while a new one
// is measured. The function that it returns waits for that, and says what was done.
func (o *measureFlags) finishBeside(ctx context.Context, hosts *hosts, std streams) (finished func()) {
	c := hosts.crossing
	if c == nil || !o.books {
		return func() {}
	}
	open, err := c.bus.Open(ctx)
	var said []string
	done := make(chan struct{})
	go func() {
		defer close(done)
		err = errors.Join(err, c.finishAll(ctx, open, o.history, func(format string, args ...any) {
			said = append(said, fmt.Sprintf(format, args...))
		}))
	}()
	return func() {
		<-done
		for _, text := range said {
			o.say(std, "%s", text)
		}
		if err != nil {
			// What is new is not to suffer for what is old, which stays where it is.
			o.say(std, "matrix: a round that was left open is not saved: %v", err)
		}
	}
}

// carryOut measures. Over NATS a round that is to be saved goes into the books.
func (o *measureFlags) carryOut(ctx context.Context, hosts *hosts, plan probe.Plan, selection probe.Selection, progress func(probe.Progress)) (*probe.Round, error) {
	if hosts.crossing == nil || !o.books {
		return hosts.measure(ctx, plan, progress), nil
	}
	ticket := bus.Ticket{
		Run: cmp.Or(hosts.run, bus.NewRun()), Start: time.Now().UTC(), Program: version(),
		Cities: plan.Cities, Addresses: hosts.addresses, Selection: selection, Options: o.options,
	}
	round, booked, err := hosts.crossing.measure(ctx, ticket, plan, progress)
	hosts.booked = booked
	return round, err
}

func (o *measureFlags) selection(inventory *data.Inventory) (probe.Selection, error) {
	from, err := names(inventory, o.from)
	if err != nil {
		return probe.Selection{}, err
	}
	to, err := names(inventory, o.to)
	return probe.Selection{From: from, To: to}, err
}

func names(inventory *data.Inventory, wanted []string) ([]string, error) {
	cities, err := inventory.FindAll(wanted)
	if err != nil {
		return nil, err
	}
	if len(wanted) > 0 && len(cities) == 0 {
		return nil, usage("--from and --to need the name of a city, and were given %q", wanted)
	}
	var found []string
	for _, c := range cities {
		found = append(found, c.Name)
	}
	return found, nil
}

// otherVersions warns of hosts that run another version than this program.
func otherVersions(round *probe.Round) []probe.Warning {
	var all []probe.Warning
	for _, h := range round.Hosts {
		if h.Version != "" && h.Version != round.Version {
			all = append(all, probe.Warning{Subject: h.City, Text: fmt.Sprintf("runs matrix %s, this is %s", h.Version, round.Version)})
		}
	}
	return all
}

func parseFibre(text string) (geo.MilesPerMs, error) {
	speed, err := geo.ParseFibre(text)
	if err != nil {
		return 0, usage("--fibre-speed: %w", err)
	}
	return speed, nil
}
