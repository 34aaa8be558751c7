// Package export writes a report as files for other programs, and as Markdown.
//
//	Report ─┬─ MatrixCSV ── rtt.csv, speed.csv, … in the shape of the published tables
//	        ├─ PairsCSV ─── pairs.csv, a line a pair
//	        ├─ JSON ─────── round.json, everything
//	        └─ Markdown ─── matrix.md, for a mail or a repository
//
// No value is never a zero and never a word: it is an empty field in CSV and
// null in JSON. Texts of unknown origin are cleaned of control and format
// characters and then escaped as each format asks. The same report gives the
// same bytes.
package export
