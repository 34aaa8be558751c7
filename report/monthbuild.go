package report

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"matrix/probe"
)

// ErrNoRounds says that a history has no rounds in a span.
var ErrNoRounds = errors.New("no round began in that time")

// NewMonth gathers what a history knows of a span. It is as parallel as the
// history hands over its series, and keeps none of them.
//
//	Rounds ─ calendar ─┐
//	Series ─ worker ───┼─ PairMonth… ─┬─ sorted
//	       ─ worker ───┘   who answered ─ HostMonth… (down, moved) ─ what is no loss of a pair
func NewMonth(ctx context.Context, history History, span Span) (*Month, error) {
	return newMonth(ctx, history, span, func(int, int) {})
}

// newMonth tells progress how many pairs it has, of how many at most.
func newMonth(ctx context.Context, history History, span Span, progress func(done, all int)) (*Month, error) {
	rounds, err := history.Rounds(ctx, span.From, span.To)
	if err != nil {
		return nil, fmt.Errorf("month %v: rounds: %w", span, err)
	}
	if len(rounds) == 0 {
		return nil, fmt.Errorf("month %v: %w", span, ErrNoRounds)
	}
	for _, r := range rounds {
		if r.Start.Before(span.From) || !r.Start.Before(span.To) {
			return nil, fmt.Errorf("month %v: the history has a round of %v in it", span, r.Start)
		}
	}
	m := &Month{Span: span, Rounds: rounds, Cities: monthCities(rounds), Self: map[string]time.Duration{}}
	g := newGathering(m)
	g.progress = progress
	if err := history.Series(ctx, span.From, span.To, g.visit); err != nil {
		return nil, fmt.Errorf("month %v: series: %w", span, err)
	}
	if err := g.finish(); err != nil {
		return nil, fmt.Errorf("month %v: series: %w", span, err)
	}
	m.Notes = monthNotes(rounds, problems(history))
	m.selfByHealth()
	m.slim()
	m.tell(history)
	return m, nil
}

// monthCities are all cities of the rounds as they were last: those of the last
// round first, in its order, then those that were gone by then, by name.
func monthCities(rounds []*probe.Round) []probe.City {
	cities := slices.Clone(rounds[len(rounds)-1].Cities)
	known := map[string]bool{}
	for _, c := range cities {
		known[c.Name] = true
	}
	last := len(cities)
	for _, round := range slices.Backward(rounds) {
		for _, c := range round.Cities {
			if !known[c.Name] {
				known[c.Name] = true
				cities = append(cities, c)
			}
		}
	}
	slices.SortFunc(cities[last:], func(a, b probe.City) int { return cmp.Compare(a.Name, b.Name) })
	return cities
}

// gathering is a month on its way.
type gathering struct {
	month *Month
	days  []int16 // by round: which day of the span it is in
	hours []int16 // by round: which hour of day
	city  map[string]int

	progress func(done, all int)

	mu      sync.Mutex
	pairs   []*pairAndRuns
	workers []*worker // all of them,
	idle    []*worker // and those that have nothing to do
}

// pairAndRuns is a pair with the stretches in which nothing came back.
type pairAndRuns struct {
	PairMonth
	silent []silence
}

// silence is a stretch of rounds, first to last, in each of which so many echo
// requests were sent and none was answered.
type silence struct{ first, last, sent int32 }

func newGathering(m *Month) *gathering {
	g := &gathering{month: m, city: map[string]int{}}
	for i, c := range m.Cities {
		g.city[c.Name] = i
	}
	for _, r := range m.Rounds {
		g.days = append(g.days, int16(m.Span.Day(r.Start)))
		g.hours = append(g.hours, int16(r.Start.UTC().Hour()))
	}
	return g
}

// toldEvery is after how many pairs it is told how far a month is.
const toldEvery = 500

// visit takes one series in.
func (g *gathering) visit(s *probe.Series) error {
	if err := g.check(s); err != nil {
		return err
	}
	if s.IsSelf() {
		g.toItself(s)
		return nil
	}
	w := g.worker()
	p := w.pair(s)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.idle = append(g.idle, w)
	g.pairs = append(g.pairs, p)
	if n := len(g.city); len(g.pairs)%toldEvery == 0 {
		g.progress(len(g.pairs), n*(n-1))
	}
	return nil
}

