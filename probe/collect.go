package probe

import (
	"fmt"
	"time"
)

// tally is what is known so far of one target of a job.
type tally struct {
	outcomes []Outcome       // by sequence number; zero: not known yet
	rtts     []time.Duration // by sequence number; of replies only
	known    int             // how many outcomes are known
	reason   string          // the last echo's reason, if any gave one
	ttl      int             // of the last reply that had one
	stamps   Stamps          // the worst of its replies'
	odd      Oddities
}

// collector gathers the echoes of one job. Echoes come from a host that may
// lie, so nothing is taken for granted.
type collector struct {
	job     Job
	tallies []tally
	done    int // targets of which every outcome is known
	refused int // echoes that could not be true
}

func newCollector(job Job) *collector {
	return &collector{job: job, tallies: make([]tally, len(job.Targets))}
}

// add takes one echo in, or says why it cannot be true. The first fate of an
// echo request stands.
func (c *collector) add(e Echo) error {
	if err := c.check(e); err != nil {
		c.refused++
		return err
	}
	t := &c.tallies[e.Target]
	if e.Outcome == Odd {
		t.odd.Add(e.Odd)
		return nil
	}
	if t.outcomes == nil {
		t.outcomes = make([]Outcome, c.job.Count)
		t.rtts = make([]time.Duration, c.job.Count)
	}
	if t.outcomes[e.Seq] != 0 {
		c.refused++
		return fmt.Errorf("echo %d to %s was reported twice", e.Seq, c.job.Targets[e.Target].City)
	}
	t.outcomes[e.Seq], t.rtts[e.Seq] = e.Outcome, e.RTT
	t.known++
	if e.TTL != 0 {
		t.ttl = e.TTL
	}
	if e.Stamps != 0 && (t.stamps == 0 || e.Stamps < t.stamps) {
		t.stamps = e.Stamps
	}
	if e.Reason != "" {
		t.reason = Clean(e.Reason, 200)
	}
	if t.known == c.job.Count {
		c.done++
	}
	return nil
}

func (c *collector) check(e Echo) error {
	switch {
	case e.Target < 0 || e.Target >= len(c.tallies):
		return fmt.Errorf("echo for target %d of %d", e.Target, len(c.tallies))
	case e.Outcome == Odd && !e.Odd.Plausible():
		return fmt.Errorf("%+v cannot be counts", e.Odd)
	case e.Outcome == Odd:
		return nil
	case e.Seq < 0 || e.Seq >= c.job.Count:
		return fmt.Errorf("echo %d of %d", e.Seq, c.job.Count)
	case e.Outcome < Replied || e.Outcome > Unsent:
		return fmt.Errorf("echo with outcome %d", e.Outcome)
	case e.TTL < 0 || e.TTL > 255 || e.Stamps > KernelStamps:
		return fmt.Errorf("reply with a TTL of %d and time stamps of kind %d", e.TTL, e.Stamps)
	case e.Outcome == Replied && (e.RTT <= 0 || e.RTT > c.job.Timeout):
		return fmt.Errorf("reply after %v, with a timeout of %v", e.RTT, c.job.Timeout)
	}
	return nil
}

// sample is what became of one target. ended says why the job ended before
// every fate was known, and which state that means for a pair of which nothing
// is known.
func (c *collector) sample(target int, start time.Time, ended ending) Sample {
	t, goal := &c.tallies[target], c.job.Targets[target]
	s := Sample{Pair: Pair{c.job.From, goal.City}, Address: goal.Addr, Reason: t.reason, TTL: t.ttl, Stamps: t.stamps, Odd: t.odd}
	unsent := 0
	for seq, outcome := range t.outcomes {
		switch outcome {
		case Replied:
			s.Received++
			s.Sent++
			s.RTTs = append(s.RTTs, t.rtts[seq])
		case TimedOut, Refused:
			s.Sent++
		case Unsent:
			unsent++
		}
	}
	if t.known > 0 {
		s.At = start.Add(goal.Start)
	}
	switch {
	case s.Received > 0:
		s.State = Measured
	case s.Sent > 0:
		s.State = Lost
	case unsent > 0:
		s.State = SourceDown
	default:
		s.State, s.Reason = ended.state, ended.reason
		return s
	}
	if t.known < c.job.Count {
		s.Cut = true
		s.Reason = fmt.Sprintf("%d of %d echo requests: %s", t.known, c.job.Count, ended.reason)
	}
	return s
}

// ending is why a job ended, as it concerns the pairs that it did not finish.
type ending struct {
	state  State
	reason string
}
