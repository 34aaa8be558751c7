package report

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// ExplainPair says how the verdicts on two cities came about, number by number;
// nil if they were not planned.
func (r *Report) ExplainPair(a, b string) []string {
	p := r.Verdicts.Pair(a, b)
	if p == nil {
		return nil
	}
	e := &explanation{r: r, t: r.Verdicts.Thresholds}
	e.line("%s – %s: %s", r.Title(p.From), r.Title(p.To), verdictList(p.Verdicts))
	e.rtt(p)
	e.distance(p)
	e.slowdown(p)
	e.waypoints(p)
	e.directions(p)
	e.loss(p)
	for _, c := range p.Changes {
		e.line("%v: %s; a step counts from %.0f ms and %.0f %%, held for %d days", c.Verdict, c.Text(),
			millis(e.t.DegradedBy), 100*e.t.DegradedShare, e.t.HeldFor)
	}
	for _, h := range p.Hours {
		e.line("hours: %s → %s loses %.1f %% at %s, and %.2f %% at the others; in %d of %d rounds then", r.Title(h.From), r.Title(h.To),
			100*h.Ratio(), h.Clock(), 100*h.Elsewhere, h.Lossy, h.Rounds)
	}
	if p.Queue != nil {
		e.line("queue: average %.1f ms above the minimum; %s from %.0f ms and %.0f %%", *p.Queue,
			Congested, millis(e.t.CongestedBy), 100*e.t.CongestedShare)
	}
	for _, city := range []string{p.From, p.To} {
		for _, h := range r.Verdicts.Host(city) {
			e.line("%s is %v: %s", r.Title(city), h.Verdict, r.HostEvidence(h))
		}
	}
	return e.lines
}

func verdictList(verdicts []Verdict) string {
	words := make([]string, len(verdicts))
	for i, v := range verdicts {
		words[i] = v.String()
	}
	return strings.Join(words, ", ")
}

type explanation struct {
	r     *Report
	t     Thresholds
	lines []string
}

func (e *explanation) line(format string, args ...any) {
	e.lines = append(e.lines, fmt.Sprintf(format, args...))
}

func (e *explanation) rtt(p *PairVerdict) {
	direction := func(from, to string, v *Ms) string {
		pair := e.r.Pair(from, to)
		name := e.r.Title(from) + " → " + e.r.Title(to)
		switch {
		case v != nil && e.r.Verdicts.hostIs(from, InvalidSource):
			return fmt.Sprintf("%s %.2f ms (does not count: %s is an invalid source)", name, *v, e.r.Title(from))
		case v != nil:
			return fmt.Sprintf("%s %.2f ms", name, *v)
		case pair == nil:
			return name + " was not planned"
		}
		return name + " " + pair.Status()
	}
	e.line("floors: %s; %s", direction(p.From, p.To, p.Out), direction(p.To, p.From, p.Back))
	if p.RTT != nil {
		e.line("RTT: the lower one, %.2f ms", *p.RTT)
	}
}

func (e *explanation) distance(p *PairVerdict) {
	if p.Miles == nil {
		e.line("distance: not known")
		return
	}
	text := "distance: " + e.r.miles(*p.Miles)
	if p.Percent != nil {
		text += fmt.Sprintf("; %.1f %% of the speed of light in fibre", *p.Percent)
	}
	if p.Grade != Ungraded {
		text += fmt.Sprintf("; grade %v (%s of such distances)", p.Grade, p.Grade.Range())
	}
	e.line("%s", text)
	if p.Has(TooFast) {
		e.line("impossible: 2 × (%s − %s) in %.2f ms is faster than %.2g c", e.r.miles(*p.Miles), e.r.miles(e.t.CitySize), *p.RTT, e.t.GlassLight)
	}
}

// slowdown shows the benchmark, and what it is made of.
func (e *explanation) slowdown(p *PairVerdict) {
	if p.Expected == nil {
		if p.Why != "" {
			e.line("not judged by speed: %s", p.Why)
		}
		return
	}
	f := e.r.Verdicts.Fit
	model := "the line for small fleets"
	if f.Fitted {
		model = fmt.Sprintf("fitted to %d pairs", f.Pairs)
	}
	line := fmt.Sprintf("%.1f ms + %.4f ms × %.0f mi", f.Base, f.Slope, *p.Miles)
	for _, city := range []string{p.From, p.To} {
		if term, ok := f.Last[city]; ok {
			line += fmt.Sprintf(" %s %.1f ms (%s)", sign(term), math.Abs(float64(term)), e.r.Title(city))
		}
	}
	e.line("expected: %.1f ms = max(%.1f ms light in fibre, %s), %s", *p.Expected, *p.Glass, line, model)
	benchmark := *p.RTT - p.Over
	if p.Relay == "" {
		e.line("relay: no third city")
	} else {
		e.line("relay: %.1f ms via %s (%.1f + %.1f), the best of all third cities", p.RelayRTT(), e.r.Title(p.Relay), p.Legs[0], p.Legs[1])
	}
	cushion := millis(e.t.Cushion)
	e.line("slowdown: %.2f = (%.1f + %.0f) / (%.1f + %.0f); %.1f ms over", *p.Slowdown, *p.RTT, cushion, benchmark, cushion, p.Over)
	e.line("thresholds: detour %.4g, severe %.4g, extreme %.4g, each only from %.0f ms over", e.t.Detour, e.t.Severe, e.t.Extreme, millis(e.t.Over))
	if p.Has(SlowUnproven) {
		e.line("slow, unproven: %.2f = (%.1f + %.0f) / (%.1f + %.0f) by distance alone, but no relay is faster by as much",
			float64((*p.RTT+Ms(cushion))/(*p.Usual+Ms(cushion))), *p.RTT, cushion, *p.Usual, cushion)
	}
}

