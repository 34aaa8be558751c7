package reporttest

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"time"

	"matrix/geo"
	"matrix/probe"
	"matrix/report"
)

// Season is a made-up history: rounds of a Fleet at even intervals, with events
// that are known. Every sample is a function of the seed, the pair and the
// round alone, so that rounds can be made one by one, and series pair by pair,
// in any order and in constant memory, and always agree.
type Season struct {
	Fleet  *Fleet
	Start  time.Time
	Every  time.Duration // from one round to the next
	Count  int           // rounds
	Full   int           // one sample in so many has each of its RTTs; 0: none has
	Quiet  bool          // no echo request is lost but by an event, no host fails
	Events []Event       // in the order in which they were put in

	seed  uint64
	fleet sharedFleet
	hosts []seasonHost
	bends map[[2]int][]bend
	lossy map[[2]int][]evening
}

// Event is something that was put into a season, and should be found.
type Event struct {
	Kind     string        // detour, down, added, removed, moved, lossy-hours, clock
	City     string        // whose fault it is; "" of a pair
	Pairs    [][2]string   // two cities each, in alphabetical order: of a detour, and of lossy hours
	From, To time.Time     // the first round in which it is, and the first in which it is not any more
	Hours    [2]int        // of lossy hours, UTC: from and up to
	Over     string        // of a detour
	Address  [2]netip.Addr // of a move, before and after
	Offset   time.Duration // of a clock, at its worst
}

// seasonHost is what happens to a host; rounds are counted from 0.
type seasonHost struct {
	first, end int      // rounds in which it is in the fleet
	down       [][2]int // stretches in which it is away
	moved      int      // round from which it is at its second address; Count: never
	farther    float64  // ms, what it adds to its pairs there
	clock      [2]int   // rounds in which its clock is off
	drift      time.Duration
}

// bend is that a pair takes longer for a while.
type bend struct {
	first, end int
	more       float64 // ms
}

// evening is that a pair loses packets for some hours of each day.
type evening struct {
	first, end int
	from, to   int // hours
	ratio      float64
}

// Sent is how many echo requests every sample of a season has.
const Sent = 30

// NewSeason makes rounds of n cities over a span, and no events.
func NewSeason(n int, seed uint64, span report.Span, every time.Duration) *Season {
	s := &Season{
		Fleet: NewFleet(n, seed), Start: span.From, Every: every, Count: int(span.To.Sub(span.From) / every), seed: mix(seed, 77),
		bends: map[[2]int][]bend{}, lossy: map[[2]int][]evening{},
	}
	s.hosts = slices.Repeat([]seasonHost{{end: s.Count, moved: s.Count}}, n)
	return s
}

// at is when a round starts, and round the first that starts then or later.
func (s *Season) at(round int) time.Time { return s.Start.Add(time.Duration(round) * s.Every) }

func (s *Season) round(at time.Time) int {
	return min(max(0, int((at.Sub(s.Start)+s.Every-1)/s.Every)), s.Count)
}

func (s *Season) name(host int) string { return s.Fleet.Cities[host].Name }

func (s *Season) event(e Event, from, to time.Time) (first, end int) {
	first, end = s.round(from), s.round(to)
	e.From, e.To = s.at(first), s.at(end)
	s.Events = append(s.Events, e)
	return first, end
}

// Detour bends pairs over a third host from one time to another. City is the
// host that they share, or "".
func (s *Season) Detour(city string, pairs [][2]int, over int, from, to time.Time) {
	e := Event{Kind: "detour", City: city, Over: s.name(over)}
	for _, p := range pairs {
		e.Pairs = append(e.Pairs, sorted(s.name(p[0]), s.name(p[1])))
	}
	first, end := s.event(e, from, to)
	for _, p := range pairs {
		a, b := p[0], p[1]
		more := s.Fleet.RTT(a, over) + s.Fleet.RTT(over, b) - s.Fleet.RTT(a, b)
		s.bends[[2]int{a, b}] = append(s.bends[[2]int{a, b}], bend{first, end, more})
		s.bends[[2]int{b, a}] = append(s.bends[[2]int{b, a}], bend{first, end, more})
	}
}

// Down takes a host away: it cannot be reached, nor can it ping.
func (s *Season) Down(host int, from, to time.Time) {
	first, end := s.event(Event{Kind: "down", City: s.name(host)}, from, to)
	s.hosts[host].down = append(s.hosts[host].down, [2]int{first, end})
}

// Add puts a host into the fleet only from then on.
func (s *Season) Add(host int, at time.Time) {
	s.hosts[host].first, _ = s.event(Event{Kind: "added", City: s.name(host)}, at, s.at(s.Count))
}

// Remove takes a host out of the fleet for good.
func (s *Season) Remove(host int, at time.Time) {
	s.hosts[host].end, _ = s.event(Event{Kind: "removed", City: s.name(host)}, at, s.at(s.Count))
}

// Readdress gives a host another address, at which all its pairs take longer.
func (s *Season) Readdress(host int, more float64, at time.Time) {
	e := Event{Kind: "moved", City: s.name(host), Address: [2]netip.Addr{address(host, false), address(host, true)}}
	s.hosts[host].moved, _ = s.event(e, at, s.at(s.Count))
	s.hosts[host].farther = more
}

// Evenings has a pair lose packets, both ways, at some hours of each day.
func (s *Season) Evenings(a, b int, fromHour, toHour int, ratio float64, from, to time.Time) {
	e := Event{Kind: "lossy-hours", Pairs: [][2]string{sorted(s.name(a), s.name(b))}, Hours: [2]int{fromHour, toHour}}
	first, end := s.event(e, from, to)
	for _, p := range [][2]int{{a, b}, {b, a}} {
		s.lossy[p] = append(s.lossy[p], evening{first, end, fromHour, toHour, ratio})
	}
}

