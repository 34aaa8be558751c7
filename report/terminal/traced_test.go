package terminal

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"matrix/report/reporttest"
)

// tracedText is what a terminal shows of the anomalies that were looked into.
func tracedText(t *testing.T, width int, rename func(string) string) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, reporttest.Traced(rename), Options{Width: width}); err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(b.String(), "Looked into: ")
	if !found {
		t.Fatalf("nothing was looked into:\n%s", b.String())
	}
	for line := range strings.Lines(text) {
		if n := twwidth.Width(strings.TrimRight(line, "\n")); n > width {
			t.Errorf("%d columns of %d: %s", n, width, line)
		}
	}
	return "Looked into: " + text
}

func TestTraced(t *testing.T) {
	for _, width := range []int{60, 80, 200} {
		text := tracedText(t, width, func(s string) string { return s })
		reporttest.Golden(t, fmt.Sprintf("traced-%d.txt", width), []byte(text))
	}
}

// What routers and hosts call themselves moves no cursor and breaks no line.
func TestTracedHostile(t *testing.T) {
	for _, evil := range reporttest.HostileTexts {
		for _, c := range tracedText(t, 80, func(s string) string { return evil + s }) {
			if c != '\n' && !unicode.IsPrint(c) {
				t.Errorf("%.20q: character %q", evil, c)
			}
		}
	}
}
