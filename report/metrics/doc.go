// Package metrics shows the last round and the service to Prometheus.
//
//	Rounds (the service) ── Handler ── /metrics
//
// It keeps no figures of its own: every scrape reads the last report, so that a
// pair that left the fleet is gone with the next round. A round that is older
// than the service allows shows no pair at all, and pingmatrix_stale says so.
package metrics
