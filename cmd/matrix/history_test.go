package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"matrix/data/history"
	"matrix/report/reporttest"
)

// october is a history with rounds of a month that is over.
func october(t *testing.T, rounds int) string {
	t.Helper()
	dir := t.TempDir()
	h, err := history.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for n := range rounds {
		r := reporttest.Measured()
		r.Start = time.Date(2026, 10, 30, n, 0, 0, 0, time.UTC)
		r.End = r.Start.Add(time.Minute)
		if _, err := h.Save(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// says runs the program, which must end with a status and say these things.
func says(t *testing.T, want int, wanted []string, args ...string) {
	t.Helper()
	out, talk, status := matrix(t, args...)
	if status != want {
		t.Fatalf("%q ended with %d, want %d\n%s%s", args, status, want, out, talk)
	}
	for _, text := range wanted {
		if !strings.Contains(out+talk, text) {
			t.Fatalf("%q does not say %q:\n%s%s", args, text, out, talk)
		}
	}
}

// TestCompactAndVerify is a story that cannot be told with the clock of today.
func TestCompactAndVerify(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the program a dozen times over a month")
	}
	dir := october(t, 30)
	says(t, exitMeasured, []string{"2026-10: 30 rounds, 2700 samples, from 30 files into one; 30 files removed"}, "compact", "--history", dir)
	says(t, exitMeasured, []string{"compacted already; 0 files removed"}, "compact", "--month", "2026-10", "--history", dir)
	says(t, exitMeasured, []string{"30 rounds", "2026-10-30 23:00:00"}, "rounds", "--since", "2026-10", "--until", "2026-11", "--history", dir)
	says(t, exitMeasured, []string{"Baltimore → New York, by day", "2026-10-30", "24/24", "2026-10-31", "6/6"},
		"history", "baltimore", "new york", "--since", "2026-10", "--until", "2026-11", "--history", dir)
	says(t, exitMeasured, []string{"2 files, 30 rounds and 2700 samples are whole"}, "verify", "--history", dir)

	paths, err := filepath.Glob(filepath.Join(dir, "samples", "*", "*", "month-*"))
	if err != nil || len(paths) != 1 {
		t.Fatal(paths, err)
	}
	text, err := os.ReadFile(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)/3] ^= 1
	if err := os.WriteFile(paths[0], text, 0o666); err != nil {
		t.Fatal(err)
	}
	says(t, exitSomeMissed, []string{"samples/year=2026/month=10/month-", "it is not as it was written", "restore it from a copy", "matrix: 1 damaged"}, "verify", "--history", dir)
}

// TestDamagedRoundIsLeftOut damages the first or the last of the saved rounds:
// the others are exported, and the last one that can be read is judged.
func TestDamagedRoundIsLeftOut(t *testing.T) {
	folder := savedSeason(t, 16)
	files, err := filepath.Glob(filepath.Join(folder, "samples", "*", "*", "*"))
	if err != nil || len(files) < 100 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	lines := func(text string) int { return strings.Count(text, "\n") - 1 }
	whole, talk, status := matrix(t, "export", "-q", "--history", folder)
	if status != 0 {
		t.Fatal(talk)
	}
	for _, file := range []string{files[0], files[len(files)-1]} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i := 200; i < len(text)/2; i += 50 {
			text[i] ^= 0x10
		}
		if err := os.WriteFile(file, text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	rest, talk, status := matrix(t, "export", "-q", "--history", folder)
	if want := lines(whole) * (len(files) - 2) / len(files); status != exitSomeMissed || lines(rest) < want-30 || lines(rest) >= lines(whole) ||
		!strings.Contains(talk, filepath.Base(files[0])) || !strings.Contains(talk, filepath.Base(files[len(files)-1])) || !strings.Contains(talk, "2 damaged rounds left out") {
		t.Errorf("status %d, %d of %d samples, want about %d: %s", status, lines(rest), lines(whole), want, talk)
	}
	_, talk, status = matrix(t, "verdicts", "--history", folder)
	if status != 0 || !strings.Contains(talk, filepath.Base(files[len(files)-1])+": left out") {
		t.Errorf("status %d: %s", status, talk)
	}
}
