package data

import (
	"bufio"
	"fmt"
	"io"
	"net/netip"
	"time"

	"matrix/probe"
)

// What the readers of other programs' files (data/foreign) share with this
// package: what is a city, a time, a figure and a sample is the same for all.

// OpenText looks at how a file starts: it refuses what is not text, with a
// *FileError, and steps over a UTF-8 byte order mark.
func OpenText(r io.Reader, name string) (*bufio.Reader, error) { return openText(r, name) }

// ParseTime reads a time of a file: RFC 3339, or with a space for the T, or
// without a zone, which is UTC.
func ParseTime(text string) (time.Time, error) { return timestamp(text) }

// ParseAddr reads an IP address; in its zone netip would let anything pass.
func ParseAddr(text string) (netip.Addr, error) { return parseAddr(text) }

// ParseMillis reads a time in milliseconds, from 0 to a minute. Otherwise it
// says what is wrong and what to do.
func ParseMillis(text string) (d time.Duration, problem, hint string) {
	v, problem, hint := number(text)
	if problem != "" {
		return 0, problem, hint
	}
	return MillisOf(v)
}

// MillisOf is ParseMillis of what is a number already.
func MillisOf(v float64) (d time.Duration, problem, hint string) {
	if !(v >= 0 && v <= milliseconds(maxRTT)) {
		return 0, fmt.Sprintf("not between 0 and %v", maxRTT), "times are in milliseconds"
	}
	return duration(v), "", ""
}

// CheckSample says why a sample cannot be true: its parts contradict each
// other, or its times are none of pings.
func CheckSample(s *probe.Sample) error {
	if s.Sent < 0 || s.Sent > maxSent || s.Received < 0 {
		return fmt.Errorf("%d received of %d sent", s.Received, s.Sent)
	}
	if err := check(s); err != nil {
		return err
	}
	if s.State != probe.Measured {
		return nil
	}
	if problem := implausible(s.Summary(), s.IsSelf()); problem != "" {
		return fmt.Errorf("%s", problem)
	}
	return nil
}

// Lookup finds cities by what the files of other programs call them.
type Lookup struct {
	cities *resolver
	hosts  map[string]int
}

// NewLookup finds cities of the inventory.
func NewLookup(inv *Inventory) *Lookup {
	l := &Lookup{cities: newResolver(inv), hosts: make(map[string]int)}
	for i, c := range inv.Cities {
		if c.Host != "" {
			l.hosts[sameHost(c.Host)] = i
		}
	}
	return l
}

// City is the position in the inventory of the city whose whole name, title,
// id or host this is.
func (l *Lookup) City(text string) (int, bool) {
	if i, ok := l.cities.find(text); ok {
		return i, true
	}
	i, ok := l.hosts[sameHost(text)]
	return i, ok
}

// Unknown says why a text is no city, and what to do.
func (l *Lookup) Unknown(text string) (problem, hint string) {
	problem, hint = l.cities.unknown(text)
	if _, err := netip.ParseAddr(text); err == nil {
		hint = "give a city there this address as its host"
	}
	return problem, hint
}
