package main

import (
	"encoding/csv"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"matrix/data"
)

// published writes one of the 2011 files where the program can read it.
func published(t *testing.T, name string) string {
	t.Helper()
	text, err := fs.ReadFile(data.Published2011(), name)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, text, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// table reads a matrix in the published shape: titles to figures, blank cells
// left out.
func table(t *testing.T, text string) map[[2]string]float64 {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	cells := map[[2]string]float64{}
	for _, row := range rows[1:] {
		for i, cell := range row[1:] {
			if cell == "" {
				continue
			}
			v, err := strconv.ParseFloat(cell, 64)
			if err != nil {
				t.Fatal(err)
			}
			cells[[2]string{row[0], rows[0][i+1]}] = v
		}
	}
	return cells
}

func readTable(t *testing.T, path string) map[[2]string]float64 {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return table(t, string(text))
}

// compare fails where a figure is further from the wanted one than allowed.
func compare(t *testing.T, got, want map[[2]string]float64, allowed func(want float64) float64) {
	t.Helper()
	if len(got) != len(want) || len(want) == 0 {
		t.Errorf("%d figures, want %d", len(got), len(want))
	}
	for pair, w := range want {
		if g, ok := got[pair]; !ok || math.Abs(g-w) > allowed(w) {
			t.Errorf("%v is %v, want %v", pair, g, w)
		}
	}
}

// The tables that were published in 2011 come out of their RTTs and distances.
func TestThePublishedTablesComeOut(t *testing.T) {
	for _, test := range []struct {
		metric, file string
		allowed      float64
	}{{"rtt", "ping-ms.csv", 0}, {"distance", "distance-miles.csv", 0}, {"speed", "miles-per-ms.csv", 0.03}, {"fibre", "percent-of-fibre.csv", 0.02}} {
		t.Run(test.metric, func(t *testing.T) {
			out, talk, status := matrix(t, "--in", published(t, "ping-ms.csv"), "--distances", published(t, "distance-miles.csv"),
				"--fibre-speed", "120.9", "--metric", test.metric, "--format", "csv")
			if status != 0 || talk != "" {
				t.Fatalf("status %d: %s", status, talk)
			}
			compare(t, table(t, out), readTable(t, published(t, test.file)), func(float64) float64 { return test.allowed + 1e-9 })
		})
	}
}

// With coordinates instead, miles are the published ones less the 0.58 % that
// their mile of 1.6 km is short, within 1 %.
func TestDistancesFromCoordinates(t *testing.T) {
	out, talk, status := matrix(t, "--in", published(t, "ping-ms.csv"), "--cities", published(t, "cities.csv"), "--metric", "distance", "--format", "csv")
	if status != 0 || talk != "" {
		t.Fatalf("status %d: %s", status, talk)
	}
	want := readTable(t, published(t, "distance-miles.csv"))
	for pair := range want {
		want[pair] *= 1.6 / 1.609344
	}
	compare(t, table(t, out), want, func(w float64) float64 { return max(1, 0.01*w) })
}

// What is written can be read again, and says the same.
func TestOutputsAreInputs(t *testing.T) {
	first := t.TempDir()
	if _, talk, status := matrix(t, "-q", "--in", published(t, "ping-ms.csv"), "--cities", published(t, "cities.csv"), "--out", first); status != 0 {
		t.Fatalf("status %d: %s", status, talk)
	}
	for _, name := range []string{"round.json", "pairs.csv", "rtt.csv"} {
		t.Run(name, func(t *testing.T) {
			second := t.TempDir()
			if _, talk, status := matrix(t, "-q", "--in", filepath.Join(first, name), "--cities", published(t, "cities.csv"), "--out", second); status != 0 {
				t.Fatalf("status %d: %s", status, talk)
			}
			for _, table := range []string{"rtt.csv", "speed.csv", "fibre.csv", "distance.csv"} {
				compare(t, readTable(t, filepath.Join(second, table)), readTable(t, filepath.Join(first, table)), func(float64) float64 { return 0 })
			}
		})
	}
}
