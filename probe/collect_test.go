package probe

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// testJob is one from-host with the given number of targets and echo requests.
func testJob(targets, count int) Job {
	_, addresses := fleet(targets + 1)
	job := Job{From: "c0", Options: options(count, time.Second)}
	for i := range targets {
		name := "c" + string(rune('1'+i))
		job.Targets = append(job.Targets, Target{City: name, Addr: addresses[name].Addr, Start: time.Duration(i) * time.Millisecond})
	}
	return job
}

func TestSamplesDoNotDependOnTheOrderOfArrival(t *testing.T) {
	rtts := ms(5, 3, 4, 9)
	var echoes []Echo
	for target := range 3 {
		for seq, rtt := range rtts {
			echoes = append(echoes, Echo{Target: target, Seq: seq, Outcome: Replied, RTT: rtt + time.Duration(target)})
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		random.Shuffle(len(echoes), func(i, j int) { echoes[i], echoes[j] = echoes[j], echoes[i] })
		c := newCollector(testJob(3, 4))
		for _, e := range echoes {
			if err := c.add(e); err != nil {
				t.Fatal(err)
			}
		}
		if c.done != 3 {
			t.Fatalf("%d targets are done, want 3", c.done)
		}
		s := c.sample(1, time.Unix(100, 0), ending{})
		want := ms(5, 3, 4, 9)
		for i := range want {
			want[i]++
		}
		if !slices.Equal(s.RTTs, want) || s.State != Measured || s.Sent != 4 || s.Received != 4 || s.Reason != "" {
			t.Fatalf("sample is %+v", s)
		}
		if want := time.Unix(100, int64(time.Millisecond)); !s.At.Equal(want) {
			t.Fatalf("sample is of %v, want %v", s.At, want)
		}
	}
}

func TestStates(t *testing.T) {
	died := ending{SourceDown, "the link broke"}
	tests := []struct {
		name           string
		outcomes       []Outcome // by sequence number, of 3
		state          State
		sent, received int
		reason         string
	}{
		{"all answered", []Outcome{Replied, Replied, Replied}, Measured, 3, 3, ""},
		{"one lost", []Outcome{Replied, TimedOut, Replied}, Measured, 3, 2, ""},
		{"all lost", []Outcome{TimedOut, TimedOut, TimedOut}, Lost, 3, 0, ""},
		{"all refused", []Outcome{Refused, Refused, Refused}, Lost, 3, 0, "why"},
		{"none sent is not loss", []Outcome{Unsent, Unsent, Unsent}, SourceDown, 0, 0, "why"},
		{"some unsent is not loss", []Outcome{Unsent, Replied, Replied}, Measured, 2, 2, "why"},
		{"ended early", []Outcome{Replied}, Measured, 1, 1, "1 of 3 echo requests: the link broke"},
		{"ended early and lost", []Outcome{TimedOut}, Lost, 1, 0, "1 of 3 echo requests: the link broke"},
		{"never began", nil, SourceDown, 0, 0, "the link broke"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newCollector(testJob(1, 3))
			for seq, outcome := range test.outcomes {
				e := Echo{Seq: seq, Outcome: outcome, RTT: time.Millisecond}
				if outcome == Refused || outcome == Unsent {
					e.Reason = "why"
				}
				if err := c.add(e); err != nil {
					t.Fatal(err)
				}
			}
			s := c.sample(0, time.Unix(1, 0), died)
			if s.State != test.state || s.Sent != test.sent || s.Received != test.received || s.Reason != test.reason {
				t.Errorf("%v, sent %d, received %d, %q", s.State, s.Sent, s.Received, s.Reason)
			}
		})
	}
}

func TestCollectorBelievesNothingImpossible(t *testing.T) {
	good := Echo{Outcome: Replied, RTT: time.Millisecond}
	tests := []struct {
		name   string
		change func(*Echo)
	}{
		{"a target that was not asked for", func(e *Echo) { e.Target = 1 }},
		{"a negative target", func(e *Echo) { e.Target = -1 }},
		{"a sequence number that was not asked for", func(e *Echo) { e.Seq = 2 }},
		{"a negative sequence number", func(e *Echo) { e.Seq = -1 }},
		{"no outcome", func(e *Echo) { e.Outcome = 0 }},
		{"an unknown outcome", func(e *Echo) { e.Outcome = 9 }},
		{"a reply in no time", func(e *Echo) { e.RTT = 0 }},
		{"a reply before the request", func(e *Echo) { e.RTT = -1 }},
		{"a reply after the timeout", func(e *Echo) { e.RTT = 6 * time.Second }},
		{"the same again", func(*Echo) {}},
	}
	c := newCollector(testJob(1, 2))
	if err := c.add(good); err != nil {
		t.Fatal(err)
	}
	for i, test := range tests {
		e := good
		test.change(&e)
		if c.add(e) == nil {
			t.Errorf("%s is believed", test.name)
		}
		if c.refused != i+1 {
			t.Errorf("%d refused, want %d", c.refused, i+1)
		}
	}
}
