package terminal

import (
	"fmt"
	"io"
	"strconv"

	"matrix/report"
)

// Rounds lists rounds, the last one at the end.
func Rounds(w io.Writer, list []report.RoundLine, o Options) error {
	p := newPage(nil, o)
	t := table{
		head: []string{"UTC", "cities", "pairs", "measured", "%", "warnings", "", "source", "round"},
		left: []bool{true, 6: true, 7: true, 8: true},
	}
	for i := range list {
		l := &list[i]
		percent, partial := "–", ""
		if v, ok := l.Percent(); ok {
			percent = strconv.FormatFloat(v, 'f', 1, 64)
		}
		if l.Partial {
			partial = p.paint(magenta, "partial")
		}
		t.rows = append(t.rows, []string{
			l.Start.UTC().Format("2006-01-02 15:04:05"), strconv.Itoa(l.Cities), strconv.Itoa(l.Planned), strconv.Itoa(l.States[report.Measured]),
			percent, strconv.Itoa(len(l.Warnings)), partial, clip(report.Clean(l.Source, 60), 20), l.ID,
		})
	}
	if t.width() > p.o.Width {
		t = t.without(7)
	}
	if t.width() > p.o.Width {
		for _, row := range t.rows { // the round's id has the seconds
			row[0] = row[0][:len("2006-01-02 15:04")]
		}
	}
	if t.width() > p.o.Width {
		t = t.without(1)
	}
	if len(list) > 0 {
		if err := p.draw(t); err != nil {
			return fmt.Errorf("draw a table: %w", err)
		}
	}
	p.item("", count(len(list), "round"))
	_, err := w.Write(p.out.Bytes())
	return err
}