// toItself takes in what a city takes to reach itself.
func (g *gathering) toItself(s *probe.Series) {
	for _, stat := range []probe.Stat{probe.Min, probe.Median, probe.Avg} {
		var values []int32
		for i, us := range s.Stats[stat] {
			if us != probe.Unknown && s.State[i] == probe.Measured {
				values = append(values, us)
			}
		}
		if len(values) == 0 {
			continue
		}
		slices.Sort(values)
		g.mu.Lock()
		defer g.mu.Unlock()
		g.month.Self[s.From] = Micros(values[len(values)/2]).Duration()
		return
	}
}

// worker is one that has nothing to do. There are as many as goroutines visit at
// once. (A sync.Pool would forget those that have counted.)
func (g *gathering) worker() *worker {
	g.mu.Lock()
	defer g.mu.Unlock()
	if n := len(g.idle); n > 0 {
		w := g.idle[n-1]
		g.idle = g.idle[:n-1]
		return w
	}
	w := newWorker(g)
	g.workers = append(g.workers, w)
	return w
}

// check refuses a series that would make wrong figures, or none.
func (g *gathering) check(s *probe.Series) error {
	columns := [...]int{len(s.State), len(s.Sent), len(s.Received), len(s.Address),
		len(s.Stats[0]), len(s.Stats[1]), len(s.Stats[2]), len(s.Stats[3]), len(s.Stats[4]), len(s.Stats[5])}
	for _, n := range columns {
		if n != s.Len() {
			return fmt.Errorf("%v: columns of %d and %d samples", s.Pair, s.Len(), n)
		}
	}
	for i, r := range s.Round {
		if r < 0 || int(r) >= len(g.days) || i > 0 && r <= s.Round[i-1] {
			return fmt.Errorf("%v: sample %d is of round %d, after round %d of %d", s.Pair, i, r, s.Round[max(0, i-1)], len(g.days))
		}
		if s.State[i] > probe.Excluded || int(s.Address[i]) >= len(s.Addresses) || s.Address[i] < probe.Unknown {
			return fmt.Errorf("%v: sample %d has state %d and address %d of %d", s.Pair, i, s.State[i], s.Address[i], len(s.Addresses))
		}
	}
	for _, name := range []string{s.From, s.To} {
		if _, known := g.city[name]; !known {
			return fmt.Errorf("%v: %s is a city of no round", s.Pair, name)
		}
	}
	return nil
}

// finish makes the month of what was gathered.
func (g *gathering) finish() error {
	m := g.month
	slices.SortFunc(g.pairs, func(a, b *pairAndRuns) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
	})
	for i := 1; i < len(g.pairs); i++ {
		if g.pairs[i].Pair == g.pairs[i-1].Pair {
			return fmt.Errorf("%v: handed over twice", g.pairs[i].Pair)
		}
	}
	answers := newAnswers(len(m.Cities), len(m.Rounds))
	for _, w := range g.workers {
		answers.add(w.answers)
	}
	answers.forgetIdle()
	down := answers.down()
	m.Pairs = make([]PairMonth, len(g.pairs))
	for i, p := range g.pairs {
		g.forgive(p, down[g.city[p.To]])
		m.Pairs[i] = p.PairMonth
	}
	m.Hosts = g.hosts(answers)
	g.pairs = nil
	return nil
}

// forgive takes what was sent to a host while it was down out of the pair's
// loss: one fault of a host is not a fault of each of its pairs.
func (g *gathering) forgive(p *pairAndRuns, down []bool) {
	for _, s := range p.silent {
		for r := s.first; r <= s.last; r++ {
			if !down[r] {
				continue
			}
			p.Sent -= int(s.sent)
			p.AwaySent += int(s.sent)
			p.Days[g.days[r]].Sent -= s.sent
			hour := &p.Hours[g.hours[r]]
			hour.Sent -= s.sent
			hour.Counted--
			hour.Lossy--
		}
	}
}

// hosts says what became of each host.
func (g *gathering) hosts(answers *answers) []HostMonth {
	hosts := make([]HostMonth, len(g.month.Cities))
	for i, c := range g.month.Cities {
		hosts[i].City = c.Name
	}
	for i := range g.month.Rounds {
		g.hostsOf(i, hosts)
	}
	for c := range hosts {
		h := &hosts[c]
		h.Planned, h.Ran = answers.ran(c)
		h.Down, h.DownRounds = g.stretches(answers.of(c), tally.isDown)
		h.Skipped, _ = g.stretches(answers.of(c), tally.wasSkipped)
		h.Nameless, _ = g.stretches(answers.of(c), tally.isNameless)
	}
	g.addresses(hosts)
	return hosts
}

