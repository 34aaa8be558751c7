package site

import (
	"errors"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"

	"matrix/report"
	"matrix/report/chart"
)

// frontView is the report of the month.
type frontView struct {
	page
	Lede            string
	Partial         bool
	Tiles           []tile
	Sections, After []listView // before and after the detours
	Groups          []groupView
	Bands           []bandView
	Charts          []chartView
	Gaps            []gap
	Coverage        string
	Facts           []report.Fact
	Notes           []string
}

type listView struct {
	ID, Title string
	Items     []item
	More      int
}

// groupView are the detours of one host, or of none in common.
type groupView struct {
	Title, Href string
	Pairs       []pairRow
	More        int
}

// bandView is a band of distance with its best and worst pairs.
type bandView struct {
	Title       string
	Best, Worst []pairRow
}

type chartView struct {
	Title, Text  string
	Wide, Narrow template.HTML
}

func (b *book) front() (frontView, error) {
	r := b.report
	v := frontView{
		page: b.page("", b.title, "index.html"), Lede: b.lede, Partial: r.Method.Partial,
		Tiles: tilesOf(r), Gaps: gapsOf(r), Coverage: r.Coverage.String(), Facts: r.Method.Facts(), Notes: r.Footnotes(),
	}
	if b.Month == nil {
		v.Sections = append(v.Sections, b.standsOut())
	} else {
		v.Notes = b.Month.Remarks
		v.Sections = append(v.Sections, b.hostNotes())
		for _, s := range b.Month.Sections {
			switch {
			case s.Minor:
				v.After = append(v.After, b.list(s))
			case !s.Findings[0].Verdict.Bent():
				v.Sections = append(v.Sections, b.list(s))
			}
		}
		v.After = append(v.After, b.changes()...)
		v.Bands = b.bands()
	}
	v.Groups = b.detours()
	var err error
	v.Charts, err = b.times()
	return v, err
}

// hostWords are the words of hosts that somebody has to see to.
var hostWords = map[string]string{"down": "o", "clock": "o", "unwell": "o", "misplaced": "o", "invalid-source": "o", "coordinates-suspect": "o"}

func (b *book) hostNotes() listView {
	v := listView{ID: "hosts", Title: "Hosts"}
	for _, h := range b.Month.Hosts {
		one := item{Word: h.Word, Class: hostWords[h.Word], Name: h.Name, Text: h.Text}
		if at, ok := b.at[h.City]; ok {
			one.Href = b.city(at)
		}
		v.Items = append(v.Items, one)
	}
	return v
}

// list is a section of the month.
func (b *book) list(s report.Section) listView {
	v := listView{ID: slug(s.Title), Title: s.Title}
	for i, f := range s.Findings {
		if i == report.Screenful {
			v.More = len(s.Findings) - i
			break
		}
		one := b.item(f.Line)
		for _, found := range f.Found {
			one.Text += ". " + found
		}
		v.Items = append(v.Items, one)
	}
	return v
}

// item is a line of what stands out, with where it leads.
func (b *book) item(l report.Line) item {
	one := item{Word: l.Verdict.String(), Class: wordClass(l.Verdict), Name: l.Name, Text: l.Figures}
	if l.Why != "" {
		one.Text = strings.TrimPrefix(one.Text+"; "+l.Why, "; ")
	}
	if at, ok := b.at[l.City]; ok && l.City != "" {
		one.Href = b.city(at)
	} else if l.Pair != nil {
		one.Href = b.pair(l.Pair.Direction(l.Verdict))
	}
	return one
}

// changes are the pairs that moved most, came and went.
func (b *book) changes() []listView {
	m := b.Month
	movers := listView{ID: "movers", Title: "Largest changes from the month before"}
	for _, p := range m.Movers {
		word := "slower"
		if p.After < p.Before {
			word = "faster"
		}
		movers.Items = append(movers.Items, item{
			Word: word, Href: b.pair(p.From, p.To), Name: m.Title(p.From) + " – " + m.Title(p.To),
			Text: fmt.Sprintf("%.1f ms, before %.1f ms", p.After, p.Before),
		})
	}
	pairs := listView{ID: "pairs", Title: "Pairs that came and went"}
	for _, list := range []struct {
		word  string
		pairs []report.CityPair
	}{{"new", m.NewPairs}, {"gone", m.OldPairs}} {
		for i, p := range list.pairs {
			if i == groupPairs {
				pairs.More += len(list.pairs) - i
				break
			}
			pairs.Items = append(pairs.Items, item{Word: list.word, Href: b.pair(p.From, p.To), Name: m.Title(p.From) + " → " + m.Title(p.To)})
		}
	}
	return slices.DeleteFunc([]listView{movers, pairs}, func(l listView) bool { return len(l.Items) == 0 })
}

// standsOut is said of a single round: of hosts and pairs, without the detours,
// which have a section.
func (b *book) standsOut() listView {
	v := listView{ID: "stands-out", Title: "What stands out"}
	for _, l := range b.report.StandsOut() {
		if !l.Verdict.Bent() && len(v.Items) < report.Screenful {
			v.Items = append(v.Items, b.item(l))
		}
	}
	return v
}

// groupPairs is how many detours of one host the report shows, and mostGroups of
// how many hosts.
const (
	groupPairs = 5
	mostGroups = 8
)

