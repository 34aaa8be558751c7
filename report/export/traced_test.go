package export

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"matrix/report/reporttest"
)

func TestTracedJSON(t *testing.T) {
	var b bytes.Buffer
	if err := TracedJSON(&b, reporttest.Traced(func(s string) string { return s })); err != nil {
		t.Fatal(err)
	}
	reporttest.Golden(t, "traced.json", b.Bytes())
}

func TestTracedMarkdown(t *testing.T) {
	d := &markdown{r: reporttest.Traced(func(s string) string { return s })}
	d.traced()
	reporttest.Golden(t, "traced.md", d.out.Bytes())
}

// Names of unknown origin are text, in JSON and in Markdown.
func TestTracedHostile(t *testing.T) {
	for _, evil := range reporttest.HostileTexts {
		r := reporttest.Traced(func(s string) string { return evil + s })
		var b bytes.Buffer
		if err := TracedJSON(&b, r); err != nil {
			t.Fatal(err)
		}
		var read any
		if err := json.Unmarshal(b.Bytes(), &read); err != nil {
			t.Errorf("%.20q: %v", evil, err)
		}
		d := &markdown{r: r}
		d.traced()
		for _, text := range []string{b.String(), d.out.String()} {
			for _, c := range text {
				if c != '\n' && !unicode.IsPrint(c) {
					t.Errorf("%.20q: character %q", evil, c)
				}
			}
		}
		for line := range strings.Lines(d.out.String()) {
			cells := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|")
			if strings.HasPrefix(line, "|") && cells != 5 || strings.ContainsAny(line, "<>") || strings.Contains(line, "\n# ") {
				t.Errorf("%.20q: markup: %s", evil, line)
			}
		}
	}
}
