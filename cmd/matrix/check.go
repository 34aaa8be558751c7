package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"matrix/data"
	"matrix/data/history"
	"matrix/geo"
	"matrix/probe"
	"matrix/report"
	"matrix/report/nagios"
)

// checkFlags are the flags of matrix check.
type checkFlags struct {
	measureFlags
	city              string
	warning, critical string
	usual             bool
	days              int
	factors           string
	verdicts          bool
	ignore            []string
	maxAge            time.Duration
	coverage          float64
}

const checkLong = `check is a plugin for Nagios, Icinga and what else runs such. It holds the last
round of the history against limits, against what the pairs took in the days
before, or against the verdicts: all pairs, those of a city, or the pair FROM TO
in that direction. It prints one line with performance data, and then a line for
each thing that is not well.

rta and pl of the performance data are the average round-trip time and the loss
of the worst pair; limits are ranges of the plugin guidelines.

Exit status: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN. A round that is older than
--max-age, pairs that were not measured and mistakes in the arguments are
UNKNOWN, never OK.`

func checkCommand(std streams) *cobra.Command {
	var o checkFlags
	cmd := &cobra.Command{
		Use:   "check [FROM TO]",
		Short: "Hold the last round against limits, for Nagios or Icinga",
		Long:  checkLong,
		Example: `  matrix check -w 200,40% -c 500,80%                   every pair: average RTT in ms, loss
  matrix check --city baltimore -c 40%                 those from and to a city
  matrix check baltimore "new york" --against-history  half as slow again as in the last 7 days
  matrix check --verdicts --max-age 2h                 what matrix verdicts calls wrong`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.tell(std, func() (nagios.Result, error) { return o.check(cmd.Context(), args, std) })
		},
	}
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return o.tell(std, func() (nagios.Result, error) {
			return nagios.Result{}, fmt.Errorf("%w (see %s --help)", err, cmd.CommandPath())
		})
	})
	o.registerCheck(cmd)
	return cmd
}

func (o *checkFlags) registerCheck(cmd *cobra.Command) {
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.city, "city", "", "only pairs from and to this `CITY`")
	f.StringVarP(&o.warning, "warning", "w", "", "`RTA,PL%`: warn where a pair's average RTT in ms, or its loss, is outside of these ranges")
	f.StringVarP(&o.critical, "critical", "c", "", "`RTA,PL%` from which it is critical")
	f.BoolVar(&o.usual, "against-history", false, "hold every pair against its own median of the last --days")
	f.IntVar(&o.days, "days", 7, "`DAYS` of history to compare with")
	f.StringVar(&o.factors, "factors", "1.5,2", "`WARN,CRIT`: times the usual RTT, and 10 ms more at least")
	f.BoolVar(&o.verdicts, "verdicts", false, "warn of every verdict, critical if it is unreachable, severe or extreme")
	f.StringArrayVar(&o.ignore, "ignore", nil, "a `VERDICT` that is known and accepted; repeat it, or separate them with commas")
	f.DurationVar(&o.maxAge, "max-age", 2*time.Hour, "a round that ended so long ago, `TIME`, is stale")
	f.Float64Var(&o.coverage, "coverage", 100, "`PERCENT` of the pairs that must be measured")
	registerHistory(f, &o.history)
	f.StringVar(&o.in, "in", "", "the round in this `FILE` instead of the last one of the history")
	f.StringVar(&o.cities, "cities", "", "inventory of cities, a `FILE`, for a round without them")
	f.StringArrayVar(&o.thresholds, "threshold", nil, "change a threshold of the verdicts, `NAME=VALUE`")
}

// tell prints what a plugin prints, whatever happens, and ends with its status.
func (o *checkFlags) tell(std streams, check func() (nagios.Result, error)) error {
	result, err := check()
	if err != nil {
		result = nagios.Unknowable(err.Error())
	}
	if err := result.Write(std.out); err != nil {
		return &statusError{int(nagios.Unknown), err}
	}
	if result.Status == nagios.OK {
		return nil
	}
	return &statusError{status: int(result.Status)}
}

func (o *checkFlags) check(ctx context.Context, args []string, std streams) (nagios.Result, error) {
	q, options, err := o.question(args)
	if err != nil {
		return nagios.Result{}, err
	}
	round, inventory, err := o.checkedRound(ctx, std)
	if err != nil {
		return nagios.Result{}, err
	}
	if q.Scope, err = o.scope(inventory, args); err != nil {
		return nagios.Result{}, err
	}
	if q.Usual != nil {
		if err := o.readUsual(ctx, q.Usual, round, q.Scope); err != nil {
			return nagios.Result{}, err
		}
	}
	return nagios.Check(report.New(round, options), q), nil
}

