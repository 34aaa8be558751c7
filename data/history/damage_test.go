package history_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"matrix/data/history"
	"matrix/probe"
	"matrix/report"
)

// paths are the files of a history of a kind.
func paths(t testing.TB, h *history.History, kind string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(h.Dir(), kind, "*", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// damages are what can happen to a file.
var damages = map[string]func(text []byte) []byte{
	"empty":     func([]byte) []byte { return nil },
	"cut":       func(text []byte) []byte { return text[:len(text)/2] },
	"text":      func([]byte) []byte { return []byte("hello") },
	"footer":    func(text []byte) []byte { text[len(text)-5] ^= 0xff; return text },
	"magic":     func(text []byte) []byte { text[len(text)-1] ^= 0xff; return text },
	"a page":    func(text []byte) []byte { text[100] ^= 0x10; return text },
	"swapped":   func(text []byte) []byte { copy(text[50:], text[len(text)/2:][:200]); return text },
	"no footer": func(text []byte) []byte { return append(text[:len(text)-8], 0, 0, 0, 0, 'P', 'A', 'R', '1') },
}

// TestDamagedRoundCostsOnlyItself damages one round's file of three.
func TestDamagedRoundCostsOnlyItself(t *testing.T) {
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			h := open(t)
			saveAll(t, h, hours(october, 3, 6, 4))
			path := paths(t, h, "samples")[1]
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, damage(text), 0o666); err != nil {
				t.Fatal(err)
			}
			found, err := h.Verify(t.Context(), nil)
			if err != nil || len(found.Damaged) != 1 || found.Rounds != 2 || !strings.HasSuffix(path, filepath.FromSlash(found.Damaged[0].File)) {
				t.Fatalf("%+v: %v", found, err)
			}
			span := report.MonthSpan(2026, 10)
			if _, err := h.Rounds(t.Context(), span.From, span.To); err != nil {
				t.Fatal(err)
			}
			most := 0
			if s, err := h.Pair(t.Context(), probe.Pair{From: "c001", To: "c002"}, span.From, span.To); err != nil || s.Len() < 2 {
				t.Fatalf("%d samples: %v", s.Len(), err)
			} else {
				most = s.Len()
			}
			if len(h.Problems()) == 0 && most < 3 {
				t.Fatal("nobody was told")
			}
			done, err := again(t, h).Compact(t.Context(), history.MonthOf(october), nil)
			if err != nil {
				t.Fatal(err)
			}
			// What no figure depends on may be damaged without harm.
			if _, err := os.Stat(path); (err == nil) != (done.Rounds == 2) || len(done.Warnings) != 3-done.Rounds {
				t.Fatalf("%+v; what was damaged: %v", done, err)
			}
		})
	}
}

