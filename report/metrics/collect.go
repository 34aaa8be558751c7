package metrics

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"matrix/report"
)

// collector reads the rounds at every scrape.
type collector struct {
	rounds  Rounds
	options Options
}

var _ prometheus.Collector = (*collector)(nil)

// Describe names every metric.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, m := range all {
		out <- m.desc
	}
}

// Collect shows the last round, if it is fresh, and the service.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	r, s := c.rounds.Last(), sink(out)
	s.service(c.rounds.Counters(), c.options)
	old := 1.0
	if r != nil {
		end := ended(r)
		if !end.IsZero() {
			s.put(timestamp, float64(end.UnixMilli())/1000)
		}
		// A round that is ahead of the clock may be of any age.
		if age := c.options.Now().Sub(end); !end.IsZero() && age <= c.options.MaxAge && age > -time.Minute {
			old = 0
			s.round(r)
		}
	}
	s.put(stale, old)
}

// ended is when a round ended, as far as it is known.
func ended(r *report.Report) time.Time {
	if r.Method.End.IsZero() {
		return r.Method.Start
	}
	return r.Method.End
}

type sink chan<- prometheus.Metric

// put hands over one value. What is not UTF-8 would spoil the whole scrape.
func (s sink) put(m *metric, value float64, labels ...string) {
	for i, text := range labels {
		labels[i] = strings.ToValidUTF8(text, "\ufffd")
	}
	s <- prometheus.MustNewConstMetric(m.desc, m.kind, value, labels...)
}

func (s sink) service(c Counters, o Options) {
	s.put(finished, float64(c.Finished))
	s.put(skipped, float64(c.Skipped))
	s.put(failed, float64(c.Failed))
	s.put(hookSent, float64(c.WebhookSent))
	s.put(hookFailed, float64(c.WebhookFailed))
	s.put(hookDropped, float64(c.WebhookDropped))
	s.put(maxAge, o.MaxAge.Seconds())
	s.put(build, 1, o.Version)
}

func (s sink) round(r *report.Report) {
	s.put(duration, r.Method.End.Sub(r.Method.Start).Seconds())
	if r.Coverage.Planned > 0 {
		s.put(coverage, float64(r.Coverage.Measured)/float64(r.Coverage.Planned))
	}
	ended := map[report.State]int{}
	for _, count := range r.Coverage.States {
		ended[count.State] = count.Pairs
	}
	for _, state := range states() {
		s.put(pairs, float64(ended[state]), state.String())
	}
	for _, p := range r.Pairs() {
		s.pair(r, p)
	}
	s.hosts(r)
	s.verdicts(r)
}

// pair shows what is known of a pair; what is not known is absent, not zero.
func (s sink) pair(r *report.Report, p *report.Pair) {
	for _, stat := range Stats() {
		if ms, ok := p.Millis(stat); ok {
			s.put(rtt, ms/1000, p.From, p.To, stat.String())
		}
	}
	ratio, known := p.Loss()
	switch {
	case p.State != report.Measured && p.State != report.Lost:
	case known:
		s.put(loss, ratio, p.From, p.To)
	case p.State == report.Lost:
		s.put(loss, 1, p.From, p.To)
	}
	if percent, ok := r.Fibre(p); ok {
		s.put(fibre, float64(percent)/100, p.From, p.To)
	}
}

// hosts shows which could measure, and their clocks. An offset of exactly zero
// is the coordinator's own, or was not measured.
func (s sink) hosts(r *report.Report) {
	planned, down := map[string]int{}, map[string]int{}
	for _, p := range r.Pairs() {
		planned[p.From]++
		if p.State == report.SourceDown {
			down[p.From]++
		}
	}
	for _, i := range r.Rows {
		city, up := r.Cities[i].Name, 1.0
		if down[city] == planned[city] {
			up = 0
		}
		s.put(hostUp, up, city)
	}
	for _, h := range r.Hosts {
		if h.Health.Offset != 0 && planned[h.City] > 0 {
			s.put(clockOffset, h.Health.Offset.Seconds(), h.City)
		}
	}
}

// verdicts counts them; a verdict that nothing has is 0.
func (s sink) verdicts(r *report.Report) {
	ofPairs, ofHosts := map[report.Verdict]int{}, map[report.Verdict]int{}
	for p := range r.JudgedPairs() {
		for _, v := range p.Verdicts {
			ofPairs[v]++
		}
	}
	for _, h := range r.Verdicts.Hosts {
		ofHosts[h.Verdict]++
	}
	for v := report.Fine; v <= report.TooFast; v++ {
		s.put(pairVerdicts, float64(ofPairs[v]), v.String())
	}
	for v := report.PoorlyJoined; v <= report.InvalidSource; v++ {
		s.put(hostVerdicts, float64(ofHosts[v]), v.String())
	}
}
