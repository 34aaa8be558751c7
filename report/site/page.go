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
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed style.css
	styleCSS string

	pageTemplate = template.Must(template.New("page").Parse(pageHTML))
)

// maxCells is how many pairs a table of single cells still serves; beyond it
// rows are lines of text.
const maxCells = 100 * 100

// Page writes the page.
func Page(w io.Writer, r *report.Report) error {
	v := newView(r)
	css := shadeRules() + styleCSS + v.images
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
