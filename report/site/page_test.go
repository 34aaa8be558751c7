package site_test

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"matrix/report"
	"matrix/report/reporttest"
	"matrix/report/site"
)

func page(t *testing.T, round *report.Round, o report.Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := site.Page(&b, report.New(round, o)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	reporttest.Golden(t, "mixed.html", []byte(page(t, reporttest.Mixed(), report.Options{Stat: report.Avg})))
}

// TestSizes keeps the page within what a phone loads.
func TestSizes(t *testing.T) {
	for n, limit := range map[int]int{0: 20_000, 2: 30_000, 10: 150_000, 45: 1_500_000, 80: 3_000_000, 250: 5_000_000} {
		if testing.Short() && n > 45 {
			continue
		}
		round := reporttest.Synthetic(n)
		html := page(t, round, report.Options{Stat: report.Avg})
		if len(html) > limit {
			t.Errorf("%d cities: page has %d bytes, more than %d", n, len(html), limit)
		}
		if again := page(t, round, report.Options{Stat: report.Avg}); again != html {
			t.Errorf("%d cities: the same report gives another page", n)
		}
	}
}

// TestHostile looks for anything but text where hostile text was put in.
func TestHostile(t *testing.T) {
	html := page(t, reporttest.Hostile(), report.Options{Stat: report.Avg})
	for _, bad := range []string{"<script", "<img", "onerror=alert(1)>", `href="javascript`, "\x1b", "\u202e", "\u2066", "\u200b", "\u009b", "http://", "https://"} {
		if strings.Contains(html, bad) {
			t.Errorf("the page contains %q", bad)
		}
	}
	// Every tag is one of the template's, with attributes of the template's.
	known := regexp.MustCompile(`^</?(!doctype|html|head|meta|title|style|body|a|header|h[123]|p|strong|dl|div|dt|dd|b|span|small|main|section|input|label|ul|ol|li|i|table|caption|thead|tbody|tr|th|td|details|summary|em|footer)[ >]`)
	for _, tag := range regexp.MustCompile(`<[^>]*>`).FindAllString(html, -1) {
		if !known.MatchString(tag + ">") {
			t.Errorf("unknown tag %q", tag)
		}
	}
}

// names are those of the first n synthetic cities.
func names(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("city%03d", i)
	}
	return names
}

// TestSelfContained looks for what the policy forbids and for anchors that
// lead nowhere.
func TestSelfContained(t *testing.T) {
	for n, html := range map[string]string{
		"mixed":  page(t, reporttest.Mixed(), report.Options{Stat: report.Avg}),
		"row":    page(t, reporttest.Only(reporttest.Mixed(), []string{"paris"}, nil), report.Options{Stat: report.Avg}),
		"column": page(t, reporttest.Only(reporttest.Mixed(), nil, []string{"paris"}), report.Options{Stat: report.Avg}),
		"pair":   page(t, reporttest.Only(reporttest.Mixed(), []string{"paris"}, []string{"milan"}), report.Options{Stat: report.Avg}),
		"large":  page(t, reporttest.Synthetic(101), report.Options{Stat: report.Avg}),
		"half":   page(t, reporttest.Only(reporttest.Synthetic(150), names(75), nil), report.Options{Stat: report.Avg}),
	} {
		ids := map[string]bool{}
		for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(html, -1) {
			if ids[m[1]] {
				t.Errorf("%s: id %s twice", n, m[1])
			}
			ids[m[1]] = true
		}
		for _, m := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(html, -1) {
			if id, ok := strings.CutPrefix(m[1], "#"); !ok || !ids[id] {
				t.Fatalf("%s: link to %s leads nowhere", n, m[1])
			}
		}
		if regexp.MustCompile(` style="| src="[^d]|<script|<link|@import|url\(http`).MatchString(html) {
			t.Errorf("%s: the page asks for something its policy forbids", n)
		}
	}
}

// TestEveryFigure finds each measured RTT on the page, with the decimals of the
// published tables.
func TestEveryFigure(t *testing.T) {
	r := report.New(reporttest.Published(), report.Options{Stat: report.Avg})
	html := page(t, reporttest.Published(), report.Options{Stat: report.Avg})
	for _, p := range r.Pairs() {
		v, _ := r.Value(p, report.RTT)
		if want := fmt.Sprintf("<td>%.2f<", v); !strings.Contains(html, want) {
			t.Errorf("%v: %s is not on the page", p.Pair, want)
		}
	}
	if !strings.Contains(html, "average round-trip time") || strings.Contains(html, `for="m-loss"`) {
		t.Error("want the method, and no loss matrix where no loss is known")
	}
}

func TestWords(t *testing.T) {
	html := page(t, reporttest.Mixed(), report.Options{Stat: report.Avg, Units: report.UseKm})
	for _, want := range []string{
		"PARTIAL", "69 of 90 pairs measured", "Connection refused", "from ↓ / to →", ">lost</a>", ">down</a>", ">unres</a>", ">norun</a>",
		"km/ms", "under 32 km", `scope="row"`, `scope="col"`, "<caption>", "prefers-color-scheme",
	} {
		if !strings.Contains(html, want) {
			t.Errorf("the page does not contain %q", want)
		}
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriteError(t *testing.T) {
	if err := site.Page(broken{}, report.New(reporttest.Mixed(), report.Options{})); err == nil {
		t.Error("want the writer's error")
	}
}
