package foreign

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"matrix/data"
	"matrix/probe"
)

// fping prints a line for each reply and one for each target at the end; the
// last goes to stderr, so a file may have either or both:
//
//	192.0.2.1 : [0], 64 bytes, 0.034 ms (0.034 avg, 0% loss)
//	[1795378818.88899] 192.0.2.1 : [1], timed out (NaN avg, 100% loss)
//	192.0.2.1 : 0.034 - 0.039
//	192.0.2.1 : xmt/rcv/%loss = 3/2/33%, min/avg/max = 0.034/0.036/0.039
//	ICMP Host Unreachable from 192.0.2.9 for ICMP Echo sent to 192.0.2.1
var (
	fpingEcho    = probe.Pattern(`^(?:\[(\d{9,10}\.\d+)\] )?(\S+(?: \([^)]*\))?)\s+: \[(\d+)\], (?:\d+ bytes, ([\d.]+) ms|(timed out))`)
	fpingValues  = probe.Pattern(`^(\S+(?: \([^)]*\))?)\s+:((?: (?:[\d.]+|-))+)$`)
	fpingSummary = probe.Pattern(`^(\S+(?: \([^)]*\))?)\s+: xmt/rcv/%loss = (\d+)/(\d+)/\d+%(?:, min/avg/max = ([\d.]+)/([\d.]+)/([\d.]+))?`)
	fpingDouble  = probe.Pattern(`^(?:\[[\d.]+\] )?(\S+(?: \([^)]*\))?)\s+: duplicate for \[\d+\]`)
	fpingICMP    = probe.Pattern(`^(ICMP .+ from \S+) for ICMP Echo sent to (\S+)(?: \((\S+)\))?`)
	fpingUnknown = probe.Pattern(`^(\S+?):? (Name or service not known|Temporary failure in name resolution|No address associated with hostname|address not found)$`)
	fpingOclock  = probe.Pattern(`^\[\d\d:\d\d:\d\d\]$`)
	fpingTotals  = probe.Pattern(`^\s+[\d.]+ (?:targets|alive|unreachable|unknown addresses|timeouts|ICMP|other ICMP|ms \(|sec \()`)
)

func isFping(line string) bool {
	for _, r := range []*regexp.Regexp{fpingEcho(), fpingValues(), fpingSummary(), fpingDouble(), fpingICMP()} {
		if r.MatchString(line) {
			return true
		}
	}
	return false
}

// fping reads the output of one host, text or JSON.
type fping struct {
	*source
	targets map[string]*fpingTarget // by what fping prints
	order   []string
	reasons map[int]string // ICMP errors that came back, by city
	section int            // counts the times of day, each with figures of an interval; 0 outside
}

// fpingTarget is what was said of one target so far.
type fpingTarget struct {
	city    int
	name    string
	line    int
	rtts    []time.Duration
	sent    int
	next    int  // sequence number
	gaps    bool // in the sequence numbers
	doubles int
	done    bool // there were figures with times, of which the final ones are the sum
	section int  // in which there were figures of an interval
}

// maxTargets bounds what one file may ping.
const maxTargets = 10_000

func readFping(s *source, in *lines) error {
	f := &fping{source: s, targets: make(map[string]*fpingTarget), reasons: make(map[int]string)}
	err := s.eachLine(in, func(line []byte) error {
		if trimmed := bytes.TrimSpace(line); len(trimmed) > 0 && trimmed[0] == '{' {
			return f.json(trimmed)
		}
		return f.text(strings.TrimRight(string(line), " \t"))
	})
	if err != nil {
		return err
	}
	return f.unfinished()
}

