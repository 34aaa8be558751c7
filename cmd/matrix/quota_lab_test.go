package main

import (
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"matrix/probe"
	"matrix/probe/lab"
)

// force gives a city the key of the operator with a forced command.
func (w *world) force(city, arguments string) {
	w.t.Helper()
	key, err := os.ReadFile(w.Folder + "/user_key.pub")
	if err != nil {
		w.t.Fatal(err)
	}
	w.in(city, `cat >../authorized_keys <<'END'
restrict,command="`+w.program+` probe `+arguments+`" `+strings.TrimSpace(string(key))+`
END
`)
}

// busiest is the most echo requests that a city sent within a time.
func (w *world) busiest(city string, within time.Duration) int {
	w.t.Helper()
	out, text := capture(w.t)
	err := lab.Ledger(w.t.Context(), w.Door, out)
	out.Close()
	if err != nil {
		w.t.Fatal(err)
	}
	var sent []time.Time
	for line := range strings.Lines(text()) {
		fields := strings.Split(strings.TrimSpace(line), ",")
		if len(fields) != 8 || fields[1] != city || fields[3] != "request" {
			continue
		}
		at, err := time.Parse(time.RFC3339Nano, fields[0])
		given, err2 := time.ParseDuration(fields[7] + "ms")
		if err != nil || err2 != nil {
			w.t.Fatalf("%q: %v, %v", line, err, err2)
		}
		sent = append(sent, at.Add(-given))
	}
	slices.SortFunc(sent, time.Time.Compare)
	most := 0
	for i, first := 0, 0; i < len(sent); i++ {
		for sent[i].Sub(sent[first]) >= within {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

// TestRateAcrossSessions: the host's rate holds for all sessions together. Two
// rounds fit, a third is refused as long as they run, and a fourth measures after
// one that was killed.
func TestRateAcrossSessions(t *testing.T) {
	w := newWorld(t, ring("one", "two", "three", "four"))
	w.force("three", "--most-rate 40")
	// 15 echo requests a second, each.
	flags := []string{"--from", "three", "-i", "200ms", "--rate", "100", "--trace", "none", "--history", "none"}
	jobs := func() int { return strings.Count(w.in("three", "ls .cache/matrix/rate-*"), "job-") }
	var stops []chan os.Signal
	var waits []func() session
	for i := range 2 {
		stop := make(chan os.Signal, 1)
		stops = append(stops, stop)
		waits = append(waits, w.begin(stop, append(flags, "-c", "3000")...))
		w.until("a session that sends", func() bool { return w.echoesOf("three") > 20*(i+1) && jobs() == i+1 })
	}
	s := w.operator(append(flags, "-c", "5", "--out", w.path("third"))...)
	for _, sample := range w.round(w.path("third")).Samples {
		if sample.State != probe.SourceDown || !strings.Contains(sample.Reason, "other sessions send 38 of the 40 packets a second") {
			t.Errorf("%v is %v (%s)", sample.Pair, sample.State, sample.Reason)
		}
	}
	if !strings.Contains(s.stdout+s.stderr, "measure when they are done, or with a lower --rate") {
		t.Errorf("no hint:\n%s%s", s.stdout, s.stderr)
	}
	w.in("three", "pkill -KILL -o -f 'probe --most-rate 40'")
	waits[0]()
	s = w.operator(append(flags, "-c", "5", "--out", w.path("fourth"))...)
	expectations{}.checkRow(t, w.round(w.path("fourth")), 3)
	if s.status != exitMeasured {
		t.Errorf("status %d\n%s%s", s.status, s.stdout, s.stderr)
	}
	stops[1] <- syscall.SIGINT
	waits[1]()
	w.until("nothing is held", func() bool { return jobs() == 0 })
	// Where the machine is busy the lab counts late what waited for it, and all at
	// once: a second says little.
	const within = 4
	most := w.busiest("three", within*time.Second)
	t.Logf("at most %d echo requests within %d s", most, within)
	if most > 170 || most < 60 { // two send 120, and three would 180
		t.Errorf("%d echo requests within %d s", most, within)
	}
}
