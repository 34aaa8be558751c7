package report

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"matrix/geo"
	"matrix/probe"
)

// MonthReport is a month, judged as a round and beside the month before. It
// holds everything that is shown of it, in the order in which it is to be read;
// the terminal, Markdown and the website show the same.
//
//	History ─ NewMonth ─┬─ this ───┬─ Report (matrices, verdicts) ─┐
//	                    └─ before ─┴─ changes, movers ─────────────┼─ MonthReport
//	          Traces ──────────────────────────────────────────────┘
type MonthReport struct {
	*Report        // of the month: matrices, coverage, method, verdicts with what changed
	Month   *Month //
	Before  *Span  // the month that it is compared with; nil: the history has none

	Figures  []KeyFigure // of the fleet
	Hosts    []HostNote  // what is wrong with hosts, and what became of them
	Sections []Section   // of pairs; those that nobody needs are left out
	Movers   []Mover     // the largest changes of RTT against the month before
	NewPairs []probe.Pair
	OldPairs []probe.Pair // planned the month before and not any more, though both cities are there
	Bands    []DistanceBand
	Hours    [24]TimeFigures // of day, UTC
	Days     []TimeFigures
	Remarks  []string // on the data: what was left out, what is missing, what the rounds warned of

	was []Ms // by pair of the month: the floor of the month before; 0: none
}

// KeyFigure is a figure of the whole fleet, and what it was the month before.
type KeyFigure struct{ Name, Now, Before string }

// Section is a kind of finding.
type Section struct {
	Title    string
	Minor    bool // a summary need not show it
	Findings []Finding
}

// Finding is a line of what stands out, and the traces that belong to it.
type Finding struct {
	Line
	Found  []string // where the packets go, by their routers' names, in sentences
	Traces []Trace  // of its worst pair, as long as it was so: the last each way
}

// MonthOptions are how a month's report is made.
type MonthOptions struct {
	Options
	Span  Span
	Atlas Atlas // of places that routers are named after; nil: traces are not located
}

// NewMonthReport makes the report of a month from a history. progress, if it
// is not nil, is told now and then what is being done, and how far that is.
func NewMonthReport(ctx context.Context, history History, o MonthOptions, progress func(what string, done, all int)) (*MonthReport, error) {
	if progress == nil {
		progress = func(string, int, int) {}
	}
	read := func(span Span) (*Month, error) {
		what := "reading " + span.String()
		progress(what, 0, 1)
		return newMonth(ctx, history, span, func(done, all int) { progress(what, done, all) })
	}
	month, err := read(o.Span)
	if err != nil {
		return nil, err
	}
	past := o.Span.before()
	before, err := read(past)
	if err != nil && !errors.Is(err, ErrNoRounds) {
		return nil, err
	}
	progress("judging "+o.Span.String(), 1, 1)
	traces, err := history.Traces(ctx, o.Span.From, o.Span.To)
	if err != nil {
		return nil, fmt.Errorf("month %v: traces: %w", o.Span, err)
	}
	month.tell(history) // of the month before and of the traces as well
	m := &MonthReport{Report: month.Report(o.Options), Month: month}
	if before != nil {
		m.Before = &past
	}
	newComparison(month, before, m.Verdicts).judge()
	lossyHours(month, m.Verdicts)
	m.keyFigures(before)
	m.hostNotes(before)
	m.sections(traces, o.Atlas)
	m.against(before)
	m.bands()
	m.times()
	m.remarks()
	month.forgetTimes()
	return m, nil
}

// before is the calendar month before a calendar month, and else as long a
// span.
func (s Span) before() Span {
	if s == MonthSpan(s.From.Year(), s.From.Month()) {
		return Span{s.From.AddDate(0, -1, 0), s.From}
	}
	return Span{s.From.Add(-s.To.Sub(s.From)), s.From}
}

// Title names the month for people: "October 2026".
func (s Span) Title() string {
	if s == MonthSpan(s.From.Year(), s.From.Month()) {
		return s.From.Format("January 2006")
	}
	return s.From.Format("2 January 2006") + " to " + s.To.Add(-time.Nanosecond).Format("2 January 2006")
}

// sectionOf says in which section the verdicts are.
var sectionOf = []struct {
	title    string
	verdicts []Verdict
}{
	{"Slower than before", []Verdict{Degraded}},
	{"Detours", []Verdict{Extreme, Severe, Detour}},
	{"Lost packets", []Verdict{Unreachable, Lossy, LossyHours}},
	{"Faster than before", []Verdict{Recovered}},
	{"Also", []Verdict{TooFast, SlowUnproven, Asymmetric, Congested}},
}

