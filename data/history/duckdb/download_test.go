package duckdb

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"matrix/data/history"
	"matrix/probe"
	"matrix/report"
	"matrix/report/export"
	"matrix/report/reporttest"
)

// TestDownload has DuckDB read the tables of a report, as the website offers
// them: the same pairs and sums as the report, and its method.
func TestDownload(t *testing.T) {
	r := report.New(reporttest.Measured(), report.Options{})
	path := filepath.Join(t.TempDir(), "pairs.parquet")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := history.WriteRecords(file, map[string]string{"matrix.method": r.Method.String()}, export.Pairs(r)); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	pairs, measured, sum := 0, 0, 0.
	for _, p := range r.Pairs() {
		pairs++
		if ms, ok := p.Millis(report.Min); ok && p.State == probe.Measured {
			measured++
			sum += ms
		}
	}
	var theirPairs, theirMeasured int
	var theirSum float64
	row := query(t, `SELECT count(*), count(min_ms), sum(min_ms) FROM '`+path+`' WHERE "from" <> "to"`)
	defer row.Close()
	if !row.Next() {
		t.Fatal(row.Err())
	}
	if err := row.Scan(&theirPairs, &theirMeasured, &theirSum); err != nil {
		t.Fatal(err)
	}
	if theirPairs != pairs || theirMeasured != measured || math.Abs(theirSum-sum) > 0.001*float64(pairs) {
		t.Errorf("DuckDB says %d pairs, %d measured, %.3f ms in all; the report %d, %d, %.3f", theirPairs, theirMeasured, theirSum, pairs, measured, sum)
	}
	var method string
	meta := query(t, `SELECT decode(value) FROM parquet_kv_metadata('`+path+`') WHERE decode(key) = 'matrix.method'`)
	defer meta.Close()
	if !meta.Next() {
		t.Fatal("the file does not say its method", meta.Err())
	}
	if err := meta.Scan(&method); err != nil || method != r.Method.String() {
		t.Errorf("the method is %q, %v", method, err)
	}
}
