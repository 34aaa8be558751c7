package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"matrix/probe"
)

// Mover is two cities whose RTT changed since the month before.
type Mover struct {
	From, To      string // in alphabetical order
	Before, After Ms
}

// TimeFigures are those of the whole fleet at an hour of day or on a day.
type TimeFigures struct {
	Planned, Measured int // samples; of days only
	Sent, Received    int
	Queue, Queue95    Ms // average − minimum: the median over pairs, and what one in twenty exceeds
	Pairs             int
}

// Loss is the part of the echo requests that was lost; false if none is known
// of.
func (f TimeFigures) Loss() (float64, bool) {
	if f.Sent == 0 {
		return 0, false
	}
	return float64(f.Sent-f.Received) / float64(f.Sent), true
}

// mostMovers is how many pairs are named as movers.
const mostMovers = 10

// against compares pair by pair with the month before: what was planned then
// and now, and whose RTT moved most. Where a host has another address the RTT
// is another's.
func (m *MonthReport) against(before *Month) {
	if before == nil {
		return
	}
	m.was = make([]Ms, len(m.Month.Pairs))
	moved := m.movedHosts(before)
	for i := range m.Month.Pairs {
		p := &m.Month.Pairs[i]
		was := before.Pair(p.From, p.To)
		if was == nil {
			if known(before, p.From) && known(before, p.To) {
				m.NewPairs = append(m.NewPairs, p.Pair)
			}
			continue
		}
		if was.Base == p.Base && was.Stats[p.Base].N > 0 && p.Stats[p.Base].N > 0 && !moved[p.From] && !moved[p.To] {
			m.was[i] = Ms(millis(was.Stats[p.Base].P50))
		}
	}
	for i := range before.Pairs {
		p := &before.Pairs[i]
		if m.Month.Pair(p.From, p.To) == nil && known(m.Month, p.From) && known(m.Month, p.To) {
			m.OldPairs = append(m.OldPairs, p.Pair)
		}
	}
	m.movers()
}

func known(m *Month, city string) bool {
	return slices.ContainsFunc(m.Cities, func(c probe.City) bool { return c.Name == city })
}

// movedHosts are those with more than one address of a family in the two
// months.
func (m *MonthReport) movedHosts(before *Month) map[string]bool {
	homes := map[string]*home{}
	moved := map[string]bool{}
	for _, h := range slices.Concat(before.Hosts, m.Month.Hosts) {
		if homes[h.City] == nil {
			homes[h.City] = &home{}
		}
		for _, move := range h.Moves {
			if homes[h.City].moved(move.Address) {
				moved[h.City] = true
			}
		}
	}
	return moved
}

// movers are the pairs of cities whose RTT moved most, by 1 ms and 1 % at least.
func (m *MonthReport) movers() {
	for _, p := range m.Verdicts.kept {
		now, before := p.RTT, m.wasBetween(p.From, p.To)
		if now == nil || before <= 0 {
			continue
		}
		if change := (*now - before).abs(); change >= 1 && change >= before/100 {
			m.Movers = append(m.Movers, Mover{p.From, p.To, before, *now})
		}
	}
	slices.SortStableFunc(m.Movers, func(a, b Mover) int { return cmp.Compare((b.After - b.Before).abs(), (a.After - a.Before).abs()) })
	m.Movers = m.Movers[:min(mostMovers, len(m.Movers))]
}

// wasBetween is the RTT of two cities the month before: the lower floor of the
// directions that count; 0 if it is not known of all of those that count now.
func (m *MonthReport) wasBetween(a, b string) Ms {
	least := Ms(0)
	for _, d := range [][2]string{{a, b}, {b, a}} {
		pair := m.Pair(d[0], d[1])
		if _, measured := pair.floorIf(); !measured || m.Verdicts.hostIs(d[0], InvalidSource) {
			continue
		}
		was := m.floorBefore(d[0], d[1])
		if was <= 0 {
			return 0
		}
		if least == 0 || was < least {
			least = was
		}
	}
	return least
}

// floorIf is the floor of a pair that may be nil.
func (p *Pair) floorIf() (Ms, bool) {
	if p == nil {
		return 0, false
	}
	return p.floor()
}

