package report

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"matrix/probe"
)

// Level is how well something is. Higher is worse.
type Level uint8

const (
	OK      Level = iota
	Warn          // works, and somebody should look
	Failing       // does not work, or cannot be trusted
)

var levelWords = [...]string{"OK", "WARNING", "ERROR"}

func (l Level) String() string { return levelWords[l] }

// HostLine is a host as a list of hosts shows it.
type HostLine struct {
	City        string
	Level       Level
	Up          bool          // a session could be opened
	Connect     time.Duration // that it took
	Version     string        // of the matrix there
	Health      probe.Health  //
	Self        time.Duration // least round-trip time to itself; 0: not known
	Deployed    string        // what became of putting the program there; "" if nobody tried
	Problems    []string      // worst first
	Hints       []string      // what a person can do about them
	Clock       Level         // of its clock
	ClockIsOurs bool          // it is this machine, or its clock is not known
}

// NewHostLine judges a host. version is that of this program.
func NewHostLine(e probe.Examination, version string) HostLine {
	h := HostLine{City: e.City, Up: e.Err == nil, Connect: e.Took, Version: e.Version, Health: e.Health, Self: e.Self}
	h.ClockIsOurs = e.Health.OffsetError == 0
	h.Clock = clockLevel(e.Health.Offset)
	h.fail(e.Err)
	h.fail(e.PingErr)
	if !h.Up {
		return h
	}
	if h.Clock > OK {
		h.blame(h.Clock, "its clock is "+ClockWords(e.Health))
	}
	if e.Version != version {
		h.blame(Warn, fmt.Sprintf("it runs matrix %s, this is %s", e.Version, version))
	}
	if e.Health.Stamps == probe.UserStamps {
		h.blame(Warn, "it has no time stamps of the kernel; round-trip times include what its scheduler took")
	}
	return h
}

// clockLevel judges how far a clock is off.
func clockLevel(offset time.Duration) Level {
	switch off := offset.Abs(); {
	case off <= probe.ClockMayErr:
		return OK
	case off <= probe.ClockIsBad:
		return Warn
	}
	return Failing
}

// ClockWords say how far a host's clock is off, and how well that is known.
func ClockWords(h probe.Health) string {
	way := "ahead"
	if h.Offset < 0 {
		way = "behind"
	}
	return fmt.Sprintf("%.3f s %s, ± %.3f s", h.Offset.Abs().Seconds(), way, max(time.Millisecond, h.OffsetError).Seconds())
}

func (h *HostLine) blame(level Level, problem string) {
	h.Level = max(h.Level, level)
	h.Problems = append(h.Problems, problem)
}

// fail blames the host with an error, if there is one.
func (h *HostLine) fail(err error) {
	if err == nil {
		return
	}
	h.blame(Failing, Clean(err.Error(), 300))
	var host *probe.HostError
	if errors.As(err, &host) && host.Hint != "" {
		h.Hints = append(h.Hints, host.Hint)
	}
}

// MayPing says in a word what the host pings with: its engine, or why not.
func (h *HostLine) MayPing() string {
	switch {
	case !h.Up:
		return ""
	case h.Self == 0:
		return "no"
	}
	return cmp.Or(h.Health.Engine, "yes")
}
