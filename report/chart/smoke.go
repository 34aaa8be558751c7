package chart

import (
	"cmp"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"time"

	"matrix/report"
)

// columns is how many a smoke graph has at most: an hourly month fits.
const columns = 744

// Smoke is a pair over time as a picture: every single round-trip time, darker
// where many of a column are alike, over a light band from the smallest to the
// largest; a line at the median, and below it a strip that says where packets
// were lost and where nothing was measured. Rounds of which only statistics are
// known have a darker band instead, one standard deviation to each side of the
// average.
type Smoke struct {
	from, to time.Time
	columns  []column
}

// column is a stretch of the span: one round, as a rule. Times are in µs.
type column struct {
	rounds, measured int32
	sent, received   int32
	low, high        int32 // of the smallest and largest
	inner            [2]int32
	middle           int32
	rtts             []int32 // every one of the rounds that have them, ascending
}

// NewSmoke gathers a series, with its RTTs if it has them. starts are when the
// rounds began that its indices mean; those outside of the span are left out.
func NewSmoke(s *report.Series, span report.Span, starts []time.Time) *Smoke {
	length := span.To.Sub(span.From)
	g := &Smoke{from: span.From, to: span.To, columns: make([]column, columnsFor(length, starts))}
	var middles []int32 // of the column that is filled just now
	last := -1
	for i := range s.Len() {
		off := starts[s.Round[i]].Sub(span.From)
		if off < 0 || off >= length {
			continue
		}
		k := int(float64(len(g.columns)) * float64(off) / float64(length))
		if k != last {
			last, middles = k, middles[:0]
		}
		if middle := g.columns[k].add(s, i); middle > 0 {
			middles = append(middles, middle)
			slices.Sort(middles)
			g.columns[k].middle = middles[len(middles)/2]
		}
	}
	for i := range g.columns {
		slices.Sort(g.columns[i].rtts)
	}
	return g
}

// columnsFor is one for each round, as far apart as rounds are as a rule.
func columnsFor(length time.Duration, starts []time.Time) int {
	return int(min(columns, max(1, math.Round(float64(length)/float64(Apart(starts))))))
}

// Apart is how far apart rounds are as a rule: the median; of a single one an
// hour.
func Apart(starts []time.Time) time.Duration {
	var apart []time.Duration
	for i := 1; i < len(starts); i++ {
		if d := starts[i].Sub(starts[i-1]); d > 0 {
			apart = append(apart, d)
		}
	}
	if len(apart) == 0 {
		return time.Hour
	}
	slices.Sort(apart)
	return apart[len(apart)/2]
}

// add takes in a sample, and returns its median; 0 if it was not measured.
func (c *column) add(s *report.Series, i int) int32 {
	c.rounds++
	if s.Sent[i] >= 0 && s.Received[i] >= 0 {
		c.sent += s.Sent[i]
		c.received += s.Received[i]
	}
	known := func(stat report.Stat) int32 { return max(0, s.Stats[stat][i]) }
	average := known(report.Avg)
	middle := cmp.Or(known(report.Median), average, known(report.Min))
	if s.State[i] != report.Measured || middle <= 0 {
		return 0
	}
	low, high := cmp.Or(known(report.Min), middle), cmp.Or(known(report.Max), middle)
	inner := [2]int32{middle, middle}
	if s.RTTs != nil && len(s.RTTs[i]) > 0 {
		c.rtts = append(c.rtts, s.RTTs[i]...)
	} else {
		average, deviation := cmp.Or(average, middle), known(report.Mdev)
		inner = [2]int32{max(low, average-deviation), min(high, average+deviation)}
	}
	if c.measured == 0 {
		c.low, c.high, c.inner = low, high, inner
	}
	c.measured++
	c.low, c.high = min(c.low, low), max(c.high, high)
	c.inner[0], c.inner[1] = min(c.inner[0], inner[0]), max(c.inner[1], inner[1])
	return middle
}

// Reach is the largest value in milliseconds that a graph should show: beyond it
// are a few spikes, which would press all else to the floor.
func (g *Smoke) Reach() float64 {
	var high []int32
	for i := range g.columns {
		if g.columns[i].measured > 0 {
			high = append(high, g.columns[i].high)
		}
	}
	if len(high) == 0 {
		return 0
	}
	slices.Sort(high)
	return millis(high[int(0.95*float64(len(high)-1))])
}

// Kinds says of what a graph is: of RTTs, one by one, and of statistics.
func (g *Smoke) Kinds() (ticks, bands bool) {
	for i := range g.columns {
		c := &g.columns[i]
		ticks = ticks || len(c.rtts) > 0
		bands = bands || c.measured > 0 && len(c.rtts) == 0
	}
	return ticks, bands
}

// Low is the smallest value of the graph in milliseconds; 0 if it has none.
func (g *Smoke) Low() float64 {
	low := int32(math.MaxInt32)
	for i := range g.columns {
		if g.columns[i].measured > 0 {
			low = min(low, g.columns[i].low)
		}
	}
	if low == math.MaxInt32 {
		return 0
	}
	return millis(low)
}

func millis(us int32) float64 { return float64(us) / 1000 }

// numbers are what a column is, but for its RTTs.
func (c *column) numbers() []*int32 {
	return []*int32{&c.rounds, &c.measured, &c.sent, &c.received, &c.low, &c.high, &c.inner[0], &c.inner[1], &c.middle}
}

// AppendBinary packs a graph, so that those of thousands of pairs can be kept in
// a file until their pages are written: a byte or two a figure.
func (g *Smoke) AppendBinary(b []byte) ([]byte, error) {
	b = binary.AppendVarint(b, g.from.Unix())
	b = binary.AppendVarint(b, g.to.Unix())
	b = binary.AppendUvarint(b, uint64(len(g.columns)))
	for i := range g.columns {
		c := &g.columns[i]
		for _, n := range c.numbers() {
			b = binary.AppendVarint(b, int64(*n))
		}
		b = binary.AppendUvarint(b, uint64(len(c.rtts)))
		last := int32(0)
		for _, us := range c.rtts {
			b = binary.AppendUvarint(b, uint64(us-last))
			last = us
		}
	}
	return b, nil
}

// errPacked is about bytes that AppendBinary did not write.
var errPacked = errors.New("a packed graph is damaged")

// UnmarshalBinary unpacks a graph.
func (g *Smoke) UnmarshalBinary(b []byte) error {
	whole := true
	next := func(read func([]byte) (int64, int)) int64 {
		v, n := read(b)
		if n <= 0 {
			whole = false
			return 0
		}
		b = b[n:]
		return v
	}
	count := func(b []byte) (int64, int) { v, n := binary.Uvarint(b); return int64(v), n }
	g.from, g.to = time.Unix(next(binary.Varint), 0).UTC(), time.Unix(next(binary.Varint), 0).UTC()
	n := next(count)
	if !whole || n < 0 || n > columns {
		return errPacked
	}
	g.columns = make([]column, n)
	for i := range g.columns {
		c := &g.columns[i]
		for _, n := range c.numbers() {
			*n = int32(next(binary.Varint))
		}
		n := next(count)
		if !whole || n < 0 || n > int64(len(b)) {
			return errPacked
		}
		c.rtts = make([]int32, n)
		last := int32(0)
		for k := range c.rtts {
			last += int32(next(count))
			c.rtts[k] = last
		}
	}
	if !whole || len(b) > 0 {
		return errPacked
	}
	return nil
}
