// Package report judges rounds: pure functions from what was measured to what
// is shown.
//
//	probe.Round ─┐                 ┌─ Cell (a figure, or why there is none), Marks
//	distances ───┼─ New ─ Report ─┼─ Worst, Best, Lossy, Spread                 ├─ report/terminal
//	Options ─────┘                ├─ Coverage, Gaps, MostMissing, Footnotes      ├─ report/export
//	                              └─ Method                                      └─ report/site
//
// A Report joins every ordered pair's sample with its distance and derives
// speed and percent of fibre. A figure that is not there says why. The packages
// below show a Report, each in its own way, and import nothing else of ours:
// what a cell holds, how the method is worded and which pairs stand out is
// decided here, once.
package report
