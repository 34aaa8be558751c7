package probe

import (
	"fmt"
	"slices"
	"time"
)

// Stamps is where the two times of a round-trip time were taken. The zero
// value means that nobody said.
type Stamps uint8

const (
	UserStamps    Stamps = iota + 1 // both in the program: late by what the scheduler took
	ReceiveStamps                   // of the reply in the kernel, of the request in the program
	KernelStamps                    // both in the kernel
)

var stampNames = [...]string{"", "user", "receive", "kernel"}

func (s Stamps) String() string { return stampNames[s] }

// MarshalText writes the word.
func (s Stamps) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the word.
func (s *Stamps) UnmarshalText(text []byte) error {
	i := slices.Index(stampNames[:], string(text))
	if i < 0 {
		return fmt.Errorf("unknown time stamps %q: want one of %q", text, stampNames[1:])
	}
	*s = Stamps(i)
	return nil
}

// Oddities count what a target did beside answering every echo request once,
// in order and in time.
type Oddities struct {
	Duplicates int `json:"duplicates,omitempty"` // replies beyond the first
	Reordered  int `json:"reordered,omitempty"`  // first replies that came after that to a later request
	Late       int `json:"late,omitempty"`       // replies after the timeout
}

// Add adds what was counted elsewhere.
func (o *Oddities) Add(other Oddities) {
	o.Duplicates += other.Duplicates
	o.Reordered += other.Reordered
	o.Late += other.Late
}

// Plausible says whether the counts can be sums of what a network did.
func (o Oddities) Plausible() bool {
	const most = 1 << 30
	for _, n := range []int{o.Duplicates, o.Reordered, o.Late} {
		if n < 0 || n > most {
			return false
		}
	}
	return true
}

// Health is how well a host was able to measure. A sick measurer looks like a
// sick network, so a round says when one of its measurers was.
type Health struct {
	Engine  string        `json:"engine,omitempty"`  // such as "ping socket"; "" if nobody said
	Stamps  Stamps        `json:"stamps,omitempty"`  // the best that the host has
	Lesser  int           `json:"lesser,omitempty"`  // replies with less than that
	Lag     time.Duration `json:"lag_ns,omitempty"`  // the most that an echo request left after its time
	Dropped int           `json:"dropped,omitempty"` // packets that did not fit into the receive buffer
	Stray   int           `json:"stray,omitempty"`   // packets that looked like replies and were none
	Self    time.Duration `json:"self_ns,omitempty"` // round-trip time to the host itself
	Steps   int           `json:"steps,omitempty"`   // of the wall clock in mid-job
	// Offset is how far the host's clock is ahead of the coordinator's, by the
	// exchange with the smallest round trip; OffsetError, half of that round
	// trip, is how far it may be from the truth. 0, both: the coordinator's own
	// clock, or not known.
	Offset      time.Duration `json:"offset_ns,omitempty"`
	OffsetError time.Duration `json:"offset_error_ns,omitempty"`
	Load        float64       `json:"load,omitempty"` // tasks running or ready to run, on average over the last minute of the job
	CPUs        int           `json:"cpus,omitempty"` // that the program may use there; 0: neither is known
}

// Sane is what can be true of a host's own account of its health.
func (h Health) Sane() Health {
	const most = 1 << 30
	h.Engine = Clean(h.Engine, 40)
	for _, n := range []*int{&h.Lesser, &h.Dropped, &h.Stray, &h.Steps} {
		*n = min(max(0, *n), most)
	}
	h.Lag, h.Self, h.OffsetError = max(0, h.Lag), max(0, h.Self), max(0, h.OffsetError)
	if h.CPUs < 1 || h.CPUs > 1<<20 || h.Load < 0 || h.Load > 1<<20 {
		h.Load, h.CPUs = 0, 0
	}
	return h
}

// busyLoad is how many tasks a CPU may have, its load average, before a host
// that measures badly is taken to do so because it is busy: with more than one,
// they wait for each other.
const busyLoad = 1.0

// isBusy says whether the host has more to do than it can.
func (h Health) isBusy() bool { return h.CPUs > 0 && h.Load > busyLoad*float64(h.CPUs) }

// blame is the host's load as the reason of a complaint; "" if it is not busy.
func (h Health) blame() string {
	if !h.isBusy() {
		return ""
	}
	cpus := "CPUs"
	if h.CPUs == 1 {
		cpus = "CPU"
	}
	return fmt.Sprintf("; it is busy, with a load of %.1f on %d %s", h.Load, h.CPUs, cpus)
}

// Examined is implemented by a Pinger or Session that knows how well its last
// job could be measured.
type Examined interface {
	Health() Health
}

// HealthOf is the pinger's health, if it knows it.
func HealthOf(p Pinger) Health {
	if e, ok := p.(Examined); ok {
		return e.Health()
	}
	return Health{}
}

// How far a host's clock may be off before anybody is told, and before that is
// called an error. No RTT suffers from it, but logs and certificates do.
const (
	ClockMayErr = 5 * time.Second
	ClockIsBad  = time.Minute
)

// Complaints are what a reader of the round must know about a measurer.
func (h Health) Complaints(interval time.Duration) []string {
	var all []string
	if late := max(100*time.Millisecond, interval/4); h.Lag > late {
		all = append(all, fmt.Sprintf("its host sent up to %v late%s", h.Lag.Round(time.Millisecond), h.blame()))
	}
	if h.Dropped > 0 {
		all = append(all, fmt.Sprintf("its host had no room for %d packets; requests under way then are not counted", h.Dropped))
	}
	if off := h.Offset.Abs(); off > ClockMayErr {
		way := "ahead of"
		if h.Offset < 0 {
			way = "behind"
		}
		all = append(all, fmt.Sprintf("its clock is %v %s the coordinator's", off.Round(100*time.Millisecond), way))
	}
	if h.Stamps == UserStamps {
		all = append(all, "its host has no time stamps of the kernel; round-trip times include what its scheduler took"+h.blame())
	}
	return all
}
