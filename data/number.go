package data

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// number reads a plain decimal number. Otherwise it says what is wrong and how
// to write it.
func number(s string) (v float64, problem, hint string) {
	if strings.Trim(s, "0123456789+-.eE") == "" {
		if v, err := strconv.ParseFloat(s, 64); err == nil {
			return v, "", ""
		}
	}
	switch {
	case strings.Contains(s, "\u2212"):
		return 0, "not a number", "write the sign with a plain hyphen: " + shown(strings.ReplaceAll(s, "\u2212", "-"))
	case strings.Count(s, ",") == 1 && !strings.Contains(s, "."):
		return 0, "a number with a comma", "write it with a decimal point: " + shown(strings.ReplaceAll(s, ",", "."))
	}
	return 0, "not a number", "write digits with a decimal point, and no unit"
}

// maxRTT is the longest time that the program itself waits for a reply; what is
// beyond it in a file is no round-trip time in milliseconds.
const maxRTT = time.Minute

// duration converts milliseconds. Published files carry float noise
// (92.32849999999999); rounding to the nanosecond removes it.
func duration(ms float64) time.Duration {
	return time.Duration(math.Round(ms * float64(time.Millisecond)))
}

// rtt reads a round-trip time in milliseconds.
func rtt(s string) (d time.Duration, problem, hint string) {
	v, problem, hint := number(s)
	switch {
	case problem != "":
		return 0, problem, hint
	case v < 0:
		return 0, "a round-trip time below zero", "leave the cell blank if the pair was not measured"
	case duration(v) == 0:
		return 0, "a round-trip time of zero", "leave the cell blank if the pair was not measured"
	case v > milliseconds(maxRTT):
		return 0, fmt.Sprintf("a round-trip time beyond %v", maxRTT), "check that the unit is milliseconds"
	}
	return duration(v), "", ""
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
