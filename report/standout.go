package report

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"matrix/geo"
)

// Line is one thing that stands out: a host, two cities, or a host with many
// flagged pairs.
type Line struct {
	Verdict Verdict
	City    string         // of a host or a group; "" of a single pair
	Pair    *PairVerdict   // of a single pair, or the worst of a group
	Pairs   int            // of a group
	All     []*PairVerdict // of pairs, the worst first: of a group, or the single one
	Name    string         // for people: "Baltimore – New York"; an arrow where one direction is meant
	Figures string         // "174.6 ms  171 mi  1.6 % of fibre"
	Why     string         // "71.3 ms via Dallas; perhaps over Paris (97.7 + 77.3)"
}

// Text is the line but for its word: the name, the figures, and what led to the
// verdict.
func (l Line) Text() string {
	text := l.Name
	if l.Figures != "" {
		text += "  " + l.Figures
	}
	switch {
	case l.Why == "":
		return text
	case l.Figures == "":
		return text + ": " + l.Why
	}
	return text + "; " + l.Why
}

// Screenful is how many lines an output shows under "What stands out".
const Screenful = 20

// families are the verdicts that are listed together, worst first.
var families = [][]Verdict{
	{TooFast}, {Unreachable}, {Extreme, Severe, Detour}, {Degraded}, {Lossy}, {LossyHours}, {SlowUnproven}, {Asymmetric}, {Congested}, {Recovered},
}

// StandsOut lists what stands out, worst first: hosts, whose faults explain
// pairs; then verdict by verdict the hosts that share many flagged pairs, and
// the single pairs; last what is good to know.
func (r *Report) StandsOut() []Line {
	var lines, info []Line
	shown := map[string]bool{}
	for _, p := range r.order {
		shown[p.From], shown[p.To] = true, true
	}
	for i := range r.Verdicts.Hosts {
		h := &r.Verdicts.Hosts[i]
		if !shown[h.City] {
			continue
		}
		line := Line{Verdict: h.Verdict, City: h.City, Name: r.Title(h.City), Why: r.HostEvidence(h)}
		if h.Verdict == PoorlyJoined {
			info = append(info, line)
		} else {
			lines = append(lines, line)
		}
	}
	flagged := r.FlaggedPairs()
	for _, family := range families {
		lines = append(lines, r.family(family, flagged)...)
	}
	return append(lines, info...)
}

// family lists the pairs of some verdicts: groups first, the largest first.
func (r *Report) family(family []Verdict, flagged []*PairVerdict) []Line {
	var pairs []*PairVerdict
	for _, p := range flagged {
		if slices.ContainsFunc(family, p.Has) && !r.explained(p, family[0]) {
			pairs = append(pairs, p)
		}
	}
	slices.SortStableFunc(pairs, func(a, b *PairVerdict) int { return cmp.Compare(b.badness(family[0]), a.badness(family[0])) })
	var lines []Line
	for _, part := range byDay(pairs, family[0]) {
		lines = append(lines, r.grouped(part, family)...)
	}
	slices.SortStableFunc(lines, func(a, b Line) int { return cmp.Compare(b.Pairs, a.Pairs) })
	return lines
}

// grouped are the lines of pairs that may have one cause.
func (r *Report) grouped(pairs []*PairVerdict, family []Verdict) []Line {
	var lines []Line
	shared := newSharing(pairs)
	for {
		host, mine := shared.most()
		if len(mine) < max(2, r.Verdicts.Thresholds.GroupFrom) {
			break
		}
		lines = append(lines, r.group(host, mine, family))
		shared.take(mine)
	}
	for _, p := range pairs {
		if !shared.taken[p] {
			lines = append(lines, r.single(p, p.among(family)))
		}
	}
	return lines
}

// explained says whether a pair's verdict follows from one of its hosts': no
// line is spent on it.
func (r *Report) explained(p *PairVerdict, v Verdict) bool {
	return v == TooFast && (r.Verdicts.hostIs(p.From, Misplaced) || r.Verdicts.hostIs(p.To, Misplaced))
}

// among is the pair's verdict of a family.
func (p *PairVerdict) among(family []Verdict) Verdict {
	for _, v := range p.Verdicts {
		if slices.Contains(family, v) {
			return v
		}
	}
	return p.Verdict()
}

// badness orders the pairs of one verdict.
func (p *PairVerdict) badness(v Verdict) float64 {
	switch {
	case v == Lossy && p.Sent > 0:
		return float64(p.Lost) / float64(p.Sent)
	case v == Asymmetric && p.Out != nil && p.Back != nil:
		return math.Abs(float64(*p.Out - *p.Back))
	case v == LossyHours && len(p.Hours) > 0:
		return p.hours().Ratio()
	case (v == Degraded || v == Recovered) && len(p.Changes) > 0:
		return float64((p.change(v).After - p.change(v).Before).abs())
	case v == Congested && p.Queue != nil:
		return float64(*p.Queue)
	case v == SlowUnproven && p.Usual != nil:
		return float64(*p.RTT / *p.Usual)
	case p.Slowdown != nil:
		return *p.Slowdown
	}
	return 0
}

