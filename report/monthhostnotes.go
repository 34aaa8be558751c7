package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// HostNote is what is to be said of a host: that its measurements or its place
// are wrong, that it was down, moved, came or went.
type HostNote struct {
	City  string
	Name  string    // for people
	Word  string    // a verdict's word, or down, source-down, not-run, unresolved, clock, moved, unwell, added, removed
	Text  string    // what led to it, in few words
	Since time.Time // when it began; zero: it is of the whole month
}

// hostNotes lists what is wrong with hosts, the worst first, then what became
// of them.
func (m *MonthReport) hostNotes(before *Month) {
	var last []HostNote
	for _, l := range m.StandsOut() {
		if l.Pair != nil {
			continue
		}
		note := HostNote{City: l.City, Name: l.Name, Word: l.Verdict.String(), Text: l.Why}
		if l.Verdict == PoorlyJoined {
			last = append(last, note)
		} else {
			m.Hosts = append(m.Hosts, note)
		}
	}
	hosts := slices.Clone(m.Month.Hosts)
	slices.SortStableFunc(hosts, func(a, b HostMonth) int { return cmp.Compare(b.DownRounds, a.DownRounds) })
	for i := range hosts {
		if note, ok := m.down(&hosts[i]); ok {
			note.City, note.Name = hosts[i].City, m.Title(hosts[i].City)
			m.Hosts = append(m.Hosts, note)
		}
	}
	for _, find := range []func(*HostMonth) (HostNote, bool){m.skipped, m.nameless, m.clock, m.unwell, m.moved(before), m.added(before), m.removed} {
		for i := range m.Month.Hosts {
			h := &m.Month.Hosts[i]
			if note, ok := find(h); ok {
				note.City, note.Name = h.City, m.Title(h.City)
				m.Hosts = append(m.Hosts, note)
			}
		}
	}
	m.Hosts = append(m.Hosts, m.gone(before)...)
	m.Hosts = append(m.Hosts, m.together(last)...)
}

// fewPoor is how many poorly connected hosts get a line each: it is good to
// know, and no fault.
const fewPoor = 4

// together makes one line of the poorly connected hosts if they are many, the
// worst named first.
func (m *MonthReport) together(poor []HostNote) []HostNote {
	if len(poor) <= fewPoor {
		return poor
	}
	terms := m.Verdicts.Fit.Terms
	slices.SortStableFunc(poor, func(a, b HostNote) int { return cmp.Compare(terms[b.City], terms[a.City]) })
	var worst []string
	for _, note := range poor[:fewPoor] {
		worst = append(worst, fmt.Sprintf("%s %.0f ms", note.Name, terms[note.City]))
	}
	return []HostNote{{Name: fmt.Sprintf("%d hosts", len(poor)), Word: poor[0].Word, Text: fmt.Sprintf(
		"add over %.0f ms to their pairs, beside the median host: %s, and %d more",
		millis(m.limits.PoorlyConnected), strings.Join(worst, ", "), len(poor)-fewPoor)}}
}

// downShare is the part of its rounds in which a host may be down for short
// times before it gets a line.
const downShare = 0.02

// long says whether a stretch is worth a line. A single round that failed may
// have failed for a second.
func (m *MonthReport) long(s Stretch) bool {
	return s.To.Sub(s.From) >= m.limits.DownFor && s.Rounds > 1
}

// down tells of hosts that were away for long, or often.
func (m *MonthReport) down(h *HostMonth) (HostNote, bool) {
	if len(h.Down) == 0 {
		return HostNote{}, false
	}
	longest := h.Down[0]
	often := float64(h.DownRounds) > max(2, downShare*float64(max(h.Planned, 1)))
	if !m.long(longest) && !often {
		return HostNote{}, false
	}
	word, what := "down", "could not be reached"
	if longest.Answered {
		word, what = SourceDown.String(), "answered pings, but could not send any"
	}
	when := m.when(h.Down)
	text := fmt.Sprintf("%s in %s", what, ofRounds(h.DownRounds, len(m.Month.Rounds)))
	if len(when) > 0 {
		text = what + " " + strings.Join(when[:min(3, len(when))], ", ")
		if rest := h.DownRounds - roundsIn(h.Down[:min(3, len(when))]); rest > 0 {
			text += fmt.Sprintf(", and in %d rounds more", rest)
		}
	}
	return HostNote{Word: word, Text: text, Since: longest.From}, true
}

