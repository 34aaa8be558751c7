package site

import (
	"slices"
	"strings"

	"matrix/report"
)

// cityView is one city's row, where each of its pairs stands in full.
type cityView struct {
	ID, Title, About string
	Summary          string
	Pairs            []pairView
}

// pairView is one pair of it.
type pairView struct {
	ID, Title, Class       string
	Min, Avg, Max, Mdev    string
	RTT, Back, Loss        string
	Distance, Speed, Fibre string
	Note                   string
	Flag, FlagClass        string // what is wrong with the pair
}

// cities arranges the rows city by city.
func (v *view) cities(r *report.Report) {
	for _, i := range r.Rows {
		c := r.Cities[i]
		city := cityView{ID: cityID(i), Title: r.Title(c.Name), About: about(c)}
		measured := 0
		var rtts []float64
		for _, j := range r.Columns {
			p := r.Pair(c.Name, r.Cities[j].Name)
			if p == nil || p.IsSelf() {
				continue
			}
			city.Pairs = append(city.Pairs, v.newPair(r, p, i, j))
			if rtt, ok := r.Value(p, report.RTT); ok {
				rtts = append(rtts, rtt)
			}
			if p.State == report.Measured {
				measured++
			}
		}
		city.Summary = number(float64(measured), 0) + " of " + number(float64(len(city.Pairs)), 0) + " measured"
		if len(rtts) > 0 {
			slices.Sort(rtts)
			city.Summary += ", " + number(rtts[0], 1) + " to " + number(rtts[len(rtts)-1], 1) + " ms"
		}
		v.Cities = append(v.Cities, city)
	}
}

// about is what the inventory says of a city beside its title.
func about(c report.City) string {
	var parts []string
	for _, text := range []string{c.Region, c.Country, c.Provider} {
		if text = report.Clean(text, 60); text != "" {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, " · ")
}

func (v *view) newPair(r *report.Report, p *report.Pair, i, j int) pairView {
	millis := func(s report.Stat) string { x, ok := p.Millis(s); return optional(x, ok, 2) }
	value := func(m report.Metric) string { x, ok := r.Value(p, m); return optional(x, ok, m.Decimals()) }
	out := pairView{
		Title: r.Title(p.To), RTT: value(report.RTT), Loss: value(report.Loss),
		Distance: value(report.Distance), Speed: value(report.Speed), Fibre: value(report.Fibre), Flag: r.Flag(p), FlagClass: strings.TrimSpace(flagClass(r.Flag(p))),
	}
	if mark := r.Grade(p).Mark(); mark != "" {
		out.Fibre += " " + mark
	}
	cell := r.Cell(p.From, p.To, report.Fibre)
	switch {
	case p.State != report.Measured:
		out.Note, out.Class = p.Status(), stateClass(cell)
	case cell.Kind != report.Figure:
		out.Note, out.Class = cell.Why, stateClass(cell)
	case out.Flag != "":
		out.Note = r.Verdict(p).String() + ": " + r.Evidence(p)
	case p.Reason != "":
		out.Note = report.Clean(p.Reason, 300)
	}
	if v.Large {
		return out
	}
	out.ID = pairID(i, j)
	out.Min, out.Avg, out.Max, out.Mdev = millis(report.Min), millis(report.Avg), millis(report.Max), millis(report.Mdev)
	back, ok := r.Value(r.Pair(p.To, p.From), report.RTT)
	out.Back = optional(back, ok, 2)
	return out
}

func optional(v float64, ok bool, decimals int) string {
	if !ok {
		return "–"
	}
	return number(v, decimals)
}
