package reporttest

import (
	"encoding/csv"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"

	"matrix/report"
)

// Day is a day that was really measured, in WonderNetwork's two files. It is not
// part of the project; who has it can put faults into it.
type Day struct {
	cities     []report.City
	floor, avg [][]float64 // ms, from and to; infinite where nothing was measured
}

// ReadDay reads servers.csv and pings.csv of a folder and leaves out the hosts
// that are known to be wrong.
func ReadDay(folder string, wrong map[string]bool) (*Day, error) {
	servers, err := readTable(filepath.Join(folder, "servers.csv"), 10)
	if err != nil {
		return nil, err
	}
	pings, err := readTable(filepath.Join(folder, "pings.csv"), 4)
	if err != nil {
		return nil, err
	}
	d := &Day{}
	index := map[string]int{}
	for _, row := range servers {
		latitude, err := strconv.ParseFloat(row[8], 64)
		longitude, err2 := strconv.ParseFloat(row[9], 64)
		if err != nil || err2 != nil {
			return nil, fmt.Errorf("%s: no coordinates: %q, %q", row[1], row[8], row[9])
		}
		if !wrong[row[1]] {
			index[row[0]] = len(d.cities)
			d.cities = append(d.cities, city(row[1], row[2], row[5], latitude, longitude))
		}
	}
	d.floor, d.avg = square(len(d.cities)), square(len(d.cities))
	for a := range d.floor {
		for b := range d.floor {
			d.floor[a][b], d.avg[a][b] = math.Inf(1), math.Inf(1)
		}
	}
	for _, row := range pings {
		a, known := index[row[0]]
		b, known2 := index[row[1]]
		if !known || !known2 || a == b {
			continue
		}
		low, err := strconv.ParseFloat(row[2], 64)
		avg, err2 := strconv.ParseFloat(row[3], 64)
		if err != nil || err2 != nil || low <= 0 || avg < low {
			return nil, fmt.Errorf("%s to %s: no RTT: %q, %q", row[0], row[1], row[2], row[3])
		}
		d.floor[a][b], d.avg[a][b] = low, avg
	}
	return d, nil
}

// readTable reads a CSV file without its header.
func readTable(path string, columns int) ([][]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	reader := csv.NewReader(file)
	reader.FieldsPerRecord = -1
	rows, err := reader.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	for i, row := range rows {
		if len(row) < columns {
			return nil, fmt.Errorf("%s, row %d: %d columns instead of %d", path, i+1, len(row), columns)
		}
	}
	return rows[1:], nil
}

// Fleet draws n of the day's hosts, with what was measured between them.
func (d *Day) Fleet(n int, seed uint64) *Fleet {
	f := &Fleet{Random: rand.New(rand.NewPCG(seed, uint64(n))), day: d}
	f.Towns = f.Random.Perm(len(d.cities))[:n]
	f.Floor, f.Queue = square(n), square(n)
	for _, at := range f.Towns {
		f.Cities = append(f.Cities, d.cities[at])
	}
	for a := range n {
		for b := range a {
			f.connect(a, b)
		}
	}
	return f
}

// connect gives two hosts what was measured between the towns they stand in.
func (d *Day) connect(f *Fleet, a, b int) {
	for _, p := range [][2]int{{a, b}, {b, a}} {
		from, to := f.Towns[p[0]], f.Towns[p[1]]
		f.Floor[p[0]][p[1]], f.Queue[p[0]][p[1]] = d.floor[from][to], d.avg[from][to]-d.floor[from][to]
	}
}
