package foreign

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"matrix/data"
	"matrix/probe"
)

// What iputils ping prints, run after run:
//
//	PING city.example (192.0.2.1) 56(84) bytes of data.
//	[1795378821.333299] 64 bytes from 192.0.2.1: icmp_seq=1 ttl=64 time=0.023 ms
//	From 192.0.2.9 icmp_seq=2 Destination Host Unreachable
//
//	--- city.example ping statistics ---
//	2 packets transmitted, 1 received, +1 errors, 50% packet loss, time 1011ms
//	rtt min/avg/max/mdev = 0.023/0.023/0.023/0.000 ms
var (
	pingHead    = probe.Pattern(`^PING (\S+?) ?\((?:(\S+) \()?([^()\s]*)\)+:? `)
	pingReply   = probe.Pattern(`^(?:\[(\d+\.\d+)\] )?\d+ bytes from .*?: (?:icmp_)?seq=(\d+)(?: ident=\d+)?(?: ttl=(\d+))?(?: time[=<]([\d.]+) ms)?( \(DUP!\))?`)
	pingProblem = probe.Pattern(`^(?:\[\d+\.\d+\] )?From (\S+(?: \(\S+\))?):? icmp_seq=\d+ (.+)$`)
	pingWaiting = probe.Pattern(`^(?:\[(\d+\.\d+)\] )?no answer yet for icmp_seq=\d+`)
	pingTail    = probe.Pattern(`^--- .* ping statistics ---$`)
	pingCounts  = probe.Pattern(`^(\d+) packets transmitted, (\d+) (?:packets )?received(?:, \+(\d+) (duplicates|corrupted|errors))?(?:, \+(\d+) (duplicates|corrupted|errors))?.*packet loss`)
	pingStats   = probe.Pattern(`^(?:rtt|round-trip) min/avg/max/(?:mdev|stddev) = ([\d.]+)/([\d.]+)/([\d.]+)/([\d.]+) ms`)
	pingUnknown = probe.Pattern(`^ping: (\S+): (Name or service not known|Temporary failure in name resolution|No address associated with hostname|.*not known.*)$`)
	pingNoise   = probe.Pattern(`^(pipe \d+|WARNING: .*|Warning: .*|\d+/\d+ packets, \d+% loss.*)$`)
)

// ping reads runs of ping, of one host.
type ping struct {
	*source
	run *pingRun // nil: before the first, or after the end of one
}

// pingRun is one run, as far as it was read.
type pingRun struct {
	line    int
	city    int
	known   bool
	sample  probe.Sample
	rtts    []time.Duration
	replies int  // with or without a time
	counted bool // the last lines were there
	highest int  // sequence number
}

func readPing(s *source, in *lines) error {
	p := &ping{source: s}
	if err := s.eachLine(in, func(line []byte) error { return p.text(strings.TrimSpace(string(line))) }); err != nil {
		return err
	}
	return p.finish()
}

func (p *ping) text(line string) error {
	if m := pingHead().FindStringSubmatch(line); m != nil {
		return p.head(m)
	}
	if m := pingUnknown().FindStringSubmatch(line); m != nil {
		return p.unresolved(m[1], m[2])
	}
	switch {
	case line == "" || pingTail().MatchString(line) || pingNoise().MatchString(line):
		return nil
	case p.run == nil:
		p.bad(data.FileError{Column: 1, Field: "line", Value: line, Problem: "before the first line of a run of ping", Hint: "keep the line that starts with PING"})
		return nil
	}
	if m := pingReply().FindStringSubmatch(line); m != nil {
		p.reply(m)
		return nil
	}
	if m := pingWaiting().FindStringSubmatch(line); m != nil {
		p.stamp(m[1], 0)
		return nil
	}
	if m := pingProblem().FindStringSubmatch(line); m != nil {
		p.run.sample.Reason = probe.Clean(m[2]+" (says "+strings.TrimSuffix(m[1], ":")+")", maxReason)
		return nil
	}
	if m := pingCounts().FindStringSubmatch(line); m != nil {
		p.counts(m)
		return nil
	}
	if m := pingStats().FindStringSubmatch(line); m != nil {
		return p.figures(m[1:])
	}
	p.bad(data.FileError{Column: 1, Field: "line", Value: line, Problem: "not a line of ping", Hint: "run ping with LC_ALL=C"})
	return nil
}

// head begins a run, and ends the one before.
func (p *ping) head(m []string) error {
	line := p.line
	if err := p.finish(); err != nil {
		return err
	}
	p.line = line
	p.run = &pingRun{line: line}
	if addr, err := data.ParseAddr(m[3]); err == nil {
		p.run.sample.Address = addr
	}
	p.run.city, p.run.known = p.target(m[1], m[2], m[3])
	return nil
}

