package export_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"matrix/report"
	"matrix/report/export"
	"matrix/report/reporttest"
)

func average(round *report.Round) *report.Report {
	return report.New(round, report.Options{Stat: report.Avg})
}

// writers are all of the package's, by the name of the file they make.
var writers = map[string]func(io.Writer, *report.Report) error{
	"rtt.csv":      matrix(report.RTT),
	"speed.csv":    matrix(report.Speed),
	"fibre.csv":    matrix(report.Fibre),
	"loss.csv":     matrix(report.Loss),
	"distance.csv": matrix(report.Distance),
	"pairs.csv":    export.PairsCSV,
	"round.json":   export.JSON,
	"matrix.md":    export.Markdown,

	"verdicts.json": export.VerdictsJSON,
	"verdicts.csv":  export.VerdictsCSV,
	"relays.json":   func(w io.Writer, r *report.Report) error { return export.RelaysJSON(w, r, 5) },
	"relays.csv":    func(w io.Writer, r *report.Report) error { return export.RelaysCSV(w, r, 5) },
}

func matrix(m report.Metric) func(io.Writer, *report.Report) error {
	return func(w io.Writer, r *report.Report) error { return export.MatrixCSV(w, r, m) }
}

func write(t *testing.T, name string, r *report.Report) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := writers[name](&b, r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGolden(t *testing.T) {
	for name := range writers {
		reporttest.Golden(t, name, write(t, name, average(reporttest.Mixed())))
		reporttest.Golden(t, "hostile-"+name, write(t, name, average(reporttest.Hostile())))
		reporttest.Golden(t, "empty-"+name, write(t, name, average(&report.Round{})))
	}
	reporttest.Golden(t, "row-rtt.csv", write(t, "rtt.csv", average(reporttest.Only(reporttest.Mixed(), []string{"baltimore"}, nil))))
	reporttest.Golden(t, "45-matrix.md", write(t, "matrix.md", average(reporttest.Synthetic(45))))
	km := report.New(reporttest.Only(reporttest.Mixed(), []string{"baltimore"}, nil), report.Options{Stat: report.Median, Units: report.UseKm})
	reporttest.Golden(t, "km-pairs.csv", write(t, "pairs.csv", km))
}

// TestPublished: the published table comes out as it went in, to the byte.
func TestPublished(t *testing.T) {
	want, err := os.ReadFile(filepath.Join("..", "..", "data", "2011", "ping-ms.csv"))
	if err != nil {
		t.Skip(err)
	}
	if got := write(t, "rtt.csv", average(reporttest.Published())); !bytes.Equal(got, bytes.ReplaceAll(want, []byte("\r"), nil)) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestFormulas: no field of a hostile report starts a formula, and every file
// has as many fields on every line.
func TestFormulas(t *testing.T) {
	for name := range writers {
		if filepath.Ext(name) != ".csv" {
			continue
		}
		text := write(t, name, average(reporttest.Hostile()))
		rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, row := range rows {
			for _, field := range row {
				if _, err := strconv.ParseFloat(field, 64); err != nil && strings.IndexAny(field, "=+-@\t\r") == 0 {
					t.Errorf("%s: field %q", name, field)
				}
			}
		}
		if bytes.Contains(text, []byte("\r")) || bytes.Contains(text, []byte("\x1b")) {
			t.Errorf("%s: control characters", name)
		}
	}
}

func TestJSON(t *testing.T) {
	for name, round := range map[string]*report.Round{"mixed": reporttest.Mixed(), "published": reporttest.Published(), "hostile": reporttest.Hostile(), "empty": {}} {
		text := write(t, "round.json", average(round))
		var got struct {
			export.Document
			Self  []export.Pair `json:"self"`
			Pairs []export.Pair `json:"pairs"`
		}
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&got); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(got.Pairs) != len(round.Samples) || len(got.Cities) != len(round.Cities) || got.Partial != round.Partial || got.Format != export.Format {
			t.Errorf("%s: %d pairs, %d cities, partial %v", name, len(got.Pairs), len(got.Cities), got.Partial)
		}
		for i, p := range got.Pairs {
			s := round.Samples[i]
			if (p.AvgMs != nil) != (s.State == report.Measured) || len(p.RTTsMs) != len(s.RTTs) {
				t.Errorf("%s: %s → %s %s: average %v, %d RTTs", name, p.From, p.To, p.State, p.AvgMs, len(p.RTTsMs))
			}
			if (p.Sent == nil) != (name == "published" || s.State == report.NotRun) {
				t.Errorf("%s: %s → %s %s: sent %v", name, p.From, p.To, p.State, p.Sent)
			}
		}
		if regexp.MustCompile(`NaN|Inf|<script|\x{202e}`).Match(text) {
			t.Errorf("%s: something that must not be there", name)
		}
	}
}

// TestVerdictsJSON: the shape that others rely on, and what the tables of 2011
// say.
func TestVerdictsJSON(t *testing.T) {
	for name, round := range map[string]*report.Round{"published": reporttest.Published(), "mixed": reporttest.Mixed(), "hostile": reporttest.Hostile(), "empty": {}} {
		var got export.Verdicts
		text := write(t, "verdicts.json", average(round))
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&got); err != nil || got.Hosts == nil || got.Pairs == nil {
			t.Fatalf("%s: %v\n%s", name, err, text)
		}
		if regexp.MustCompile(`NaN|Inf|<script|\x{202e}|\x1b`).Match(text) {
			t.Errorf("%s: something that must not be there", name)
		}
		for _, p := range got.Pairs {
			var v report.Verdict
			if err := v.UnmarshalText([]byte(p.Verdict)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if name == "published" && v.Bent() && p.From+" "+p.To != "baltimore newyork" && p.From+" "+p.To != "paris zurich" {
				t.Errorf("%s → %s is no detour", p.From, p.To)
			}
		}
	}
}

// TestMarkdownHostile: tables keep their columns, and nothing is a tag, a link
// or code.
func TestMarkdownHostile(t *testing.T) {
	text := string(write(t, "matrix.md", average(reporttest.Hostile())))
	bars := 0
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "|") {
			bars = 0
			continue
		}
		if n := strings.Count(line, "|"); bars == 0 {
			bars = n
		} else if n != bars {
			t.Errorf("%d bars instead of %d: %s", n, bars, line)
		}
	}
	for _, bad := range []string{"<", "g](", "\x1b", "\u202e", " `", "://"} {
		if i := strings.Index(text, bad); i >= 0 {
			t.Errorf("%q in %q", bad, text[max(0, i-20):i+20])
		}
	}
}

func TestDeterministic(t *testing.T) {
	for name := range writers {
		if a, b := write(t, name, average(reporttest.Mixed())), write(t, name, average(reporttest.Mixed())); !bytes.Equal(a, b) {
			t.Errorf("%s differs from one time to the next", name)
		}
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriteError(t *testing.T) {
	for name, write := range writers {
		if err := write(broken{}, average(reporttest.Mixed())); err == nil {
			t.Errorf("%s: want the writer's error", name)
		}
	}
}
