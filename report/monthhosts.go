package report

import (
	"slices"

	"matrix/probe"
)

// answers counts for every host and round how many pairs there were from it and
// to it, and what came of them. Who is down is known only when all pairs are.
type answers struct {
	rounds int
	hosts  []tally // of the i-th host in the j-th round at i·rounds + j
}

// tally is what is known of a host in a round.
type tally struct {
	asked, ran   uint16 // pairs from it, and those that it could run
	tried, heard uint16 // pairs to it that could be run, and those that it answered
	skipped      uint16 // pairs from it that were not run: nobody got to them in time
	nameless     uint16 // pairs to it that could not be run for want of an address
}

func newAnswers(hosts, rounds int) *answers {
	return &answers{rounds: rounds, hosts: make([]tally, hosts*rounds)}
}

func (a *answers) of(host int) []tally { return a.hosts[host*a.rounds : (host+1)*a.rounds] }

// count takes in a pair.
func (a *answers) count(from, to int, s *probe.Series) {
	source, target := a.of(from), a.of(to)
	for i, round := range s.Round {
		switch s.State[i] {
		case probe.Measured:
			source[round].asked++
			source[round].ran++
			target[round].tried++
			target[round].heard++
		case probe.Lost:
			source[round].asked++
			source[round].ran++
			target[round].tried++
		case probe.SourceDown:
			source[round].asked++
		case probe.NotRun:
			source[round].skipped++
		case probe.Unresolved:
			target[round].nameless++
		}
	}
}

func (a *answers) add(more *answers) {
	for i, t := range more.hosts {
		mine := &a.hosts[i]
		mine.asked += t.asked
		mine.ran += t.ran
		mine.tried += t.tried
		mine.heard += t.heard
		mine.skipped += t.skipped
		mine.nameless += t.nameless
	}
}

// forgetIdle lets go of the rounds that no host at all could run: that is a slip
// of the command line, or the coordinator's own fault, and says nothing of them.
// So it is where a single host ran, as one does on which the coordinator is: the
// others that answered its pings were not down.
func (a *answers) forgetIdle() {
	idle := slices.Repeat([]bool{true}, a.rounds)
	for h := range len(a.hosts) / max(1, a.rounds) {
		for r, t := range a.of(h) {
			idle[r] = idle[r] && t.ran == 0
		}
	}
	for i := range a.hosts {
		if idle[i%a.rounds] {
			a.hosts[i] = tally{}
		}
	}
	for r := range a.rounds {
		a.forgiveAllButOne(r)
	}
}

// forgiveAllButOne takes the blame from the hosts that could not run a round
// which only one could, if they are two at least.
func (a *answers) forgiveAllButOne(round int) {
	ran, failed := 0, 0
	for h := range len(a.hosts) / a.rounds {
		switch t := a.of(h)[round]; {
		case t.ran > 0:
			ran++
		case t.asked > 0:
			failed++
		}
	}
	if ran != 1 || failed < 2 {
		return
	}
	for h := range len(a.hosts) / a.rounds {
		if t := &a.of(h)[round]; t.ran == 0 && t.heard > 0 {
			t.asked = 0
		}
	}
}

// ran is in how many rounds a host was to ping, and in how many it could.
func (a *answers) ran(host int) (planned, ran int) {
	for _, t := range a.of(host) {
		if t.asked > 0 {
			planned++
		}
		if t.ran > 0 {
			ran++
		}
	}
	return planned, ran
}

// isDown says whether a host could not run, or was reached by nobody. That one
// alone did not reach it says nothing of it.
func (t tally) isDown() bool {
	return t.asked > 0 && t.ran == 0 || t.tried > 1 && t.heard == 0
}

// wasSkipped says whether none of a host's pairs was run.
func (t tally) wasSkipped() bool { return t.skipped > 0 && t.asked == 0 }

// isNameless says whether nobody knew its address.
func (t tally) isNameless() bool { return t.nameless > 0 && t.tried == 0 }

// down says of each host in which rounds it was down.
func (a *answers) down() [][]bool {
	down := make([][]bool, len(a.hosts)/max(1, a.rounds))
	for h := range down {
		down[h] = make([]bool, a.rounds)
		for r, t := range a.of(h) {
			down[h][r] = t.isDown()
		}
	}
	return down
}
