package nagios

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Range is one of the Monitoring Plugins Development Guidelines, section
// "Threshold and ranges": 10 alerts below 0 and above 10, 10: below 10, ~:10
// above 10, 10:20 outside of the two, and @10:20 inside.
type Range struct {
	Low, High float64 // ±Inf where there is no limit
	Inside    bool    // alerts inside, ends included, instead of outside
}

// ParseRange reads a range; of one in percent, every number may end in %.
func ParseRange(text string) (Range, error) {
	r := Range{High: math.Inf(1)}
	rest, inside := strings.CutPrefix(text, "@")
	r.Inside = inside
	low, high, both := strings.Cut(rest, ":")
	if !both {
		low, high = "0", rest
	}
	var err error
	if r.Low, err = limit(low, "~", math.Inf(-1)); err != nil {
		return r, fmt.Errorf("range %q: %w", text, err)
	}
	if high != "" || !both {
		if r.High, err = limit(high, "", math.Inf(1)); err != nil {
			return r, fmt.Errorf("range %q: %w", text, err)
		}
	}
	if r.Low > r.High {
		return r, fmt.Errorf("range %q: %v is above %v", text, r.Low, r.High)
	}
	return r, nil
}

// limit is one end of a range; the word open stands for no end.
func limit(text, open string, none float64) (float64, error) {
	if open != "" && text == open {
		return none, nil
	}
	v, err := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, fmt.Errorf("%q is not a number; want 200, 10:, ~:200, 10:200 or @10:200", text)
	}
	return v, nil
}

// Alerts says whether a value is one to alert on.
func (r Range) Alerts(v float64) bool {
	inside := v >= r.Low && v <= r.High
	return inside == r.Inside
}

// String is the range as performance data have it.
func (r Range) String() string {
	s := ""
	if r.Inside {
		s = "@"
	}
	switch {
	case math.IsInf(r.Low, -1):
		s += "~:"
	case r.Low != 0 || math.IsInf(r.High, 1):
		s += number(r.Low) + ":"
	}
	if !math.IsInf(r.High, 1) {
		s += number(r.High)
	}
	return s
}

// number is a number without an exponent, in as few digits as it needs.
func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// Limits are those of check_icmp: a round-trip time in milliseconds and a loss
// in percent, either of which may be missing.
type Limits struct{ RTT, Loss *Range }

// ParseLimits reads "200,40%", "200" or "40%".
func ParseLimits(text string) (Limits, error) {
	var l Limits
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		r, err := ParseRange(part)
		if err != nil {
			return l, err
		}
		at := &l.RTT
		if strings.HasSuffix(part, "%") {
			at = &l.Loss
		}
		if *at != nil {
			return l, fmt.Errorf("%q: want a time in ms and a loss in percent, as in 200,40%%", text)
		}
		*at = &r
	}
	return l, nil
}

// status is what a value is, held against two ranges.
func status(v float64, warning, critical *Range) Status {
	switch {
	case critical != nil && critical.Alerts(v):
		return Critical
	case warning != nil && warning.Alerts(v):
		return Warning
	}
	return OK
}
