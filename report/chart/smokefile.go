package chart

import (
	"cmp"
	"fmt"
	"html"
	"io"
	"strings"
)

// Scale is between which round-trip times in milliseconds graphs are to be drawn
// that stand below each other; false if they have none. It begins at 0 unless
// all lies in the upper half.
func Scale(graphs ...*Smoke) (low, high float64, ok bool) {
	for _, g := range graphs {
		if g == nil {
			continue
		}
		reach, least := g.Reach(), g.Low()
		if reach > 0 {
			high = max(high, reach)
			low = min(cmp.Or(low, least), least)
		}
	}
	if low < high/2 {
		low = 0
	}
	return low, high, high > 0
}

// Titled is a graph and what stands over it; Note stands beside that, smaller.
type Titled struct {
	Title, Note string
	*Smoke
}

// Measures of a file of its own, in pixels.
const (
	fileWidth  = 1000
	fileMargin = 24
	fileTitle  = 34
	fileGap    = 20
	fileKey    = 24
)

// fileCSS are the rules that a page has and a file of its own has not.
const fileCSS = `svg{--ink:#1a2228;--soft:#53606a;--paper:#fff;background:var(--paper)}
@media(prefers-color-scheme:dark){svg{--ink:#e6eaed;--soft:#9fabb4;--paper:#101417}}
.title,.note{font:600 16px/1 -apple-system,BlinkMacSystemFont,"Segoe UI","Helvetica Neue",Arial,sans-serif;fill:var(--ink)}
.note{font-weight:400;font-size:13px;fill:var(--soft)}
`

// File writes graphs below each other as one SVG with its own style, in light and
// in dark. about is what a reader of the file who cannot see it is told.
func File(w io.Writer, about, key string, graphs ...Titled) error {
	height := fileMargin + len(graphs)*(fileTitle+smokeHeight+fileGap) + fileKey
	smokes := make([]*Smoke, len(graphs))
	for i, g := range graphs {
		smokes[i] = g.Smoke
	}
	low, high, _ := Scale(smokes...)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d"><title>%s</title><style>%s%s</style>`,
		fileWidth, height, fileWidth, height, html.EscapeString(about), fileCSS, CSS)
	b.WriteString(`<rect width="100%" height="100%" fill="var(--paper)"/>`)
	y := fileMargin
	for _, g := range graphs {
		fmt.Fprintf(&b, `<text x="%d" y="%d" class="title">%s<tspan dx="12" class="note">%s</tspan></text>`, fileMargin, y+12, html.EscapeString(g.Title), html.EscapeString(g.Note))
		y += fileTitle
		fmt.Fprintf(&b, `<svg x="%d" y="%d" width="%d" height="%d" overflow="visible">%s</svg>`, fileMargin, y, fileWidth-2*fileMargin, smokeHeight, g.SVG(low, high, "", g.Title))
		y += smokeHeight + fileGap
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" class="note">%s</text></svg>`+"\n", fileMargin, y, html.EscapeString(key))
	_, err := io.WriteString(w, b.String())
	return err
}
