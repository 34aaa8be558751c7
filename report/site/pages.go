package site

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"path"
	"strings"
	"sync"

	"matrix/report"
	"matrix/report/chart"
	"matrix/report/worldmap"
)

var (
	//go:embed web
	web embed.FS

	webPages = sync.OnceValue(func() *template.Template {
		return template.Must(template.Must(template.New("web").ParseFS(web, "web/*.html")).Parse(tracedHTML))
	})
)

// Names of the files that all pages of a month share.
const (
	styleFile  = "style.css"
	scriptFile = "site.js"
)

// policy is what a page may do: its own style sheet, its own script, its own
// pictures, and nothing that is anywhere else.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'"

// page is what all pages have.
type page struct {
	Root    string // from the page to the month's folder: "" or "../"
	Title   string // of the page
	Month   string // for people
	Policy  string
	Framed  bool // to be shown in a frame
	Links   []navLink
	Method  string
	Version string // of the style sheet and script, so that no old one is used
}

type navLink struct {
	Href, Text string
	Here       bool
}

// page begins a page; here is the link that leads to it.
func (b *book) page(root, title, here string) page {
	p := page{Root: root, Title: title, Month: b.title, Policy: policy, Method: b.report.Method.String(), Version: assetVersion}
	for _, l := range b.links() {
		p.Links = append(p.Links, navLink{root + l.Href, l.Text, l.Href == here})
	}
	return p
}

func (b *book) links() []navLink {
	links := []navLink{{Href: "index.html", Text: "Report"}, {Href: "matrix.html", Text: "Matrix"}, {Href: "cities.html", Text: "Cities"}}
	if len(b.verdicts) > 0 {
		links = append(links, navLink{Href: "pairs.html", Text: "Pairs"})
	}
	if b.hasMap() {
		links = append(links, navLink{Href: "map.html", Text: "Map"})
	}
	return append(links, navLink{Href: "data.html", Text: "Data"})
}

// job is a file of the month's folder.
type job struct {
	path  string
	write func(io.Writer) error
}

// jobs are all files of the month.
func (b *book) jobs() []job {
	jobs := []job{
		{styleFile, text(assetCSS)}, {scriptFile, text(assetJS)},
		b.html("index.html", "report", func() (any, error) { return b.front() }),
		b.html("cities.html", "cities", func() (any, error) { return b.cityIndex(), nil }),
		b.html("data.html", "data", func() (any, error) { return b.dataPage(), nil }),
		{summaryFile, b.writeSummary},
	}
	for i := range b.sheets {
		s := &b.sheets[i]
		jobs = append(jobs,
			b.html(s.File, "matrixpage", func() (any, error) { return b.sheetPage(s, false), nil }),
			b.html(s.Bare, "matrixpage", func() (any, error) { return b.sheetPage(s, true), nil }))
	}
	for i, stem := range b.stems {
		if stem != "" {
			jobs = append(jobs, b.html(b.city(i), "city", func() (any, error) { return b.cityPage(i) }))
		}
	}
	if len(b.verdicts) > 0 {
		jobs = append(jobs, b.html("pairs.html", "pairs", func() (any, error) { return b.pairIndex(), nil }))
	}
	for _, v := range b.verdicts {
		jobs = append(jobs, b.html("pair/"+b.pages[v], "pair", func() (any, error) { return b.pairPage(v) }))
	}
	if b.hasMap() {
		jobs = append(jobs, b.html("map.html", "map", func() (any, error) { return b.mapPage() }))
	}
	for _, f := range b.Files {
		jobs = append(jobs, job{"data/" + f.Name, f.Write})
	}
	return jobs
}

// html is a page made of a template; its figures are gathered when it is
// written, so that not all pages are in memory at once.
func (b *book) html(file, name string, gather func() (any, error)) job {
	return job{file, func(w io.Writer) error {
		values, err := gather()
		if err != nil {
			return err
		}
		return webPages().ExecuteTemplate(w, name, values)
	}}
}

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

var (
	//go:embed web/site.css
	siteCSS string
	//go:embed web/site.js
	assetJS string

	assetCSS     = shadeRules() + styleCSS + worldmap.CSS + tracedCSS + chart.CSS + siteCSS
	assetVersion = fingerprint(assetCSS + assetJS)
)

// fingerprint is short enough for an address and long enough to tell two
// versions apart.
func fingerprint(text string) string {
	sum := sha256.Sum256([]byte(text))
	return strings.TrimRight(base64.RawURLEncoding.EncodeToString(sum[:])[:8], "-_")
}

// sheetView is the page of a matrix.
type sheetView struct {
	page
	*sheet
	Sheets   []sheet
	Marks    []mark
	Flags    []flag
	Coverage string
	Cities   int
}

func (b *book) sheetPage(s *sheet, bare bool) sheetView {
	v := sheetView{
		page: b.page("", s.Heading+", "+b.title, "matrix.html"), sheet: s, Sheets: b.sheets,
		Flags: flagsOf(b.report), Coverage: b.report.Coverage.String(), Cities: len(b.report.Columns),
	}
	v.Framed = bare
	metrics := report.Metrics()
	for _, m := range metrics {
		if m.String() == s.ID {
			v.Marks = marksOf(b.report, m)
		}
	}
	if s.ID == changeID {
		v.Marks, v.Flags = append(marksOf(b.report, report.RTT), mark{"n", "new", noChange}), nil
	}
	return v
}

// dataView is the page of the downloads.
type dataView struct {
	page
	Files  []File
	Sheets []sheet
	Name   string
}

func (b *book) dataPage() dataView {
	return dataView{b.page("", "Data, "+b.title, "data.html"), b.Files, b.sheets, b.Name}
}

// check refuses names that could lead anywhere but into the month's folder.
func (e *Edition) check() error {
	if err := checkName(e.Name); err != nil {
		return err
	}
	for _, f := range e.Files {
		if f.Name == "" || f.Name != path.Base(f.Name) || strings.HasPrefix(f.Name, ".") {
			return fmt.Errorf("%q is no name for a file to download", f.Name)
		}
	}
	return nil
}

func checkName(name string) error {
	if slug(name) != name {
		return fmt.Errorf("%q is no name for a month's folder: use lowercase letters, digits and dashes", name)
	}
	return nil
}
