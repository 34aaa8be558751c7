package main

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"matrix/data/history"
	"matrix/probe"
	"matrix/report/api"
)

// story is what happens to a fleet, whatever its size: to the first host that
// goes, and others.
func (f *fleet) story(first int) {
	n := len(f.cities)
	down, leaving := f.cities[first].Name, f.cities[n-1].Name
	f.sees("every pair measured", func(s *api.Status) bool { return whole(s, n) })

	f.set(down, true)
	f.sees(down+" is known to be down, and others ping it", func(s *api.Status) bool {
		return hostState(s, down) == "away" && s.Last.States["source-down"] == n-1 && s.Last.States["lost"] == n-1
	})
	f.rounds(2)
	f.knownDown(down)
	f.set(down, false)
	f.sees(down+" is back", func(s *api.Status) bool { return whole(s, n) && hostState(s, down) == "up" })

	f.move()
	f.sees("every pair measured after the move", func(s *api.Status) bool { return whole(s, n) })
	f.edit(leaving)
}

// move gives a city the host that no city has.
func (f *fleet) move() {
	f.t.Helper()
	f.cities = slices.Clone(f.cities)
	moved := &f.cities[2]
	moved.Host, f.spare.Host = f.spare.Host, moved.Host
	f.inventory(f.cities)
	f.signals <- syscall.SIGHUP
	address, _, _ := strings.Cut(moved.Host, ".")
	address = strconv.Quote(f.address(address))
	f.sees(moved.Name+" is measured at its new address", func(*api.Status) bool {
		text, err := f.get(api.Root + "pairs/" + f.cities[0].Name + "/" + moved.Name)
		return err == nil && strings.Contains(text, address)
	})
}

// edit makes the inventory wrong, and right again without a city, and whole.
func (f *fleet) edit(leaving string) {
	f.t.Helper()
	n := len(f.cities)
	right, err := os.ReadFile(f.path("cities.csv"))
	if err != nil {
		f.t.Fatal(err)
	}
	wrong := strings.Replace(string(right), "City01", "City01,too,many", 1)
	if err := os.WriteFile(f.path("cities.csv"), []byte(wrong), 0o666); err != nil {
		f.t.Fatal(err)
	}
	f.signals <- syscall.SIGHUP
	f.sees("a wrong inventory is refused, with its line", func(s *api.Status) bool {
		return len(s.Trouble) == 1 && strings.Contains(s.Trouble[0].Text, "cities.csv:3")
	})
	f.rounds(1)
	f.inventory(f.cities[:n-1])
	f.signals <- syscall.SIGHUP
	f.sees("a city has left", func(s *api.Status) bool {
		return len(s.Trouble) == 0 && s.Last.Planned == (n-1)*(n-2)
	})
	values, err := f.values()
	if err != nil {
		f.t.Fatal(err)
	}
	for name := range values {
		if strings.Contains(name, strconv.Quote(leaving)) {
			f.t.Errorf("%s has left, and the metrics have %s", leaving, name)
		}
	}
	f.inventory(f.cities)
	f.signals <- syscall.SIGHUP
	f.sees("it has come again", func(s *api.Status) bool { return whole(s, n) })

}

// crash kills the service while a round is under way, and starts it again.
func (f *fleet) crash() {
	f.t.Helper()
	f.sees("a round under way", func(s *api.Status) bool { return s.Running != nil })
	s := f.end(syscall.SIGKILL)
	if s.status != 128+int(syscall.SIGKILL) {
		f.t.Errorf("killed, it ended with %d", s.status)
	}
	f.start()
	if s, err := f.status(); err != nil || s.Last == nil || s.AgeSeconds == nil {
		f.t.Errorf("after it was killed it does not know the last round: %+v, %v", s.Last, err)
	}
	f.sees("every pair measured after it was killed", func(s *api.Status) bool { return whole(s, len(f.cities)) && s.Rounds.Finished > 0 })
}

// knownDown looks at the last round's reasons.
func (f *fleet) knownDown(city string) {
	f.t.Helper()
	text, err := f.get(api.Root + "pairs/" + city + "/" + f.cities[0].Name)
	if err != nil || !strings.Contains(text, "known to be down: since ") || !strings.Contains(text, "next try at ") {
		f.t.Errorf("%v: %s", err, text)
	}
}

// TestServe is the service's life in short: a host goes and comes back, another
// moves, the inventory is wrong and right again, the service is killed, the whole
// fleet goes and comes back, and the service is told to stop, twice.
func TestServe(t *testing.T) {
	f := newFleet(t, numbered(4), 2*time.Second, 6*time.Second, "-c", "3", "-i", "200ms", "-t", "500ms", "--trace", "none", "--rsh", quickSSH)
	f.start()
	stop := f.watch()
	f.story(1)
	f.crash()

	f.set("*", true)
	f.sees("nothing is fresh any more", func(s *api.Status) bool { return s.Stale && s.Rounds.Failed > 0 })
	if text, err := f.get("/healthz"); err == nil || !strings.Contains(text, `"stale"`) {
		t.Errorf("healthz: %v, %s", err, text)
	}
	f.set("*", false)
	f.sees("all are back", func(s *api.Status) bool { return !s.Stale && whole(s, 4) })
	if s := f.end(syscall.SIGTERM); s.status != 0 || !strings.Contains(s.stderr, "matrix: stopped") {
		t.Errorf("told to stop it ended with %d: %s", s.status, s.stderr)
	}
	rounds := f.accounts()

	// Two signals of one kind may become one on their way.
	f.start("-c", "100", "--every", "1s")
	f.sees("a long round under way", func(s *api.Status) bool { return s.Running != nil && s.Running.EchoesDone > 20 })
	if s := f.end(syscall.SIGTERM, os.Interrupt); s.status != 0 {
		t.Errorf("told to hurry it ended with %d: %s", s.status, s.stderr)
	}
	stop()
	if now := f.accounts(); now != rounds+1 {
		t.Errorf("%d rounds after the one that was broken off, want %d", now, rounds+1)
	}
	h, err := history.Open(f.history)
	if err != nil {
		t.Fatal(err)
	}
	if last, err := h.Last(t.Context()); err != nil || !last.Partial || last.Count(probe.Measured) == 0 {
		t.Errorf("the last round is not marked partial: %+v, %v", last, err)
	}
}

// TestServeLong is the same with 50 cities for as long as MATRIX_TEST_SERVE says,
// such as 20m, and what the service takes of the machine.
func TestServeLong(t *testing.T) {
	length, err := time.ParseDuration(os.Getenv("MATRIX_TEST_SERVE"))
	if err != nil {
		t.Skip("set MATRIX_TEST_SERVE=20m: a life of that length")
	}
	f := newFleet(t, numbered(50), 30*time.Second, 90*time.Second, "-c", "4", "-t", "3s")
	began := time.Now()
	f.start()
	stop := f.watch()
	f.story(1)
	f.crash()
	settled := time.Since(began) + 2*time.Minute
	story := time.Since(began)
	for first := 3; time.Since(began) < length; first++ {
		if left := length - time.Since(began); left > story {
			f.story(first)
		} else {
			f.rounds(1)
		}
	}
	s, err := f.status()
	if err != nil {
		t.Error(err)
	}
	stop()
	t.Logf("since the last start: %+v", s.Rounds)
	f.isFlat(settled)
	if s := f.end(syscall.SIGTERM); s.status != 0 {
		t.Errorf("told to stop it ended with %d: %s", s.status, s.stderr)
	}
	f.accounts()
	t.Logf("%v in all", time.Since(began).Round(time.Second))
}
