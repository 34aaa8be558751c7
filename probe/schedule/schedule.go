// Package schedule says when rounds are due, and has them run one after the
// other.
//
//	Schedule ── Next, Due ──► Loop ── Round … Round (late: skipped) … Round
//
// A Schedule is a value: the same moment gives the same answer, on every machine
// and after every restart. The Loop keeps to it whatever the clock does: it looks
// at the clock again and again, and never waits for a time that the clock has
// been set away from.
package schedule

import (
	"errors"
	"fmt"
	"time"
)

// Schedule is when rounds are due: at the multiples of Every since 1970 in UTC,
// so that 1h means on the hour and 24h at midnight UTC, each a little later by
// chance.
type Schedule struct {
	Every  time.Duration `json:"every_ns"`
	Jitter time.Duration `json:"jitter_ns"` // a round starts at most so much after its time; less than Every
	Seed   uint64        `json:"seed"`      // of the chance: fleets that share hosts should not start together
}

// Shortest and Longest bound Every.
const (
	Shortest = time.Second
	Longest  = 7 * 24 * time.Hour
)

// New is the schedule of rounds every so often, with as much jitter as does not
// matter: a tenth, and at most 30 s.
func New(every time.Duration, seed uint64) (Schedule, error) {
	s := Schedule{Every: every, Jitter: min(every/10, 30*time.Second), Seed: seed}
	if err := s.Check(); err != nil {
		return Schedule{}, err
	}
	return s, nil
}

// Check refuses a schedule that New does not make.
func (s Schedule) Check() error {
	switch {
	case s.Every < Shortest || s.Every > Longest:
		return fmt.Errorf("a round every %v: want 1s to 168h", s.Every)
	case s.Every%time.Second != 0:
		return errors.New("rounds are whole seconds apart")
	case s.Jitter < 0 || s.Jitter >= s.Every:
		return fmt.Errorf("a round every %v, by chance up to %v later: want less than that", s.Every, s.Jitter)
	}
	return nil
}

// Aligned is the multiple of Every that a round which was due at t is of.
func (s Schedule) Aligned(t time.Time) time.Time {
	s.Jitter = 0
	return s.Last(t)
}

// Next is the first time after t at which a round is due.
func (s Schedule) Next(t time.Time) time.Time {
	for n := s.number(t); ; n++ {
		if at := s.at(n); at.After(t) {
			return at
		}
	}
}

// Due counts the rounds that are due after a, up to and including b.
func (s Schedule) Due(a, b time.Time) uint64 {
	if !b.After(a) {
		return 0
	}
	return uint64(s.passed(b) - s.passed(a))
}

// Last is the latest time up to and including t at which a round was due.
func (s Schedule) Last(t time.Time) time.Time { return s.at(s.passed(t)) }

// passed is the number of the last round that was due at t.
func (s Schedule) passed(t time.Time) int64 {
	n := s.number(t)
	if s.at(n).After(t) {
		n--
	}
	return n
}

// number counts the multiples of Every up to t.
func (s Schedule) number(t time.Time) int64 {
	seconds, every := t.Unix(), int64(s.Every/time.Second)
	n := seconds / every
	if seconds%every < 0 {
		n--
	}
	return n
}

// at is when the nth round is due; without a monotonic reading, since it is the
// clock on the wall that it is about.
func (s Schedule) at(n int64) time.Time {
	at := time.Unix(n*int64(s.Every/time.Second), 0).UTC()
	if s.Jitter > 0 {
		at = at.Add(time.Duration(mix(s.Seed+uint64(n)) % uint64(s.Jitter)))
	}
	return at
}

// mix is the finalizer of SplitMix64 (Steele, Lea, Flood 2014): numbers that
// follow each other come out far apart.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
