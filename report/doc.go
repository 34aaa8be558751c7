// Package report judges rounds: pure functions from what was measured to what
// is shown.
//
//	probe.Round ─┐
//	distances ───┼─ New ─ Report ─┬─ Matrix(metric) ─┐
//	Options ─────┘                ├─ Worst, Best     ├─ report/terminal, report/export, report/site
//	                              └─ Footnotes       ┘
//
// A Report joins every ordered pair's sample with its distance and derives
// speed and percent of fibre. A figure that is not there says why. The packages
// below show a Report, each in its own way, and import nothing else of ours.
package report
