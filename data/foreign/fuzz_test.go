package foreign

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"matrix/data"
)

// fuzzFormat reads anything as one format. Whatever comes out can be true, is
// of the inventory, and can be written and read again.
func fuzzFormat(f *testing.F, format Format) {
	files, _ := filepath.Glob("testdata/" + string(format) + "/*")
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		if !strings.HasSuffix(path, ".want") {
			f.Add(text)
		}
	}
	inv := inventory(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := tryImport(Import{Inventory: inv, Probes: map[int]string{11: "here"}, Memory: 2000, Temp: t.TempDir()},
			File{Name: "x", In: bytes.NewReader(text), Format: format, From: "here", At: when})
		if err != nil {
			return
		}
		var b bytes.Buffer
		a, c := NewAtlasWriter(&b, nil), NewCSVWriter(&bytes.Buffer{})
		for _, r := range got.rounds {
			for i := range r.Samples {
				if err := data.CheckSample(&r.Samples[i]); err != nil && format != JSON {
					t.Fatalf("%+v: %v", r.Samples[i], err)
				}
			}
			if err := a.Round(r); err != nil {
				t.Fatal(err)
			}
			if err := c.Round(r); err != nil {
				t.Fatal(err)
			}
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		if format == JSON {
			return // their cities may be others
		}
		again, err := tryImport(Import{Inventory: inv}, File{Name: "x", In: &b, Format: Atlas})
		if err != nil || len(again.bad) > 0 || len(again.rounds) != len(got.rounds) {
			t.Fatalf("%d rounds, %d again, %v, %v", len(got.rounds), len(again.rounds), again.bad, err)
		}
	})
}

func FuzzWonderNetwork(f *testing.F) { fuzzFormat(f, WonderNetwork) }
func FuzzFping(f *testing.F)         { fuzzFormat(f, Fping) }
func FuzzPing(f *testing.F)          { fuzzFormat(f, Ping) }
func FuzzAtlas(f *testing.F)         { fuzzFormat(f, Atlas) }
func FuzzCSV(f *testing.F)           { fuzzFormat(f, CSV) }

func FuzzJSON(f *testing.F) {
	f.Add([]byte(`{"format":"matrix-round","format_version":1,"start":"2026-10-01T00:00:00Z","cities":[{"name":"a","title":"A"},{"name":"b","title":"B"}],"samples":[{"from":"a","to":"b","state":"lost","sent":3,"received":0}],"self":[]}` + "\n"))
	fuzzFormat(f, JSON)
}

// FuzzDecode reads anything as a record of the temporary file.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("\x00\x01\x02\x01\x03\x03\x40\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := decode(1, b)
		if err != nil {
			return
		}
		if again, err := decode(1, r.append(nil)); err != nil || again.sample.Reason != r.sample.Reason {
			t.Fatalf("%+v, %+v, %v", r, again, err)
		}
	})
}