// sharing says which host has most of some pairs, while pairs are taken away.
type sharing struct {
	hosts []string // alphabetically
	of    map[string][]*PairVerdict
	left  map[string]int
	taken map[*PairVerdict]bool
}

func newSharing(pairs []*PairVerdict) *sharing {
	s := &sharing{of: map[string][]*PairVerdict{}, left: map[string]int{}, taken: map[*PairVerdict]bool{}}
	for _, p := range pairs {
		for _, host := range []string{p.From, p.To} {
			s.of[host] = append(s.of[host], p)
			s.left[host]++
		}
	}
	s.hosts = slices.Sorted(maps.Keys(s.of))
	return s
}

// most is the host with most of the pairs that are left, and these.
func (s *sharing) most() (string, []*PairVerdict) {
	host := ""
	for _, name := range s.hosts {
		if s.left[name] > s.left[host] {
			host = name
		}
	}
	return host, slices.DeleteFunc(slices.Clone(s.of[host]), func(p *PairVerdict) bool { return s.taken[p] })
}

func (s *sharing) take(pairs []*PairVerdict) {
	for _, p := range pairs {
		s.taken[p] = true
		s.left[p.From]--
		s.left[p.To]--
	}
}

// group is the line of a host with many flagged pairs.
func (r *Report) group(host string, pairs []*PairVerdict, family []Verdict) Line {
	var counts []string
	for _, v := range family {
		n := 0
		for _, p := range pairs {
			if p.among(family) == v {
				n++
			}
		}
		if n > 0 {
			counts = append(counts, fmt.Sprintf("%d %v", n, v))
		}
	}
	worst := pairs[0]
	other := worst.To
	if other == host {
		other = worst.From
	}
	v := worst.among(family)
	line := r.single(worst, v)
	why := fmt.Sprintf("worst ↔ %s  %s", r.Title(other), line.Figures)
	if line.Why != "" {
		why += "; " + line.Why
	}
	return Line{
		Verdict: v, City: host, Pair: worst, Pairs: len(pairs), All: pairs, Why: why,
		Name: fmt.Sprintf("%s ↔ %d cities", r.Title(host), len(pairs)), Figures: strings.Join(counts, ", "),
	}
}

// single is the line of one pair and one verdict.
func (r *Report) single(p *PairVerdict, v Verdict) Line {
	from, to := p.Direction(v)
	return Line{
		Verdict: v, Pair: p, All: []*PairVerdict{p}, Name: r.Title(from) + p.between(v) + r.Title(to),
		Figures: r.pairFigures(p, v), Why: r.PairEvidence(p, v),
	}
}

// between is what stands between two cities' names: an arrow only where the
// verdict is on one direction. Others are on both, and their RTT the lower one's.
func (p *PairVerdict) between(v Verdict) string {
	if v == Asymmetric || v == Lossy && p.LossFrom != "" || v == LossyHours {
		return " → "
	}
	return " – "
}

// Direction is the one that a verdict means: the slower, or the one that loses
// more; else the alphabet's.
func (p *PairVerdict) Direction(v Verdict) (from, to string) {
	turned := v == Asymmetric && *p.Back > *p.Out || v == Lossy && p.LossFrom == p.To || v == LossyHours && p.hours().From == p.To
	if turned {
		return p.To, p.From
	}
	return p.From, p.To
}

// pairFigures are the three that every line has, where they are known. Of an
// asymmetric pair they are the slower direction's.
func (r *Report) pairFigures(p *PairVerdict, v Verdict) string {
	var parts []string
	switch {
	case v == Degraded, v == Recovered: // what it was and is, the evidence says
	case v == Asymmetric:
		parts = append(parts, fmt.Sprintf("%.1f ms", max(*p.Out, *p.Back)))
	case p.RTT != nil:
		parts = append(parts, fmt.Sprintf("%.1f ms", *p.RTT))
	}
	if p.Miles != nil {
		parts = append(parts, r.miles(*p.Miles))
	}
	if p.Percent != nil && v != Asymmetric && v != Degraded && v != Recovered {
		parts = append(parts, fmt.Sprintf("%.1f %% of fibre", *p.Percent))
	}
	return strings.Join(parts, "  ")
}

func (r *Report) miles(d geo.Miles) string {
	return fmt.Sprintf("%.0f %v", r.Method.Units.Length(d), r.Method.Units)
}

