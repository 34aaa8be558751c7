// Package data brings files into the program's own words, and rounds back into
// files.
//
//	cities.csv ──── ReadInventory ── Inventory ─┬─ Find ── the city a person means
//	                                            │
//	ping tables, long lists, round.json ─ ReadRound ── probe.Round ── WriteRound ── round.json
//	distance tables ─────────────────── ReadDistances ── Distances
//	the ten cities of 2011 ──────────── Published2011
//
// Whatever it reads is taken for hostile: sizes are bounded, texts are cleaned,
// figures are checked before they count. A mistake in a file is a *FileError
// that says where it is and what to do about it, and a reader goes on after it,
// so that a person sees the mistakes of a file together (FileErrors).
//
// Published data has faults that nobody can mend any more. Those readers leave
// out what cannot be true and say so in the round's warnings.
package data
