package data

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"matrix/probe"
)

// statColumns are the statistics that a list may have, in probe's words.
var statColumns = []string{"min", "median", "avg", "max", "mdev", "jitter"}

// longList reads lists as WonderNetwork publishes them. Its rows come from a
// fleet of hundreds of hosts over years, and nobody can correct them: a row
// whose figures cannot be true is left out, and counted by reason.
type longList struct {
	*sheet
	*gathering
	columns   columns
	timed     bool
	reasons   []string
	faults    map[string]*fault
	strangers map[string]int // rows by city that the inventory does not have
	older     int            // rows of a pair that has a newer one
}

// fault counts the rows that were left out for one reason.
type fault struct{ rows, line int }

func readLongList(s *sheet, inv *Inventory) (*probe.Round, error) {
	b := &longList{sheet: s, gathering: newGathering(s.file, inv), faults: make(map[string]*fault), strangers: make(map[string]int)}
	b.columns = s.findColumns(append([]string{"source", "destination", "timestamp"}, statColumns...))
	b.timed = b.columns.has("timestamp")
	if !b.columns.has("avg") && !b.columns.has("min") {
		s.add(FileError{Line: s.line, Problem: "no column avg or min", Hint: "a list has source,destination,min,avg,max,mdev"})
		return nil, s.err()
	}
	for {
		r, ok := s.next()
		if !ok {
			break
		}
		b.row(r)
	}
	if len(b.samples) == 0 && !s.any() && s.err() == nil {
		b.nothing()
	}
	if err := s.err(); err != nil {
		return nil, err
	}
	b.warnAll()
	return b.round("not"), nil
}

// row reads one row: whose it is, and what it says.
func (b *longList) row(r row) {
	at, ok := b.cities2(r)
	if !ok {
		return
	}
	b.from[at.from], b.to[at.to] = true, true
	sample := probe.Sample{State: probe.Measured}
	reason := b.figures(r, &sample.Imported)
	if reason == "" {
		reason = implausible(sample.Imported.Summary(), at.from == at.to)
	}
	if b.timed {
		when, err := timestamp(b.columns.get(r, "timestamp"))
		if err != nil {
			b.bad(r, b.columns["timestamp"], "not a time", "write it as 2020-07-19T00:00:00Z")
			return
		}
		sample.At = when
	}
	if reason != "" {
		b.leave(r, reason)
		b.leftOut[at] = reason
		return
	}
	b.keep(at, sample)
}

// cities2 are the two cities of a row. A row of a city that is not in the
// inventory is left out.
func (b *longList) cities2(r row) (link, bool) {
	source, destination := b.columns.get(r, "source"), b.columns.get(r, "destination")
	if source == "" || destination == "" {
		b.leave(r, "no source or no destination")
		return link{}, false
	}
	from, ok := b.cities.find(source)
	to, ok2 := b.cities.find(destination)
	if !ok {
		b.stranger(source)
	}
	if !ok2 && destination != source {
		b.stranger(destination)
	}
	return link{from, to}, ok && ok2
}

func (b *longList) stranger(name string) {
	name = shown(name)
	if _, met := b.strangers[name]; !met && len(b.strangers) == maxCities {
		name = "others"
	}
	b.strangers[name]++
}

func (b *longList) leave(r row, reason string) {
	if b.faults[reason] == nil {
		b.faults[reason] = &fault{line: r.line}
		b.reasons = append(b.reasons, reason)
	}
	b.faults[reason].rows++
}

// keep records a sample, unless its pair has a newer one. Of two that are
// equally new, or have no time, the later row counts.
func (b *longList) keep(at link, sample probe.Sample) {
	if old, twice := b.samples[at]; twice {
		b.older++
		if old.At.After(sample.At) {
			return
		}
	}
	b.samples[at] = sample
}

// figures reads the statistics that a row has, and says what is wrong with
// them.
func (b *longList) figures(r row, into *probe.Imported) (reason string) {
	for _, name := range statColumns {
		cell := b.columns.get(r, name)
		if blank(cell) || strings.EqualFold(cell, "null") {
			continue
		}
		v, problem, _ := number(cell)
		switch {
		case problem != "":
			return name + " is not a number"
		case v < 0:
			return name + " is below zero"
		case v > milliseconds(maxRTT):
			return fmt.Sprintf("%s is beyond %v", name, maxRTT)
		}
		into.Set(statNamed(name), duration(v))
	}
	return ""
}

