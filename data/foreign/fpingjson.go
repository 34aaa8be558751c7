package foreign

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"matrix/data"
	"matrix/probe"
)

// fping --json prints an object a line with one member, whose name says what it
// is. The format is described in its doc/fping-json.md as subject to change;
// names and members that are not known here are passed over, as it asks.
var fpingKeys = []string{"resp", "timeout", "vSum", "summary", "intSum", "stats"}

type fpingEvent struct {
	Host   string     `json:"host"`
	Seq    int        `json:"seq"`
	RTT    *float64   `json:"rtt"`
	TTL    int        `json:"ttl"`
	Values []*float64 `json:"values"` // null: lost
	Sent   int        `json:"xmt"`
	Back   int        `json:"rcv"`
	Time   int64      `json:"time"`
	Min    *float64   `json:"rttMin"`
	Avg    *float64   `json:"rttAvg"`
	Max    *float64   `json:"rttMax"`
}

func (f *fping) json(line []byte) error {
	var kinds map[string]json.RawMessage
	if err := json.Unmarshal(line, &kinds); err != nil {
		f.bad(data.FileError{Problem: "not JSON: " + probe.Clean(err.Error(), 100), Hint: "fping --json writes an object a line"})
		return nil
	}
	for _, kind := range fpingKeys {
		body, ok := kinds[kind]
		if !ok || kind == "stats" {
			continue
		}
		var e fpingEvent
		if err := json.Unmarshal(body, &e); err != nil {
			f.bad(data.FileError{Column: 1, Field: kind, Problem: probe.Clean(err.Error(), 100), Hint: "it is left out"})
			return nil
		}
		return f.event(kind, &e)
	}
	f.tally.Skipped++
	return nil
}

func (f *fping) event(kind string, e *fpingEvent) error {
	switch kind {
	case "resp", "timeout":
		ms := ""
		if kind == "resp" && e.RTT != nil {
			ms = decimal(*e.RTT)
		}
		return f.echo(e.Host, "", fmt.Sprint(e.Seq), ms)
	case "vSum":
		values := make([]string, len(e.Values))
		for i, v := range e.Values {
			values[i] = "-"
			if v != nil {
				values[i] = decimal(*v)
			}
		}
		return f.values(e.Host, values)
	case "intSum":
		return f.interval(e)
	}
	var figures [3]string
	for i, v := range []*float64{e.Min, e.Avg, e.Max} {
		if v != nil && e.Back > 0 {
			figures[i] = decimal(*v)
		}
	}
	return f.summary(e.Host, fmt.Sprint(e.Sent), fmt.Sprint(e.Back), figures[:])
}

// interval is a reading with a time of its own: of what was sent since the one
// before it.
func (f *fping) interval(e *fpingEvent) error {
	t := f.target(e.Host)
	if t == nil {
		return nil
	}
	at, err := data.ParseTime(time.Unix(e.Time, 0).UTC().Format(time.RFC3339))
	if err != nil || e.Time <= 0 {
		f.wrong(1, "time", fmt.Sprint(e.Time), "not a time", "it is seconds since 1970")
		return nil
	}
	t.done = true
	s := t.sample()
	s.At = at
	for stat, v := range map[probe.Stat]*float64{probe.Min: e.Min, probe.Avg: e.Avg, probe.Max: e.Max} {
		if v == nil || e.Back == 0 {
			continue
		}
		d, problem, hint := data.MillisOf(*v)
		if problem != "" {
			f.wrong(1, stat.String(), decimal(*v), problem, hint)
			return nil
		}
		s.Imported.Set(stat, d)
	}
	return f.counted(t, s, e.Sent, e.Back)
}

// decimal is a number as text that data.ParseMillis reads.
func decimal(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "NaN"
	}
	return fmt.Sprintf("%.6f", v)
}
