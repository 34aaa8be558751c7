package data

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"matrix/probe"
)

// lookJSON is an anomaly that was looked into after the round, with the samples
// and traceroutes that were made of it.
type lookJSON struct {
	From    string       `json:"from"`
	To      string       `json:"to"`
	Failed  string       `json:"failed,omitempty"`
	Samples []sampleJSON `json:"samples,omitempty"`
	Traces  []traceJSON  `json:"traces,omitempty"`
}

type traceJSON struct {
	From     string            `json:"from"`
	To       string            `json:"to"`
	Address  string            `json:"address,omitempty"`
	Method   probe.TraceMethod `json:"method"`
	Flow     int               `json:"flow,omitempty"`
	Size     int               `json:"size_bytes"`
	Sending  probe.Sending     `json:"sending,omitzero"`
	At       time.Time         `json:"at"`
	End      probe.TraceEnd    `json:"end"`
	Reason   string            `json:"reason,omitempty"`
	Hint     string            `json:"hint,omitempty"`
	Stamps   probe.Stamps      `json:"stamps,omitzero"`
	Fallback string            `json:"fallback,omitempty"`
	Hops     []hopJSON         `json:"hops,omitempty"`
}

// hopJSON is one hop; the first is the first router.
type hopJSON struct {
	Sent       int          `json:"sent"`
	Answers    []answerJSON `json:"answers,omitempty"`
	Duplicates int          `json:"duplicates,omitempty"`
	Late       int          `json:"late,omitempty"`
}

type answerJSON struct {
	Address string        `json:"address"`
	Name    string        `json:"name,omitempty"`
	RTTs    []int64       `json:"rtt_us"`
	Mark    string        `json:"mark,omitempty"`
	Labels  []probe.Label `json:"mpls,omitempty"`
}

func lookToJSON(l probe.Look) lookJSON {
	out := lookJSON{From: l.From, To: l.To, Failed: l.Failed}
	for _, s := range l.Samples {
		out.Samples = append(out.Samples, sampleToJSON(s))
	}
	for _, t := range l.Traces {
		out.Traces = append(out.Traces, traceToJSON(t))
	}
	return out
}

func traceToJSON(t probe.Trace) traceJSON {
	out := traceJSON{
		From: t.From, To: t.To, Method: t.Method, Flow: t.Flow, Size: t.Size, Sending: t.Sending, At: t.At.UTC(), End: t.End,
		Reason: t.Reason, Hint: t.Hint, Stamps: t.Stamps, Fallback: t.Fallback,
	}
	if t.Address.IsValid() {
		out.Address = t.Address.String()
	}
	for _, h := range t.Hops {
		hop := hopJSON{Sent: h.Sent, Duplicates: h.Duplicates, Late: h.Late}
		for _, a := range h.Answers {
			answer := answerJSON{Address: a.Addr.String(), Name: a.Name, Mark: a.Mark, Labels: a.Labels}
			for _, rtt := range a.RTTs {
				answer.RTTs = append(answer.RTTs, micros(rtt))
			}
			hop.Answers = append(hop.Answers, answer)
		}
		out.Hops = append(out.Hops, hop)
	}
	return out
}

// maxLookTraces is more than all methods and flows make of two cities.
const maxLookTraces = 100

// look checks one line of looks, and adds it.
func (r *roundReader) look(line lookJSON) error {
	l := probe.Look{Pair: probe.Pair{From: line.From, To: line.To}, Failed: probe.Clean(line.Failed, maxReason)}
	if l.IsSelf() || len(line.Traces) > maxLookTraces {
		return r.mistake("%s → %s: not what is looked into", shown(line.From), shown(line.To))
	}
	ours := func(p probe.Pair) bool { return p == l.Pair || p == l.Reverse() }
	for _, one := range line.Samples {
		s, err := sampleFromJSON(one)
		if err == nil && !ours(s.Pair) {
			err = errors.New("it is of other cities")
		}
		if err != nil {
			return r.mistake("%s → %s: a sample: %v", shown(line.From), shown(line.To), err)
		}
		l.Samples = append(l.Samples, s)
	}
	for _, one := range line.Traces {
		t, err := traceFromJSON(one)
		if err == nil && !ours(t.Pair) {
			err = errors.New("it is of other cities")
		}
		if err != nil {
			return r.mistake("%s → %s: a traceroute: %v", shown(line.From), shown(line.To), err)
		}
		l.Traces = append(l.Traces, t)
	}
	r.round.Looks = append(r.round.Looks, l)
	return nil
}

func traceFromJSON(line traceJSON) (probe.Trace, error) {
	t := probe.Trace{
		Pair: probe.Pair{From: line.From, To: line.To}, Method: line.Method, Flow: line.Flow, Size: line.Size, Sending: line.Sending, End: line.End, Stamps: line.Stamps,
		Reason: probe.Clean(line.Reason, maxReason), Hint: probe.Clean(line.Hint, maxReason), Fallback: probe.Clean(line.Fallback, maxReason),
	}
	at, err := sane(line.At)
	if err != nil {
		return t, err
	}
	t.At = at
	if line.Address != "" {
		if t.Address, err = parseAddr(line.Address); err != nil {
			return t, fmt.Errorf("address: %w", err)
		}
	}
	for i, h := range line.Hops {
		hop := probe.Hop{TTL: i + 1, Sent: h.Sent, Duplicates: h.Duplicates, Late: h.Late}
		for _, a := range h.Answers {
			addr, err := netip.ParseAddr(a.Address)
			if err != nil {
				return t, fmt.Errorf("hop %d: %s is not an address", hop.TTL, shown(a.Address))
			}
			answer := probe.Answer{Addr: addr, Name: probe.Clean(a.Name, 253), Mark: a.Mark, Labels: a.Labels}
			for _, us := range a.RTTs {
				if us <= 0 || us > maxRTT.Microseconds() {
					return t, fmt.Errorf("hop %d: an RTT of %d µs is not between 0 and %v", hop.TTL, us, maxRTT)
				}
				answer.RTTs = append(answer.RTTs, time.Duration(us)*time.Microsecond)
			}
			hop.Answers = append(hop.Answers, answer)
		}
		t.Hops = append(t.Hops, hop)
	}
	return t, t.Plausible()
}
