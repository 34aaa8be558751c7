// Package foreign brings what other programs measured, and our own lists, into
// rounds, and writes rounds for other programs.
//
//	WonderNetwork's pings ─┐
//	fping -C, fping --json ┤           ┌ by hour (or --every): sorted in memory,
//	RIPE Atlas pings ──────┼─ readings ┤ beyond a bound in a temporary file ─┐
//	ping ──────────────────┤           └                                     ├─ visit(*probe.Round)
//	our pairs as CSV ──────┘                                                 │
//	our round.json, one after the other ────────────────────────────────────┘
//
//	rounds ── WriteCSV, data.WriteRound, Atlas ── files
//
// A file may be of any length and in any order. A line that cannot be read or
// cannot be true is told with its number and reason, and costs only itself.
// What is absent stays absent: a lost echo is lost, not 0; what could not be
// sent was not sent, and has a reason.
package foreign