// reply is a line of an echo reply.
func (p *ping) reply(m []string) {
	run := p.run
	if m[5] != "" {
		run.sample.Odd.Duplicates++
		return
	}
	var rtt time.Duration
	if m[4] != "" {
		d, problem, hint := data.ParseMillis(m[4])
		if problem != "" {
			p.wrong(1, "time", m[4], problem, hint)
			return
		}
		rtt = d
		if len(run.rtts) < maxRTTs {
			run.rtts = append(run.rtts, d)
		}
	}
	run.replies++
	if ttl, err := strconv.Atoi(m[3]); err == nil && ttl <= 255 {
		run.sample.TTL = ttl
	}
	if n, err := strconv.Atoi(m[2]); err == nil {
		run.highest = max(run.highest, n)
	}
	p.stamp(m[1], rtt)
}

// stamp takes the first time that ping -D prints for that of the run.
func (p *ping) stamp(text string, rtt time.Duration) {
	if text == "" || !p.run.sample.At.IsZero() {
		return
	}
	if at, err := unixTime(text); err == nil {
		p.run.sample.At = at.Add(-rtt)
	}
}

func (p *ping) counts(m []string) {
	sent, err := strconv.Atoi(m[1])
	received, err2 := strconv.Atoi(m[2])
	if err != nil || err2 != nil {
		p.bad(data.FileError{Problem: "not a count of packets", Hint: "write whole numbers"})
		return
	}
	p.run.counted = true
	p.run.sample.Sent, p.run.sample.Received = sent, received
	for i := 3; i+1 < len(m); i += 2 {
		if n, err := strconv.Atoi(m[i]); err == nil && m[i+1] == "duplicates" {
			p.run.sample.Odd.Duplicates = n
		}
	}
}

// figures is the last line of a run. Its times have more digits than those of
// the single replies, of which ping prints three.
func (p *ping) figures(texts []string) error {
	var s probe.Summary
	for i, stat := range []probe.Stat{probe.Min, probe.Avg, probe.Max, probe.Mdev} {
		d, problem, hint := data.ParseMillis(texts[i])
		if problem != "" {
			p.wrong(1, stat.String(), texts[i], problem, hint)
			p.run = nil
			return nil
		}
		s.Set(stat, d)
	}
	p.run.sample.Imported = probe.ImportedOf(s)
	return p.finish()
}

// finish hands over the run.
func (p *ping) finish() error {
	run := p.run
	p.run = nil
	if run == nil || !run.known {
		return nil
	}
	p.line = run.line
	s := &run.sample
	switch {
	case run.counted:
	case run.replies == 0:
		s.Reason = "ping was stopped before it said anything"
	default: // it was killed, or its last lines are not there
		s.Sent, s.Received, s.Cut = max(run.highest, run.replies), run.replies, true
	}
	s.State = probe.Lost
	switch {
	case s.Received > 0:
		s.State = probe.Measured
		run.choose()
		if len(s.RTTs) == 0 && s.Imported == (probe.Imported{}) {
			p.bad(data.FileError{Problem: fmt.Sprintf("%d replies, and no time of any", s.Received), Hint: "give ping at least 16 bytes of payload (-s 16)"})
			return nil
		}
	case s.Sent == 0:
		s.State = probe.NotRun
		if s.Reason == "" {
			s.Reason = "ping sent nothing"
		}
	}
	return p.take(reading{from: p.from, to: run.city, sample: *s})
}

// choose keeps the single times if they say as much as the last line does, or
// there is none. Otherwise its statistics, and of the single times only what it
// does not have.
func (r *pingRun) choose() {
	s := &r.sample
	if len(r.rtts) != s.Received {
		return
	}
	of := probe.Summarize(r.rtts)
	exact := true
	for _, stat := range []probe.Stat{probe.Min, probe.Avg, probe.Max} {
		said, known := s.Imported.Get(stat)
		got, _ := of.Get(stat)
		exact = exact && (!known || (said-got).Abs() <= time.Microsecond)
	}
	if exact {
		s.RTTs, s.Imported = r.rtts, probe.Imported{}
		return
	}
	least, _ := s.Imported.Get(probe.Min)
	most, _ := s.Imported.Get(probe.Max)
	if d, known := of.Get(probe.Median); known {
		s.Imported.Set(probe.Median, min(max(d, least), most))
	}
	if d, known := of.Get(probe.Jitter); known {
		s.Imported.Set(probe.Jitter, d)
	}
}

func (p *ping) unresolved(name, why string) error {
	if err := p.finish(); err != nil {
		return err
	}
	city, ok := p.target(name)
	if !ok {
		return nil
	}
	return p.take(reading{from: p.from, to: city, sample: probe.Sample{State: probe.Unresolved, Reason: probe.Clean(why, maxReason)}})
}
