package terminal

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/pkg/twwidth"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// table is what is handed to tablewriter: cells that fit already.
type table struct {
	head []string // none: a list without a head
	rows [][]string
	left []bool // columns set flush left; the others are flush right
	gap  int    // between columns; 0: 2
}

// widths are how wide the columns are.
func (t table) widths() []int {
	var widths []int
	for _, row := range append([][]string{t.head}, t.rows...) {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], twwidth.Width(cell))
		}
	}
	return widths
}

// width is how wide the table is, with the indent of a list.
func (t table) width() int {
	width := -t.space()
	if len(t.head) == 0 {
		width += len(listIndent)
	}
	for _, w := range t.widths() {
		width += w + t.space()
	}
	return width
}

// without is the table without one column.
func (t table) without(column int) table {
	cut := func(cells []string) []string { return slices.Delete(slices.Clone(cells), column, column+1) }
	slim := table{head: cut(t.head), left: slices.Clone(t.left), gap: t.gap}
	if column < len(slim.left) {
		slim.left = slices.Delete(slim.left, column, column+1)
	}
	for _, row := range t.rows {
		slim.rows = append(slim.rows, cut(row))
	}
	return slim
}

func (t table) space() int { return cmp.Or(t.gap, 2) }

// listIndent is what every line of a list without a head begins with.
const listIndent = "  "

// draw sets a table, without trailing spaces, and an empty line after it.
// A list without a head is indented as the other items are.
func (p *page) draw(t table) error {
	columns := len(t.head)
	if columns == 0 && len(t.rows) > 0 {
		columns = len(t.rows[0])
	}
	align := make(tw.Alignment, columns)
	for i := range align {
		align[i] = tw.AlignRight
		if i < len(t.left) && t.left[i] {
			align[i] = tw.AlignLeft
		}
	}
	var set bytes.Buffer
	writer := tablewriter.NewTable(&set,
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders: tw.BorderNone,
			Symbols: tw.NewSymbols(tw.StyleLight),
			Settings: tw.Settings{
				Separators: tw.SeparatorsNone,
				Lines:      tw.Lines{ShowTop: tw.Off, ShowBottom: tw.Off, ShowHeaderLine: tw.On, ShowFooterLine: tw.Off},
			},
		})),
		tablewriter.WithHeaderAutoFormat(tw.Off),
		tablewriter.WithHeaderAutoWrap(tw.WrapNone),
		tablewriter.WithRowAutoWrap(tw.WrapNone),
		tablewriter.WithHeaderAlignmentConfig(tw.CellAlignment{PerColumn: align}),
		tablewriter.WithRowAlignmentConfig(tw.CellAlignment{PerColumn: align}),
		tablewriter.WithPadding(tw.Padding{Right: strings.Repeat(" ", t.space()), Overwrite: true}),
		tablewriter.WithTrimSpace(tw.Off),
	)
	if len(t.head) > 0 {
		writer.Header(t.head)
	}
	if err := writer.Bulk(t.rows); err != nil {
		return err
	}
	if err := writer.Render(); err != nil {
		return err
	}
	indent := ""
	if len(t.head) == 0 {
		indent = listIndent
	}
	for line := range strings.Lines(set.String()) {
		if strings.HasPrefix(line, "─") { // the rule is as long as the last column's padding
			line = strings.TrimSuffix(strings.TrimRight(line, "\n"), strings.Repeat("─", t.space()))
		}
		p.line(indent + trimEnd(line))
	}
	p.line("")
	return nil
}

// reset ends a colour.
const reset = "\x1b[0m"

// trimEnd drops the spaces at a line's end. Tablewriter puts them before the
// end of a colour.
func trimEnd(line string) string {
	line = strings.TrimRight(line, " \n")
	if text, coloured := strings.CutSuffix(line, reset); coloured {
		return strings.TrimRight(text, " ") + reset
	}
	return line
}
