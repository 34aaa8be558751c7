package terminal

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"matrix/report"
)

// colour is an SGR parameter. The 256-colour ones are the nearest to the
// project's palette, which is safe for colour-blind eyes.
type colour string

const (
	plain   colour = ""
	bold    colour = "1"
	faint   colour = "2"
	reverse colour = "1;7"
	magenta colour = "38;5;175" // critical, #CC79A7
	orange  colour = "38;5;172" // unknown, #E69F00
	blue    colour = "38;5;74"  // not run, #56B4E9
)

// stateColour is the colour of a state's mark.
func stateColour(s report.State) colour {
	switch s {
	case report.Measured:
		return faint
	case report.Lost:
		return magenta
	case report.NotRun, report.Excluded:
		return blue
	default:
		return orange
	}
}

// paint colours a text, if colours are asked for.
func (p *page) paint(c colour, text string) string {
	if !p.o.Color || c == plain || text == "" {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + reset
}

func (p *page) line(text string) {
	p.out.WriteString(text)
	p.out.WriteByte('\n')
}

// heading starts a section.
func (p *page) heading(text string) {
	p.line(p.paint(bold, clip(text, p.o.Width)))
}

// longestLine is how long a line of text may be and still be read with ease.
const longestLine = 110

// spaced is item for a text with double spaces that are to stay, but for those
// at which a line ends.
func (p *page) spaced(lead, text string) {
	const gap = "\ue000" // of no text that was cleaned
	indent := twwidth.Width(lead)
	for _, line := range wrap(strings.ReplaceAll(text, "  ", " "+gap), min(p.o.Width, longestLine)-indent) {
		p.line(lead + strings.ReplaceAll(strings.TrimPrefix(line, gap), gap, " "))
		lead = strings.Repeat(" ", indent)
	}
}

// item sets a text behind a lead, wrapped to the width and indented by it.
func (p *page) item(lead, text string) {
	indent := twwidth.Width(lead)
	for i, line := range wrap(text, min(p.o.Width, longestLine)-indent) {
		if i > 0 {
			lead = strings.Repeat(" ", indent)
		}
		p.line(lead + line)
	}
}

// wrap breaks a text at its spaces, and where a word alone is too wide.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && twwidth.Width(line)+1+twwidth.Width(word) <= width {
			line += " " + word
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		for twwidth.Width(word) > width {
			head := cut(word, width)
			lines, word = append(lines, head), word[len(head):]
		}
		line = word
	}
	return append(lines, line)
}

// cut is as much of a text's beginning as fits.
func cut(text string, width int) string {
	end := 0
	for i, c := range text {
		if next := i + len(string(c)); twwidth.Width(text[:next]) <= width {
			end = next
		} else {
			break
		}
	}
	return text[:end]
}

// clip shortens a text that does not fit.
func clip(text string, width int) string {
	if twwidth.Width(text) <= width {
		return text
	}
	return strings.TrimRight(cut(text, width-1), " ") + "…"
}

// pad fills a text up on the right.
func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-twwidth.Width(text)))
}

// name is a pair by its titles.
func (p *page) name(pair *report.Pair) string {
	return p.title(pair.From) + " → " + p.title(pair.To)
}

// title is a city's title, as wide as a list may give it.
func (p *page) title(name string) string {
	return clip(p.r.Title(name), max(12, p.o.Width/5))
}

// figure is a pair's figure with its unit; "–" if there is none.
func (p *page) figure(pair *report.Pair, metric report.Metric, decimals int) string {
	v, ok := p.r.Value(pair, metric)
	if !ok {
		return "–"
	}
	return number(v, decimals) + " " + metric.Unit(p.r.Method.Units)
}

func number(v float64, decimals int) string { return strconv.FormatFloat(v, 'f', decimals, 64) }

// count says how many of a thing: "1 pair", "9 pairs".
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