func (f *fping) text(line string) error {
	if line == "" || fpingTotals().MatchString(line) {
		return nil
	}
	if m := fpingEcho().FindStringSubmatch(line); m != nil {
		return f.echo(m[2], m[1], m[3], m[4])
	}
	if m := fpingValues().FindStringSubmatch(line); m != nil {
		return f.values(m[1], strings.Fields(m[2]))
	}
	if m := fpingSummary().FindStringSubmatch(line); m != nil {
		if f.ofInterval(m[1]) {
			f.tally.Skipped++
			return nil
		}
		return f.summary(m[1], m[2], m[3], m[4:])
	}
	if m := fpingDouble().FindStringSubmatch(line); m != nil {
		if t := f.target(m[1]); t != nil {
			t.doubles++
		}
		return nil
	}
	if m := fpingICMP().FindStringSubmatch(line); m != nil {
		for _, name := range m[2:] {
			if city, ok := f.lookup.City(name); ok && name != "" {
				f.reasons[city] = probe.Clean(m[1], maxReason)
			}
		}
		return nil
	}
	if m := fpingUnknown().FindStringSubmatch(line); m != nil {
		return f.unresolved(m[1], m[2])
	}
	if fpingOclock().MatchString(line) {
		f.section++
		return nil
	}
	f.bad(data.FileError{Column: 1, Field: "line", Value: line, Problem: "not a line of fping -C or -c", Hint: "run fping with -C COUNT, or with --json"})
	return nil
}

// ofInterval says whether a line with counts is one of fping -Q, which are under
// a time of day: of which day it does not say. The final lines follow without a
// gap, so a second one of a target is that.
func (f *fping) ofInterval(printed string) bool {
	t := f.targets[strings.TrimSpace(printed)]
	if f.section == 0 || t != nil && t.section == f.section {
		return false
	}
	if t = f.target(printed); t != nil {
		t.section = f.section
	}
	return true
}

// target finds who a line is about. Nil is a city that there is not, which is
// reported.
func (f *fping) target(printed string) *fpingTarget {
	printed = strings.TrimSpace(printed)
	if t, met := f.targets[printed]; met {
		return t
	}
	if len(f.targets) == maxTargets {
		f.bad(data.FileError{Problem: fmt.Sprintf("more than %d targets", maxTargets), Hint: "split the file"})
		return nil
	}
	name, address, _ := strings.Cut(printed, " (")
	address = strings.TrimSuffix(address, ")")
	city, ok := f.source.target(name, address)
	if !ok {
		return nil
	}
	t := &fpingTarget{city: city, name: printed, line: f.line}
	f.targets[printed] = t
	f.order = append(f.order, printed)
	return t
}

// sample begins the sample of a target.
func (t *fpingTarget) sample() probe.Sample {
	var s probe.Sample
	for _, text := range strings.Fields(t.name) {
		if addr, err := data.ParseAddr(strings.Trim(text, "()")); err == nil {
			s.Address = addr
		}
	}
	return s
}

// echo is a line of one echo request. With a time it is a reading of its own;
// without, it counts if there is no final line.
func (f *fping) echo(printed, stamp, number, ms string) error {
	t := f.target(printed)
	if t == nil {
		return nil
	}
	var rtt []time.Duration
	if ms != "" {
		d, problem, hint := data.ParseMillis(ms)
		if problem != "" {
			f.wrong(1, "time", ms, problem, hint)
			return nil
		}
		rtt = []time.Duration{d}
	}
	if stamp != "" {
		return f.stamped(t, stamp, rtt)
	}
	n, err := strconv.Atoi(number)
	if err != nil || t.sent >= maxRTTs {
		f.wrong(1, "number", number, "beyond what fping -C sends", fmt.Sprintf("at most %d echo requests a target and run", maxRTTs))
		return nil
	}
	t.gaps = t.gaps || n != t.next
	t.next = n + 1
	t.sent++
	t.rtts = append(t.rtts, rtt...)
	return nil
}

// stamped is an echo request of which fping -D says when its reply came.
func (f *fping) stamped(t *fpingTarget, stamp string, rtt []time.Duration) error {
	at, err := unixTime(stamp)
	if err != nil {
		f.wrong(1, "time", stamp, "not a time", "write it as fping -D does")
		return nil
	}
	t.done = true
	s := t.sample()
	s.At = at
	for _, d := range rtt {
		s.At = at.Add(-d)
	}
	return f.give(t, s, 1, rtt)
}

