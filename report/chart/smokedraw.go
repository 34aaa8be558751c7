package chart

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

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
	step := roundStep(max(high-low, 0.01) / 4)
	low = math.Floor(low/step) * step
	high = max(low+step, math.Ceil(high/step)*step)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="smoke %s" width="100%%" height="%d" role="img" aria-label="%s">`, html.EscapeString(class), smokeHeight, html.EscapeString(alt))
	fmt.Fprintf(&b, `<svg width="100%%" height="%d" viewBox="0 0 %d %d" preserveAspectRatio="none">`, plotHeight, len(g.columns), fine*plotHeight)
	y := func(us int32) int {
		return int(math.Round(fine * plotHeight * (high - min(millis(us), high)) / (high - low)))
	}
	for _, run := range g.runs(func(c *column) bool { return c.measured > 0 }) {
		band(&b, "all", run, func(c *column) (int, int) { return y(c.low), y(c.high) })
	}
	for _, run := range g.runs(func(c *column) bool { return c.measured > 0 && len(c.rtts) == 0 }) {
		band(&b, "half", run, func(c *column) (int, int) { return y(c.inner[0]), y(c.inner[1]) })
	}
	g.ticks(&b, y)
	for _, run := range g.runs(func(c *column) bool { return c.measured > 0 }) {
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

// tickShares divide the RTTs of a column that lie on one pixel, as a part of all
// of it, into what is told apart: t1 is a single one of many, t4 half of them.
var tickShares = []float64{0.1, 0.25, 0.5}

// ticks draws every RTT, as a tick as wide as its column: those of a share as one
// path, along the lines of pixels, where they are longest.
func (g *Smoke) ticks(b *strings.Builder, y func(us int32) int) {
	var lines [plotHeight + 1]line
	paths := make([][]byte, len(tickShares)+1)
	for i := range g.columns {
		rtts := g.columns[i].rtts
		for begin := 0; begin < len(rtts); { // ascending, so that a line's stand together
			at := y(rtts[begin]) / fine
			end := begin + 1
			for end < len(rtts) && y(rtts[end])/fine == at {
				end++
			}
			l := &lines[at]
			grade := gradeOf(float64(end-begin) / float64(len(rtts)))
			if l.end != i || l.grade != grade {
				paths[l.grade] = l.append(paths[l.grade], at)
				l.start, l.grade = i, grade
			}
			l.end = i + 1
			begin = end
		}
	}
	for at := range lines {
		l := &lines[at]
		paths[l.grade] = l.append(paths[l.grade], at)
	}
	for i, path := range paths {
		if len(path) > 0 {
			fmt.Fprintf(b, `<path class="t%d" d="%s"/>`, i+1, path)
		}
	}
}

// line is a stretch of columns that have ticks of one grade on a line of pixels.
type line struct{ start, end, grade int }

// append writes the stretch as part of a path.
func (l *line) append(path []byte, at int) []byte {
	if l.end == l.start {
		return path
	}
	path = strconv.AppendInt(append(path, 'M'), int64(l.start), 10)
	path = strconv.AppendInt(append(path, ' '), int64(fine*at+1), 10)
	return strconv.AppendInt(append(path, 'h'), int64(l.end-l.start), 10)
}

func gradeOf(share float64) int {
	grade := 0
	for grade < len(tickShares) && share >= tickShares[grade] {
		grade++
	}
	return grade
}

// run is a stretch of columns without a gap.
type run struct {
	start   int
	columns []column
}

// runs are those of the columns that fit.
func (g *Smoke) runs(fits func(*column) bool) []run {
	var all []run
	open := false
	for i := range g.columns {
		if !fits(&g.columns[i]) {
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

const hourFormat, dayFormat = "15:04", "2 Jan"

// ruler says where the marks of time are on graphs up to a length.
type ruler struct {
	upTo   time.Duration
	next   func(time.Time) time.Time
	format string
}

func (r ruler) hourly() bool { return r.format == hourFormat }

// rulers are how far apart the marks of time are, by how long a graph is at most.
var rulers = []ruler{
	{36 * time.Hour, func(t time.Time) time.Time { return t.Truncate(6 * time.Hour).Add(6 * time.Hour) }, hourFormat},
	{8 * 24 * time.Hour, func(t time.Time) time.Time { return t.Truncate(24*time.Hour).AddDate(0, 0, 1) }, dayFormat},
	{70 * 24 * time.Hour, func(t time.Time) time.Time { return t.Truncate(24*time.Hour).AddDate(0, 0, 7) }, dayFormat},
	{400 * 24 * time.Hour, func(t time.Time) time.Time { return firstOfMonth(t, 1) }, "Jan"},
	{math.MaxInt64, func(t time.Time) time.Time { return firstOfMonth(t, 12) }, "2006"},
}

// firstOfMonth is the first day that begins so many months, counted from January
// of its year, after a time.
func firstOfMonth(t time.Time, months int) time.Time {
	first := int(t.Month()-1)/months*months + months
	return time.Date(t.Year(), time.Month(1+first), 1, 0, 0, 0, 0, time.UTC)
}

// days writes below it what time it is: of a month the days, a week apart.
func (g *Smoke) days(b *strings.Builder) {
	length := g.to.Sub(g.from)
	ruler := rulers[0]
	for _, r := range rulers[1:] {
		if length > ruler.upTo {
			ruler = r
		}
	}
	for at := g.from.UTC(); at.Before(g.to); at = ruler.next(at) {
		share := 100 * float64(at.Sub(g.from)) / float64(length)
		fmt.Fprintf(b, `<line class="day" x1="%.2f%%" x2="%.2f%%" y1="0" y2="%d"/>`, share, share, stripTop+stripHeight)
		if share < 95 {
			format := ruler.format
			if ruler.hourly() && at.Equal(at.Truncate(24*time.Hour)) {
				format = dayFormat
			}
			fmt.Fprintf(b, `<text x="%.2f%%" y="%d">%s</text>`, share, smokeHeight-4, at.Format(format))
		}
	}
}