func statNamed(name string) probe.Stat { return probe.Stat(slices.Index(statColumns, name)) }

// implausible says why figures cannot be those of pings. A host may ping itself
// faster than its clock ticks; nothing else takes no time.
func implausible(s probe.Summary, self bool) string {
	var last time.Duration
	lastName, typical := "", false // typical: there is an average or a minimum
	for _, stat := range []probe.Stat{probe.Min, probe.Avg, probe.Max} {
		d, known := s.Get(stat)
		switch {
		case !known:
			continue
		case d == 0 && !self:
			return fmt.Sprintf("%v is zero", stat)
		case lastName != "" && d < last:
			return fmt.Sprintf("%s is above %v", lastName, stat)
		}
		typical = typical || stat != probe.Max
		last, lastName = d, stat.String()
	}
	if !typical {
		return "no figures"
	}
	return ""
}

// timestamp reads what published lists use; a time without a zone is UTC.
func timestamp(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05Z07:00"} {
		if t, err := time.Parse(layout, s); err == nil {
			return sane(t)
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time", s)
}

// sane refuses times at which nobody pinged.
func sane(t time.Time) (time.Time, error) {
	t = t.UTC()
	if t.Year() < 1970 || t.Year() > 2200 {
		return time.Time{}, fmt.Errorf("the year %d is not between 1970 and 2200", t.Year())
	}
	return t, nil
}

// nothing is the mistake of a list of which no row could be used.
func (b *longList) nothing() {
	if len(b.reasons) > 0 {
		f := b.faults[b.reasons[0]]
		b.whole(fmt.Sprintf("no row could be used: %s (line %d)", b.reasons[0], f.line), "times are in ms, with a decimal point")
		return
	}
	if len(b.strangers) == 0 {
		b.whole("no round-trip time: the file has only its header line", "add a line for each pair")
		return
	}
	name := slices.Min(slices.Collect(maps.Keys(b.strangers)))
	_, hint := b.cities.unknown(name)
	if number, _, _ := number(name); number > 0 {
		hint = "the list has numbers for cities; give WonderNetwork's servers file as the inventory"
	}
	problem := fmt.Sprintf("no row could be used: the inventory has no city %q", name)
	if more := len(b.strangers) - 1; more > 0 {
		problem += fmt.Sprintf(" (and not %d others)", more)
	}
	b.whole(problem, hint)
}

func (b *longList) warnAll() {
	for _, name := range slices.Sorted(maps.Keys(b.strangers)) {
		problem, _ := b.cities.unknown(name)
		b.warn(name, "%s: %s", rowsLeftOut(b.strangers[name]), problem)
	}
	for _, reason := range b.reasons {
		f := b.faults[reason]
		b.warn(b.gathering.file, "%s: %s (first on line %d)", rowsLeftOut(f.rows), reason, f.line)
	}
	if b.older > 0 && b.timed {
		b.warn(b.gathering.file, "%s: their pair has a newer one", rowsLeftOut(b.older))
	} else if b.older > 0 {
		b.warn(b.gathering.file, "%s: a later row has the same pair", rowsLeftOut(b.older))
	}
	if noughts := b.noughts(); len(noughts) > 0 {
		b.warn(b.gathering.file, "a ping of itself took 0 ms in %s; it is kept as it is", list(noughts, "and"))
	}
}

// noughts are the cities that pinged themselves faster than their clock ticks.
func (b *longList) noughts() []string {
	var names []string
	for i, c := range b.cities.city {
		s := b.samples[link{i, i}]
		for _, stat := range []probe.Stat{probe.Min, probe.Avg} {
			if d, known := s.Imported.Get(stat); known && d == 0 && !slices.Contains(names, c.Name) {
				names = append(names, c.Name)
			}
		}
	}
	return names
}

func rowsLeftOut(n int) string {
	if n == 1 {
		return "1 row left out"
	}
	return fmt.Sprintf("%d rows left out", n)
}
