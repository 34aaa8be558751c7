package alarm

import (
	"cmp"

	"matrix/report"
)

// anomalies are those of a round, by ID. Lines of one host are one anomaly, and
// a pair of a host whose anomaly is open already belongs to it: of a host that
// mends pair by pair, the last pairs are no news.
func (t *Tracker) anomalies(r *report.Report) map[string]*Anomaly {
	least := cmp.Or(t.Settings.Least, report.Worrying)
	all, hosts := make(map[string]*Anomaly), make(map[string]bool)
	var lines []report.Line
	for _, line := range r.StandsOut() {
		if line.Verdict.Severity() >= least {
			lines = append(lines, line)
			if line.City != "" {
				hosts[line.City] = true
			}
		}
	}
	for _, line := range lines {
		a := &Anomaly{City: line.City, Verdict: line.Verdict, Severity: line.Verdict.Severity(), Pairs: len(line.All), Summary: line.Text()}
		if a.City == "" {
			a.From, a.To = line.Pair.Direction(line.Verdict)
			if host := t.owner(a.From, a.To, hosts); host != "" {
				a.City, a.From, a.To = host, "", ""
			}
		}
		if old := all[a.ID()]; old != nil {
			a = merge(old, a)
		}
		all[a.ID()] = a
	}
	return all
}

// owner is the host, of a pair's two, whose anomaly the pair is part of; "" if
// neither's.
func (t *Tracker) owner(from, to string, hosts map[string]bool) string {
	for _, host := range []string{from, to} {
		if k := t.Known["host/"+host]; hosts[host] || k != nil && k.Open {
			return host
		}
	}
	return ""
}

// covered says whether a pair's anomaly now belongs to a host's that is open.
func (t *Tracker) covered(a *Anomaly) bool {
	return a.City == "" && t.owner(a.From, a.To, nil) != ""
}

// merge makes one anomaly of two of the same host or pair; the worse one speaks.
func merge(a, b *Anomaly) *Anomaly {
	if b.Severity > a.Severity {
		a, b = b, a
	}
	a.Pairs = max(a.Pairs, b.Pairs)
	a.Details = append(append(a.Details, b.Verdict.String()+": "+b.Summary), b.Details...)
	return a
}

// sight is what a round can know of an anomaly that it does not show.
type sight uint8

const (
	blind sight = iota // not enough was measured
	seen               // it is not there
	left               // its cities are not measured any more
)

// look says whether a round could have seen an anomaly: two cities if their
// pair was judged, a host if half of its pairs were.
func look(r *report.Report, a *Anomaly) sight {
	planned, judged := 0, 0
	for p := range r.JudgedPairsOf(cmp.Or(a.City, a.From)) {
		if a.City == "" && p.From != a.To && p.To != a.To {
			continue
		}
		planned++
		if !p.Has(report.Unjudged) {
			judged++
		}
	}
	switch {
	case planned == 0:
		return left
	case 2*judged < planned:
		return blind
	}
	return seen
}
