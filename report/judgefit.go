package report

import (
	"math"
	"slices"

	"matrix/geo"
)

// fit finds what pairs are expected to take. Where there are hosts enough, each
// has a term of its own: what its last mile and its provider add to all its
// pairs. Least absolute deviations and not least squares: the detours that are
// sought must not move the line that they are measured against.
func (j *judge) fit() {
	f := &j.v.Fit
	*f = Fit{Base: Ms(millis(j.t.Base)), Slope: j.t.Slope, Light: j.r.Method.Fibre, Terms: map[string]Ms{}, Last: map[string]Ms{}}
	good, terms := j.fitted()
	if len(good) < max(3, j.t.FitFrom) {
		return
	}
	fit := leastAbsolute(terms, len(good))
	host, slope := fit[:len(good)], fit[len(good)]
	// A line that gets ahead of light, or creeps, was fitted to no network: a
	// fleet in one town, for one, says nothing about miles.
	if slope < 2/float64(geo.LightSpeed) || slope > 4*j.t.Slope {
		return
	}
	middle := quantile(slices.Sorted(slices.Values(host)), 0.5)
	f.Fitted, f.Pairs, f.Slope, f.Base = true, len(terms), slope, Ms(2*middle)
	spared := j.spared(terms, host, slope)
	for i, h := range good {
		f.Terms[j.names[h]] = Ms(host[i] - middle)
		f.Last[j.names[h]] = Ms(min(host[i], spared[i]) - middle)
	}
	for _, name := range j.names {
		if term, ok := f.Terms[name]; ok && term > Ms(millis(j.t.PoorlyConnected)) {
			j.host(HostVerdict{City: name, Verdict: PoorlyJoined, Term: &term})
		}
	}
}

// spared is the most that each host can add to all its pairs, by those of them
// that fare best. A last mile is paid by every pair. Where a tenth of them does
// without it, what the others pay is a detour, and a term that took it in would
// hide the detour just because most of the host's routes make it.
func (j *judge) spared(terms []term, host []float64, slope float64) []float64 {
	over := make([][]float64, len(host))
	for _, t := range terms {
		rest := t.rtt - slope*t.miles
		over[t.i] = append(over[t.i], rest-host[t.j])
		over[t.j] = append(over[t.j], rest-host[t.i])
	}
	most := make([]float64, len(host))
	for i, values := range over {
		slices.Sort(values)
		most[i] = quantile(values, j.t.Spared) + millis(j.t.Over)
	}
	return most
}

// fitted are the hosts that are fitted, and their pairs' equations. A host with
// few pairs would only fit itself.
func (j *judge) fitted() ([]int, []term) {
	usable := func(a, b int, miles float64) bool {
		return !j.lost[a] && !j.lost[b] && !math.IsNaN(miles) && j.tooFast(j.least[a*j.n+b], miles) <= 1
	}
	partners := make([]int, j.n)
	j.measured(func(a, b int, _, miles float64) {
		if usable(a, b, miles) {
			partners[a]++
			partners[b]++
		}
	})
	var good []int
	index := make([]int, j.n)
	for a := range j.n {
		index[a] = -1
		if partners[a] >= max(3, j.t.FewPartners) {
			index[a] = len(good)
			good = append(good, a)
		}
	}
	var terms []term
	j.measured(func(a, b int, rtt, miles float64) {
		if index[a] >= 0 && index[b] >= 0 && usable(a, b, miles) {
			terms = append(terms, term{index[a], index[b], miles, rtt})
		}
	})
	return good, terms
}

// expected is what a pair of two cities should take: by the line and the hosts'
// terms, but not less than light takes in fibre.
func (f Fit) expected(a, b string, miles geo.Miles, terms map[string]Ms) (expected, glass Ms) {
	glass = Ms(2 * float64(miles) / float64(f.Light))
	line := f.Base + Ms(f.Slope*float64(miles)) + terms[a] + terms[b]
	return max(glass, line), glass
}
