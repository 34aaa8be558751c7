package site

import (
	"cmp"
	"context"
	"fmt"
	"html/template"
	"slices"
	"sync"
	"time"

	"matrix/report"
	"matrix/report/chart"
	"matrix/report/worldmap"
)

// gather draws nothing yet, but puts aside of the month's samples what the graphs
// of the pairs with a page need.
func (b *book) gather(ctx context.Context, graphs *shelf, progress func(done, all int)) error {
	b.graphs = graphs
	if b.Pairs == nil || b.month == nil {
		return nil
	}
	starts := make([]time.Time, len(b.month.Rounds))
	for i, round := range b.month.Rounds {
		starts[i] = round.Start
	}
	var pairs []report.CityPair
	for _, v := range b.verdicts {
		pairs = append(pairs, report.CityPair{From: v.From, To: v.To}, report.CityPair{From: v.To, To: v.From})
	}
	var mu sync.Mutex
	done := 0
	return b.Pairs(ctx, pairs, func(s *report.Series) error {
		smoke := chart.NewSmoke(s, b.month.Span, starts)
		mu.Lock()
		defer mu.Unlock()
		done++
		progress(done, len(pairs))
		return graphs.put(s.From, s.To, smoke)
	})
}

// pairView is the page of two cities.
type pairPageView struct {
	page
	From, To         string
	FromHref, ToHref string
	Words            []item
	Evidence         []string
	Ways             []directionView
	Map              template.HTML
	Keys             []mapKey
	Traced           []tracedView
	Routes           []routeView
	Credit           string
	Heads            []string // of the figures' columns
	Rows             [][]string
	HasGraphs        bool
	HasTicks         bool // some RTTs are drawn one by one
	HasBands         bool // of some rounds there are only statistics
	MapNote          string
}

// directionView is one direction's graph.
type directionView struct {
	Title, Text string
	Graph       template.HTML
}

// routeView is a traceroute as mtr shows it.
type routeView struct {
	Title, Method string
	Rows          []routeLine
	Ends, Notes   []string
}

type routeLine struct{ Hop, Host, Address, Loss, Sent, Last, Avg, Best, Worst string }

func (b *book) pairPage(p *report.PairVerdict) (pairPageView, error) {
	r := b.report
	v := pairPageView{
		page: b.page("../", r.Title(p.From)+" – "+r.Title(p.To)+", "+b.title, ""),
		From: r.Title(p.From), To: r.Title(p.To), Evidence: r.ExplainPair(p.From, p.To), Credit: worldmap.Credit,
	}
	v.FromHref, v.ToHref = "../"+b.city(b.at[p.From]), "../"+b.city(b.at[p.To])
	for _, verdict := range p.Verdicts {
		v.Words = append(v.Words, item{Word: verdict.String(), Class: wordClass(verdict), Text: r.PairEvidence(p, verdict), Name: verdict.Meaning()})
	}
	b.figures(&v, p)
	if err := b.smokes(&v, p); err != nil {
		return v, err
	}
	for _, pair := range [][2]string{{p.From, p.To}, {p.To, p.From}} {
		for _, route := range b.routes[pair] {
			v.Routes = append(v.Routes, newRouteView(route))
		}
	}
	all := &view{Large: true}
	if err := all.traced(r); err != nil {
		return v, err
	}
	for i, t := range r.Traced {
		if same(t.Pair.From, t.Pair.To, p) {
			v.Traced = append(v.Traced, all.Traced[i])
		}
	}
	return v, b.pairMap(&v, p)
}

func same(from, to string, p *report.PairVerdict) bool {
	return from == p.From && to == p.To || from == p.To && to == p.From
}

