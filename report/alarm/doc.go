// Package alarm says what changed from round to round: anomalies that are new,
// that have become worse, and that are over.
//
//	Report ── Tracker.Next ── Events: new, worsened, resolved
//
// What is wrong with a host shows in dozens of its pairs, so one host is one
// anomaly. An anomaly opens when it was seen in several rounds in a row and
// closes when it was gone for as many: what flaps in between says nothing. A
// round that could not see whether it is still there counts for neither.
package alarm
