package foreign

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"matrix/data"
	"matrix/probe"
	"matrix/report/reporttest"
)

var when = time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)

func inventory(t testing.TB) *data.Inventory {
	t.Helper()
	inv, err := data.OpenInventory("testdata/cities.csv")
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

// imported is what became of files.
type imported struct {
	rounds []*probe.Round
	bad    []*data.FileError
	tally  Tally
}

// importAll reads files from the city "here", at a fixed time where they have
// none.
func importAll(t testing.TB, im Import, files ...File) imported {
	t.Helper()
	got, err := tryImport(im, files...)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func tryImport(im Import, files ...File) (imported, error) {
	var got imported
	im.Bad = func(e *data.FileError) { got.bad = append(got.bad, e) }
	err := im.All(context.Background(), files, func(r *probe.Round) error {
		got.rounds = append(got.rounds, r)
		return nil
	})
	got.tally = im.Tally()
	return got, err
}

func dump(got imported) string {
	var b strings.Builder
	for _, r := range got.rounds {
		fmt.Fprintf(&b, "round %s to %s of %s\n", r.Start.Format(time.RFC3339Nano), r.End.Format(time.RFC3339Nano), r.Source)
		for _, s := range slices.Concat(r.Samples, r.Self) {
			fmt.Fprintf(&b, "  %v: %v", s.Pair, s.State)
			if !s.At.IsZero() {
				fmt.Fprintf(&b, " at %s", s.At.Format("15:04:05.999999999"))
			}
			if s.Address.IsValid() {
				fmt.Fprintf(&b, " %v", s.Address)
			}
			if s.Sent > 0 {
				fmt.Fprintf(&b, " %d/%d", s.Received, s.Sent)
			}
			if s.Cut {
				b.WriteString(" cut")
			}
			if s.TTL > 0 {
				fmt.Fprintf(&b, " ttl %d", s.TTL)
			}
			if s.Odd != (probe.Oddities{}) {
				fmt.Fprintf(&b, " %+v", s.Odd)
			}
			if len(s.RTTs) > 0 {
				fmt.Fprintf(&b, " %v", s.RTTs)
			}
			for _, stat := range stats {
				if d, known := s.Imported.Get(stat); known {
					fmt.Fprintf(&b, " %v=%v", stat, d)
				}
			}
			if s.Reason != "" {
				fmt.Fprintf(&b, " (%s)", s.Reason)
			}
			b.WriteString("\n")
		}
		for _, w := range r.Warnings {
			fmt.Fprintf(&b, "  warning: %s: %s\n", w.Subject, w.Text)
		}
	}
	for _, e := range got.bad {
		fmt.Fprintf(&b, "bad: %v\n", e)
	}
	fmt.Fprintf(&b, "%d readings, %d bad, %d skipped, %d rounds\n", got.tally.Readings, got.tally.Bad, got.tally.Skipped, got.tally.Rounds)
	return b.String()
}

// TestFormats reads samples of every format, made by the real programs or after
// their documentation (*.jsonl of fping). The format is detected.
func TestFormats(t *testing.T) {
	for _, folder := range []string{"wondernetwork", "fping", "ping", "atlas", "csv"} {
		files, err := filepath.Glob("testdata/" + folder + "/*")
		if err != nil || len(files) == 0 {
			t.Fatal("no samples", err)
		}
		for _, path := range files {
			if strings.HasSuffix(path, ".want") || strings.HasSuffix(path, ".got") {
				continue
			}
			t.Run(strings.TrimPrefix(path, "testdata/"), func(t *testing.T) {
				f, err := os.Open(path)
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				im := Import{Inventory: inventory(t), Probes: map[int]string{11: "here"}}
				file := File{Name: path, In: f, From: "here", At: when}
				got, err := tryImport(im, file)
				text := dump(got)
				if err != nil {
					text = err.Error() + "\n"
				}
				reporttest.Golden(t, strings.TrimPrefix(path, "testdata/")+".want", []byte(text))
			})
		}
	}
}

func TestNoTime(t *testing.T) {
	got := importAll(t, Import{Inventory: inventory(t)}, File{Name: "here.txt", In: strings.NewReader("127.0.0.2 : 1.0 2.0\n"), From: "here"})
	if len(got.rounds) != 0 || len(got.bad) != 1 || !strings.Contains(got.bad[0].Error(), "here.txt:1: it does not say when it was measured; say when with --at") {
		t.Error(dump(got))
	}
}

func TestNobodyMeasured(t *testing.T) {
	for name, want := range map[string]string{"": "it does not say who measured", "atlantis": `unknown city "atlantis"`} {
		_, err := tryImport(Import{Inventory: inventory(t)}, File{Name: "x.txt", In: strings.NewReader("127.0.0.2 : 1.0 2.0\n"), From: name, At: when})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("from %q: %v", name, err)
		}
	}
}

func TestUnknownFormats(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "x:",
		"hello\nworld\n":           "of no known format; say which it is with --format: wondernetwork",
		"{\"a\":1}":                "JSON of no known format",
		"\x1f\x8b\x08\x00\x00\x00": "compressed with gzip; unpack it with gunzip",
		"name,title,host\na,b,c\n": "of no known format",
		"source,target\ntwo,far\n": "of no known format",
		"PAR1................":     "a Parquet file",
		"\n\n   \n":                "the file is empty",
		"[1,2,3]":                  "of no known format",
		"source;destination\n\x00": "",
	} {
		_, err := tryImport(Import{Inventory: inventory(t)}, File{Name: "x", In: strings.NewReader(text)})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestManySources puts what several hosts measured in one hour into one round.
func TestManySources(t *testing.T) {
	got := importAll(t, Import{Inventory: inventory(t)},
		File{Name: "a/here.txt", In: strings.NewReader("127.0.0.2 : 1.0 2.0\n"), From: "here", At: when},
		File{Name: "a/two.txt", In: strings.NewReader("127.0.0.1 : 1.0 2.0\n"), From: "two", At: when.Add(time.Minute)},
		File{Name: "a/late.txt", In: strings.NewReader("127.0.0.1 : 1.0 2.0\n"), From: "two", At: when.Add(time.Hour)},
	)
	if len(got.rounds) != 2 || len(got.rounds[0].Samples) != 2 || got.rounds[0].Source != "here.txt, two.txt" {
		t.Error(dump(got))
	}
}

func TestFamily(t *testing.T) {
	text := "127.0.0.2 : 1.0\n2001:db8::55 : 2.0\n"
	for family, want := range map[int]string{0: "two six", 4: "two", 6: "six"} {
		got := importAll(t, Import{Inventory: inventory(t), Family: family}, File{Name: "x", In: strings.NewReader(text), From: "here", At: when})
		var to []string
		for _, s := range got.rounds[0].Samples {
			to = append(to, s.To)
		}
		if strings.Join(to, " ") != want {
			t.Errorf("family %d: %v", family, to)
		}
	}
}

func TestEvery(t *testing.T) {
	text := "source,destination,timestamp,min,avg,max,mdev\n" +
		"two,far,2026-10-01T00:10:00Z,1,2,3,1\ntwo,far,2026-10-01T00:40:00Z,1,2,3,1\ntwo,far,2026-10-01T01:10:00Z,1,2,3,1\n"
	for every, want := range map[time.Duration]int{0: 2, time.Hour: 2, 30 * time.Minute: 3, 24 * time.Hour: 1} {
		got := importAll(t, Import{Inventory: inventory(t), Every: every}, File{Name: "x", In: strings.NewReader(text)})
		if len(got.rounds) != want {
			t.Errorf("every %v: %s", every, dump(got))
		}
	}
}

// TestSpilled gives the same rounds whether they were sorted in memory or not.
func TestSpilled(t *testing.T) {
	text := synthetic(20_000)
	want := importAll(t, Import{Inventory: inventory(t)}, File{Name: "x", In: text()})
	temp := t.TempDir()
	got := importAll(t, Import{Inventory: inventory(t), Memory: 10_000, Temp: temp}, File{Name: "x", In: text()})
	if want.tally.Spilled != 0 || got.tally.Spilled == 0 || len(want.rounds) < 10 {
		t.Fatalf("%+v, %+v", want.tally, got.tally)
	}
	if dump(want) != dump(got) {
		t.Error("not the same rounds")
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Error("left behind:", left, err)
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	im := Import{Inventory: inventory(t)}
	n := 0
	err := im.All(ctx, []File{{Name: "x", In: synthetic(20_000)()}}, func(*probe.Round) error {
		if n++; n == 3 {
			cancel()
		}
		return nil
	})
	if n != 3 || !errors.Is(err, context.Canceled) {
		t.Errorf("%d rounds, %v", n, err)
	}
	if err := im.All(ctx, []File{{Name: "x", In: synthetic(20_000)()}}, func(*probe.Round) error { t.Error("a round"); return nil }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// synthetic is a list of n rows, not sorted by time, with a bad one in a
// thousand.
func synthetic(n int) func() io.Reader {
	names := []string{"here", "two", "gone", "hole", "far", "six", "loop6"}
	return func() io.Reader {
		row, rest := 0, ""
		return reader(func(p []byte) (int, error) {
			if rest == "" {
				var b strings.Builder
				if row == 0 {
					b.WriteString("source,destination,timestamp,min,avg,max,mdev\n")
				}
				for range 100 {
					if row == n {
						break
					}
					at := when.Add(time.Duration(row*7919%n) * time.Minute)
					from, to := names[row%len(names)], names[row/len(names)%len(names)]
					if row%1000 == 999 {
						to = "atlantis"
					}
					fmt.Fprintf(&b, "%s,%s,%s,%d.25,%d.5,%d.75,0.125\n", from, to, at.Format(time.DateTime), row%300+1, row%300+1, row%300+2)
					row++
				}
				if rest = b.String(); rest == "" {
					return 0, io.EOF
				}
			}
			k := copy(p, rest)
			rest = rest[k:]
			return k, nil
		})
	}
}

type reader func([]byte) (int, error)

func (r reader) Read(p []byte) (int, error) { return r(p) }