// figures are the month of both directions in numbers.
func (b *book) figures(v *pairPageView, p *report.PairVerdict) {
	r := b.report
	v.Heads = []string{v.From + " → " + v.To, v.To + " → " + v.From}
	pairs := []*report.Pair{r.Pair(p.From, p.To), r.Pair(p.To, p.From)}
	row := func(name string, text func(*report.Pair) string) {
		cells := []string{name}
		for _, q := range pairs {
			if q == nil {
				cells = append(cells, "–")
				continue
			}
			cells = append(cells, cmp.Or(text(q), "–"))
		}
		if cells[1] != "–" || cells[2] != "–" {
			v.Rows = append(v.Rows, cells)
		}
	}
	row("state", func(q *report.Pair) string { return q.Status() })
	for _, stat := range []report.Stat{report.Min, report.Median, report.Avg, report.Max} {
		row(stat.String()+", ms", func(q *report.Pair) string { x, ok := q.Millis(stat); return known(x, ok, 2) })
	}
	row("nine in ten rounds, ms", func(q *report.Pair) string { return b.stretch(q) })
	row("rounds measured", func(q *report.Pair) string {
		if m := b.monthOf(q); m != nil {
			return fmt.Sprintf("%d of %d", m.States[report.Measured], m.Planned)
		}
		return ""
	})
	for _, m := range []report.Metric{report.Loss, report.Distance, report.Speed, report.Fibre} {
		row(metricName(r, m), func(q *report.Pair) string { x, ok := r.Value(q, m); return known(x, ok, m.Decimals()) })
	}
	row("address", func(q *report.Pair) string {
		if q.Address.IsValid() {
			return q.Address.String()
		}
		return ""
	})
}

func known(v float64, ok bool, decimals int) string {
	if !ok {
		return ""
	}
	return number(v, decimals)
}

func metricName(r *report.Report, m report.Metric) string {
	switch m {
	case report.Loss:
		return "lost, %"
	case report.Fibre:
		return "% of light in fibre"
	}
	return m.String() + ", " + m.Unit(r.Method.Units)
}

// smokes are the graphs of both directions, on one scale.
func (b *book) smokes(v *pairPageView, p *report.PairVerdict) error {
	ways := [2][2]string{{p.From, p.To}, {p.To, p.From}}
	var graphs [2]*chart.Smoke
	for i, way := range ways {
		var err error
		if graphs[i], err = b.graphs.get(way[0], way[1]); err != nil {
			return err
		}
	}
	low, high, ok := chart.Scale(graphs[:]...)
	if !ok {
		return nil
	}
	for i, g := range graphs {
		if g == nil {
			continue
		}
		ticks, bands := g.Kinds()
		v.HasTicks, v.HasBands = v.HasTicks || ticks, v.HasBands || bands
		alt := fmt.Sprintf("Graph: round-trip times of %s over the month, between %.0f and %.0f ms; the table has the figures", v.Heads[i], low, high)
		v.Ways = append(v.Ways, directionView{Title: v.Heads[i], Graph: g.SVG(low, high, "", alt)})
	}
	v.HasGraphs = len(v.Ways) > 0
	return nil
}

// pairMap draws the straight way and the one over the relay.
func (b *book) pairMap(v *pairPageView, p *report.PairVerdict) error {
	r := b.report
	from, to := r.Location(p.From), r.Location(p.To)
	if from == nil || to == nil || len(v.Traced) > 0 && v.Traced[0].Wide != "" {
		return nil
	}
	var m worldmap.Map
	places := []worldmap.Place{worldmap.Place(*from), worldmap.Place(*to)}
	if relay := r.Location(p.Relay); relay != nil && p.Verdict().Bent() {
		if err := m.AddLine(worldmap.Return, "over the relay", places[0], worldmap.Place(*relay), places[1]); err != nil {
			return err
		}
		v.Keys = append(v.Keys, mapKey{worldmap.Return, fmt.Sprintf("by way of %s, as fast as %.1f ms", r.Title(p.Relay), p.RelayRTT())})
		if err := m.AddDot(worldmap.Dot{Place: worldmap.Place(*relay), Label: r.Title(p.Relay), Must: true}); err != nil {
			return err
		}
	}
	if len(p.Waypoints) > 0 {
		w := p.Waypoints[0]
		if place := r.Location(w.City); place != nil {
			if err := m.AddLine(worldmap.Route, "perhaps", places[0], worldmap.Place(*place), places[1]); err != nil {
				return err
			}
			v.Keys = append(v.Keys, mapKey{worldmap.Route, "where the times fit: over " + r.Title(w.City)})
			if err := m.AddDot(worldmap.Dot{Place: worldmap.Place(*place), Class: worldmap.Turn, Label: r.Title(w.City), Must: true}); err != nil {
				return err
			}
		}
	}
	if err := m.AddLine(worldmap.Direct, "the direct way", places...); err != nil {
		return err
	}
	v.Keys = append(v.Keys, mapKey{worldmap.Direct, "the direct way"})
	for i, name := range []string{p.From, p.To} {
		if err := m.AddDot(worldmap.Dot{Place: places[i], Class: worldmap.End, Label: r.Title(name), Must: true, Size: 4}); err != nil {
			return err
		}
	}
	var err error
	v.Map, err = m.SVG(worldmap.Frame{Width: cityMap, Alt: "Map: the direct way from " + v.From + " to " + v.To + ", and others that are known"})
	return err
}

