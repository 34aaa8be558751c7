package probe

import (
	"fmt"
	"time"
)

// tally is what is known so far of one target of a job. A round of a thousand
// cities has a million of them: what few have is kept beside.
type tally struct {
	known  uint16 // how many outcomes are known
	ttl    uint8  // of the last reply that had one
	stamps Stamps // the worst of its replies'
}

// collector gathers the echoes of one job. Echoes come from a host that may
// lie, so nothing is taken for granted.
type collector struct {
	job     Job
	done    int // targets of which every outcome is known
	refused int // echoes that could not be true

	// Echo s of target t is at t × Count + s; none are there before the first came.
	outcomes []Outcome // zero: not known yet
	rtts     []time.Duration
	tallies  []tally

	reasons map[int]string // by target: the last echo's, if any gave one
	odd     map[int]Oddities
}

func newCollector(job Job) *collector { return &collector{job: job} }

// begin makes room for what the job's echoes say.
func (c *collector) begin() {
	n := len(c.job.Targets)
	c.outcomes, c.rtts = make([]Outcome, n*c.job.Count), make([]time.Duration, n*c.job.Count)
	c.tallies = make([]tally, n)
	c.reasons, c.odd = map[int]string{}, map[int]Oddities{}
}

// add takes one echo in, or says why it cannot be true. The first fate of an
// echo request stands.
func (c *collector) add(e Echo) error {
	if err := c.check(e); err != nil {
		c.refused++
		return err
	}
	if c.tallies == nil {
		c.begin()
	}
	if e.Outcome == Odd {
		odd := c.odd[e.Target]
		odd.Add(e.Odd)
		c.odd[e.Target] = odd
		return nil
	}
	at := e.Target*c.job.Count + e.Seq
	if c.outcomes[at] != 0 {
		c.refused++
		return fmt.Errorf("echo %d to %s was reported twice", e.Seq, c.job.Targets[e.Target].City)
	}
	c.outcomes[at], c.rtts[at] = e.Outcome, e.RTT
	t := &c.tallies[e.Target]
	t.known++
	if e.TTL != 0 {
		t.ttl = uint8(e.TTL)
	}
	if e.Stamps != 0 && (t.stamps == 0 || e.Stamps < t.stamps) {
		t.stamps = e.Stamps
	}
	if e.Reason != "" {
		c.reasons[e.Target] = Clean(e.Reason, 200)
	}
	if int(t.known) == c.job.Count {
		c.done++
	}
	return nil
}

func (c *collector) check(e Echo) error {
	switch {
	case e.Target < 0 || e.Target >= len(c.job.Targets):
		return fmt.Errorf("echo for target %d of %d", e.Target, len(c.job.Targets))
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
	goal := c.job.Targets[target]
	s := Sample{Pair: Pair{c.job.From, goal.City}, Address: goal.Addr}
	if c.tallies == nil {
		s.State, s.Reason = ended.state, ended.reason
		return s
	}
	t := c.tallies[target]
	s.Reason, s.TTL, s.Stamps, s.Odd = c.reasons[target], int(t.ttl), t.stamps, c.odd[target]
	first := target * c.job.Count
	unsent := 0
	for _, outcome := range c.outcomes[first : first+c.job.Count] {
		switch outcome {
		case Replied:
			s.Received++
			s.Sent++
		case TimedOut, Refused:
			s.Sent++
		case Unsent:
			unsent++
		}
	}
	s.RTTs = c.replies(first, s.Received)
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
	if int(t.known) < c.job.Count {
		s.Cut = true
		s.Reason = fmt.Sprintf("%d of %d echo requests: %s", t.known, c.job.Count, ended.reason)
	}
	return s
}

// replies are the round-trip times of the target whose echoes begin there. If
// none is missing they are not copied.
func (c *collector) replies(first, received int) []time.Duration {
	end := first + c.job.Count
	switch received {
	case 0:
		return nil
	case c.job.Count:
		return c.rtts[first:end:end]
	}
	rtts := make([]time.Duration, 0, received)
	for at := first; at < end; at++ {
		if c.outcomes[at] == Replied {
			rtts = append(rtts, c.rtts[at])
		}
	}
	return rtts
}

// ending is why a job ended, as it concerns the pairs that it did not finish.
type ending struct {
	state  State
	reason string
}
