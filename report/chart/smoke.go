package chart

import (
	"cmp"
	"fmt"
	"html"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"matrix/report"
)

// columns is how many a smoke graph has at most: an hourly month fits.
const columns = 744

// Smoke is a pair's month as a picture: a light band from the smallest to the
// largest round-trip time, a darker one around the middle, a line at the median,
// and below it a strip that says where packets were lost and where nothing was
// measured. The darker band holds the middle half of the RTTs where the series
// has them, else one standard deviation to each side of the average.
type Smoke struct {
	from, to time.Time
	columns  []column
}

// column is a stretch of the span: one round, as a rule. A month of thousands of
// pairs is kept for a while, so it is small.
type column struct {
	rounds, measured int32
	sent, received   int32
	low, high        float32 // ms; of the smallest and largest
	inner            [2]float32
	middle           float32
}

// NewSmoke gathers a series. at says when its rounds began; those outside of the
// span are left out.
func NewSmoke(s *report.Series, span report.Span, at func(round int32) time.Time, rounds int) *Smoke {
	g := &Smoke{from: span.From, to: span.To, columns: make([]column, min(columns, max(1, rounds)))}
	length := span.To.Sub(span.From)
	var middles []float32 // of the column that is filled just now
	last := -1
	for i := range s.Len() {
		off := at(s.Round[i]).Sub(span.From)
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
	return g
}

// add takes in a sample, and returns its median; 0 if it was not measured.
func (c *column) add(s *report.Series, i int) float32 {
	c.rounds++
	if s.Sent[i] >= 0 && s.Received[i] >= 0 {
		c.sent += s.Sent[i]
		c.received += s.Received[i]
	}
	ms := func(stat report.Stat) float32 {
		d, ok := s.Stat(stat, i)
		if !ok {
			return 0
		}
		return float32(float64(d) / float64(time.Millisecond))
	}
	average := ms(report.Avg)
	middle := cmp.Or(ms(report.Median), average, ms(report.Min))
	if s.State[i] != report.Measured || middle <= 0 {
		return 0
	}
	low, high := cmp.Or(ms(report.Min), middle), cmp.Or(ms(report.Max), middle)
	inner := innerBand(s, i, cmp.Or(average, middle), ms(report.Mdev), low, high)
	if c.measured == 0 {
		c.low, c.high, c.inner = low, high, inner
	}
	c.measured++
	c.low, c.high = min(c.low, low), max(c.high, high)
	c.inner[0], c.inner[1] = min(c.inner[0], inner[0]), max(c.inner[1], inner[1])
	return middle
}

// innerBand holds the middle half of the RTTs, or what stands in for it.
func innerBand(s *report.Series, i int, average, deviation, low, high float32) [2]float32 {
	if s.RTTs != nil && len(s.RTTs[i]) > 0 {
		rtts := slices.Clone(s.RTTs[i])
		slices.Sort(rtts)
		at := func(q float64) float32 { return float32(rtts[int(q*float64(len(rtts)-1)+0.5)]) / 1000 }
		return [2]float32{at(0.25), at(0.75)}
	}
	return [2]float32{max(low, average-deviation), min(high, average+deviation)}
}

// Reach is the largest value that a graph should show: beyond it are a few
// spikes, which would press all else to the floor.
func (g *Smoke) Reach() float64 {
	var high []float64
	for _, c := range g.columns {
		if c.measured > 0 {
			high = append(high, float64(c.high))
		}
	}
	if len(high) == 0 {
		return 0
	}
	slices.Sort(high)
	return high[int(0.95*float64(len(high)-1))]
}

// Low is the smallest value of the graph; 0 if it has none.
func (g *Smoke) Low() float64 {
	low := math.Inf(1)
	for _, c := range g.columns {
		if c.measured > 0 {
			low = min(low, float64(c.low))
		}
	}
	if math.IsInf(low, 1) {
		return 0
	}
	return low
}

const (
	plotHeight  = 180 // pixels
	fine        = 3   // parts of a pixel that are told apart
	stripTop    = plotHeight + 6
	stripHeight = 10
	smokeHeight = stripTop + stripHeight + 20
)

// SVG draws the graph between two round-trip times in milliseconds. It is as
// wide as its place; only its height is fixed.
func (g *Smoke) SVG(low, high float64, class, alt string) template.HTML {
	step := roundStep((high - low) / 4)
	low = math.Floor(low/step) * step
	high = max(low+step, math.Ceil(high/step)*step)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="smoke %s" width="100%%" height="%d" role="img" aria-label="%s">`, html.EscapeString(class), smokeHeight, html.EscapeString(alt))
	fmt.Fprintf(&b, `<svg width="100%%" height="%d" viewBox="0 0 %d %d" preserveAspectRatio="none">`, plotHeight, len(g.columns), fine*plotHeight)
	y := func(ms float32) int {
		return int(math.Round(fine * plotHeight * (high - min(float64(ms), high)) / (high - low)))
	}
	for _, run := range g.runs() {
		band(&b, "all", run, func(c *column) (int, int) { return y(c.low), y(c.high) })
		band(&b, "half", run, func(c *column) (int, int) { return y(c.inner[0]), y(c.inner[1]) })
		middle(&b, run, func(c *column) int { return y(c.middle) })
	}
	b.WriteString("</svg>")
	g.strip(&b)
	scale(&b, low, high, step)
	g.days(&b)
	b.WriteString("</svg>")
	return template.HTML(b.String())
}

// scale draws the lines of round values. Their labels stand on them, inside the
// graph, so that it needs no margin on a phone.
func scale(b *strings.Builder, low, high, step float64) {
	unit := " ms"
	for i := int(math.Round((high - low) / step)); i >= 0; i-- {
		v := low + float64(i)*step
		at := plotHeight * (high - v) / (high - low)
		fmt.Fprintf(b, `<line class="rule" x1="0" x2="100%%" y1="%.1f" y2="%.1f"/>`, at, at)
		if at > 12 {
			fmt.Fprintf(b, `<text x="0" y="%.1f">%s%s</text>`, at-4, strconv.FormatFloat(math.Round(v*1000)/1000, 'f', -1, 64), unit)
			unit = ""
		}
	}
}

// run is a stretch of columns that were measured without a gap.
type run struct {
	start   int
	columns []column
}

func (g *Smoke) runs() []run {
	var all []run
	open := false
	for i := range g.columns {
		if g.columns[i].measured == 0 {
			open = false
			continue
		}
		if !open {
			all = append(all, run{start: i})
			open = true
		}
		last := &all[len(all)-1]
		last.columns = append(last.columns, g.columns[i])
	}
	return all
}

// band fills what lies between two values of each column, in steps.
func band(b *strings.Builder, class string, r run, edges func(*column) (low, high int)) {
	_, high := edges(&r.columns[0])
	fmt.Fprintf(b, `<path class="%s" d="M%d %d`, class, r.start, high)
	s := steps{b: b, at: high, way: 1}
	for i := range r.columns {
		_, high := edges(&r.columns[i])
		s.to(high)
	}
	s.flush()
	s.way = -1
	for i := range slices.Backward(r.columns) {
		low, _ := edges(&r.columns[i])
		s.to(low)
	}
	s.flush()
	b.WriteString(`z"/>`)
}

// steps writes a line of steps, one column wide each, in as few words as there
// are.
type steps struct {
	b       *strings.Builder
	at      int // height
	way     int // 1 to the right, -1 to the left
	pending int // columns at this height
}

func (s *steps) to(y int) {
	if y != s.at {
		s.flush()
		s.b.WriteByte('v')
		s.b.WriteString(strconv.Itoa(y - s.at))
		s.at = y
	}
	s.pending += s.way
}

func (s *steps) flush() {
	if s.pending != 0 {
		s.b.WriteByte('h')
		s.b.WriteString(strconv.Itoa(s.pending))
	}
	s.pending = 0
}

// middle is the line.
func middle(b *strings.Builder, r run, value func(*column) int) {
	at := value(&r.columns[0])
	fmt.Fprintf(b, `<path class="middle" d="M%d %d`, r.start, at)
	s := steps{b: b, at: at, way: 1}
	for i := range r.columns {
		s.to(value(&r.columns[i]))
	}
	s.flush()
	b.WriteString(`"/>`)
}

// lossSteps divide a column's loss into what the strip tells apart.
var lossSteps = []float64{0, 0.02, 0.1, 0.5}

// kind is the class of a column in the strip: measured whole, four grades of
// loss, nothing measured, nothing planned.
func (c *column) kind() string {
	switch {
	case c.rounds == 0:
		return ""
	case c.sent > 0:
		loss := float64(c.sent-c.received) / float64(c.sent)
		class := "l0"
		for i, step := range lossSteps {
			if loss > step {
				class = "l" + strconv.Itoa(i+1)
			}
		}
		return class
	case c.measured > 0:
		return "l0"
	}
	return "missing"
}

// strip says below the graph what became of each column.
func (g *Smoke) strip(b *strings.Builder) {
	fmt.Fprintf(b, `<svg y="%d" width="100%%" height="%d" viewBox="0 0 %d 1" preserveAspectRatio="none">`, stripTop, stripHeight, len(g.columns))
	for start := 0; start < len(g.columns); {
		kind := g.columns[start].kind()
		end := start + 1
		for end < len(g.columns) && g.columns[end].kind() == kind {
			end++
		}
		if kind != "" {
			fmt.Fprintf(b, `<rect class="%s" x="%d" width="%d" height="1"/>`, kind, start, end-start)
		}
		start = end
	}
	b.WriteString("</svg>")
}

// days writes days of the month below it, a week apart.
func (g *Smoke) days(b *strings.Builder) {
	length := g.to.Sub(g.from)
	for i := 0; ; i++ {
		day := g.from.AddDate(0, 0, 7*i)
		if !day.Before(g.to) || i > 60 {
			return
		}
		share := 100 * float64(day.Sub(g.from)) / float64(length)
		fmt.Fprintf(b, `<line class="day" x1="%.2f%%" x2="%.2f%%" y1="0" y2="%d"/>`, share, share, stripTop+stripHeight)
		if share < 95 {
			fmt.Fprintf(b, `<text x="%.2f%%" y="%d">%s</text>`, share, smokeHeight-4, day.Format("2 Jan"))
		}
	}
}
