package terminal

import (
	"io"

	"matrix/report"
)

// WriteDrillDown shows where the packets of two cities go, and what that means.
func WriteDrillDown(w io.Writer, d *report.DrillDown, o Options) error {
	p := newPage(nil, o)
	p.heading("Where they go")
	for _, line := range d.Lines() {
		p.item("  ", line)
	}
	_, err := w.Write(p.out.Bytes())
	return err
}
