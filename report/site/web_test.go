package site_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"matrix/probe/lacktest"
	"matrix/report"
	"matrix/report/reporttest"
	"matrix/report/site"
)

// check runs testdata/web/check.mjs, and returns what it prints. Without node,
// Chromium or the modules there is nothing to check with; with -short it is left out,
// since no race detector sees a browser.
func check(t *testing.T, args ...string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser takes minutes")
	}
	lacktest.Programs(t, "node", "chromium")
	if _, err := os.Stat("testdata/web/node_modules/puppeteer-core"); err != nil {
		lacktest.Skip(t, "no modules: npm ci --prefix report/site/testdata/web")
	}
	cmd := exec.Command("node", append([]string{"testdata/web/check.mjs"}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("node check.mjs: %v\n%s", err, stderr.String())
	}
	return stdout.String()
}

// samples are one page of each kind.
func samples(t *testing.T, dir, month string) []string {
	t.Helper()
	names := []string{"index.html"}
	for _, pattern := range []string{"*.html", "city/*.html", "pair/*.html"} {
		found, err := filepath.Glob(filepath.Join(dir, month, pattern))
		if err != nil {
			t.Fatal(err)
		}
		if pattern != "*.html" {
			found = found[:min(1, len(found))]
		}
		for _, path := range found {
			name, _ := filepath.Rel(dir, path)
			if !strings.HasPrefix(filepath.Base(name), "table-") || strings.Contains(name, "fibre") {
				names = append(names, name)
			}
		}
	}
	return names
}

func problems(t *testing.T, found string) {
	t.Helper()
	for line := range strings.Lines(found) {
		t.Error(strings.TrimSpace(line))
	}
}

// TestPages: links resolve, HTML is valid, nobody is shut out, nothing is asked
// of the network, and nothing is missing without the script.
func TestPages(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "site")
	write(t, dir, edition(t, 15, time.September, 6*time.Hour))
	write(t, dir, edition(t, 15, time.October, 6*time.Hour))
	problems(t, check(t, append([]string{"pages", dir}, samples(t, dir, "2026-10")...)...))
}

// TestHostilePages looks at names that are meant to break a page.
func TestHostilePages(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "site")
	write(t, dir, &site.Edition{Name: "2026-10", Title: reporttest.HostileTexts[0], AllPairs: true,
		Report: report.New(reporttest.Hostile(), report.Options{Stat: report.Avg})})
	problems(t, check(t, append([]string{"pages", dir}, samples(t, dir, "2026-10")...)...))
}

// matrixPage writes the matrix of a fleet, with what it refers to.
func matrixPage(t *testing.T, cities int) (path string, html []byte) {
	t.Helper()
	e := &site.Edition{Name: "2026-10", Report: report.New(reporttest.NewFleet(cities, 3).Round(), report.Options{Stat: report.Avg})}
	var page bytes.Buffer
	if err := site.MatrixPage(&page, e); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range site.Assets() {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	path = filepath.Join(dir, "matrix.html")
	if err := os.WriteFile(path, page.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	return path, page.Bytes()
}

// TestExplore sorts, filters and reads both kinds of matrix.
func TestExplore(t *testing.T) {
	for _, cities := range []int{15, 120} {
		path, _ := matrixPage(t, cities)
		problems(t, check(t, "explore", path))
	}
}

// plainTable is a matrix as a table and nothing else.
func plainTable(t *testing.T, cities int) string {
	t.Helper()
	r := report.New(reporttest.NewFleet(cities, 3).Round(), report.Options{Stat: report.Avg})
	var b bytes.Buffer
	b.WriteString("<!doctype html><meta charset=utf-8><title>plain</title><table>")
	for _, from := range r.Cities {
		b.WriteString("<tr>")
		for _, to := range r.Cities {
			fmt.Fprintf(&b, "<td>%s</td>", r.Cell(from.Name, to.Name, report.RTT).Text(1))
		}
	}
	path := filepath.Join(t.TempDir(), "plain.html")
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestLargeMatrix: 250 cities are a small file, and there at once.
func TestLargeMatrix(t *testing.T) {
	const cities = 250
	path, html := matrixPage(t, cities)
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(html); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes, %d gzipped", len(html), packed.Len())
	if len(html) > 5_000_000 || packed.Len() > 700_000 {
		t.Error("want at most 5 MB, and 700 kB gzipped")
	}
	var took struct{ Page, Plain, Paint float64 }
	if err := json.Unmarshal([]byte(check(t, "load", path, plainTable(t, cities))), &took); err != nil {
		t.Fatal(err)
	}
	t.Logf("loaded in %.0f ms, a plain table in %.0f ms; first paint after %.0f ms", took.Page, took.Plain, took.Paint)
	// An eighth on a machine that is its own; other tests that run beside these
	// take from the page more than from the table.
	if took.Page*5 > took.Plain {
		t.Errorf("want a fifth of a plain table's time")
	}
	// 0.3 s on a machine that is its own; such a one loads the plain table in 2.2 s.
	if took.Paint > 300*max(1, took.Plain/2200) {
		t.Errorf("first paint after %.0f ms", took.Paint)
	}
}