// PairEvidence is what led to one verdict of a pair, in few words.
func (r *Report) PairEvidence(p *PairVerdict, v Verdict) string {
	switch v {
	case Extreme, Severe, Detour:
		why := fmt.Sprintf("%.1f ms via %s", p.RelayRTT(), r.Title(p.Relay))
		if len(p.Waypoints) > 0 {
			w := p.Waypoints[0]
			why += fmt.Sprintf("; perhaps over %s (%.1f + %.1f)", r.Title(w.City), w.Legs[0], w.Legs[1])
		}
		return why
	case SlowUnproven:
		why := fmt.Sprintf("%.1f ms expected", *p.Usual)
		if p.Relay != "" {
			why += fmt.Sprintf("; %.1f ms via %s at best", p.RelayRTT(), r.Title(p.Relay))
		}
		return why
	case Asymmetric:
		return fmt.Sprintf("%.1f ms the other way", min(*p.Out, *p.Back))
	case Lossy:
		return p.lossText()
	case LossyHours:
		return p.hoursText()
	case Degraded, Recovered:
		c := p.change(v)
		if p.Relay != "" && p.RelayRTT() < c.After && v == Degraded {
			return fmt.Sprintf("%s; %.1f ms via %s", c.Text(), p.RelayRTT(), r.Title(p.Relay))
		}
		return c.Text()
	case Congested:
		return fmt.Sprintf("average %.1f ms above the minimum", *p.Queue)
	case Unreachable:
		if p.Sent > 0 {
			return fmt.Sprintf("nothing came back of %d", p.Sent)
		}
		return "nothing came back"
	case TooFast:
		return "faster than light in glass: one of the two is somewhere else"
	}
	return p.Why
}

// Evidence is what led to all verdicts on a pair's two cities, in few words; ""
// where nothing stands out.
func (r *Report) Evidence(p *Pair) string {
	v := r.Verdicts.Pair(p.From, p.To)
	if v == nil {
		return ""
	}
	text := r.PairEvidence(v, v.Verdict())
	for _, also := range v.Verdicts[1:] {
		text += fmt.Sprintf("; also %v: %s", also, r.PairEvidence(v, also))
	}
	return text
}

// lossText is the loss with its interval.
func (p *PairVerdict) lossText() string {
	return fmt.Sprintf("%d of %d lost, %.1f %% (95 %%: %.1f to %.1f)", p.Lost, p.Sent, 100*float64(p.Lost)/float64(p.Sent), 100*p.LossLow, 100*p.LossHigh)
}

// fitEvidence says where a misplaced host's RTTs fit.
func (r *Report) fitEvidence(h *HostVerdict) string {
	f := h.Fits
	why := fmt.Sprintf("its RTTs to %d cities are %.0f ms off its place as a rule; %.0f ms off %s, %s away",
		f.Cities, f.Own, f.There, r.fitPlace(f), r.miles(f.Miles))
	if f.Speed > 1 {
		why = "faster than light in glass to " + r.Title(f.From) + "; " + why
	}
	if h.Nearest != "" {
		why += fmt.Sprintf("; %.1f ms from %s", h.NearestRTT, r.Title(h.Nearest))
	}
	return why
}

// fitPlace is the place's name, and its country unless it is a city of the fleet.
func (r *Report) fitPlace(f *Fitting) string {
	if f.City != "" {
		return r.Title(f.City)
	}
	return Clean(f.Place.Name, titleRunes) + ", " + f.Place.Country
}

// HostEvidence is what led to a verdict on a host, in few words.
func (r *Report) HostEvidence(h *HostVerdict) string {
	switch h.Verdict {
	case InvalidSource:
		if h.SelfPing != nil {
			return fmt.Sprintf("takes %.1f ms to reach itself; what it measured is left out", *h.SelfPing)
		}
		return fmt.Sprintf("its way out and its way in do not go together over %d cities (correlation %.2f); what it measured is left out", h.Partners, *h.Correlation)
	case Misplaced:
		if h.Fits != nil {
			return r.fitEvidence(h)
		}
		why := fmt.Sprintf("faster than light in glass to %d cities", h.Partners)
		if h.Partners == 1 {
			why = "faster than light in glass to a city whose coordinates fit its name"
		}
		if h.Nearest != "" {
			why += fmt.Sprintf("; %.1f ms from %s, so within %s of it", h.NearestRTT, r.Title(h.Nearest), r.miles(h.Within))
		}
		return why
	case SuspectPlace:
		return fmt.Sprintf("its coordinates are %s from %s, %s", r.miles(h.Off), Clean(h.Named.Name, titleRunes), h.Named.Country)
	case PoorlyJoined:
		return fmt.Sprintf("adds %.0f ms to its pairs, beside the median host", *h.Term)
	}
	return ""
}

// NothingText is what is said where nothing stands out.
func (r *Report) NothingText() string {
	if r.Coverage.Measured == 0 {
		return "Nothing was measured, so there is nothing to judge."
	}
	return "Nothing."
}
