package terminal

import (
	"fmt"
	"slices"

	"matrix/report"
)

// summary stands in for the matrices of a fleet that is too large for them.
func (p *page) summary() error {
	p.heading(fmt.Sprintf("%d × %d cities", len(p.r.Rows), len(p.r.Columns)))
	p.line("")
	steps := []func() error{
		p.spreads,
		func() error { return p.ranking("Worst pairs, by % of fibre", p.r.Worst(10)) },
		func() error { return p.ranking("Best pairs, by % of fibre", p.r.Best(10)) },
		p.mostMissing,
		p.gaps,
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	p.notes()
	p.heading("Whole tables")
	where := "too wide for a terminal; --out DIR writes them as CSV, JSON, Markdown and a page"
	if p.o.Files != "" {
		where = p.o.Files
	}
	p.item("  ", where)
	p.line("")
	p.standsOut(report.Screenful)
	return nil
}

// spreads is the distribution of each metric over the pairs.
func (p *page) spreads() error {
	metrics := slices.Clone(p.o.Metrics)
	if !slices.Contains(metrics, report.Loss) {
		metrics = append(metrics, report.Loss)
	}
	t := table{head: []string{"distribution", "min", "5 %", "median", "95 %", "max", "pairs"}, left: []bool{true}}
	for _, m := range metrics {
		s, ok := p.r.Spread(m)
		if !ok {
			continue
		}
		label := fmt.Sprintf("%s, %s", m.Heading(), m.Unit(p.r.Method.Units))
		if m == report.Fibre {
			label = "% of fibre"
		}
		row := []string{label}
		for _, v := range []float64{s.Min, s.P5, s.Median, s.P95, s.Max} {
			row = append(row, number(v, decimals(m)))
		}
		t.rows = append(t.rows, append(row, fmt.Sprint(s.Pairs)))
	}
	if len(t.rows) == 0 {
		p.line("No pair has a figure.")
		p.line("")
		return nil
	}
	return p.draw(t)
}

// mostMissing names the cities whose pairs are missing most.
func (p *page) mostMissing() error {
	cities := p.r.MostMissing(10)
	if len(cities) == 0 {
		return nil
	}
	p.heading("Cities with most pairs missing")
	t := table{left: []bool{true, true, true}}
	for _, c := range cities {
		t.rows = append(t.rows, []string{
			p.title(c.City),
			fmt.Sprintf("%d of %d from it", c.From, c.FromAll),
			fmt.Sprintf("%d of %d to it", c.To, c.ToAll),
		})
	}
	return p.draw(t)
}
