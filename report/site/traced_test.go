package site_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"matrix/report"
	"matrix/report/reporttest"
	"matrix/report/site"
)

func tracedPage(t *testing.T, rename func(string) string) string {
	t.Helper()
	var b bytes.Buffer
	if err := site.Page(&b, reporttest.Traced(rename)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// section is the part of the page about the anomalies that were looked into.
func section(t *testing.T, html string) string {
	t.Helper()
	_, ways, found := strings.Cut(html, `<section class="ways">`)
	ways, _, whole := strings.Cut(ways, `<section id="matrix"`)
	if !found || !whole {
		t.Fatal("no section about the ways")
	}
	return ways
}

func TestTraced(t *testing.T) {
	html := tracedPage(t, func(s string) string { return s })
	ways := section(t, html)
	reporttest.Golden(t, "ways.html", []byte(ways))
	for _, want := range []string{
		`<a class="traced" href="#t1">traced</a>`, `id="t1"`, "Baltimore → New York</h3>", "gone on re-measuring", "not traced: ssh: no route to host",
		`<tr class="step"><th scope="row">3</th><td>83.8</td><td>London <em>&#43;81.4 ms</em>`, "not Tokyo: light forbids it", "Coasts: Natural Earth",
	} {
		if !strings.Contains(html, want) {
			t.Errorf("the page does not contain %q", want)
		}
	}
	if n := strings.Count(ways, `<svg class="map wide"`); n != 1 || strings.Count(ways, `<svg class="map narrow"`) != 1 {
		t.Errorf("%d maps, want one: of the others no router says that they go anywhere", n)
	}
	if regexp.MustCompile(` style="| src=|<script|<link|@import|url\(http`).MatchString(html) {
		t.Error("the page asks for something its policy forbids")
	}
}

// Without traces there is nothing about them, and no map's style either.
func TestNotTraced(t *testing.T) {
	html := page(t, reporttest.Published(), report.Options{Stat: report.Avg})
	if strings.Contains(html, "ways") || strings.Contains(html, "--coast") {
		t.Error("the page speaks of ways that nobody traced")
	}
}

// Names of routers and cities are text, on the map as well.
func TestTracedHostile(t *testing.T) {
	plain := regexp.MustCompile(`<[^>]*>`).FindAllString(section(t, tracedPage(t, func(s string) string { return s })), -1)
	names := regexp.MustCompile(`^</?[a-z0-9]+`)
	known := map[string]bool{}
	for _, tag := range plain {
		known[names.FindString(tag)] = true
	}
	for _, evil := range reporttest.HostileTexts {
		ways := section(t, tracedPage(t, func(s string) string { return evil + s }))
		for _, bad := range []string{"\x1b", "\u202e", "\u2066", "\u200b", "\u009b", "onerror=alert(1)>", `href="javascript`} {
			if strings.Contains(ways, bad) {
				t.Errorf("%.20q: the page contains %q", evil, bad)
			}
		}
		for _, tag := range regexp.MustCompile(`<[^>]*>`).FindAllString(ways, -1) {
			if !known[names.FindString(tag)] {
				t.Errorf("%.20q: unknown tag %q", evil, tag)
			}
		}
	}
}