func newRouteView(r report.Route) routeView {
	v := routeView{Title: r.From + " → " + r.To, Ends: r.Ends, Notes: r.Notes}
	if r.Address != "" {
		v.Title += " (" + r.Address + ")"
	}
	v.Method = fmt.Sprintf("%s, %s", r.Method, r.At.UTC().Format("2006-01-02 15:04:05 UTC"))
	ms := func(d time.Duration) string { return number(float64(d)/float64(time.Millisecond), 1) }
	for _, row := range r.Rows {
		line := routeLine{Host: cmp.Or(row.Host, "no answer"), Address: row.Address}
		if row.Start {
			line.Hop = fmt.Sprint(row.TTL)
			if row.Until > row.TTL {
				line.Hop += fmt.Sprintf("–%d", row.Until)
			}
		}
		if line.Address == line.Host {
			line.Address = ""
		}
		if loss, ok := row.Loss(); ok {
			line.Loss, line.Sent = number(loss, 0), fmt.Sprint(row.Sent)
		}
		if row.Received > 0 || row.RTT.Avg > 0 {
			line.Last, line.Avg, line.Best, line.Worst = ms(row.RTT.Last), ms(row.RTT.Avg), ms(row.RTT.Best), ms(row.RTT.Worst)
		}
		v.Rows = append(v.Rows, line)
	}
	return v
}

// pairRow is a pair in the list of those with a page.
type pairRow struct{ Href, Name, Word, Class, Also, RTT, Expected, Relay, Distance, Fibre, Text string }

type pairIndexView struct {
	page
	Pairs []pairRow
	All   bool
}

func (b *book) pairIndex() pairIndexView {
	r := b.report
	v := pairIndexView{page: b.page("", "Pairs, "+b.title, "pairs.html"), All: b.AllPairs}
	order := slices.Clone(b.verdicts)
	slices.SortStableFunc(order, func(x, y *report.PairVerdict) int {
		return cmp.Or(cmp.Compare(y.Verdict(), x.Verdict()), cmp.Compare(slowdown(y), slowdown(x)))
	})
	for _, p := range order {
		row := pairRow{
			Href: "pair/" + b.pages[p], Name: r.Title(p.From) + " – " + r.Title(p.To), Word: p.Verdict().String(), Class: wordClass(p.Verdict()),
			RTT: ms(p.RTT), Expected: ms(p.Expected), Text: r.PairEvidence(p, p.Verdict()), Distance: "–", Fibre: "–", Relay: "–",
		}
		if p.Miles != nil {
			row.Distance = number(r.Method.Units.Length(*p.Miles), 0)
		}
		if p.Percent != nil {
			row.Fibre = number(float64(*p.Percent), 1)
		}
		if p.Relay != "" {
			row.Relay = number(float64(p.RelayRTT()), 1)
		}
		v.Pairs = append(v.Pairs, row)
	}
	return v
}

func slowdown(p *report.PairVerdict) float64 {
	if p.Slowdown == nil {
		return 0
	}
	return *p.Slowdown
}

func ms(v *report.Ms) string {
	if v == nil {
		return "–"
	}
	return number(float64(*v), 1)
}
