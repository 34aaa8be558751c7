package report

import (
	"slices"

	"matrix/geo"
)

// Grade says how well a pair uses its distance, among pairs of such a distance.
type Grade uint8

const (
	Ungraded  Grade = iota
	Bad             // worse than 95 of 100
	Slow            //
	Normal          // the middle half
	Good            //
	Excellent       // better than 95 of 100
)

var gradeNames = [...]string{"", "bad", "slow", "normal", "good", "excellent"}

func (g Grade) String() string { return gradeNames[g] }

// Grades lists the grades, worst first.
func Grades() []Grade { return []Grade{Bad, Slow, Normal, Good, Excellent} }

// Mark is the grade in one character beside a figure; normal needs none.
func (g Grade) Mark() string { return [...]string{"", "▼", "▽", "", "△", "▲"}[g] }

// Range says which pairs have the grade.
func (g Grade) Range() string {
	return [...]string{"", "worst 5 %", "5 to 25 %", "middle half", "75 to 95 %", "best 5 %"}[g]
}

// band holds the 5th, 25th, 75th and 95th percentile of percent of fibre over
// the pairs of some distance.
type band struct {
	below geo.Miles
	marks [4]float64
}

// reference is the table of a day of 250 cities, in percent of 0.65 c. 45 % are
// excellent over 200 miles, where every router counts, and poor over 11,000.
var reference = [...]band{
	{500, [4]float64{10, 20, 39, 55}},
	{2000, [4]float64{18, 31, 47, 59}},
	{5000, [4]float64{25, 42, 64, 74}},
	{10000, [4]float64{33, 47, 62, 71}},
	{20000, [4]float64{47, 56, 67, 75}},
}

func (b band) grade(percent float64) Grade {
	switch {
	case percent < b.marks[0]:
		return Bad
	case percent < b.marks[1]:
		return Slow
	case percent < b.marks[2]:
		return Normal
	case percent < b.marks[3]:
		return Good
	}
	return Excellent
}

// bandsOf are those by which pairs are graded, with what the pairs of each reach.
// A band with enough pairs is its own measure; the others are measured by the
// reference.
func (j *judge) bandsOf(percents [][]float64) [len(reference)]band {
	bands := reference
	for i, all := range percents {
		if len(all) == 0 || len(all) < j.t.GradeOf {
			continue
		}
		slices.Sort(all)
		for k, q := range []float64{0.05, 0.25, 0.75, 0.95} {
			bands[i].marks[k] = quantile(all, q)
		}
	}
	return bands
}

// band is that of a pair; -1 if it is not graded.
func (j *judge) band(p *PairVerdict) int {
	if p.Percent == nil || *p.Miles < j.t.GradeFrom {
		return -1
	}
	return slices.IndexFunc(reference[:], func(b band) bool { return *p.Miles < b.below })
}

// grade grades a pair that has a speed, once it is known by what.
func (j *judge) grade(p *PairVerdict) {
	if i := j.band(p); i >= 0 && j.bands[i].below > 0 {
		p.Grade = j.bands[i].grade(j.reference(p))
	}
}

// reference is a pair's percent of the speed of light that the table was made
// with, whatever the report's is.
func (j *judge) reference(p *PairVerdict) float64 {
	return float64(*p.Percent) * float64(j.r.Method.Fibre/geo.DefaultFibre)
}
