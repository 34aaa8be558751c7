package data

import (
	"fmt"
	"time"

	"matrix/probe"
)

// sample checks one line of samples or self, and adds it.
func (r *roundReader) sample(line sampleJSON, into *[]probe.Sample) error {
	s, err := sampleFromJSON(line)
	if err != nil {
		return r.mistake("%s → %s: %v", shown(line.From), shown(line.To), err)
	}
	self := into == &r.round.Self
	switch {
	case s.IsSelf() != self && self:
		return r.mistake("%s → %s is not a ping of itself", shown(line.From), shown(line.To))
	case s.IsSelf() != self:
		return r.mistake("%s pings itself, and stands among the pairs", shown(line.From))
	case r.pairs[s.Pair]:
		return r.mistake("%s → %s is there twice", shown(line.From), shown(line.To))
	}
	r.pairs[s.Pair] = true
	*into = append(*into, s)
	return nil
}

// checkPairs is done last: a file may name its cities after its samples.
func (r *roundReader) checkPairs() error {
	for _, samples := range [][]probe.Sample{r.round.Samples, r.round.Self} {
		for i := range samples {
			for _, name := range []string{samples[i].From, samples[i].To} {
				if !r.cities[name] {
					return r.mistake("a pair has the city %q, which is not among the cities", shown(name))
				}
			}
		}
	}
	for _, l := range r.round.Looks {
		if !r.cities[l.From] || !r.cities[l.To] {
			return r.mistake("%s → %s was looked into, and is not among the cities", shown(l.From), shown(l.To))
		}
	}
	for _, h := range r.round.Hosts {
		if !r.cities[h.City] {
			return r.mistake("a host is in the city %q, which is not among the cities", h.City)
		}
	}
	return nil
}

func sampleFromJSON(line sampleJSON) (probe.Sample, error) {
	s := probe.Sample{Pair: probe.Pair{From: line.From, To: line.To}, Reason: probe.Clean(line.Reason, maxReason)}
	if line.State == nil {
		return s, fmt.Errorf("no state")
	}
	s.State = *line.State
	if line.At != nil {
		at, err := sane(*line.At)
		if err != nil {
			return s, err
		}
		s.At = at
	}
	if line.Address != "" {
		addr, err := parseAddr(line.Address)
		if err != nil {
			return s, fmt.Errorf("address: %w", err)
		}
		s.Address = addr
	}
	if err := counts(line, &s); err != nil {
		return s, err
	}
	s.Cut, s.TTL, s.Stamps, s.Odd = line.Cut, line.TTL, line.Stamps, line.Odd
	if s.TTL < 0 || s.TTL > 255 {
		return s, fmt.Errorf("a TTL of %d is not between 0 and 255", s.TTL)
	}
	if !s.Odd.Plausible() {
		return s, fmt.Errorf("%+v cannot be counts", s.Odd)
	}
	for _, us := range line.RTTs {
		d := time.Duration(us) * time.Microsecond
		if us < 0 || us > maxRTT.Microseconds() {
			return s, fmt.Errorf("an RTT of %d µs is not between 0 and %v", us, maxRTT)
		}
		s.RTTs = append(s.RTTs, d)
	}
	if err := imported(line, &s); err != nil {
		return s, err
	}
	return s, check(&s)
}

func counts(line sampleJSON, s *probe.Sample) error {
	if line.Sent != nil {
		s.Sent = *line.Sent
	}
	if line.Received != nil {
		s.Received = *line.Received
	}
	if s.Sent < 0 || s.Sent > maxSent || s.Received < 0 {
		return fmt.Errorf("%d received of %d sent", s.Received, s.Sent)
	}
	return nil
}

func imported(line sampleJSON, s *probe.Sample) error {
	if line.Imported == nil {
		return nil
	}
	for stat, field := range line.Imported.fields() {
		if *field == nil {
			continue
		}
		d := time.Duration(**field)
		if d < 0 || d > maxRTT {
			return fmt.Errorf("%v of %v is not between 0 and %v", probe.Stat(stat), d, maxRTT)
		}
		s.Imported.Set(probe.Stat(stat), d)
	}
	return nil
}

// check holds the parts of a sample against each other.
func check(s *probe.Sample) error {
	summary := s.Summary()
	_, hasAvg := summary.Get(probe.Avg)
	_, hasMin := summary.Get(probe.Min)
	if problem := disagreement(s, hasAvg || hasMin); problem != "" {
		return fmt.Errorf("%s", problem)
	}
	if len(s.RTTs) > 0 && len(s.RTTs) != s.Received {
		return fmt.Errorf("%d RTTs of %d replies", len(s.RTTs), s.Received)
	}
	return nil
}
