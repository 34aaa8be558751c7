package terminal

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"matrix/report"
	"matrix/report/reporttest"
)

func TestRoutes(t *testing.T) {
	for _, width := range []int{60, 80, 120} {
		var text bytes.Buffer
		if err := WriteRoutes(&text, report.Routes(reporttest.Traces(), reporttest.Titles), Options{Width: width}); err != nil {
			t.Fatal(err)
		}
		reporttest.Golden(t, fmt.Sprintf("routes-%d.txt", width), text.Bytes())
		for line := range strings.Lines(text.String()) {
			if n := twwidth.Width(strings.TrimRight(line, "\n")); n > width {
				t.Errorf("%d columns of %d: %s", n, width, line)
			}
		}
		if strings.Contains(text.String(), "\x1b") {
			t.Error("an escape sequence came through")
		}
	}
}
