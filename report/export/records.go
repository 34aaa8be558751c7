package export

import (
	"iter"

	"matrix/report"
)

// Pairs are the planned pairs, as JSON has them, for files of other kinds: the
// fields' tags name their columns.
func Pairs(r *report.Report) iter.Seq[Pair] {
	return func(yield func(Pair) bool) {
		for _, p := range r.Pairs() {
			if !yield(pair(r, p)) {
				return
			}
		}
	}
}

// PairVerdicts are what pairs of cities are called, as VerdictsJSON has them.
func PairVerdicts(r *report.Report) iter.Seq[PairVerdict] {
	return func(yield func(PairVerdict) bool) {
		for p := range r.JudgedPairs() {
			for _, v := range pairVerdicts(r, p) {
				if !yield(v) {
					return
				}
			}
		}
	}
}

// HostVerdicts are what hosts are called.
func HostVerdicts(r *report.Report) iter.Seq[HostVerdict] {
	return func(yield func(HostVerdict) bool) {
		for i := range r.Verdicts.Hosts {
			if !yield(hostVerdict(r, &r.Verdicts.Hosts[i])) {
				return
			}
		}
	}
}
