package site

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"matrix/report"
)

// Summary is what a month's folder keeps of itself in summary.json, for the list
// of all months; others may read it too.
type Summary struct {
	Format   string   `json:"format"`
	Name     string   `json:"name"`  // of the folder
	Title    string   `json:"title"` //
	Lede     string   `json:"lede"`
	Cities   int      `json:"cities"`
	Rounds   int      `json:"rounds"`
	Planned  int      `json:"pairs_planned"`
	Measured int      `json:"pairs_measured"`
	RTTMs    *float64 `json:"rtt_ms"`        // median over the pairs
	Fibre    *float64 `json:"fibre_percent"` // likewise
	Flagged  int      `json:"flagged"`       // pairs of cities
	Detours  int      `json:"detours"`       // of these
	Degraded int      `json:"degraded"`      // likewise
	Hosts    int      `json:"hosts"`         // with something wrong
	Method   string   `json:"method"`
}

// SummaryFormat names the shape of summary.json.
const SummaryFormat = "matrix-month-1"

const summaryFile = "summary.json"

func (b *book) summary() Summary {
	r := b.report
	s := Summary{
		Format: SummaryFormat, Name: b.Name, Title: b.title, Lede: b.lede, Cities: len(r.Cities),
		Planned: r.Coverage.Planned, Measured: r.Coverage.Measured, Method: r.Method.String(),
	}
	if b.month != nil {
		s.Rounds = len(b.month.Rounds)
	}
	for metric, field := range map[report.Metric]**float64{report.RTT: &s.RTTMs, report.Fibre: &s.Fibre} {
		if spread, ok := r.Spread(metric); ok {
			*field = &spread.Median
		}
	}
	for _, p := range r.FlaggedPairs() {
		s.Flagged++
		if p.Verdict().Bent() {
			s.Detours++
		}
		if p.Has(report.Degraded) {
			s.Degraded++
		}
	}
	seen := map[string]bool{}
	for _, h := range r.Verdicts.Hosts {
		if h.Verdict != report.PoorlyJoined && !seen[h.City] {
			seen[h.City] = true
			s.Hosts++
		}
	}
	return s
}

func (b *book) writeSummary(w io.Writer) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	return out.Encode(b.summary())
}

// readSummaries are those of the months in a site, the oldest first.
func readSummaries(dir string) ([]Summary, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []Summary
	for _, e := range entries {
		if !e.IsDir() || checkName(e.Name()) != nil {
			continue
		}
		path := filepath.Join(dir, e.Name(), summaryFile)
		text, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			continue // somebody else's folder
		}
		if err != nil {
			return nil, err
		}
		s := Summary{}
		if err := json.Unmarshal(text, &s); err != nil {
			return nil, fmt.Errorf("read %s: %w; write that month again, or remove its folder", path, err)
		}
		if s.Format == SummaryFormat {
			s.Name = e.Name()
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(x, y Summary) int { return compareNames(x.Name, y.Name) })
	return all, nil
}

func compareNames(x, y string) int {
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

// archiveView is the front page of the site.
type archiveView struct {
	page
	Latest archiveRow
	Months []archiveRow // the latest first
}

type archiveRow struct {
	Href, Title, Lede, Cities, Measured, RTT, Fibre string
	Flagged, Detours, Degraded, Hosts               int
}

func newArchive(all []Summary) archiveView {
	v := archiveView{page: page{Root: "", Title: "Network latency, month by month", Policy: policy, Version: assetVersion}}
	for _, s := range slices.Backward(all) {
		v.Months = append(v.Months, newArchiveRow(s))
	}
	v.Latest = v.Months[0]
	return v
}

func newArchiveRow(s Summary) archiveRow {
	value := func(v *float64) string {
		if v == nil {
			return "–"
		}
		return number(*v, 1)
	}
	row := archiveRow{
		Href: s.Name + "/index.html", Title: report.Clean(s.Title, 60), Lede: report.Clean(s.Lede, 400), Cities: number(float64(s.Cities), 0),
		RTT: value(s.RTTMs), Fibre: value(s.Fibre), Flagged: s.Flagged, Detours: s.Detours, Degraded: s.Degraded, Hosts: s.Hosts, Measured: "–",
	}
	if s.Planned > 0 {
		row.Measured = number(100*float64(s.Measured)/float64(s.Planned), 1)
	}
	return row
}

// The links between months stand in this paragraph of a month's front page, so
// that they can be brought up to date when another month is added.
const (
	linksFrom = `<p class="months">`
	linksTo   = `</p>`
)

var linksTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("links").Parse(
		`{{with .Before}}<a href="../{{.Name}}/index.html" rel="prev">← {{.Title}}</a> {{end}}<a href="../index.html">All months</a>{{with .After}} <a href="../{{.Name}}/index.html" rel="next">{{.Title}} →</a>{{end}}`))
})

// withLinks is a month's front page with the links to its neighbours.
func withLinks(html []byte, before, after *Summary) ([]byte, error) {
	start := bytes.Index(html, []byte(linksFrom))
	if start < 0 {
		return html, nil // not of this version's making
	}
	start += len(linksFrom)
	length := bytes.Index(html[start:], []byte(linksTo))
	if length < 0 {
		return html, nil
	}
	var out bytes.Buffer
	out.Write(html[:start])
	if err := linksTemplate().Execute(&out, map[string]*Summary{"Before": before, "After": after}); err != nil {
		return nil, err
	}
	out.Write(html[start+length:])
	return out.Bytes(), nil
}