// Clock has a host's clock gain so much a day, from a time on until it is set
// right.
func (s *Season) Clock(host int, drift time.Duration, from, to time.Time) {
	first, end := s.round(from), s.round(to)
	e := Event{Kind: "clock", City: s.name(host), Offset: s.offset(drift, end-1-first)}
	s.event(e, from, to)
	s.hosts[host].clock, s.hosts[host].drift = [2]int{first, end}, drift
}

// offset is what a clock gained over so many rounds.
func (s *Season) offset(drift time.Duration, rounds int) time.Duration {
	return time.Duration(float64(drift) * float64(rounds) * float64(s.Every) / float64(24*time.Hour)).Round(time.Millisecond)
}

func sorted(a, b string) [2]string { return [2]string{min(a, b), max(a, b)} }

func address(host int, moved bool) netip.Addr {
	block := byte(18)
	if moved {
		block = 19
	}
	return netip.AddrFrom4([4]byte{198, block, byte(host), 1})
}

// Eventful puts one event of every kind into a month. It wants 15 cities at
// least, and a season that begins with the month before.
func (s *Season) Eventful(month report.Span) error {
	n := len(s.Fleet.Cities)
	day := func(d int) time.Time { return month.From.AddDate(0, 0, d-1) }
	free := s.Fleet.Random.Perm(n)
	take := func() int {
		host := free[0]
		free = free[1:]
		return host
	}
	down, added, removed, moved := take(), take(), take(), take()
	clock, lossyA, lossyB := free[0], free[1], free[2]
	s.Down(down, day(5).Add(3*time.Hour), day(8).Add(3*time.Hour))
	s.Add(added, day(6).Add(5*time.Hour))
	s.Remove(removed, day(24).Add(11*time.Hour))
	s.Readdress(moved, 35, day(16).Add(9*time.Hour))
	s.Clock(clock, 40*time.Second, day(19), day(22).Add(7*time.Hour))
	s.Evenings(lossyA, lossyB, 18, 22, 0.02, month.From, month.To)
	host, over, others := s.detours(free)
	if len(others) < 3 {
		return fmt.Errorf("season of %d cities: no host has three routes that a detour makes much slower", n)
	}
	routes := make([][2]int, 0, len(others))
	for _, b := range others {
		routes = append(routes, [2]int{host, b})
	}
	s.Detour(s.name(host), routes, over, day(11), day(21))
	a, b, c := s.single(free, host)
	if a < 0 {
		return fmt.Errorf("season of %d cities: no pair that a detour makes much slower", n)
	}
	s.Detour("", [][2]int{{a, b}}, c, day(13), day(23))
	return nil
}

// much says whether a way over a third host is worth an alarm, by far, and can
// be seen on a map.
func (s *Season) much(a, over, b int) bool {
	way := s.Fleet.RTT(a, over) + s.Fleet.RTT(over, b)
	miles := s.miles(a, over) + s.miles(over, b)
	return way > 1.6*s.Fleet.RTT(a, b)+35 && miles > 1.5*s.miles(a, b)+500
}

func (s *Season) miles(a, b int) geo.Miles {
	return geo.Distance(theInternet.towns[s.Fleet.Towns[a]].at, theInternet.towns[s.Fleet.Towns[b]].at)
}

// detours finds a host, a third one and the hosts to which the way over it is
// much longer; as many as there are, at most a third of the fleet.
func (s *Season) detours(among []int) (host, over int, others []int) {
	for _, a := range among {
		for _, c := range among {
			var far []int
			for _, b := range among {
				if a != c && b != a && b != c && s.much(a, c, b) {
					far = append(far, b)
				}
			}
			if most := max(4, len(s.Fleet.Cities)/3); len(far) >= most {
				return a, c, far[:most]
			}
			if len(far) > len(others) {
				host, over, others = a, c, far
			}
		}
	}
	return host, over, others
}

// single finds a pair without a host, and one over which its way is much
// longer; -1 if there is none.
func (s *Season) single(among []int, without int) (a, b, over int) {
	for _, a := range among {
		for _, b := range among {
			for _, c := range among {
				if a < b && a != without && b != without && c != a && c != b && s.much(a, c, b) {
					return a, b, c
				}
			}
		}
	}
	return -1, -1, -1
}

// mix is a hash of whole numbers (the finalizer of splitmix64 over each).
func mix(seed uint64, values ...uint64) uint64 {
	for _, v := range values {
		seed = scramble(seed ^ v*0x9e3779b97f4a7c15)
	}
	return seed
}

func scramble(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// unit is a hash as a number from 0 up to 1.
func unit(x uint64) float64 { return float64(x>>11) / (1 << 53) }

// exponential draws from the exponential distribution of mean 1.
func exponential(x uint64) float64 { return -math.Log1p(-unit(x)) }

var _ report.History = (*Season)(nil)

// Pairs are all pairs of the fleet, row by row.
func (s *Season) pairs() [][2]int {
	var all [][2]int
	for a := range s.Fleet.Cities {
		for b := range s.Fleet.Cities {
			if a != b {
				all = append(all, [2]int{a, b})
			}
		}
	}
	return all
}

func (s *Season) pair(p [2]int) probe.Pair { return probe.Pair{From: s.name(p[0]), To: s.name(p[1])} }
