package terminal_test

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"matrix/report"
	"matrix/report/reporttest"
	"matrix/report/terminal"
)

// The widths of ambiguous characters depend on the locale of who runs the
// tests, unless it is said.
func TestMain(m *testing.M) {
	twwidth.SetEastAsian(false)
	m.Run()
}

func show(t *testing.T, round *report.Round, o terminal.Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := terminal.Write(&b, report.New(round, report.Options{Stat: report.Avg}), o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var rounds = map[string]*report.Round{
	"measured": reporttest.Measured(),
	"mixed":    reporttest.Mixed(),
	"hostile":  reporttest.Hostile(),
	"row":      reporttest.Only(reporttest.Mixed(), []string{"baltimore"}, nil),
	"column":   reporttest.Only(reporttest.Mixed(), nil, []string{"zurich"}),
	"pair":     reporttest.Only(reporttest.Mixed(), []string{"baltimore"}, []string{"newyork"}),
	"lost":     reporttest.Only(reporttest.Mixed(), []string{"milan"}, []string{"paris"}),
	"two":      reporttest.Synthetic(2),
	"45":       reporttest.Synthetic(45),
	"empty":    {},
}

func TestGolden(t *testing.T) {
	for name, round := range rounds {
		for suffix, width := range map[string]int{".80.txt": 80, ".200.txt": 200} {
			reporttest.Golden(t, name+suffix, []byte(show(t, round, terminal.Options{Width: width})))
		}
	}
}

// TestNothingTorn: at every width no line is too long, and every line of a
// table is as long as its rule at most.
func TestNothingTorn(t *testing.T) {
	for name, round := range rounds {
		for _, width := range []int{60, 72, 80, 100, 132, 200, 300} {
			for line := range strings.Lines(show(t, round, terminal.Options{Width: width})) {
				if got := twwidth.Width(strings.TrimRight(line, "\n")); got > width {
					t.Errorf("%s at %d columns: %d columns: %s", name, width, got, line)
				}
			}
		}
	}
}

var escapes = regexp.MustCompile("\x1b\\[[0-9;]*m")

// TestColour: colour is on top; without it the same text is there.
func TestColour(t *testing.T) {
	for name, round := range rounds {
		plain := show(t, round, terminal.Options{Width: 100})
		coloured := show(t, round, terminal.Options{Width: 100, Color: true})
		if strings.Contains(plain, "\x1b") {
			t.Errorf("%s: escape sequences without colour", name)
		}
		if escapes.ReplaceAllString(coloured, "") != plain {
			t.Errorf("%s: colour changes the text", name)
		}
		if name == "mixed" && coloured == plain {
			t.Error("no colour at all")
		}
	}
}

// TestHostile looks for what a terminal would act upon.
func TestHostile(t *testing.T) {
	text := show(t, reporttest.Hostile(), terminal.Options{Width: 200})
	for _, r := range text {
		if r < ' ' && r != '\n' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == '\u202e' || r == '\u2066' || r == '\u200b' {
			t.Errorf("control character %U", r)
		}
	}
}

// TestVerdicts: the lists of their own fit their width and pass nothing on that
// a terminal would act upon.
func TestVerdicts(t *testing.T) {
	for name, round := range rounds {
		r := report.New(round, report.Options{Stat: report.Min})
		for _, width := range []int{60, 80, 200} {
			var b bytes.Buffer
			o := terminal.Options{Width: width}
			lines := append(r.ExplainPair("baltimore", "newyork"), r.ExplainCity("milan")...)
			if err := errors.Join(terminal.Verdicts(&b, r, o), terminal.Relays(&b, r, 5, o), terminal.Explain(&b, r, lines, o)); err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(b.String()) {
				if got := twwidth.Width(strings.TrimRight(line, "\n")); got > width {
					t.Errorf("%s at %d columns: %d columns: %s", name, width, got, line)
				}
			}
			if i := strings.IndexFunc(b.String(), func(c rune) bool { return c != '\n' && !unicode.IsPrint(c) }); i >= 0 {
				t.Errorf("%s: %q", name, b.String()[i:i+4])
			}
			if width == 80 {
				reporttest.Golden(t, name+".verdicts.txt", b.Bytes())
			}
		}
	}
}

func TestMetrics(t *testing.T) {
	text := show(t, reporttest.Mixed(), terminal.Options{Metrics: []report.Metric{report.Loss, report.Distance}})
	for _, want := range []string{"Packet loss, %", "Distance, mi", "30.0", "lost"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if strings.Contains(text, "Latency, ms") {
		t.Error("a matrix that was not asked for")
	}
}

func TestSummaryNamesFiles(t *testing.T) {
	big := reporttest.Synthetic(41)
	if text := show(t, big, terminal.Options{}); !strings.Contains(text, "--out DIR") {
		t.Error("no word of --out")
	}
	if text := show(t, big, terminal.Options{Files: "in site/"}); !strings.Contains(text, "in site/") || strings.Contains(text, "--out DIR") {
		t.Error("no word of where the files are")
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("closed pipe") }

func TestWriteError(t *testing.T) {
	if err := terminal.Write(broken{}, report.New(reporttest.Mixed(), report.Options{}), terminal.Options{}); err == nil {
		t.Error("want the writer's error")
	}
}
