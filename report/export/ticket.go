package export

import (
	"bytes"
	"fmt"
	"io"

	"matrix/report"
)

// TicketText writes a ticket as plain text.
func TicketText(w io.Writer, t *report.Ticket) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n\n", t.Title)
	for _, f := range t.Facts {
		fmt.Fprintf(&b, "%-11s %s\n", f.Name+":", f.Text)
	}
	for i, line := range t.Found {
		if i == 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintln(&b, line)
	}
	fmt.Fprintf(&b, "\n%s\n", t.Ask)
	for _, trace := range t.Traces {
		fmt.Fprintf(&b, "\n%s\n", trace.Title)
		for _, line := range trace.Lines {
			fmt.Fprintf(&b, "  %s\n", line)
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

// TicketMarkdown writes it in GitHub's Markdown. Traces are indented as code,
// in which nothing is markup, and out of which no name can break: none has an
// end of line.
func TicketMarkdown(w io.Writer, t *report.Ticket) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s\n\n", escape(t.Title))
	for _, f := range t.Facts {
		fmt.Fprintf(&b, "- **%s:** %s\n", f.Name, escape(f.Text))
	}
	for _, line := range t.Found {
		fmt.Fprintf(&b, "\n%s\n", escape(line))
	}
	fmt.Fprintf(&b, "\n**%s**\n", escape(t.Ask))
	for _, trace := range t.Traces {
		fmt.Fprintf(&b, "\n%s\n\n", escape(trace.Title))
		for _, line := range trace.Lines {
			fmt.Fprintf(&b, "    %s\n", line)
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}