// when are the long ones of stretches, in words.
func (m *MonthReport) when(stretches []Stretch) []string {
	var when []string
	for _, s := range stretches {
		if m.long(s) {
			when = append(when, fmt.Sprintf("from %s to %s UTC (%s)", stamp(s.From), stamp(s.To), lasting(s.To.Sub(s.From))))
		}
	}
	return when
}

// skipped tells of hosts that nobody got to for long, though others were
// measured.
func (m *MonthReport) skipped(h *HostMonth) (HostNote, bool) {
	return m.away(h.Skipped, NotRun.String(), "none of its pings were run")
}

// nameless tells of hosts whose name meant nothing for long.
func (m *MonthReport) nameless(h *HostMonth) (HostNote, bool) {
	return m.away(h.Nameless, Unresolved.String(), "its name had no address")
}

func (m *MonthReport) away(stretches []Stretch, word, what string) (HostNote, bool) {
	when := m.when(stretches)
	if len(when) == 0 {
		return HostNote{}, false
	}
	text := what + " " + strings.Join(when[:min(3, len(when))], ", ")
	if more := len(when) - 3; more > 0 {
		text += fmt.Sprintf(", and %s more", times(more))
	}
	return HostNote{Word: word, Text: text, Since: stretches[0].From}, true
}

func roundsIn(stretches []Stretch) int {
	n := 0
	for _, s := range stretches {
		n += s.Rounds
	}
	return n
}

// lasting is a length of time as a sentence gives it.
func lasting(d time.Duration) string {
	switch hours := int(d.Round(time.Hour) / time.Hour); {
	case d < time.Hour && d%time.Minute == 0:
		return plural(int(d/time.Minute), "minute")
	case hours < 48 && d%time.Hour != 0:
		text := d.Round(time.Second).String()
		if strings.HasSuffix(text, "m0s") {
			return strings.TrimSuffix(text, "0s")
		}
		return text
	case hours < 48:
		return plural(hours, "hour")
	case hours%24 == 0:
		return plural(hours/24, "day")
	default:
		return fmt.Sprintf("%s %s", plural(hours/24, "day"), plural(hours%24, "hour"))
	}
}

func (m *MonthReport) clock(h *HostMonth) (HostNote, bool) {
	c := h.Clock
	if c == nil {
		return HostNote{}, false
	}
	var what []string
	if c.Offset != 0 {
		way := "ahead"
		if c.Offset < 0 {
			way = "behind"
		}
		what = append(what, fmt.Sprintf("was up to %v %s", c.Offset.Abs().Round(time.Second), way))
	}
	if c.Steps > 0 {
		what = append(what, fmt.Sprintf("stepped %s", times(c.Steps)))
	}
	text := fmt.Sprintf("its clock %s, from %s to %s UTC, in %s", strings.Join(what, " and "), stamp(c.First), stamp(c.Last), ofRounds(c.Rounds, len(m.Month.Rounds)))
	return HostNote{Word: "clock", Text: text, Since: c.First}, true
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return plural(n, "time")
}

// unwell tells of hosts whose health was complained of for other reasons than
// their clock; what reasons, the remarks say.
func (m *MonthReport) unwell(h *HostMonth) (HostNote, bool) {
	if h.Clock != nil || h.Sick < oftenEnough {
		return HostNote{}, false
	}
	return HostNote{Word: "unwell", Text: fmt.Sprintf("was not well able to measure in %s", ofRounds(h.Sick, len(m.Month.Rounds)))}, true
}

