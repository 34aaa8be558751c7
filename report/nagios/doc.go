// Package nagios holds a round against limits and says it as a monitoring
// plugin does: one line, performance data, an exit status.
//
//	Report, Question ── Check ── Result ── Write: "MATRIX WARNING - … | rta=…"
//
// What is not known is UNKNOWN, with the reason, and never OK: a round that is
// too old, pairs that were not measured, a figure that the round does not have.
package nagios
