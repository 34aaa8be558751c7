package live

import (
	"cmp"
	"time"

	"matrix/report"
)

// HostState is how a host is.
type HostState string

const (
	HostUp     HostState = "up"     // it measured in the last round
	HostFailed HostState = "failed" // it could not, or stopped early
	HostAway   HostState = "away"   // it is known to be down, and tried now and then
)

// Host is a host that measures.
type Host struct {
	City   string
	State  HostState
	Reason string       // why it is not up; "" if it is
	Hint   string       // what a person can do about it
	Away   *Away        // of a host that is away
	Round  *report.Host // what the last round knows of it; nil: it was not asked
}

// Hosts are those that were to measure in the last round, in the order of the
// inventory.
func (s *Snapshot) Hosts() []Host {
	if s.Round == nil {
		return nil
	}
	known, away := map[string]*report.Host{}, map[string]*Away{}
	for i := range s.Round.Hosts {
		known[s.Round.Hosts[i].City] = &s.Round.Hosts[i]
	}
	for i := range s.Away {
		away[s.Away[i].City] = &s.Away[i]
	}
	var list []Host
	for _, c := range s.Round.Cities {
		h := Host{City: c.Name, State: HostUp, Round: known[c.Name], Away: away[c.Name]}
		if h.Round == nil && h.Away == nil {
			continue
		}
		if h.Round != nil && h.Round.Error != "" {
			h.State, h.Reason, h.Hint = HostFailed, h.Round.Error, h.Round.Hint
		}
		if h.Away != nil {
			h.State, h.Reason = HostAway, cmp.Or(h.Away.Reason, h.Reason)
		}
		list = append(list, h)
	}
	return list
}

// Age is how long ago the last round ended; never negative, and 0 before the
// first.
func (s *Snapshot) Age(now time.Time) time.Duration {
	if ended := s.Ended(); !ended.IsZero() {
		return max(0, now.Sub(ended))
	}
	return 0
}
