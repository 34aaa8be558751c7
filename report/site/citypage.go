package site

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"slices"

	"matrix/report"
	"matrix/report/chart"
	"matrix/report/worldmap"
)

// cityLine is one partner of a city.
type cityLine struct {
	ID, Title, Href, PairHref string
	Class                     string // of the grade
	Out, Back, Range, Loss    string
	Distance, Speed, Fibre    string
	Change                    string
	Flag, FlagClass, Verdict  string
	Note                      string
}

// cityPageView is a city's page.
type cityPageView struct {
	page
	Name, About          string
	Summary              string
	Hosts                []item // what is wrong with its host
	Lines                []cityLine
	Best, Worst          []cityLine
	Map                  template.HTML
	Wide, Narrow         template.HTML // RTT against distance
	Keys                 []key
	Length, Speed, Stat  string
	HasChange, HasRanges bool
	Credit               string
}

// item is one line of a list on a page.
type item struct{ Word, Class, Href, Name, Text string }

func (b *book) cityPage(i int) (cityPageView, error) {
	r := b.report
	c := r.Cities[i]
	v := cityPageView{
		page: b.page("../", r.Title(c.Name)+", "+b.title, ""), Name: r.Title(c.Name), About: about(c),
		Length: report.Distance.Unit(r.Method.Units), Speed: report.Speed.Unit(r.Method.Units), Stat: r.Method.StatName(),
		HasChange: b.hasChange(), HasRanges: b.month != nil, Keys: gradeKeys(), Credit: worldmap.Credit,
	}
	for _, h := range r.Verdicts.Host(c.Name) {
		v.Hosts = append(v.Hosts, item{Word: h.Verdict.String(), Class: wordClass(h.Verdict), Text: r.HostEvidence(h)})
	}
	var partners []partner
	for j, other := range r.Cities {
		out, back := r.Pair(c.Name, other.Name), r.Pair(other.Name, c.Name)
		if j == i || out == nil && back == nil {
			continue
		}
		p := partner{at: j, out: out, back: back, either: cmp.Or(out, back)}
		partners = append(partners, p)
		v.Lines = append(v.Lines, b.cityLine(p))
	}
	v.Summary = citySummary(r, c, partners)
	v.Best, v.Worst = b.extremes(partners)
	if err := v.draw(b, i, partners); err != nil {
		return v, err
	}
	return v, nil
}

// partner is another city, and the pairs with it.
type partner struct {
	at        int // in Report.Cities
	out, back *report.Pair
	either    *report.Pair // out or, if nobody planned that, back
}

func citySummary(r *report.Report, c report.City, partners []partner) string {
	planned, measured := 0, 0
	for _, p := range partners {
		for _, pair := range []*report.Pair{p.out, p.back} {
			if pair != nil {
				planned++
				if pair.State == report.Measured {
					measured++
				}
			}
		}
	}
	return fmt.Sprintf("%d of %d pairs measured, both directions", measured, planned)
}

func (b *book) cityLine(p partner) cityLine {
	r := b.report
	other := r.Cities[p.at]
	value := func(q *report.Pair, m report.Metric) string {
		x, ok := r.Value(q, m)
		if !ok && q != nil && m == report.RTT {
			return q.State.String()
		}
		return optional(x, ok, m.Decimals())
	}
	l := cityLine{
		ID: lineID(b.slugs[p.at]), Title: r.Title(other.Name), Class: gradeClass(r.Grade(p.either)),
		Out: value(p.out, report.RTT), Back: value(p.back, report.RTT), Loss: value(p.out, report.Loss),
		Distance: value(p.either, report.Distance), Speed: value(p.either, report.Speed), Fibre: value(p.either, report.Fibre),
		Range: "–", Change: "–", Flag: r.Flag(p.either),
	}
	if href := b.city(p.at); href != "" {
		l.Href = "../" + href
	}
	if v := r.Verdicts.Pair(p.either.From, p.either.To); v != nil && b.pages[v] != "" {
		l.PairHref = "../pair/" + b.pages[v]
		l.Verdict = v.Verdict().String()
	}
	if mark := r.Grade(p.either).Mark(); mark != "" {
		l.Fibre += " " + mark
	}
	if p.out != nil {
		l.Range = b.stretch(p.out)
		if b.hasChange() {
			if by, ok := b.Month.Change(p.out.From, p.out.To); ok {
				l.Change = signedNumber(float64(by), 1)
			}
		}
		if p.out.State != report.Measured {
			l.Note = p.out.Status()
		} else {
			l.Note = r.NoSpeed(p.out)
		}
	}
	l.FlagClass = wordClass(r.Verdict(p.either))
	return l
}

