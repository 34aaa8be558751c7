package nagios

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"matrix/report"
)

// shownFindings is how many lines of long output there are at most.
const shownFindings = 20

// result puts what was found into words, the worst first.
func (c *check) result() Result {
	slices.SortStableFunc(c.found, func(a, b finding) int {
		switch {
		case a.status.worse(b.status):
			return -1
		case b.status.worse(a.status):
			return 1
		}
		return cmp.Compare(b.weight, a.weight)
	})
	res := Result{Status: OK, Perf: c.perf()}
	if len(c.found) > 0 {
		res.Status = c.found[0].status
	}
	if c.gaps != "" && Unknown.worse(res.Status) {
		res.Status = Unknown
	}
	res.Text = c.text(res.Status)
	for i, f := range c.found {
		if i == shownFindings {
			res.Long = append(res.Long, fmt.Sprintf("and %d more", len(c.found)-i))
			break
		}
		res.Long = append(res.Long, fmt.Sprintf("%v: %s", f.status, f.text))
	}
	res.Long = append(res.Long, "round of "+c.r.Method.When()+"; "+c.r.Coverage.String())
	return res
}

// text is the one line: what is worst first, then what is not known.
func (c *check) text(s Status) string {
	text := c.name() + ": "
	if c.gaps != "" && s == Unknown {
		text += c.gaps
		if len(c.found) > 0 {
			text += "; " + c.found[0].text
		}
		return text
	}
	switch {
	case len(c.found) > 0:
		text += c.found[0].text
		if more := len(c.found) - 1; more > 0 {
			text += fmt.Sprintf("; and %d more", more)
		}
	case len(c.pairs) == 1:
		p := c.pairs[0]
		rtt, hasRTT := p.Millis(report.Avg)
		loss, hasLoss := p.Loss()
		text += figures(rtt, hasRTT, 100*loss, hasLoss)
	case c.missing > 0:
		text += fmt.Sprintf("%d of %d pairs are well, the others were not measured", len(c.pairs)-c.missing, len(c.pairs))
	default:
		text += fmt.Sprintf("%d pairs are well", len(c.pairs))
	}
	if c.gaps != "" {
		text += "; " + c.gaps
	}
	return text
}

// perf are the performance data. Limits are held against every pair, so rta and
// pl are those of the worst one.
func (c *check) perf() []Datum {
	var rta, least, pl *float64
	measured := 0.0
	for _, p := range c.pairs {
		if v, ok := p.Millis(report.Avg); ok {
			rta = worst(rta, round(v, 3))
		}
		if v, ok := p.Millis(report.Min); ok {
			least = worst(least, -round(v, 3))
		}
		if v, ok := p.Loss(); ok {
			pl = worst(pl, round(100*v, 2))
		} else if p.State == report.Lost {
			pl = worst(pl, 100)
		}
		if p.State == report.Measured {
			measured++
		}
	}
	if least != nil {
		*least = -*least
	}
	zero, hundred, planned := 0.0, 100.0, float64(len(c.pairs))
	data := []Datum{
		{Label: "rta", Value: rta, Unit: "ms", Warning: c.q.Warning.RTT, Critical: c.q.Critical.RTT, Min: &zero},
		{Label: "pl", Value: pl, Unit: "%", Warning: c.q.Warning.Loss, Critical: c.q.Critical.Loss, Min: &zero, Max: &hundred},
		{Label: "rtmin", Value: least, Unit: "ms", Min: &zero},
	}
	if len(c.pairs) > 1 {
		data = append(data, Datum{Label: "measured", Value: &measured, Min: &zero, Max: &planned})
	}
	age := math.Round(c.age())
	return append(data, Datum{Label: "age", Value: &age, Unit: "s", Min: &zero})
}

func (c *check) age() float64 {
	end := c.r.Method.End
	if end.IsZero() {
		end = c.r.Method.Start
	}
	return max(0, c.q.Now.Sub(end).Seconds())
}

// worst is the larger of two values, of which the first may not be known.
func worst(known *float64, v float64) *float64 {
	if known == nil || v > *known {
		return &v
	}
	return known
}

// round rounds to so many decimals.
func round(v float64, decimals int) float64 {
	scale := math.Pow10(decimals)
	return math.Round(v*scale) / scale
}
