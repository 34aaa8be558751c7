package report

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"matrix/probe"
)

// Past is what a history says of two cities before a round in which something is
// wrong with them: when it was not. It is held against the same numbers as the
// round itself.
//
//	good … good  bad  bad  bad │ the round
//	        Good  Since ─ Rounds
type Past struct {
	Good    time.Time  // the last round in which all was well; zero if there is none
	RTT     *Ms        // that they took then; nil where that is not what was wrong
	Address netip.Addr // that the second city had then, as the first saw it
	Since   time.Time  // the first round after it, or of all, in which it was as bad; zero if there is none
	Rounds  int        // in which it was
}

// measuredPair is what one earlier round says of two cities.
type measuredPair struct {
	out, back Ms // floors; 0: not known
	queues    []Ms
	lows      Ms // the floors of those that have queues, summed
	heard     bool
	sent      bool
	address   netip.Addr
}

// Before adds the rounds of a span, which are before those that it knows. out and
// back are the two directions' series there; what an invalid source measured does
// not count. It is true once it has found a round that was good: earlier ones add
// nothing.
func (v *Verdicts) Before(p *PairVerdict, past *Past, rounds []*probe.Round, out, back *probe.Series) bool {
	then := make([]measuredPair, len(rounds))
	for _, s := range []*probe.Series{out, back} {
		for i := range s.Len() {
			if !v.invalid(s.From) {
				then[s.Round[i]].add(s, i, s == out)
			}
		}
	}
	for i := len(then) - 1; i >= 0; i-- {
		m := &then[i]
		if !m.sent {
			continue
		}
		good, known := v.wasWell(p, m)
		switch {
		case good:
			past.Good, past.Address = rounds[i].Start, m.address
			if rtt := m.rtt(); rtt > 0 {
				past.RTT = &rtt
			}
			return true
		case known:
			past.Since = rounds[i].Start
			past.Rounds++
		}
	}
	return false
}

// invalid says whether a host is called an invalid source.
func (v *Verdicts) invalid(city string) bool {
	return slices.ContainsFunc(v.Host(city), func(h *HostVerdict) bool { return h.Verdict == InvalidSource })
}

func (m *measuredPair) add(s *probe.Series, i int, there bool) {
	floor := Ms(0)
	for _, stat := range []probe.Stat{probe.Min, probe.Median, probe.Avg} {
		if d, ok := s.Stat(stat, i); ok && d > 0 {
			floor = Ms(millis(d))
			break
		}
	}
	if avg, ok := s.Stat(probe.Avg, i); ok && floor > 0 {
		m.queues, m.lows = append(m.queues, Ms(millis(avg))-floor), m.lows+floor
	}
	m.heard = m.heard || s.State[i] == probe.Measured
	m.sent = m.sent || s.State[i] == probe.Measured || s.State[i] == probe.Lost
	if !there {
		m.back = floor
		return
	}
	m.out = floor
	if at := s.Address[i]; at != probe.Unknown {
		m.address = s.Addresses[at]
	}
}

// rtt is the lower of the two floors; 0 if there is none.
func (m *measuredPair) rtt() Ms {
	if m.out == 0 || m.back == 0 {
		return max(m.out, m.back)
	}
	return min(m.out, m.back)
}

// wasWell says whether what is wrong with a pair now was not then; it is not
// known where that round does not have the figure. One round's loss says nothing
// of one in a hundred, so of losses it is never known.
func (v *Verdicts) wasWell(p *PairVerdict, m *measuredPair) (well, known bool) {
	t := &v.Thresholds
	rtt := m.rtt()
	switch verdict := p.still(); {
	case verdict == Unreachable:
		return m.heard, true
	case verdict == Asymmetric:
		return !t.apart(m.out, m.back), m.out > 0 && m.back > 0
	case verdict == Fine && p.Has(Congested):
		return !t.congested(m.queues, m.lows), len(m.queues) > 0
	case verdict == Fine || p.Expected == nil:
		return false, false
	case verdict == SlowUnproven:
		return rtt > 0 && !t.slow(rtt, *p.Usual), rtt > 0
	}
	return rtt > 0 && !t.slow(rtt, p.benchmark()), rtt > 0
}

// Text is a line for a ticket; "" if the history knows nothing.
func (p *Past) Text() string {
	const layout = "2006-01-02 15:04 UTC"
	bad := ""
	if !p.Since.IsZero() {
		bad = fmt.Sprintf("so since %s, in %s rounds", p.Since.UTC().Format(layout), thousandsOf(float64(p.Rounds)))
		if p.Rounds == 1 {
			bad = "so since " + p.Since.UTC().Format(layout)
		}
	}
	if p.Good.IsZero() {
		if bad == "" {
			return ""
		}
		return "not known; " + bad + ", the first ones that we have"
	}
	text := p.Good.UTC().Format(layout)
	if p.RTT != nil {
		text += fmt.Sprintf(", %.1f ms", *p.RTT)
	}
	if p.Address.IsValid() {
		text += " to " + p.Address.String()
	}
	if bad != "" {
		text += "; " + bad
	}
	return text
}
