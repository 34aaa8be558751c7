package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"matrix/probe"
)

// Pair is the month of an ordered pair; nil if it was never planned.
func (m *Month) Pair(from, to string) *PairMonth {
	i, found := m.find(probe.Pair{From: from, To: to})
	if !found {
		return nil
	}
	return &m.Pairs[i]
}

func (m *Month) find(pair probe.Pair) (int, bool) {
	return slices.BinarySearchFunc(m.Pairs, pair, func(p PairMonth, want probe.Pair) int {
		return cmp.Or(cmp.Compare(p.From, want.From), cmp.Compare(p.To, want.To))
	})
}

// Report judges the month as a round is judged, and can be shown in all the
// ways in which a round can.
func (m *Month) Report(options Options) *Report {
	options.Month = m
	return New(m.Round(), options)
}

// Round is a month as one round: of each pair the medians over its rounds, all
// its echo requests, and measured if any round measured it.
func (m *Month) Round() *probe.Round {
	first, last := m.Rounds[0], m.Rounds[len(m.Rounds)-1]
	round := &probe.Round{
		Start: first.Start, End: last.End, Version: m.Version(), Options: m.options(), Cities: m.Cities,
		Source: fmt.Sprintf("%d rounds of %v", len(m.Rounds), m.Span), Warnings: m.Notes, Self: m.self(),
	}
	if len(m.Rounds) == 1 {
		round.Source = fmt.Sprintf("1 round of %v", m.Span)
	}
	if round.End.Before(last.Start) {
		round.End = last.Start
	}
	place := map[string]int{}
	for i, c := range m.Cities {
		place[c.Name] = i
	}
	order := make([]*PairMonth, len(m.Pairs))
	for i := range m.Pairs {
		order[i] = &m.Pairs[i]
	}
	slices.SortFunc(order, func(a, b *PairMonth) int {
		return cmp.Or(cmp.Compare(place[a.From], place[b.From]), cmp.Compare(place[a.To], place[b.To]))
	})
	for _, p := range order {
		round.Samples = append(round.Samples, p.sample())
	}
	return round
}

// sample is a month of a pair as one sample.
func (p *PairMonth) sample() probe.Sample {
	s := probe.Sample{Pair: p.Pair, State: p.state(), Sent: p.Sent, Received: p.Received}
	if len(p.Moves) > 0 {
		s.Address = p.Moves[len(p.Moves)-1].Address
	}
	if s.State != probe.Measured {
		s.Reason = fmt.Sprintf("in none of %d rounds", p.Planned)
		return s
	}
	var summary probe.Summary
	for stat, q := range p.Stats {
		if q.N > 0 {
			summary.Set(probe.Stat(stat), q.P50)
		}
	}
	s.Imported = probe.ImportedOf(summary)
	return s
}

// state is measured if any round was, and else what most of them were.
func (p *PairMonth) state() probe.State {
	if p.States[probe.Measured] > 0 {
		return probe.Measured
	}
	most := probe.NotRun
	for _, state := range probe.States() {
		if p.States[state] > p.States[most] {
			most = state
		}
	}
	return most
}

// Version is that of the program that measured the rounds, or several.
func (m *Month) Version() string {
	var versions []string
	for _, r := range m.Rounds {
		if r.Version != "" && !slices.Contains(versions, r.Version) {
			versions = append(versions, r.Version)
		}
	}
	return strings.Join(versions, ", ")
}

// options are those of all rounds; zero if they differ.
func (m *Month) options() probe.Options {
	for _, r := range m.Rounds {
		if r.Options != m.Rounds[0].Options {
			return probe.Options{}
		}
	}
	return m.Rounds[0].Options
}

// selfByHealth takes from the health of hosts what they take to reach
// themselves, the median of their rounds, where they did not ping themselves.
func (m *Month) selfByHealth() {
	times := map[string][]time.Duration{}
	for _, r := range m.Rounds {
		for _, h := range r.Hosts {
			if _, known := m.Self[h.City]; h.Health.Self > 0 && !known {
				times[h.City] = append(times[h.City], h.Health.Self)
			}
		}
	}
	for city, all := range times {
		slices.Sort(all)
		m.Self[city] = all[len(all)/2]
	}
}

// slim lets go of what was taken from the headers of the rounds: they hold every
// host of each.
func (m *Month) slim() {
	rounds := make([]*probe.Round, len(m.Rounds))
	for i, r := range m.Rounds {
		slim := *r
		slim.Hosts, slim.Warnings = nil, nil
		rounds[i] = &slim
	}
	m.Rounds = rounds
}

// self is what hosts take to reach themselves.
func (m *Month) self() []probe.Sample {
	var self []probe.Sample
	for _, c := range m.Cities {
		if median, known := m.Self[c.Name]; known {
			s := probe.Sample{Pair: probe.Pair{From: c.Name, To: c.Name}, State: probe.Measured}
			s.Imported.Set(probe.Min, median)
			self = append(self, s)
		}
	}
	return self
}

// forgetTimes lets go of the days and hours of the pairs, most of what there is
// of them, when all is said that they say.
func (m *Month) forgetTimes() {
	for i := range m.Pairs {
		m.Pairs[i].Days, m.Pairs[i].Hours = nil, nil
	}
}