// monthOf is a pair's month; nil if there is none.
func (b *book) monthOf(p *report.Pair) *report.PairMonth {
	if b.month == nil {
		return nil
	}
	return b.month.Pair(p.From, p.To)
}

// stretch is what nine in ten rounds of a pair lay between.
func (b *book) stretch(p *report.Pair) string {
	m := b.monthOf(p)
	if m == nil || m.Stats[b.report.Method.Stat].N == 0 {
		return "–"
	}
	q := m.Stats[b.report.Method.Stat]
	return fmt.Sprintf("%.1f–%.1f", float64(q.P5)/1e6, float64(q.P95)/1e6)
}

// extreme is how many best and worst partners a page lists.
const extreme = 5

// extremes are the partners with which a city uses the distance best and worst.
func (b *book) extremes(partners []partner) (best, worst []cityLine) {
	ranked := slices.DeleteFunc(slices.Clone(partners), func(p partner) bool {
		_, ok := p.either.Speed()
		return !ok || *p.either.Miles < report.RankFrom
	})
	fibre := func(p partner) float64 { v, _ := b.report.Value(p.either, report.Fibre); return v }
	slices.SortStableFunc(ranked, func(x, y partner) int { return cmp.Compare(fibre(y), fibre(x)) })
	n := min(extreme, len(ranked)/2)
	for k := range n {
		best = append(best, b.cityLine(ranked[k]))
		worst = append(worst, b.cityLine(ranked[len(ranked)-1-k]))
	}
	return best, worst
}

const (
	scatterHeight = 300
	cityMap       = 700
)

// draw draws the map and RTT against distance.
func (v *cityPageView) draw(b *book, i int, partners []partner) error {
	r := b.report
	var m worldmap.Map
	home := r.Cities[i].Location
	by := map[string]*chart.Points{}
	farthest := 0.
	// The best first, so that the worst lie above them.
	order := slices.Clone(partners)
	slices.SortStableFunc(order, func(x, y partner) int { return cmp.Compare(r.Grade(y.either), r.Grade(x.either)) })
	for _, p := range order {
		class := gradeClass(r.Grade(p.either))
		_, ok := p.either.Speed()
		if place := r.Cities[p.at].Location; home != nil && place != nil && ok {
			if err := m.AddLine(class, "", worldmap.Place(*home), worldmap.Place(*place)); err != nil {
				return err
			}
		}
		miles, ok := r.Value(p.either, report.Distance)
		rtt, ok2 := r.Value(p.either, report.RTT)
		if ok && ok2 {
			if by[class] == nil {
				by[class] = &chart.Points{Class: class}
			}
			by[class].X, by[class].Y = append(by[class].X, miles), append(by[class].Y, rtt)
			farthest = max(farthest, miles)
		}
	}
	if home == nil || len(partners) == 0 || farthest == 0 {
		return v.scatter(r, by, farthest)
	}
	if err := b.addCities(&m, i, order, "../"); err != nil {
		return err
	}
	var err error
	alt := "Map: great circles from " + v.Name + " to its partners, by grade; the table has the figures"
	if v.Map, err = m.SVG(worldmap.Frame{Width: cityMap, Alt: alt}); err != nil {
		return err
	}
	return v.scatter(r, by, farthest)
}

