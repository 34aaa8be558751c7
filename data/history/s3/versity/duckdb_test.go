package versity

import (
	"database/sql"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2"
)

// duckDB asks for three numbers.
func duckDB(t *testing.T, query string) (numbers [3]int) {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRowContext(t.Context(), query).Scan(&numbers[0], &numbers[1], &numbers[2]); err != nil {
		t.Fatal(err)
	}
	return numbers
}