// values are the RTTs of a run; a dash is a lost echo.
func (f *fping) values(printed string, values []string) error {
	t := f.target(printed)
	if t == nil || t.finished() {
		return nil
	}
	if len(values) > maxRTTs {
		f.bad(data.FileError{Problem: fmt.Sprintf("%d echo requests", len(values)), Hint: fmt.Sprintf("at most %d a target and run", maxRTTs)})
		return nil
	}
	var rtts []time.Duration
	for _, value := range values {
		if value == "-" {
			continue
		}
		d, problem, hint := data.ParseMillis(value)
		if problem != "" {
			f.wrong(1, "time", value, problem, hint)
			return nil
		}
		rtts = append(rtts, d)
	}
	return f.give(t, t.sample(), len(values), rtts)
}

// finished says whether the figures of a final line were read before, one by
// one. It is for one final line only.
func (t *fpingTarget) finished() bool {
	done := t.done
	t.done, t.rtts, t.sent, t.next, t.gaps = false, nil, 0, 0, false
	return done
}

// summary is a final line with counts and three statistics.
func (f *fping) summary(printed, sent, received string, figures []string) error {
	t := f.target(printed)
	if t == nil {
		return nil
	}
	if rtts, n := t.rtts, t.sent; len(rtts) > 0 && !t.gaps && strconv.Itoa(n) == sent && strconv.Itoa(len(rtts)) == received {
		t.finished()
		return f.give(t, t.sample(), n, rtts) // every single one is better than three statistics
	}
	if t.finished() {
		return nil
	}
	s := t.sample()
	for i, stat := range []probe.Stat{probe.Min, probe.Avg, probe.Max} {
		if figures[i] == "" {
			continue
		}
		d, problem, hint := data.ParseMillis(figures[i])
		if problem != "" {
			f.wrong(1, stat.String(), figures[i], problem, hint)
			return nil
		}
		s.Imported.Set(stat, d)
	}
	n, err := strconv.Atoi(sent)
	back, err2 := strconv.Atoi(received)
	if err != nil || err2 != nil {
		f.bad(data.FileError{Problem: "not a count of echo requests", Hint: "write whole numbers"})
		return nil
	}
	return f.counted(t, s, n, back)
}

func (f *fping) give(t *fpingTarget, s probe.Sample, sent int, rtts []time.Duration) error {
	s.RTTs = rtts
	return f.counted(t, s, sent, len(rtts))
}

// counted hands over the sample of a target.
func (f *fping) counted(t *fpingTarget, s probe.Sample, sent, received int) error {
	s.Sent, s.Received, s.State = sent, received, probe.Lost
	switch {
	case received > 0:
		s.State = probe.Measured
	case sent == 0:
		s.State, s.Reason = probe.NotRun, "fping sent nothing"
	}
	if received < sent && f.reasons[t.city] != "" {
		s.Reason = f.reasons[t.city]
	}
	s.Odd.Duplicates, t.doubles = t.doubles, 0
	return f.take(reading{from: f.from, to: t.city, sample: s})
}

func (f *fping) unresolved(name, why string) error {
	city, ok := f.source.target(name)
	if !ok {
		return nil
	}
	return f.take(reading{from: f.from, to: city, sample: probe.Sample{State: probe.Unresolved, Reason: why}})
}

// unfinished hands over what has no final line: fping was stopped, or only its
// stdout was kept.
func (f *fping) unfinished() error {
	for _, name := range f.order {
		t := f.targets[name]
		if t.done || t.sent == 0 {
			continue
		}
		f.line = t.line
		s := t.sample()
		s.Cut = t.gaps
		if err := f.give(t, s, t.sent, t.rtts); err != nil {
			return err
		}
	}
	return nil
}

// unixTime reads seconds since 1970 with a fraction, to the microsecond.
func unixTime(text string) (time.Time, error) {
	whole, fraction, _ := strings.Cut(text, ".")
	seconds, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return time.Time{}, err
	}
	fraction = (fraction + "000000000")[:9]
	nanos, err := strconv.ParseInt(fraction, 10, 64)
	if err != nil {
		return time.Time{}, err
	}
	return data.ParseTime(time.Unix(seconds, nanos).UTC().Format(time.RFC3339Nano))
}