// moved tells of hosts that were pinged at another address than before.
func (m *MonthReport) moved(before *Month) func(*HostMonth) (HostNote, bool) {
	return func(h *HostMonth) (HostNote, bool) {
		var at home
		if before != nil {
			if was := before.host(h.City); was != nil {
				for _, move := range was.Moves {
					at.enter(move.Address)
				}
			}
		}
		var steps []string
		var since time.Time
		for _, move := range h.Moves {
			was := at.enter(move.Address)
			if !was.IsValid() || was == move.Address {
				continue
			}
			if len(steps) == 0 {
				since = move.Since
			}
			steps = append(steps, fmt.Sprintf("from %v to %v on %s UTC", was, move.Address, stamp(move.Since)))
		}
		if len(steps) == 0 {
			return HostNote{}, false
		}
		text := "moved " + strings.Join(steps[:min(3, len(steps))], ", then ")
		if n := len(steps) - 3; n > 0 {
			text += fmt.Sprintf(", and %s more", times(n))
		}
		return HostNote{Word: "moved", Text: text + "; RTTs before and after are not compared", Since: since}, true
	}
}

// host is the month of a host; nil if it is not in it.
func (m *Month) host(city string) *HostMonth {
	for i := range m.Hosts {
		if m.Hosts[i].City == city {
			return &m.Hosts[i]
		}
	}
	return nil
}

// added tells of cities that the month before did not have. Without one, those
// that the first round does not have are new.
func (m *MonthReport) added(before *Month) func(*HostMonth) (HostNote, bool) {
	return func(h *HostMonth) (HostNote, bool) {
		isNew := h.First.After(m.Month.Rounds[0].Start)
		if before != nil {
			isNew = before.host(h.City) == nil
		}
		return HostNote{Word: "added", Text: "since " + stamp(h.First) + " UTC", Since: h.First}, isNew
	}
}

// removed tells of cities that left in this month.
func (m *MonthReport) removed(h *HostMonth) (HostNote, bool) {
	rounds := m.Month.Rounds
	if !h.Last.Before(rounds[len(rounds)-1].Start) {
		return HostNote{}, false
	}
	return HostNote{Word: "removed", Text: "last measured " + stamp(h.Last) + " UTC", Since: h.Last}, true
}

// gone are cities that the month before had to its end, and this month has not.
func (m *MonthReport) gone(before *Month) []HostNote {
	var notes []HostNote
	if before == nil {
		return nil
	}
	for _, h := range before.Hosts {
		if m.Month.host(h.City) == nil && !h.Last.Before(before.Rounds[len(before.Rounds)-1].Start) {
			notes = append(notes, HostNote{City: h.City, Name: m.Title(h.City), Word: "removed", Text: "last measured " + stamp(h.Last) + " UTC", Since: h.Last})
		}
	}
	return notes
}

// remarks are what must be known of the data.
func (m *MonthReport) remarks() {
	planned, measured := 0, 0
	for i := range m.Month.Pairs {
		p := &m.Month.Pairs[i]
		planned, measured = planned+p.Planned, measured+p.States[Measured]
	}
	first := fmt.Sprintf("%d of %d samples measured (%s), in %s", measured, planned, share(measured, planned), plural(len(m.Month.Rounds), "round"))
	if n := m.Month.LeftOut; n > 0 {
		first += fmt.Sprintf("; %s of the history left out", plural(n, "file"))
	}
	m.Remarks = append(m.Remarks, first)
	if m.Before == nil {
		m.Remarks = append(m.Remarks, "the history has no month before, so that only changes within this one are told")
	}
	away := 0
	for i := range m.Month.Pairs {
		away += m.Month.Pairs[i].AwaySent
	}
	if away > 0 {
		m.Remarks = append(m.Remarks, fmt.Sprintf("%d echo requests went to hosts while they were down; they count as that, and not as loss of the pairs", away))
	}
	for _, v := range []struct {
		verdict Verdict
		text    string
	}{
		{InvalidSource, "what it measured is left out, as an invalid source"},
		{Misplaced, "it is not where its coordinates are: no speeds, and its pairs are not judged"},
	} {
		for _, h := range m.Verdicts.Hosts {
			if h.Verdict == v.verdict {
				m.Remarks = append(m.Remarks, m.Title(h.City)+": "+v.text)
			}
		}
	}
	m.Remarks = append(m.Remarks, m.Footnotes()...)
}
