package report

import (
	"slices"
	"time"

	"matrix/geo"
	"matrix/probe"
)

// Timeline is an ordered pair over time: what `matrix history` shows.
type Timeline struct {
	probe.Pair
	FromTitle, ToTitle string
	Miles              *geo.Miles // nil if not known
	Daily              bool       // a point is a day in UTC, else a round
	Points             []Point    // in order of time; only where the pair was planned
}

// Point is a pair in one round or on one day.
type Point struct {
	Start    time.Time // of the round or of the day
	Rounds   int       // that were to measure the pair
	Measured int       // of those
	Sent     int       // echo requests, where both counts are known
	Received int       //
	Min      *Ms       // least of the rounds' minima
	Median   *Ms       // median of the rounds' medians
	Avg      *Ms       // median of the rounds' averages
	Max      *Ms       // largest of the rounds' maxima
	State    State     // of a round; of a day the most frequent among those not measured, Measured if there are none
	Address  string    // the last that was pinged; "" if none was
	Moved    bool      // it is another than at the point before
}

// Loss is lost / sent in percent; false if nothing is known to have been sent.
func (p *Point) Loss() (float64, bool) {
	if p.Sent == 0 {
		return 0, false
	}
	return 100 * float64(p.Sent-p.Received) / float64(p.Sent), true
}

// NewTimeline puts a series together with the rounds that it is of, by round or
// by day.
func NewTimeline(rounds []*probe.Round, s *probe.Series, daily bool) *Timeline {
	t := &Timeline{Pair: s.Pair, FromTitle: s.From, ToTitle: s.To, Daily: daily}
	for _, r := range slices.Backward(rounds) {
		if t.describe(r.Cities) {
			break
		}
	}
	begin := 0
	for i := 1; i <= s.Len(); i++ {
		if i < s.Len() && daily && day(rounds[s.Round[i]].Start).Equal(day(rounds[s.Round[begin]].Start)) {
			continue
		}
		start := rounds[s.Round[begin]].Start
		if daily {
			start = day(start)
		}
		t.add(start, s, begin, i)
		begin = i
	}
	return t
}

func day(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// describe takes titles and distance from a round that has both cities.
func (t *Timeline) describe(cities []probe.City) bool {
	from := slices.IndexFunc(cities, func(c probe.City) bool { return c.Name == t.From })
	to := slices.IndexFunc(cities, func(c probe.City) bool { return c.Name == t.To })
	if from < 0 || to < 0 {
		return false
	}
	t.FromTitle, t.ToTitle = Clean(cities[from].Title, titleRunes), Clean(cities[to].Title, titleRunes)
	if miles, known := greatCircles(cities).Between(t.Pair); known {
		t.Miles = &miles
	}
	return true
}

// add makes a point of the samples begin..end.
func (t *Timeline) add(start time.Time, s *probe.Series, begin, end int) {
	p := Point{Start: start, Rounds: end - begin, State: Measured}
	var states [6]int
	for i := begin; i < end; i++ {
		states[s.State[i]]++
		if s.State[i] == Measured {
			p.Measured++
		}
		if s.Sent[i] != probe.Unknown && s.Received[i] != probe.Unknown {
			p.Sent += int(s.Sent[i])
			p.Received += int(s.Received[i])
		}
		if a := s.Address[i]; a != probe.Unknown {
			p.Address = s.Addresses[a].String()
		}
	}
	for _, state := range probe.States() {
		if state != Measured && states[state] > 0 && (p.State == Measured || states[state] > states[p.State]) {
			p.State = state
		}
	}
	p.Min, p.Max = at(s, Min, begin, end, 0), at(s, Max, begin, end, 1)
	p.Median, p.Avg = at(s, Median, begin, end, 0.5), at(s, Avg, begin, end, 0.5)
	if n := len(t.Points); n > 0 && p.Address == "" {
		p.Address = t.Points[n-1].Address
	} else if n > 0 {
		p.Moved = t.Points[n-1].Address != "" && t.Points[n-1].Address != p.Address
	}
	t.Points = append(t.Points, p)
}

// at is a quantile of a statistic over some samples of a series.
func at(s *probe.Series, stat Stat, begin, end int, q float64) *Ms {
	var values []float64
	for i := begin; i < end; i++ {
		if d, ok := s.Stat(stat, i); ok {
			values = append(values, float64(d)/float64(time.Millisecond))
		}
	}
	if len(values) == 0 {
		return nil
	}
	slices.Sort(values)
	ms := Ms(quantile(values, q))
	return &ms
}
