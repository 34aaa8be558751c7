// Package duckdb has only tests: an independent program reads what history
// writes. It is a module of its own, so that DuckDB's library is needed by
// nobody who builds matrix.
package duckdb
