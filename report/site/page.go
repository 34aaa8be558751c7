package site

import (
	"bufio"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"sync"

	"matrix/report"
	"matrix/report/worldmap"
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed style.css
	styleCSS string
	//go:embed traced.css
	tracedCSS string
	//go:embed traced.html
	tracedHTML string

	//go:embed web/matrix.html
	matrixHTML string
	//go:embed web/round.html
	roundHTML string

	// Templates are parsed when they are needed: most commands write no pages.
	pageTemplate = sync.OnceValue(func() *template.Template { return parse("page", pageHTML, roundHTML, matrixHTML, tracedHTML) })
)

// parse makes a template of a text and of those that it uses.
func parse(name string, texts ...string) *template.Template {
	t := template.New(name)
	for _, text := range texts {
		template.Must(t.Parse(text))
	}
	return t
}

// maxCells is how many pairs a table of single cells still serves; beyond it
// rows are lines of text.
const maxCells = 100 * 100

// Page writes the page.
func Page(w io.Writer, r *report.Report) error {
	v, err := newView(r)
	if err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	css := pageCSS(r)
	v.CSS, v.Policy = template.CSS(css), policyOf(css)
	out := bufio.NewWriter(w)
	if err := pageTemplate().Execute(out, v); err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	return out.Flush()
}

// PagePolicy is what the page of a report may do: show its own style sheet and its
// own pictures. A server can say the same before the page does.
func PagePolicy(r *report.Report) string { return policyOf(pageCSS(r)) }

func pageCSS(r *report.Report) string {
	css := shadeRules() + styleCSS
	if len(r.Traced) > 0 {
		css += worldmap.CSS + tracedCSS
	}
	return css
}

func policyOf(css string) string {
	hash := sha256.Sum256([]byte(css))
	return "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; " +
		"style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'"
}