func sign(v Ms) string {
	if v < 0 {
		return "−"
	}
	return "+"
}

func (e *explanation) waypoints(p *PairVerdict) {
	for _, w := range p.Waypoints {
		e.line("hypothesis: over %s, %.1f + %.1f = %.1f ms and %s; fits %d other flagged pairs of the two",
			e.r.Title(w.City), w.Legs[0], w.Legs[1], w.Legs[0]+w.Legs[1], e.r.miles(w.Miles), w.Votes)
	}
	if p.Verdict().Bent() && len(p.Waypoints) == 0 {
		e.line("hypothesis: none; no city's two legs add up to the RTT")
	}
}

func (e *explanation) directions(p *PairVerdict) {
	if p.Out == nil || p.Back == nil {
		return
	}
	apart := math.Abs(float64(*p.Out - *p.Back))
	e.line("directions: %.1f ms apart, %.1f %% of the faster; asymmetric above %.0f ms and %.0f %%",
		apart, 100*apart/float64(min(*p.Out, *p.Back)), millis(e.t.AsymmetricBy), 100*e.t.AsymmetricShare)
}

func (e *explanation) loss(p *PairVerdict) {
	if p.Sent == 0 {
		e.line("loss: not known")
		return
	}
	of := "both directions together"
	if p.LossFrom != "" {
		of = "sent from " + e.r.Title(p.LossFrom)
	}
	e.line("loss: %s, %s; lossy if the interval lies above %.4g %% and at least %d were lost", p.lossText(), of, 100*e.t.Loss, e.t.LeastLost)
}

// fits shows by what another place explains a host's RTTs better than its own.
func (e *explanation) fits(f *Fitting) {
	e.line("place: the median of its RTTs to %d cities is %.1f ms off what its own explains, %.1f ms off what %s does (%.4f, %.4f), %s away",
		f.Cities, f.Own, f.There, e.r.fitPlace(f), f.Place.Latitude, f.Place.Longitude, e.r.miles(f.Miles))
	enough := fmt.Sprintf("misplaced from %.1f fewer", f.Enough)
	if f.Speed <= 1 {
		enough += fmt.Sprintf(" = %.4g + %.4g × %d cities × %.2f, and at most %.4g a city there",
			e.t.Evidence, e.t.EvidenceEach, f.Cities, (1-f.Speed)/(1-e.t.Quick), e.t.Explained)
	}
	e.line("evidence: %.2f times light in glass from %s; misfit %.1f nats at its own place, %.1f there; %s",
		f.Speed, e.r.Title(f.From), f.Misfit, f.Misfit-f.Better, enough)
}

// ExplainCity says how the verdicts on a host came about, and which of its
// pairs are flagged; nil if the city is not in the report.
func (r *Report) ExplainCity(city string) []string {
	e := &explanation{r: r, t: r.Verdicts.Thresholds}
	planned, fine := 0, 0
	var flagged []*PairVerdict
	for p := range r.Verdicts.PairsOf(city) {
		planned++
		if p.Verdict().Flagged() {
			flagged = append(flagged, p)
		} else if p.Verdict() == Fine {
			fine++
		}
	}
	if planned == 0 {
		return nil
	}
	hosts := r.Verdicts.Host(city)
	switch {
	case len(hosts) > 0:
	case len(flagged) == planned && !slices.ContainsFunc(flagged, func(p *PairVerdict) bool { return p.Verdict() != Unreachable }):
		e.line("%s: none of its %s came through: the host, or its way out, is down", r.Title(city), plural(planned, "pair"))
	case len(flagged) == 0 && fine == 0:
		e.line("%s: too little was measured to judge the host", r.Title(city))
	default:
		e.line("%s: nothing is wrong with the host", r.Title(city))
	}
	for _, h := range hosts {
		e.line("%s: %v, %s", r.Title(city), h.Verdict, r.HostEvidence(h))
		if h.Worst != nil && h.Worst.RTT != nil {
			e.line("worst: %s – %s, %s", r.Title(h.Worst.From), r.Title(h.Worst.To), r.pairFigures(h.Worst, h.Worst.Verdict()))
		}
	}
	for _, h := range hosts {
		if h.Fits != nil {
			e.fits(h.Fits)
		}
	}
	if term, ok := r.Verdicts.Fit.Terms[city]; ok {
		e.line("host term: %+.1f ms beside the median host; poorly connected above %.0f ms", term, millis(e.t.PoorlyConnected))
		if last := r.Verdicts.Fit.Last[city]; last < term {
			e.line("last mile: %+.1f ms at most: %.0f %% of its pairs do without the rest", last, 100*e.t.Spared)
		}
	}
	e.line("pairs: %d, of which %d are fine, %d flagged and %d not judged", planned, fine, len(flagged), planned-fine-len(flagged))
	for _, p := range flagged {
		l := r.single(p, p.Verdict())
		e.line("%s: %s", verdictList(p.Verdicts), l.Text())
	}
	return e.lines
}
