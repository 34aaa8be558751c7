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
func PairVerdicts(r *report.Report) iter.Seq[PairVerdict] { return each(verdicts(r).Pairs) }

// HostVerdicts are what hosts are called.
func HostVerdicts(r *report.Report) iter.Seq[HostVerdict] { return each(verdicts(r).Hosts) }

func each[T any](list []T) iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, one := range list {
			if !yield(one) {
				return
			}
		}
	}
}