// addCities adds the city, and its partners from the worst on.
func (b *book) addCities(m *worldmap.Map, home int, partners []partner, root string) error {
	r := b.report
	c := r.Cities[home]
	err := m.AddDot(worldmap.Dot{Place: worldmap.Place(*c.Location), Class: worldmap.End, Label: r.Title(c.Name), Must: true, Size: 4.5})
	for _, p := range slices.Backward(partners) {
		other := r.Cities[p.at]
		if err != nil || other.Location == nil {
			continue
		}
		label := ""
		if len(partners) <= hintCities {
			label = r.Title(other.Name)
		}
		err = m.AddDot(worldmap.Dot{Place: worldmap.Place(*other.Location), Label: label, Title: r.Title(other.Name), Size: 2.5})
	}
	return err
}

// scatter draws RTT against distance, and what light in fibre takes.
func (v *cityPageView) scatter(r *report.Report, by map[string]*chart.Points, farthest float64) error {
	if farthest == 0 {
		return nil
	}
	points := []chart.Points{{Class: "light", Line: true, X: []float64{0, farthest}, Y: []float64{0, 2 * farthest / r.Method.Units.Speed(r.Method.Fibre)}}}
	for _, class := range []string{"j", "k", "m", "i", "h"} {
		if p := by[class]; p != nil {
			points = append(points, *p)
		}
	}
	alt := "Chart: round-trip time against distance, a dot a city; the table has the figures"
	axis := chart.Axis{Name: "distance, " + v.Length}
	var err error
	if v.Wide, err = chart.Draw(chart.Frame{Width: cityMap, Height: scatterHeight, Class: "wide", Alt: alt}, axis, chart.Axis{}, points...); err != nil {
		return err
	}
	v.Narrow, err = chart.Draw(chart.Frame{Width: narrowMap, Height: scatterHeight, Class: "narrow", Alt: alt}, axis, chart.Axis{}, points...)
	return err
}

// cityRow is a city in the list of all.
type cityRow struct {
	Href, Title, Country, Provider string
	Measured, RTT, Fibre           string
	Flagged                        int
	Words                          []item
}

type cityIndexView struct {
	page
	Cities []cityRow
	Stat   string
}

func (b *book) cityIndex() cityIndexView {
	r := b.report
	v := cityIndexView{page: b.page("", "Cities, "+b.title, "cities.html"), Stat: r.Method.StatName()}
	flagged := map[string]int{}
	for _, p := range r.FlaggedPairs() {
		flagged[p.From]++
		flagged[p.To]++
	}
	for i, c := range r.Cities {
		if b.stems[i] == "" {
			continue
		}
		row := cityRow{
			Href: b.city(i), Title: r.Title(c.Name), Country: report.Clean(c.Country, 40), Provider: report.Clean(c.Provider, 40), Flagged: flagged[c.Name],
		}
		row.Measured, row.RTT, row.Fibre = b.cityMiddles(c)
		for _, h := range r.Verdicts.Host(c.Name) {
			row.Words = append(row.Words, item{Word: h.Verdict.String(), Class: wordClass(h.Verdict)})
		}
		v.Cities = append(v.Cities, row)
	}
	return v
}

// cityMiddles are the medians over what a city pinged.
func (b *book) cityMiddles(c report.City) (measured, rtt, fibre string) {
	r := b.report
	planned, n := 0, 0
	var rtts, fibres []float64
	for _, other := range r.Cities {
		p := r.Pair(c.Name, other.Name)
		if p == nil || p.IsSelf() {
			continue
		}
		planned++
		if p.State == report.Measured {
			n++
		}
		if v, ok := r.Value(p, report.RTT); ok {
			rtts = append(rtts, v)
		}
		if v, ok := r.Value(p, report.Fibre); ok {
			fibres = append(fibres, v)
		}
	}
	return fmt.Sprintf("%d of %d", n, planned), middle(rtts), middle(fibres)
}

// middle is the median as text.
func middle(values []float64) string {
	v := medianOf(values)
	return optional(v, v == v, 1)
}

func medianOf(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	slices.Sort(values)
	n := len(values)
	return (values[n/2] + values[(n-1)/2]) / 2
}
