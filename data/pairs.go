package data

import (
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"matrix/probe"
)

// Bounds of the texts that a round carries.
const (
	maxReason = 1000
	maxSent   = 1_000_000 // echo requests a pair; the program itself sends at most 10,000
)

// pairList reads our own pairs.csv. We wrote it ourselves, so what is wrong in
// it is a mistake, not a fault to live with.
type pairList struct {
	*sheet
	*gathering
	columns columns
	lines   map[link]int
}

var pairColumns = append([]string{"source", "destination", "timestamp", "sent", "received", "state", "address", "reason"}, statColumns...)

func readPairs(s *sheet, inv *Inventory) (*probe.Round, error) {
	b := &pairList{sheet: s, gathering: newGathering(s.file, inv), lines: make(map[link]int)}
	b.columns = s.findColumns(pairColumns)
	for {
		r, ok := s.next()
		if !ok {
			break
		}
		if !s.ragged(r) {
			b.row(r)
		}
	}
	if len(b.lines) == 0 && !s.any() && s.err() == nil {
		s.whole("no pair: the file has only its header line", "")
	}
	if err := s.err(); err != nil {
		return nil, err
	}
	return b.round("not"), nil
}

func (b *pairList) row(r row) {
	from, ok := b.city(r, "source")
	to, ok2 := b.city(r, "destination")
	if !ok || !ok2 {
		return
	}
	at := link{from, to}
	if line, twice := b.lines[at]; twice {
		b.bad(r, b.columns["destination"], fmt.Sprintf("line %d has this pair already", line), "keep one of them")
		return
	}
	b.lines[at] = r.line
	b.from[from], b.to[to] = true, true
	s := probe.Sample{Reason: probe.Clean(b.columns.get(r, "reason"), maxReason)}
	if err := s.State.UnmarshalText([]byte(b.columns.get(r, "state"))); err != nil {
		b.bad(r, b.columns["state"], "not a state", fmt.Sprintf("states are %v", probe.States()))
		return
	}
	s.Sent, s.Received = b.count(r, "sent"), b.count(r, "received")
	s.At, s.Address = b.when(r), b.address(r)
	b.figures(r, &s, from == to)
	b.samples[at] = s
}

func (b *pairList) city(r row, column string) (int, bool) {
	text := b.columns.get(r, column)
	city, ok := b.cities.find(text)
	if !ok {
		problem, hint := b.cities.unknown(text)
		b.bad(r, b.columns[column], problem, hint)
	}
	return city, ok
}

func (b *pairList) count(r row, column string) int {
	text := b.columns.get(r, column)
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > maxSent {
		b.bad(r, b.columns[column], "not a count of echo requests", fmt.Sprintf("write a whole number from 0 to %d", maxSent))
		return 0
	}
	return n
}

func (b *pairList) when(r row) time.Time {
	text := b.columns.get(r, "timestamp")
	if text == "" {
		return time.Time{}
	}
	at, err := timestamp(text)
	if err != nil {
		b.bad(r, b.columns["timestamp"], "not a time", "write it as 2020-07-19T00:00:00Z")
	}
	return at
}

func (b *pairList) address(r row) netip.Addr {
	text := b.columns.get(r, "address")
	if text == "" {
		return netip.Addr{}
	}
	addr, err := parseAddr(text)
	if err != nil {
		b.bad(r, b.columns["address"], "not an IP address", "write it as 192.0.2.1 or 2001:db8::1")
	}
	return addr
}

// parseAddr is ParseAddr.
func parseAddr(text string) (netip.Addr, error) {
	if err := probe.CheckHost(text); err != nil {
		return netip.Addr{}, err
	}
	return netip.ParseAddr(text)
}

// figures reads the statistics and holds them against the state.
func (b *pairList) figures(r row, s *probe.Sample, self bool) {
	some := false
	for _, name := range statColumns {
		cell := b.columns.get(r, name)
		if cell == "" {
			continue
		}
		v, problem, hint := number(cell)
		if problem == "" && (v < 0 || v > milliseconds(maxRTT)) {
			problem, hint = fmt.Sprintf("not between 0 and %v", maxRTT), "times are in milliseconds"
		}
		if problem != "" {
			b.bad(r, b.columns[name], problem, hint)
			return
		}
		some = true
		s.Imported.Set(statNamed(name), duration(v))
	}
	problem := disagreement(s, some)
	if problem == "" && some {
		problem = implausible(s.Imported.Summary(), self)
	}
	if problem != "" {
		b.bad(r, b.columns["state"], problem, "correct the row")
	}
}

// disagreement says where a sample contradicts itself: only a measured pair has
// figures, and it has some.
func disagreement(s *probe.Sample, figures bool) string {
	switch {
	case s.Received > s.Sent:
		return fmt.Sprintf("%d received of %d sent", s.Received, s.Sent)
	case s.State == probe.Measured && !figures:
		return "measured, but no figures"
	case s.State == probe.Measured && s.Sent > 0 && s.Received == 0:
		return "measured, but nothing received"
	case s.State != probe.Measured && figures:
		return "figures of a pair that was not measured"
	case s.State != probe.Measured && s.Received > 0:
		return "replies of a pair that was not measured"
	}
	return ""
}
