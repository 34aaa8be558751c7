package site

import (
	"bufio"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"

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

	pageTemplate = parse("page", pageHTML, matrixHTML, tracedHTML)
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
	css := shadeRules() + styleCSS
	if len(v.Traced) > 0 {
		css += worldmap.CSS + tracedCSS
	}
	hash := sha256.Sum256([]byte(css))
	v.CSS = template.CSS(css)
	v.Policy = "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; " +
		"style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'"
	out := bufio.NewWriter(w)
	if err := pageTemplate.Execute(out, v); err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	return out.Flush()
}