// detours are the pairs that a relay proves to be bent, by the host that they
// share.
func (b *book) detours() []groupView {
	r := b.report
	var groups []groupView
	single := groupView{Title: "Other pairs"}
	for _, l := range r.StandsOut() {
		if !l.Verdict.Bent() {
			continue
		}
		if l.City == "" {
			single.add(b, l.Pair)
			continue
		}
		if len(groups) == mostGroups {
			single.More += l.Pairs
			continue
		}
		g := groupView{Title: fmt.Sprintf("%s, with %d cities", r.Title(l.City), l.Pairs)}
		if at, ok := b.at[l.City]; ok {
			g.Href = b.city(at)
		}
		for _, p := range l.All {
			g.add(b, p)
		}
		groups = append(groups, g)
	}
	if len(single.Pairs)+single.More > 0 {
		groups = append(groups, single)
	}
	return groups
}

func (g *groupView) add(b *book, p *report.PairVerdict) {
	if len(g.Pairs) == groupPairs {
		g.More++
		return
	}
	g.Pairs = append(g.Pairs, b.detourRow(p))
}

// detourRow is a detour with its proof: what it takes, what it should, and what
// the best relay does.
func (b *book) detourRow(p *report.PairVerdict) pairRow {
	r := b.report
	row := pairRow{
		Href: b.pair(p.From, p.To), Name: r.Title(p.From) + " – " + r.Title(p.To), Word: p.Verdict().String(), Class: wordClass(p.Verdict()),
		RTT: ms(p.RTT), Expected: ms(p.Expected),
	}
	if p.Relay != "" {
		row.Relay = fmt.Sprintf("%.1f ms via %s", p.RelayRTT(), r.Title(p.Relay))
	}
	if len(p.Waypoints) > 0 {
		w := p.Waypoints[0]
		row.Text = fmt.Sprintf("perhaps over %s (%.1f + %.1f ms)", r.Title(w.City), w.Legs[0], w.Legs[1])
	}
	return row
}

// bands are the best and worst pairs of each band of distance.
func (b *book) bands() []bandView {
	var views []bandView
	for _, band := range b.Month.Bands {
		v := bandView{Title: fmt.Sprintf("%s, median %.1f %% of fibre", band.Name(b.report.Method.Units), band.Percent.Median)}
		for _, p := range band.Best {
			v.Best = append(v.Best, b.bandRow(p))
		}
		for _, p := range band.Worst {
			v.Worst = append(v.Worst, b.bandRow(p))
		}
		views = append(views, v)
	}
	return views
}

func (b *book) bandRow(p *report.Pair) pairRow {
	r := b.report
	value := func(m report.Metric, decimals int) string { v, ok := r.Value(p, m); return optional(v, ok, decimals) }
	return pairRow{
		Href: b.pair(p.From, p.To), Name: r.Title(p.From) + " → " + r.Title(p.To), RTT: value(report.RTT, 1),
		Distance: value(report.Distance, 0), Fibre: value(report.Fibre, 1), Text: r.Grade(p).Mark(), Class: gradeClass(r.Grade(p)),
	}
}

// curve is one figure of the fleet over the hours or the days.
type curve struct {
	title, text string
	x           chart.Axis
	from        int     // the first hour or day
	least       float64 // what the scale shows at least
	figures     []report.TimeFigures
	value       func(report.TimeFigures) (float64, bool)
}

func (b *book) curves() []curve {
	loss := func(f report.TimeFigures) (float64, bool) { v, ok := f.Loss(); return 100 * v, ok }
	queue := func(f report.TimeFigures) (float64, bool) { return float64(f.Queue), f.Pairs > 0 }
	done := func(f report.TimeFigures) (float64, bool) {
		return 100 * float64(f.Measured) / float64(max(1, f.Planned)), f.Planned > 0
	}
	hour := chart.Axis{Name: "hour, UTC", Step: 6, Max: 24}
	day := chart.Axis{Name: "day", Step: 5}
	return []curve{
		{"Loss by hour of day, %", "Of all echo requests of the month.", hour, 0, 0.5, b.Month.Hours[:], loss},
		{"Loss by day, %", "Of all echo requests of the day.", day, 1, 0.5, b.Month.Days, loss},
		{"Congestion by hour of day, ms", "Average − minimum, median over the pairs.", hour, 0, 1, b.Month.Hours[:], queue},
		{"Measured by day, %", "Of the samples that were planned.", day, 1, 100, b.Month.Days, done},
	}
}

// times are loss, congestion and coverage of the fleet by hour and by day.
func (b *book) times() ([]chartView, error) {
	if b.Month == nil {
		return nil, nil
	}
	var views []chartView
	for _, c := range b.curves() {
		line := chart.Points{Class: "series", Line: true}
		for i, f := range c.figures {
			v, ok := c.value(f)
			if !ok {
				v = math.NaN()
			}
			line.X, line.Y = append(line.X, float64(c.from+i)), append(line.Y, v)
		}
		view := chartView{Title: c.title, Text: c.text}
		var err, err2 error
		y := chart.Axis{Max: c.least}
		view.Wide, err = chart.Draw(chart.Frame{Width: 520, Height: 200, Class: "wide", Alt: "Chart: " + c.title}, c.x, y, line)
		view.Narrow, err2 = chart.Draw(chart.Frame{Width: narrowMap, Height: 180, Class: "narrow", Alt: "Chart: " + c.title}, c.x, y, line)
		if err := errors.Join(err, err2); err != nil {
			return nil, err
		}
		if view.Wide != "" {
			views = append(views, view)
		}
	}
	return views, nil
}
