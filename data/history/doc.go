// Package history keeps rounds for years in a folder of immutable Parquet files
// that other programs read as it lies.
//
//	probe.Round ── Save ──► samples/year=2026/month=11/20261122T190000Z-….parquet
//	probe.Trace ── SaveTraces ─► traces/…                │ a file a round
//	                                                     │
//	                  Compact, when the month is past ───┤
//	                                                     ▼
//	samples/year=2026/month=10/month-….parquet   sorted by (from, to, start)
//	rounds/year=2026/month=10/month-….parquet    the headers of its rounds
//	                                                     │
//	Rounds, Series, Pair, Round, Traces ◄────────────────┘
//
// A file gets its name only when it is whole and on the disk, and is never
// changed after that; its name ends in a checksum of its bytes. A month's file
// names the rounds that it holds: until their own files are removed, a reader
// takes each round from one file only. So whatever happens at whatever moment,
// a round is there once.
//
// docs/history.md describes the folder and every column.
package history