// hostsOf takes in the header of a round.
func (g *gathering) hostsOf(i int, hosts []HostMonth) {
	round := g.month.Rounds[i]
	for _, c := range round.Cities {
		h := &hosts[g.city[c.Name]]
		if h.First.IsZero() {
			h.First = round.Start
		}
		h.Last = round.Start
	}
	for _, host := range round.Hosts {
		at, known := g.city[host.City]
		if !known {
			continue
		}
		h := &hosts[at]
		if host.Version != "" && !slices.Contains(h.Versions, host.Version) {
			h.Versions = append(h.Versions, host.Version)
		}
		if len(host.Health.Complaints(round.Options.Interval)) > 0 {
			h.Sick++
		}
		h.clock(round.Start, host.Health)
	}
}

// clock notes what a round says of a host's clock.
func (h *HostMonth) clock(at time.Time, health probe.Health) {
	if health.Steps == 0 && health.Offset.Abs() <= probe.ClockMayErr {
		return
	}
	if h.Clock == nil {
		h.Clock = &ClockMonth{First: at}
	}
	c := h.Clock
	c.Last = at
	c.Rounds++
	c.Steps += health.Steps
	if health.Offset.Abs() > c.Offset.Abs() {
		c.Offset = health.Offset
	}
}

// mostStretches is how many stretches of a host are kept.
const mostStretches = 10

// stretches are those in which a host was so, longest first.
func (g *gathering) stretches(host []tally, so func(tally) bool) (all []Stretch, total int) {
	rounds := g.month.Rounds
	for i := 0; i < len(host); i++ {
		first, answered := i, true
		for ; i < len(host) && so(host[i]); i++ {
			answered = answered && host[i].heard > 0
		}
		if i == first {
			continue
		}
		total += i - first
		to := g.known()
		if i < len(rounds) {
			to = rounds[i].Start
		}
		all = append(all, Stretch{Span: Span{rounds[first].Start, to}, Rounds: i - first, Answered: answered})
	}
	slices.SortStableFunc(all, func(a, b Stretch) int { return cmp.Compare(b.To.Sub(b.From), a.To.Sub(a.From)) })
	return all[:min(mostStretches, len(all))], total
}

// known is up to when the rounds say anything: nothing is known of the time
// after the last one, which may not have come yet. A round of which it is not
// known when it ended lasts as long as the rounds are apart as a rule.
func (g *gathering) known() time.Time {
	rounds := g.month.Rounds
	last := rounds[len(rounds)-1]
	if last.End.After(last.Start) {
		return last.End
	}
	var apart []time.Duration
	for i := range len(rounds) - 1 {
		apart = append(apart, rounds[i+1].Start.Sub(rounds[i].Start))
	}
	to := last.Start
	if len(apart) > 0 {
		slices.Sort(apart)
		to = to.Add(apart[len(apart)/2])
	}
	if to.After(g.month.Span.To) {
		return g.month.Span.To
	}
	return to
}

// addresses are those at which each host was pinged. Names are looked up once a
// round, so the pairs agree; the one that was planned most often speaks for all,
// and the others may know earlier.
func (g *gathering) addresses(hosts []HostMonth) {
	speaker := make([]*PairMonth, len(hosts))
	for i := range g.month.Pairs {
		p := &g.month.Pairs[i]
		if to := g.city[p.To]; speaker[to] == nil || p.Planned > speaker[to].Planned {
			speaker[to] = p
		}
	}
	for c, p := range speaker {
		if p != nil {
			hosts[c].Moves = slices.Clone(p.Moves)
		}
	}
	for i := range g.month.Pairs {
		p := &g.month.Pairs[i]
		moves := hosts[g.city[p.To]].Moves
		for k := range min(len(moves), len(p.Moves)) {
			if m := p.Moves[k]; m.Address == moves[k].Address && m.Since.Before(moves[k].Since) {
				moves[k].Since = m.Since
			}
		}
	}
}