// TestVerifySeesEveryBit flips bits of each file all over.
func TestVerifySeesEveryBit(t *testing.T) {
	h := open(t)
	rounds := hours(october, 3, 4, 3)
	saveAll(t, h, rounds[:2])
	compact(t, h)
	saveAll(t, h, rounds[2:])
	random := rand.New(rand.NewPCG(1, 2))
	for _, kind := range []string{"samples", "rounds"} {
		for _, path := range paths(t, h, kind) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for range 40 {
				at := random.IntN(len(text))
				damaged := append([]byte(nil), text...)
				damaged[at] ^= 1 << random.IntN(8)
				if err := os.WriteFile(path, damaged, 0o666); err != nil {
					t.Fatal(err)
				}
				found, err := h.Verify(t.Context(), nil)
				if err != nil || len(found.Damaged) == 0 {
					t.Fatalf("byte %d of %s: %+v, %v", at, path, found, err)
				}
				// Nor does anything that reads it fail as a whole.
				again := again(t, h)
				if _, err := again.Rounds(t.Context(), october, october.AddDate(0, 1, 0)); err != nil {
					t.Fatal(err)
				}
				if err := again.Series(t.Context(), october, october.AddDate(0, 1, 0), func(*probe.Series) error { return nil }); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.WriteFile(path, text, 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	verified(t, h, 3)
}

// TestDamagedMonthLosesOnlyPages damages a byte of a month's file, in many
// places: what is read is as it was saved, and is most of it.
func TestDamagedMonthLosesOnlyPages(t *testing.T) {
	h := open(t)
	saveAll(t, h, hours(october, 24, 25, 24))
	compact(t, h)
	path := paths(t, h, "samples")[0]
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	medians := func() map[string]int32 {
		all, mu := map[string]int32{}, sync.Mutex{}
		err := again(t, h).Series(t.Context(), october, october.AddDate(0, 1, 0), func(s *probe.Series) error {
			mu.Lock()
			defer mu.Unlock()
			for i, round := range s.Round {
				all[fmt.Sprint(s.Pair, round)] = s.Stats[probe.Median][i]
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	whole, most := medians(), 0
	places := 60
	if testing.Short() {
		places = 10
	}
	for at := 10; at < len(text); at += len(text) / places {
		damaged := slices.Clone(text)
		damaged[at] ^= 0xff
		if err := os.WriteFile(path, damaged, 0o666); err != nil {
			t.Fatal(err)
		}
		rest := medians()
		for key, median := range rest {
			if whole[key] != median {
				t.Fatalf("byte %d: %s: %d, was %d", at, key, median, whole[key])
			}
		}
		if len(rest) > len(whole)/2 {
			most++
		}
	}
	if most < places*3/4 {
		t.Errorf("only %d of %d damaged bytes left most of %d samples", most, places, len(whole))
	}
}

// TestMisplacedFilesAreNamed moves a round's file into the folder of another
// month, and later that of a whole month.
func TestMisplacedFilesAreNamed(t *testing.T) {
	h := open(t)
	saveAll(t, h, hours(october, 2, 3, 2))
	for _, compacted := range []bool{false, true} {
		if compacted {
			compact(t, h)
		}
		path := paths(t, h, "samples")[0]
		moved := filepath.Join(h.Dir(), "samples", "year=2026", "month=11", filepath.Base(path))
		if err := os.MkdirAll(filepath.Dir(moved), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path, moved); err != nil {
			t.Fatal(err)
		}
		found, err := h.Verify(t.Context(), nil)
		if err != nil || len(found.Damaged) == 0 || found.Damaged[0].Advice != "move it to samples/year=2026/month=10" {
			t.Errorf("compacted %v: %+v: %v", compacted, found, err)
		}
		if err := os.Rename(moved, path); err != nil {
			t.Fatal(err)
		}
		verified(t, h, 2)
	}
}

// TestForeignFilesAreNamed puts files into the history that are none of it.
func TestForeignFilesAreNamed(t *testing.T) {
	h := open(t)
	saveAll(t, h, hours(october, 2, 3, 2))
	folder := filepath.Dir(paths(t, h, "samples")[0])
	for _, name := range []string{"export.parquet", "notes.txt", "_SUCCESS", ".hidden"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("x"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	rounds, err := h.Rounds(t.Context(), october, october.AddDate(0, 1, 0))
	if err != nil || len(rounds) != 2 || len(rounds[0].Warnings) != 2 {
		t.Fatalf("%+v: %v", rounds, err)
	}
	if found, err := h.Verify(t.Context(), nil); err != nil || len(found.Damaged) != 2 {
		t.Fatalf("%+v: %v", found, err)
	}
}

// TestLostHeaders removes the headers of a compacted month.
func TestLostHeaders(t *testing.T) {
	h := open(t)
	rounds := hours(october, 3, 4, 3)
	saveAll(t, h, rounds)
	compact(t, h)
	if err := os.Remove(paths(t, h, "rounds")[0]); err != nil {
		t.Fatal(err)
	}
	headers, err := h.Rounds(t.Context(), october, october.AddDate(0, 1, 0))
	if err != nil || len(headers) != 3 || !headers[1].Start.Equal(rounds[1].Start) || len(headers[1].Warnings) != 1 {
		t.Fatalf("%+v: %v", headers, err)
	}
	id, err := h.Latest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r, err := h.Round(t.Context(), id)
	if err != nil || len(r.Samples) != len(rounds[2].Samples) || len(r.Cities) != 4 {
		t.Fatalf("%+v: %v", r, err)
	}
	if found, err := h.Verify(t.Context(), nil); err != nil || len(found.Damaged) != 1 {
		t.Fatalf("%+v: %v", found, err)
	}
}

// TestOldLeftoversAreRemoved leaves unfinished files, one of them long ago.
func TestOldLeftoversAreRemoved(t *testing.T) {
	h := open(t)
	saveAll(t, h, hours(october, 1, 3, 2))
	folder := filepath.Dir(paths(t, h, "samples")[0])
	for i, age := range []time.Duration{time.Minute, 48 * time.Hour} {
		path := filepath.Join(folder, fmt.Sprintf(".matrix-%016x.tmp", i))
		if err := os.WriteFile(path, []byte("PAR1"), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Now(), time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	if found := verified(t, h, 1); len(found.Remarks) != 2 {
		t.Fatalf("%+v", found)
	}
	saveAll(t, h, hours(october.Add(time.Hour), 1, 3, 2))
	if found := verified(t, h, 2); len(found.Remarks) != 1 {
		t.Fatalf("%+v", found)
	}
}

// TestHeadersAreThereOnce: of an interrupted compaction by another version, whose
// headers have other bytes, nothing stays.
func TestHeadersAreThereOnce(t *testing.T) {
	rounds := hours(october, 4, 5, 3)
	other, h := open(t), open(t)
	saveAll(t, other, rounds)
	compact(t, other)
	left := paths(t, other, "rounds")[0]
	text, err := os.ReadFile(left)
	if err != nil {
		t.Fatal(err)
	}
	saveAll(t, h, rounds)
	name := filepath.Base(left)
	stale := filepath.Join(h.Dir(), "rounds", "year=2026", "month=10", name[:len("month-00000000-")]+"00000000.parquet")
	if err := os.MkdirAll(filepath.Dir(stale), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(stale, text, 0o666); err != nil {
		t.Fatal(err)
	}
	if done := compact(t, h); done.Rounds != 4 || done.Removed != 5 {
		t.Errorf("%+v", done)
	}
	if there := paths(t, h, "rounds"); len(there) != 1 || filepath.Base(there[0]) != name {
		t.Errorf("headers in %v, want %s alone", there, name)
	}
	checkHistory(t, again(t, h), rounds)
}