func (m *MonthReport) floorBefore(from, to string) Ms {
	p := m.Month.Pair(from, to)
	if p == nil || m.was == nil {
		return 0
	}
	return m.was[m.Month.index(p)]
}

// Change is by how much an ordered pair's floor differs from that of the month
// before; false if one of the two is not known, or a host has moved to another
// address.
func (m *MonthReport) Change(from, to string) (Ms, bool) {
	was := m.floorBefore(from, to)
	now, ok := m.Pair(from, to).floorIf()
	return now - was, ok && was > 0
}

// keyFigures are those of the fleet, this month and the month before.
func (m *MonthReport) keyFigures(before *Month) {
	now := m.Month.figures()
	was := make([]KeyFigure, len(now))
	if before != nil {
		was = before.figures()
	}
	for i, f := range now {
		m.Figures = append(m.Figures, KeyFigure{f.Name, f.Now, was[i].Now})
	}
}

// figures are a month's key figures, without those of another.
func (m *Month) figures() []KeyFigure {
	planned, measured, sent, received, heard := 0, 0, 0, 0, 0
	var typical []float64
	for i := range m.Pairs {
		p := &m.Pairs[i]
		planned, measured = planned+p.Planned, measured+p.States[probe.Measured]
		sent, received = sent+p.Sent, received+p.Received
		if p.States[probe.Measured] > 0 {
			heard++
		}
		if avg := p.Stats[probe.Avg]; avg.N > 0 {
			typical = append(typical, millis(avg.P50))
		}
	}
	rtt, loss := unknown, unknown
	if len(typical) > 0 {
		s := spreadOf(typical)
		rtt = fmt.Sprintf("%.1f ms", s.Median)
	}
	if sent > 0 {
		loss = fmt.Sprintf("%.3f %%", 100*float64(sent-received)/float64(sent))
	}
	return []KeyFigure{
		{Name: "cities", Now: fmt.Sprint(len(m.Cities))},
		{Name: "rounds", Now: fmt.Sprint(len(m.Rounds))},
		{Name: "pairs measured", Now: fmt.Sprintf("%d of %d", heard, len(m.Pairs))},
		{Name: "samples measured", Now: share(measured, planned)},
		{Name: "typical average RTT", Now: rtt},
		{Name: "echo requests lost", Now: loss},
	}
}

// unknown stands for a key figure that nobody knows.
const unknown = "–"

// share is a part of a whole in percent; it says 100 only of all.
func share(part, whole int) string {
	if whole == 0 {
		return unknown
	}
	percent := 100 * float64(part) / float64(whole)
	if part < whole {
		percent = min(percent, 99.99)
	}
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", percent), "0"), ".") + " %"
}

// index is where a pair is among the month's.
func (m *Month) index(p *PairMonth) int {
	i, _ := m.find(p.Pair)
	return i
}

// times are the fleet's figures by hour and by day.
func (m *MonthReport) times() {
	days := m.Month.Span.Days()
	m.Days = make([]TimeFigures, days)
	queues := make([]float64, 0, len(m.Month.Pairs))
	for h := range m.Hours {
		f := &m.Hours[h]
		queues = queues[:0]
		for i := range m.Month.Pairs {
			hour := &m.Month.Pairs[i].Hours[h]
			f.Sent, f.Received = f.Sent+int(hour.Sent), f.Received+int(hour.Received)
			if hour.Measured > 0 && m.Month.Pairs[i].Queue.N > 0 {
				queues = append(queues, float64(hour.Queue.Ms()))
			}
		}
		f.queues(queues)
	}
	for d := range m.Days {
		f := &m.Days[d]
		queues = queues[:0]
		for i := range m.Month.Pairs {
			day := &m.Month.Pairs[i].Days[d]
			f.Planned, f.Measured = f.Planned+int(day.Planned), f.Measured+int(day.Measured)
			f.Sent, f.Received = f.Sent+int(day.Sent), f.Received+int(day.Received)
			if day.Measured > 0 && m.Month.Pairs[i].Queue.N > 0 {
				queues = append(queues, float64(day.Queue.Ms()))
			}
		}
		f.queues(queues)
	}
}

func (f *TimeFigures) queues(values []float64) {
	if f.Pairs = len(values); f.Pairs > 0 {
		s := spreadOf(values)
		f.Queue, f.Queue95 = Ms(s.Median), Ms(s.P95)
	}
}
