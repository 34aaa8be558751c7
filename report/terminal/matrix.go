package terminal

import (
	"fmt"
	"strings"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"matrix/report"
)

const corner = "from ↓ / to →"

// form is how all matrices of a report are set: the same columns stand at the
// same places in each.
type form struct {
	heads  []string // of the columns
	labels []string // of the rows
	widths []int    // of the columns, heads and cells alike
	groups [][2]int // half-open ranges of columns
	gap    int
}

// layOut finds the form that suits the width: titles over the columns, codes,
// codes closer together, and then groups of columns. It is false where a
// person would not read the result.
func (p *page) layOut() (form, bool) {
	rows, columns := p.names(p.r.Rows), p.names(p.r.Columns)
	if len(rows) > maxCities || len(columns) > maxCities {
		return form{}, false
	}
	natural := p.natural(rows, columns)
	short := p.codes()
	coded := func(names []string, long bool) []string {
		heads := make([]string, len(names))
		for i, name := range names {
			if heads[i] = short[name]; long {
				heads[i] += " " + clip(p.r.Title(name), 16)
			}
		}
		return heads
	}
	titled := func(names []string, width int) []string {
		heads := make([]string, len(names))
		for i, name := range names {
			heads[i] = clip(p.r.Title(name), width)
		}
		return heads
	}
	for _, f := range []form{
		{heads: titled(columns, 14), labels: titled(rows, 24), gap: 2},
		{heads: coded(columns, false), labels: coded(rows, true), gap: 2},
		{heads: coded(columns, false), labels: coded(rows, true), gap: 1},
	} {
		f.widths = widen(natural, f.heads)
		if f.width() <= p.o.Width {
			f.groups = [][2]int{{0, len(columns)}}
			return f, true
		}
	}
	return group(form{heads: coded(columns, false), labels: coded(rows, true), gap: 2}, natural, p.o.Width)
}

// group splits the columns evenly over as few groups as the width allows, all
// columns equally wide.
func group(f form, natural []int, width int) (form, bool) {
	f.widths = widen(natural, f.heads)
	widest := 0
	for _, w := range f.widths {
		widest = max(widest, w)
	}
	for i := range f.widths {
		f.widths[i] = widest
	}
	room := max(1, (width-f.label())/(widest+f.gap))
	groups := (len(f.heads) + room - 1) / room
	each := (len(f.heads) + groups - 1) / groups
	for from := 0; from < len(f.heads); from += each {
		f.groups = append(f.groups, [2]int{from, min(from+each, len(f.heads))})
	}
	return f, groups <= maxGroups
}

// label is the width of the row heads.
func (f form) label() int {
	width := twwidth.Width(corner)
	for _, l := range f.labels {
		width = max(width, twwidth.Width(l))
	}
	return width
}

// width is that of the whole matrix.
func (f form) width() int {
	width := f.label()
	for _, w := range f.widths {
		width += f.gap + w
	}
	return width
}

func widen(natural []int, heads []string) []int {
	widths := make([]int, len(natural))
	for i := range natural {
		widths[i] = max(natural[i], twwidth.Width(heads[i]))
	}
	return widths
}

// natural is how wide each column's cells are, over all matrices shown.
func (p *page) natural(rows, columns []string) []int {
	widths := make([]int, len(columns))
	for j, to := range columns {
		for _, from := range rows {
			for _, m := range p.o.Metrics {
				text, _ := p.cell(from, to, m)
				widths[j] = max(widths[j], twwidth.Width(text))
			}
		}
	}
	return widths
}

// names are the cities of the given indices.
func (p *page) names(indices []int) []string {
	names := make([]string, len(indices))
	for i, at := range indices {
		names[i] = p.r.Cities[at].Name
	}
	return names
}

// codes are the cities' codes by name.
func (p *page) codes() map[string]string {
	titles, names := make([]string, len(p.r.Cities)), make([]string, len(p.r.Cities))
	for i, c := range p.r.Cities {
		titles[i], names[i] = p.r.Title(c.Name), c.Name
	}
	byName := make(map[string]string, len(names))
	for i, code := range codes(titles, names) {
		byName[names[i]] = code
	}
	return byName
}

// matrices sets one matrix a metric, and the legend.
func (p *page) matrices(f form) error {
	for _, m := range p.o.Metrics {
		if err := p.matrix(f, m); err != nil {
			return err
		}
	}
	p.legend()
	return nil
}

func (p *page) matrix(f form, metric report.Metric) error {
	rows, columns := p.names(p.r.Rows), p.names(p.r.Columns)
	p.heading(p.metricHeading(metric))
	for _, g := range f.groups {
		t := table{head: []string{corner}, left: []bool{true}, gap: f.gap}
		for j := g[0]; j < g[1]; j++ {
			t.head = append(t.head, strings.Repeat(" ", f.widths[j]-twwidth.Width(f.heads[j]))+f.heads[j])
		}
		for i, from := range rows {
			row := []string{f.labels[i]}
			for j := g[0]; j < g[1]; j++ {
				text, c := p.cell(from, columns[j], metric)
				row = append(row, p.paint(c, text))
			}
			t.rows = append(t.rows, row)
		}
		if err := p.draw(t); err != nil {
			return err
		}
	}
	return nil
}

// metricHeading is a matrix's title: "Latency, ms (average)".
func (p *page) metricHeading(metric report.Metric) string {
	unit := metric.Unit(p.r.Method.Units)
	switch metric {
	case report.RTT:
		return fmt.Sprintf("%s, %s (%s)", metric.Heading(), unit, p.r.Method.StatName())
	case report.Fibre:
		return metric.Heading()
	}
	return fmt.Sprintf("%s, %s", metric.Heading(), unit)
}

// cell is a cell's text and colour. A pair that stands out has a mark before
// its figure, whether there is colour or not.
func (p *page) cell(from, to string, metric report.Metric) (string, colour) {
	c := p.r.Cell(from, to, metric)
	switch c.Kind {
	case report.Figure:
		text := c.Text(decimals(metric))
		if flag := p.r.Flag(c.Pair); flag != "" && metric != report.Distance && metric != report.Loss {
			return flag + text, verdictColour(p.r.Verdict(c.Pair))
		}
		if p.r.InvalidSource(c.Pair) {
			return text, faint
		}
		return text, plain
	case report.Missing:
		return c.Mark, stateColour(c.Pair.State)
	default:
		return c.Mark, faint
	}
}

// decimals is how many decimals a reader of the terminal needs; the files have
// all that were published.
func decimals(metric report.Metric) int {
	if metric == report.Distance {
		return 0
	}
	return 1
}
