// Package reporttest makes the rounds that the tests of report and of its
// renderers show, and compares what they make of them with golden files:
//
//	Published ─┐
//	Measured  ─┤
//	Mixed     ─┼─ report.New ─ renderer ─ Golden (testdata/NAME, NAME.got beside it on mismatch)
//	Hostile   ─┤
//	Synthetic ─┘
//
// Everything in it is made up from constants or from a fixed seed, so that a
// golden file is the same on every machine.
package reporttest
