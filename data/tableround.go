package data

import (
	"matrix/probe"
)

// readRoundTable makes a round of a table of round-trip times. Each is taken
// for the average of a ping: that is what tables of pings show.
func readRoundTable(s *sheet, inv *Inventory) (*probe.Round, error) {
	t := readTable(s)
	if u := t.unit(); u != "" && u != "ms" {
		t.wrongUnit("give a table of round-trip times in milliseconds")
	}
	g := newGathering(s.file, inv)
	columns := make([]int, len(t.columns))
	top := row{t.header, t.line}
	for i := range t.columns {
		columns[i] = -1
		if t.columns[i] == "" {
			continue
		}
		if city, ok := t.title(g.cities, top, i+1, g.to); ok {
			columns[i] = city
		}
	}
	for _, r := range t.rows {
		from, ok := t.title(g.cities, r, 0, g.from)
		for i, to := range columns {
			if ok && to >= 0 {
				t.pair(g, r, i+1, link{from, to})
			}
		}
	}
	if len(g.samples) == 0 && !t.any() && t.err() == nil {
		t.whole("no round-trip time in the table", "rows are from, columns are to, cells are milliseconds")
	}
	if err := t.err(); err != nil {
		return nil, err
	}
	return g.round("blank"), nil
}

// pair reads one cell. On the diagonal tables have fillers: blank, a dash, 0.
func (t *table) pair(g *gathering, r row, i int, at link) {
	cell := r.cells[i]
	if blank(cell) {
		return
	}
	d, problem, hint := rtt(cell)
	if problem != "" {
		if v, bad, _ := number(cell); bad == "" && v == 0 && at.from == at.to {
			return
		}
		t.bad(r, i, problem, hint)
		return
	}
	sample := probe.Sample{State: probe.Measured}
	sample.Imported.Set(probe.Avg, d)
	g.samples[at] = sample
}
