package metrics

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"matrix/report"
)

// Rounds is the service, as a scrape sees it. Its methods are called from
// several goroutines; the report is not changed by anybody any more.
type Rounds interface {
	Last() *report.Report // the last round; nil before the first
	Counters() Counters
}

// Counters count since the service began.
type Counters struct {
	Finished uint64 // rounds
	Skipped  uint64 // rounds that were due while another was under way
	Failed   uint64 // rounds that could not be measured or saved

	WebhookSent    uint64 // messages that were taken
	WebhookFailed  uint64 // messages given up after retries
	WebhookDropped uint64 // messages for which the queue had no room
}

// Options are how the rounds are shown.
type Options struct {
	MaxAge  time.Duration    // a round that ended before that is stale; 0: two hours
	Version string           // of the program
	Now     func() time.Time // nil: time.Now
}

const defaultMaxAge = 2 * time.Hour

// Handler serves the metrics from a registry of its own.
func Handler(rounds Rounds, options Options) http.Handler {
	return promhttp.HandlerFor(registry(rounds, options), promhttp.HandlerOpts{MaxRequestsInFlight: 3, Timeout: 30 * time.Second})
}

func registry(rounds Rounds, options Options) *prometheus.Registry {
	if options.MaxAge <= 0 {
		options.MaxAge = defaultMaxAge
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	r := prometheus.NewRegistry()
	r.MustRegister(&collector{rounds, options}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// Names are the metrics of the measurement, in the order of the documentation;
// those of the Go runtime and of the process come beside them.
func Names() []string {
	names := make([]string, len(all))
	for i, m := range all {
		names[i] = m.name
	}
	return names
}

// metric is one of ours.
type metric struct {
	name, help string
	labels     []string
	kind       prometheus.ValueType
	desc       *prometheus.Desc
}

var all []*metric

func define(kind prometheus.ValueType, name, help string, labels ...string) *metric {
	m := &metric{name: name, help: help, labels: labels, kind: kind, desc: prometheus.NewDesc(name, help, labels, nil)}
	all = append(all, m)
	return m
}

func gauge(name, help string, labels ...string) *metric {
	return define(prometheus.GaugeValue, name, help, labels...)
}

func counter(name, help string) *metric { return define(prometheus.CounterValue, name, help) }

var (
	rtt          = gauge("pingmatrix_rtt_seconds", "Round-trip time of an ordered pair of cities in the last round.", "from", "to", "stat")
	loss         = gauge("pingmatrix_loss_ratio", "Share of the echo requests of a pair that were lost in the last round.", "from", "to")
	fibre        = gauge("pingmatrix_fibre_ratio", "Speed of a pair over the great circle, as a share of the speed of light in fibre.", "from", "to")
	pairs        = gauge("pingmatrix_pairs", "Planned pairs of the last round by how they ended.", "state")
	coverage     = gauge("pingmatrix_coverage_ratio", "Share of the planned pairs that were measured in the last round.")
	hostUp       = gauge("pingmatrix_host_up", "Whether the host of a city could measure in the last round.", "host")
	clockOffset  = gauge("pingmatrix_clock_offset_seconds", "How far the clock of a host is ahead of the coordinator's.", "host")
	pairVerdicts = gauge("pingmatrix_verdict_pairs", "Pairs of cities, both directions as one, by each verdict on them.", "verdict")
	hostVerdicts = gauge("pingmatrix_verdict_hosts", "Hosts by each verdict on them.", "verdict")
	duration     = gauge("pingmatrix_round_duration_seconds", "How long the last round took.")
	timestamp    = gauge("pingmatrix_last_round_timestamp_seconds", "When the last round ended, in Unix time.")
	stale        = gauge("pingmatrix_stale", "1 if there is no round, or the last one is too old to be shown; then no figure of a round is.")
	maxAge       = gauge("pingmatrix_max_age_seconds", "Age from which a round is stale.")
	finished     = counter("pingmatrix_rounds_total", "Rounds finished since the start.")
	skipped      = counter("pingmatrix_rounds_skipped_total", "Rounds left out since the start because another was under way.")
	failed       = counter("pingmatrix_rounds_failed_total", "Rounds since the start that could not be measured or saved.")
	hookSent     = counter("pingmatrix_webhook_sent_total", "Messages taken by the webhook since the start.")
	hookFailed   = counter("pingmatrix_webhook_failed_total", "Messages given up after retries since the start.")
	hookDropped  = counter("pingmatrix_webhook_dropped_total", "Messages for which the queue had no room since the start.")
	build        = gauge("pingmatrix_build_info", "Always 1; the label has the version of the program.", "version")
)

// Stats are the statistics of a pair's RTTs that are shown.
func Stats() []report.Stat { return []report.Stat{report.Min, report.Avg, report.Max} }

// states are all that a pair may end in: a state that did not occur is 0, so
// that a rule never looks at nothing.
func states() []report.State {
	return []report.State{report.Measured, report.Lost, report.SourceDown, report.Unresolved, report.NotRun, report.Excluded}
}
