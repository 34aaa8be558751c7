package report

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

var usualSteps = steps{by: 10, share: 0.1, hold: 3}

// row makes days of a text: "5x40 3x80 -" is five days of 40 ms, three of 80 and
// one without a measurement.
func row(t *testing.T, text string) []dayFloor {
	t.Helper()
	var days []dayFloor
	day := 0
	for _, word := range strings.Fields(text) {
		if word == "-" {
			day++
			continue
		}
		var n int
		var floor float64
		if _, err := fmt.Sscanf(word, "%dx%f", &n, &floor); err != nil {
			t.Fatal(err)
		}
		for range n {
			days = append(days, dayFloor{day, floor + 0.3*float64(day%3)})
			day++
		}
	}
	return days
}

func TestLevels(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "",
		"1x40":                           "0-0 40",
		"2x40 2x90":                      "0-3 65", // neither was held
		"20x40":                          "0-19 40",
		"10x40 3x90 10x40":               "0-9 40, 10-12 90, 13-22 40",
		"10x40 2x90 10x40":               "0-21 40", // not held
		"10x40 1x90 1x40 1x90 1x40 9x40": "0-22 40", // flaps
		"10x40 2x90 1x40 2x90 10x40":     "0-9 40, 10-14 90, 15-24 40",
		"10x40 10x49":                    "0-19 45", // 9 ms
		"10x40 10x52":                    "0-9 40, 10-19 52",
		"10x200 10x215":                  "0-19 208", // 7 %
		"10x200 10x223":                  "0-9 200, 10-19 223",
		"10x40 - - - - 10x90":            "0-9 40, 14-23 90",
		"10x40 5x90 5x140 10x40":         "0-9 40, 10-14 90, 15-19 140, 20-29 40",
		"3x40 1x900 6x40 10x90":          "0-9 40, 10-19 90", // an odd day moves nothing
		"10x90 20x40":                    "0-9 90, 10-29 40",
		"28x40 3x90":                     "0-27 40, 28-30 90",
		"29x40 2x90":                     "0-30 40",
	} {
		var got []string
		for _, l := range usualSteps.levels(row(t, text)) {
			got = append(got, fmt.Sprintf("%d-%d %.0f", l.first, l.last, l.floor-0.3))
		}
		if g := strings.Join(got, ", "); !near(g, want) {
			t.Errorf("%q: %s, want %s", text, g, want)
		}
	}
}

// near compares levels, their floors to 1 ms.
func near(got, want string) bool {
	a, b := strings.Split(got, ", "), strings.Split(want, ", ")
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		var p, q [3]float64
		_, errA := fmt.Sscanf(a[i], "%f-%f %f", &p[0], &p[1], &p[2])
		_, errB := fmt.Sscanf(b[i], "%f-%f %f", &q[0], &q[1], &q[2])
		if (errA == nil) != (errB == nil) || p[0] != q[0] || p[1] != q[1] || p[2]-q[2] > 1 || q[2]-p[2] > 1 {
			return false
		}
	}
	return true
}

func TestLasting(t *testing.T) {
	for text, want := range map[string]string{
		"5m": "5 minutes", "1m30s": "1m30s", "1h": "1 hour", "90m": "1h30m", "30h": "30 hours", "72h": "3 days", "73h": "3 days 1 hour", "45s": "45s",
	} {
		d, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := lasting(d); got != want {
			t.Errorf("%v lasts %q, want %q", d, got, want)
		}
	}
}
