package site

import (
	"math"
	"strconv"
	"strings"

	"matrix/report"
)

// steps is how many shades a metric has.
const steps = 7

// scale shades one metric: shade 0 is good, the last one is poor.
type scale struct {
	bounds  [steps - 1]float64 // between the shades, ascending by value
	falling bool               // the larger the better
}

// lossBounds are uneven: the first loss matters more than the difference of
// 20 and 30 percent.
var lossBounds = [steps - 1]float64{0, 1, 2, 5, 10, 25}

// newScale divides a metric evenly by round numbers, so that at least a
// twentieth of the pairs, and seldom more than a third, have the last shade.
func newScale(r *report.Report, metric report.Metric) scale {
	s := scale{falling: metric == report.Speed || metric == report.Fibre}
	if metric == report.Loss {
		s.bounds = lossBounds
		return s
	}
	spread, ok := r.Spread(metric)
	if !ok {
		return s
	}
	width := roundUp(spread.P95 / steps)
	for i := range s.bounds {
		s.bounds[i] = width * float64(i+1)
	}
	return s
}

// roundUp is the next number that a person would choose for an axis.
func roundUp(v float64) float64 {
	if v <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, f := range []float64{1, 1.5, 2, 2.5, 3, 4, 5, 6, 8} {
		if v <= f*power {
			return f * power
		}
	}
	return 10 * power
}

// shade is the shade of a value.
func (s scale) shade(v float64) int {
	shade := 0
	for _, bound := range s.bounds {
		if v > bound {
			shade++
		}
	}
	if s.falling {
		return steps - 1 - shade
	}
	return shade
}

// key is one field of the legend: a shade and the values that have it.
type key struct {
	Shade string
	Label string
}

// keys are the legend, in ascending order of value.
func (s scale) keys() []key {
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	keys := make([]key, steps)
	for i := range keys {
		shade := i
		if s.falling {
			shade = steps - 1 - i
		}
		keys[i].Shade = shadeClass(shade)
		switch {
		case i == 0 && s.bounds[0] == 0:
			keys[i].Label = "0"
		case i == 0:
			keys[i].Label = "to " + number(s.bounds[0])
		case i == steps-1:
			keys[i].Label = "over " + number(s.bounds[i-1])
		default:
			keys[i].Label = "to " + number(s.bounds[i])
		}
	}
	return keys
}

// shadeClass is the class of a shade, a to g: short, since it is written for
// every cell.
func shadeClass(shade int) string { return string(rune('a' + shade)) }

// gradeClass is the class of a grade; a figure without one is as plain as a
// normal one.
func gradeClass(g report.Grade) string {
	if g == report.Ungraded {
		g = report.Normal
	}
	return "hijkm"[g-1 : g]
}

// gradeKeys are the legend of the grades, worst first.
func gradeKeys() []key {
	var keys []key
	for _, g := range report.Grades() {
		keys = append(keys, key{gradeClass(g), strings.TrimSpace(g.Mark() + " " + g.String() + ", " + g.Range())})
	}
	return keys
}

// figureClass is the class of a figure: its grade for percent of fibre, since
// the same percentage is good over one distance and bad over another; else its
// shade. What an invalid source measured is grey.
func figureClass(r *report.Report, c report.Cell, metric report.Metric, s scale) string {
	switch {
	case metric != report.Distance && r.InvalidSource(c.Pair):
		return "n"
	case metric == report.Fibre:
		return gradeClass(r.Grade(c.Pair))
	}
	return shadeClass(s.shade(c.Value))
}

// stateClass is the class of a cell without a figure: the diagonal, no figure,
// unplanned, lost, not run, or down and unresolved (the far side is unknown).
func stateClass(c report.Cell) string {
	switch {
	case c.Kind == report.Self:
		return "x"
	case c.Kind == report.NoFigure:
		return "n"
	case c.Kind == report.Unplanned:
		return "u"
	}
	switch c.Pair.State {
	case report.Lost:
		return "l"
	case report.NotRun:
		return "r"
	case report.Excluded:
		return "n"
	default:
		return "w"
	}
}
