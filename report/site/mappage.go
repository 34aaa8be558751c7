package site

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"

	"matrix/report"
	"matrix/report/worldmap"
)

// mapView is the map of the world.
type mapView struct {
	page
	Map           template.HTML
	Credit        string
	Lines, Cities int
	Shown         []item
}

// mostArcs is how many detours the map shows: the worst. More are a tangle.
const mostArcs = 60

const mapWidth = 1200

func (b *book) hasMap() bool {
	return slices.ContainsFunc(b.report.Cities, func(c report.City) bool { return c.Location != nil })
}

func (b *book) mapPage() (mapView, error) {
	r := b.report
	v := mapView{page: b.page("", "Map, "+b.title, "map.html"), Credit: worldmap.Credit}
	var bent []*report.PairVerdict
	for _, p := range r.FlaggedPairs() {
		if p.Verdict().Bent() && r.Location(p.From) != nil && r.Location(p.To) != nil {
			bent = append(bent, p)
		}
	}
	slices.SortStableFunc(bent, func(x, y *report.PairVerdict) int { return cmp.Compare(slowdown(y), slowdown(x)) })
	bent = bent[:min(mostArcs, len(bent))]
	var m worldmap.Map
	ends := map[string]bool{}
	for _, p := range slices.Backward(bent) {
		title := fmt.Sprintf("%s – %s: %s, %s ms", r.Title(p.From), r.Title(p.To), p.Verdict(), ms(p.RTT))
		if err := m.AddLine(p.Verdict().String(), title, worldmap.Place(*r.Location(p.From)), worldmap.Place(*r.Location(p.To))); err != nil {
			return v, err
		}
		ends[p.From], ends[p.To] = true, true
	}
	for _, p := range bent {
		v.Shown = append(v.Shown, item{Word: p.Verdict().String(), Class: wordClass(p.Verdict()), Href: b.pair(p.From, p.To), Name: r.Title(p.From) + " – " + r.Title(p.To), Text: ms(p.RTT) + " ms"})
	}
	v.Lines = len(bent)
	if err := b.addAll(&m, ends, &v); err != nil {
		return v, err
	}
	var err error
	v.Map, err = m.SVG(worldmap.Frame{Width: mapWidth, Class: "world", Alt: "Map: the cities, and the detours between them; the list below names them"})
	return v, err
}

// addAll adds the cities; those at the end of a line first, whose names matter
// most.
func (b *book) addAll(m *worldmap.Map, ends map[string]bool, v *mapView) error {
	for _, end := range []bool{true, false} {
		for i, c := range b.report.Cities {
			if c.Location == nil || ends[c.Name] != end {
				continue
			}
			class := ""
			for _, h := range b.report.Verdicts.Host(c.Name) {
				class = cmp.Or(class, wordClass(h.Verdict))
			}
			v.Cities++
			err := m.AddDot(worldmap.Dot{
				Place: worldmap.Place(*c.Location), Class: class, Label: b.report.Title(c.Name), Title: b.report.Title(c.Name), Href: b.city(i), Size: 3.5,
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}