// question turns the flags into values.
func (o *checkFlags) question(args []string) (q nagios.Question, options report.Options, err error) {
	q = nagios.Question{Now: time.Now(), MaxAge: o.maxAge, Verdicts: o.verdicts, Coverage: o.coverage}
	options = report.Options{Stat: report.Avg, Gazetteer: geo.World()}
	switch {
	case len(args) != 0 && len(args) != 2:
		return q, options, fmt.Errorf("want no city or two, FROM and TO, and was given %q", args)
	case len(args) == 2 && o.city != "":
		return q, options, errors.New("--city and a pair cannot go together")
	case o.warning == "" && o.critical == "" && !o.usual && !o.verdicts:
		return q, options, errors.New("say what to hold the round against: -w and -c, --against-history or --verdicts")
	case o.maxAge <= 0:
		return q, options, fmt.Errorf("--max-age %v: want more than nothing", o.maxAge)
	case !(o.coverage >= 0 && o.coverage <= 100):
		return q, options, fmt.Errorf("--coverage %v: want a percentage", o.coverage)
	case o.usual && o.in != "":
		return q, options, errors.New("--in and --against-history cannot go together")
	}
	if q.Warning, err = limits("warning", o.warning); err != nil {
		return q, options, err
	}
	if q.Critical, err = limits("critical", o.critical); err != nil {
		return q, options, err
	}
	for _, setting := range o.thresholds {
		if err := options.Thresholds.Set(setting); err != nil {
			return q, options, fmt.Errorf("--threshold: %w", err)
		}
	}
	if q.Ignore, err = verdictList(o.ignore); err != nil {
		return q, options, fmt.Errorf("--ignore: %w", err)
	}
	if o.usual {
		q.Usual, err = o.comparison()
	}
	return q, options, err
}

func limits(flag, text string) (nagios.Limits, error) {
	if text == "" {
		return nagios.Limits{}, nil
	}
	l, err := nagios.ParseLimits(text)
	if err != nil {
		return l, fmt.Errorf("--%s: %w", flag, err)
	}
	return l, nil
}

func verdictList(lists []string) ([]report.Verdict, error) {
	var all []report.Verdict
	for _, list := range lists {
		for name := range strings.SplitSeq(list, ",") {
			var v report.Verdict
			if err := v.UnmarshalText([]byte(strings.TrimSpace(name))); err != nil {
				return nil, err
			}
			all = append(all, v)
		}
	}
	return all, nil
}

// comparison is how the past is asked, without its figures.
func (o *checkFlags) comparison() (*nagios.Usual, error) {
	if o.days < 1 || o.days > 3660 {
		return nil, fmt.Errorf("--days %d: want one or more", o.days)
	}
	warning, critical, _ := strings.Cut(o.factors, ",")
	u := &nagios.Usual{Days: o.days, Least: 10}
	var errW, errC error
	u.Warning, errW = strconv.ParseFloat(warning, 64)
	u.Critical, errC = strconv.ParseFloat(critical, 64)
	if errW != nil || errC != nil || !(u.Warning > 1) || !(u.Critical >= u.Warning) {
		return nil, fmt.Errorf("--factors %q: want two numbers above 1, the smaller first, such as 1.5,2", o.factors)
	}
	return u, nil
}

// checkedRound is the last round, or that of a file, and its cities.
func (o *checkFlags) checkedRound(ctx context.Context, std streams) (*probe.Round, *data.Inventory, error) {
	if o.in != "" {
		var inventory *data.Inventory
		if o.cities != "" {
			var err error
			if inventory, err = data.OpenInventory(o.cities); err != nil {
				return nil, nil, err
			}
		}
		return o.roundFromFile(inventory)
	}
	round, err := latestRound(ctx, o.history, std)
	if errors.Is(err, history.ErrEmpty) {
		return nil, nil, fmt.Errorf("no round: %w", err)
	}
	if err != nil {
		return nil, nil, err
	}
	return withCities(round, nil)
}

func (o *checkFlags) scope(inventory *data.Inventory, args []string) (nagios.Scope, error) {
	switch {
	case len(args) == 2:
		pair, err := findPair(inventory, args[0], args[1])
		return nagios.Scope{Pair: pair}, err
	case o.city != "":
		city, err := inventory.Find(o.city)
		return nagios.Scope{City: city.Name}, err
	}
	return nagios.Scope{}, nil
}

// readUsual fills in what the pairs of a scope took in the days before a round.
func (o *checkFlags) readUsual(ctx context.Context, u *nagios.Usual, round *probe.Round, scope nagios.Scope) error {
	h, err := openHistory(o.history)
	if err != nil {
		return err
	}
	u.Median = make(map[probe.Pair]report.Ms)
	var mu sync.Mutex
	visit := func(s *probe.Series) error {
		if ms, ok := median(s); ok {
			mu.Lock()
			defer mu.Unlock()
			u.Median[s.Pair] = ms
		}
		return nil
	}
	from, to := round.Start.AddDate(0, 0, -u.Days), round.Start
	if scope.Pair == (probe.Pair{}) {
		return h.Series(ctx, from, to, visit)
	}
	s, err := h.Pair(ctx, scope.Pair, from, to)
	if err != nil {
		return err
	}
	return visit(s)
}

// median is the median over rounds of a pair's average; false where there are
// too few.
func median(s *probe.Series) (report.Ms, bool) {
	var all []time.Duration
	for i := range s.Len() {
		if d, ok := s.Stat(probe.Avg, i); ok && s.State[i] == probe.Measured {
			all = append(all, d)
		}
	}
	if len(all) < nagios.LeastRounds {
		return 0, false
	}
	slices.Sort(all)
	middle := (all[(len(all)-1)/2] + all[len(all)/2]) / 2
	return report.Ms(float64(middle) / float64(time.Millisecond)), true
}