// sections puts what stands out of pairs into sections.
func (m *MonthReport) sections(traces []Trace, atlas Atlas) {
	lines := m.StandsOut()
	for _, s := range sectionOf {
		section := Section{Title: s.title, Minor: s.title == sectionOf[len(sectionOf)-1].title}
		for _, l := range lines {
			if l.Pair != nil && slices.Contains(s.verdicts, l.Verdict) {
				section.Findings = append(section.Findings, m.finding(l, traces, atlas))
			}
		}
		if len(section.Findings) > 0 {
			m.Sections = append(m.Sections, section)
		}
	}
}

// finding looks for the traces that show why: of the worst of the line's pairs
// that was traced, while it was so, the last each way.
func (m *MonthReport) finding(l Line, traces []Trace, atlas Atlas) Finding {
	f := Finding{Line: l}
	if !l.Verdict.Bent() && l.Verdict != Degraded {
		return f
	}
	for _, p := range l.All {
		from, until := m.Month.Span.From, m.Month.Span.To
		if l.Verdict == Degraded {
			c := p.change(Degraded)
			if from = c.Since; !c.Until.IsZero() {
				until = c.Until
			}
		}
		there, back := lastTrace(traces, probe.Pair{From: p.From, To: p.To}, from, until), lastTrace(traces, probe.Pair{From: p.To, To: p.From}, from, until)
		if there == nil && back == nil {
			continue
		}
		for _, t := range []*Trace{there, back} {
			if t != nil {
				f.Traces = append(f.Traces, *t)
			}
		}
		drill := Drill{Pair: probe.Pair{From: p.From, To: p.To}, Cities: m.Cities, There: there, Back: back, Verdicts: m.Verdicts, Atlas: atlas}
		if l.Verdict == Degraded {
			drill.Verdicts = nil // those of the month know little of some days
		}
		if down, ok := drill.Down(); ok && atlas != nil {
			f.Found = down.Finding()
		}
		return f
	}
	return f
}

// lastTrace is the last one of a pair in a stretch of time that got to the end,
// or else the last one; nil if there is none.
func lastTrace(traces []Trace, pair probe.Pair, from, until time.Time) *Trace {
	var last *Trace
	for i := range traces {
		t := &traces[i]
		if t.Pair != pair || t.At.Before(from) || !t.At.Before(until) {
			continue
		}
		if last == nil || t.End == probe.Reached || last.End != probe.Reached {
			last = t
		}
	}
	return last
}

// Routes are the finding's traces as tables.
func (m *MonthReport) Routes(f Finding) []Route { return Routes(f.Traces, m.title) }

// DistanceBand are the pairs of such a distance that use it best and worst.
type DistanceBand struct {
	From, To    geo.Miles // To 0: and more
	Pairs       int       // with a speed, each direction for itself
	Percent     Spread    // of light in fibre
	Worst, Best []*Pair
}

// ofBand is how many pairs are named at either end of a band.
const ofBand = 3

// bands sorts the pairs by distance.
func (m *MonthReport) bands() {
	from := RankFrom
	for i, b := range reference {
		band := DistanceBand{From: from, To: b.below}
		if i == len(reference)-1 {
			band.To = 0
		}
		inside := func(p *Pair) bool {
			return m.ranks(p) && *p.Miles >= band.From && (band.To == 0 || *p.Miles < band.To)
		}
		var values []float64
		for _, p := range m.order {
			if inside(p) {
				fibre, _ := m.Fibre(p)
				values = append(values, float64(fibre))
			}
		}
		if len(values) > 0 {
			band.Pairs, band.Percent = len(values), spreadOf(values)
			band.Worst = m.rankedIf(ofBand, inside, func(a, b *Pair) int { return cmp.Compare(a.speed, b.speed) })
			band.Best = m.rankedIf(ofBand, inside, func(a, b *Pair) int { return cmp.Compare(b.speed, a.speed) })
			m.Bands = append(m.Bands, band)
		}
		from = b.below
	}
}

// Name is the band in the report's units: "500–2,000 miles".
func (b DistanceBand) Name(u Units) string {
	unit := [...]string{"miles", "km"}[u]
	if b.To == 0 {
		return fmt.Sprintf("over %s %s", thousandsOf(u.Length(b.From)), unit)
	}
	return fmt.Sprintf("%s–%s %s", thousandsOf(u.Length(b.From)), thousandsOf(u.Length(b.To)), unit)
}
