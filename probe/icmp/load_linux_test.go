package icmp

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"testing"

	"matrix/probe"
	"matrix/probe/pingtest"
)

// The load is that of /proc/loadavg, and it is known once a job has ended.
func TestLoadOfTheMeasurer(t *testing.T) {
	b := &ByJob{}
	pingtest.Require(t, b)
	if h := probe.HealthOf(&ByJob{}); h != (probe.Health{}) {
		t.Errorf("before any job: %+v", h)
	}
	var before, after float64
	read := func(average *float64) {
		text, err := os.ReadFile("/proc/loadavg")
		if err == nil {
			_, err = fmt.Sscan(string(text), average)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	read(&before)
	pingtest.Require(t, b)
	read(&after)
	h := b.Health()
	// It is computed anew every 5 s, perhaps in between.
	if math.Abs(h.Load-before) > 0.02 && math.Abs(h.Load-after) > 0.02 || h.CPUs != runtime.NumCPU() {
		t.Errorf("load %v on %d CPUs, want %v or %v on %d", h.Load, h.CPUs, before, after, runtime.NumCPU())
	}
}
