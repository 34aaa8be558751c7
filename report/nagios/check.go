package nagios

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"matrix/report"
)

// Question is what a round is asked.
type Question struct {
	Now    time.Time
	MaxAge time.Duration // an older round answers nothing
	Scope  Scope

	Warning, Critical Limits           // of every pair's average RTT and loss
	Usual             *Usual           // nil: not held against the past
	Verdicts          bool             // hold the pairs and hosts against their verdicts
	Ignore            []report.Verdict // of those
	Coverage          float64          // percent of the pairs that must be measured
}

// Scope is which pairs are meant: all, a city's in both directions, or one.
type Scope struct {
	City string // "": no city
	Pair report.CityPair
}

func (s Scope) has(p *report.Pair) bool {
	switch {
	case s.City != "":
		return p.From == s.City || p.To == s.City
	case s.Pair != report.CityPair{}:
		return p.Pair == s.Pair
	}
	return true
}

// Usual is what pairs took in the past.
type Usual struct {
	Median            map[report.CityPair]report.Ms // only of pairs with enough of a past
	Days              int
	Warning, Critical float64   // times as much
	Least             report.Ms // and at least so much more: 2 ms for 1 is no alarm
}

// future is how far a round's clock may be ahead of this one's.
const future = time.Minute

// Check answers the question with a round. Coverage and age come first: what
// was not measured, or is too old, cannot be OK.
func Check(r *report.Report, q Question) Result {
	c := check{r: r, q: q}
	if why := c.stale(); why != "" {
		return Unknowable(why)
	}
	for _, p := range r.Pairs() {
		if q.Scope.has(p) && p.State != report.Excluded {
			c.pairs = append(c.pairs, p)
		}
	}
	if len(c.pairs) == 0 {
		return Unknowable("the last round has no pair of " + c.name())
	}
	for _, p := range c.pairs {
		c.pair(p)
	}
	c.judged()
	c.coverage()
	return c.result()
}

type check struct {
	r     *report.Report
	q     Question
	pairs []*report.Pair
	found []finding
	gaps  string // why too few were measured; "" if enough were

	missing int // pairs that were not measured, few enough or not
}

// finding is something that is not well.
type finding struct {
	status Status
	weight float64 // of findings of one status the larger comes first
	text   string
}

// stale says why the round is no news; "" if it is.
func (c *check) stale() string {
	end := c.r.Method.End
	if end.IsZero() {
		end = c.r.Method.Start
	}
	age := c.q.Now.Sub(end)
	switch {
	case end.IsZero():
		return "the last round does not say when it was measured"
	case age > c.q.MaxAge:
		return fmt.Sprintf("the last round ended %s ago, at %s; more than %s is stale", span(age), end.UTC().Format("2006-01-02 15:04:05 UTC"), span(c.q.MaxAge))
	case age < -future:
		return fmt.Sprintf("the last round ended at %s, which is %s ahead: a clock is wrong", end.UTC().Format("2006-01-02 15:04:05 UTC"), span(-age))
	}
	return ""
}

// pair holds one pair against the limits and against its past.
func (c *check) pair(p *report.Pair) {
	if p.State != report.Measured && p.State != report.Lost {
		return // coverage tells
	}
	rtt, hasRTT := p.Millis(report.Avg)
	loss, hasLoss := p.Loss()
	loss *= 100
	worst, unknown := OK, ""
	if c.limited() {
		worst, unknown = c.limits(rtt, hasRTT, loss, hasLoss, p.State)
	}
	text := c.pairName(p) + " " + figures(rtt, hasRTT, loss, hasLoss)
	usual, has := report.Ms(0), false
	if c.q.Usual != nil && p.State == report.Measured {
		usual, has = c.q.Usual.Median[p.Pair]
		switch {
		case !has:
			unknown = fmt.Sprintf("no usual time in the last %d days: fewer than %d rounds", c.q.Usual.Days, LeastRounds)
		case !hasRTT:
			unknown = "the round has no average"
		default:
			text += fmt.Sprintf(", %.1f ms as a rule", usual)
			if s := c.q.Usual.status(report.Ms(rtt), usual); s.worse(worst) {
				worst = s
			}
		}
	}
	if c.q.Usual != nil && p.State == report.Lost {
		worst = Critical
	}
	if unknown != "" && Unknown.worse(worst) {
		worst, text = Unknown, text+": "+unknown
	}
	if worst != OK {
		c.found = append(c.found, finding{worst, rtt + 100*loss, text})
	}
}

// LeastRounds is how many rounds of a pair make a past.
const LeastRounds = 3

func (u *Usual) status(now, usual report.Ms) Status {
	over := func(factor float64) bool {
		return factor > 0 && float64(now) > factor*float64(usual) && now-usual > u.Least
	}
	switch {
	case over(u.Critical):
		return Critical
	case over(u.Warning):
		return Warning
	}
	return OK
}

func (c *check) limited() bool { return c.q.Warning != Limits{} || c.q.Critical != Limits{} }

// limits holds figures against the limits. A figure for which there is a limit
// and which is not there is unknown; that a lost pair has no RTT is no riddle:
// nothing came back, which is worse than slow.
func (c *check) limits(rtt float64, hasRTT bool, loss float64, hasLoss bool, state report.State) (worst Status, unknown string) {
	if state == report.Lost {
		loss, hasLoss = 100, true
	}
	w, k := c.q.Warning, c.q.Critical
	switch {
	case hasRTT:
		worst = status(rtt, w.RTT, k.RTT)
	case state == report.Lost && k.RTT != nil:
		worst = Critical
	case state == report.Lost && w.RTT != nil:
		worst = Warning
	case w.RTT != nil || k.RTT != nil:
		unknown = "the round has no average"
	}
	switch {
	case hasLoss:
		if s := status(loss, w.Loss, k.Loss); s.worse(worst) {
			worst = s
		}
	case w.Loss != nil || k.Loss != nil:
		unknown = "its loss is not known"
	}
	return worst, unknown
}

// judged are the verdicts on the scope, grouped as every output groups them.
func (c *check) judged() {
	if !c.q.Verdicts {
		return
	}
	for i, line := range c.r.StandsOut() {
		if !c.concerns(line) || slices.Contains(c.q.Ignore, line.Verdict) {
			continue
		}
		s := map[report.Severity]Status{report.Worrying: Warning, report.Urgent: Critical}[line.Verdict.Severity()]
		if s != OK {
			c.found = append(c.found, finding{s, -float64(i), line.Verdict.String() + ": " + line.Text()})
		}
	}
}

// concerns says whether a line is about the scope.
func (c *check) concerns(line report.Line) bool {
	scope := c.q.Scope
	if scope == (Scope{}) {
		return true
	}
	in := func(a, b string) bool {
		if scope.City != "" {
			return a == scope.City || b == scope.City
		}
		return a == scope.Pair.From && b == scope.Pair.To || a == scope.Pair.To && b == scope.Pair.From
	}
	for _, p := range line.All {
		if in(p.From, p.To) {
			return true
		}
	}
	return len(line.All) == 0 && (line.City == scope.City || line.City == scope.Pair.From || line.City == scope.Pair.To)
}

// coverage says what was not measured. A pair of which nothing came back was.
func (c *check) coverage() {
	missing := map[string]int{}
	n := 0
	for _, p := range c.pairs {
		if p.State != report.Measured && p.State != report.Lost {
			missing[p.Status()]++
			n++
		}
	}
	c.missing = n
	if have := 100 * float64(len(c.pairs)-n) / float64(len(c.pairs)); n > 0 && (have < c.q.Coverage || n == len(c.pairs)) {
		reasons := make([]string, 0, len(missing))
		for reason := range missing {
			reasons = append(reasons, reason)
		}
		slices.SortFunc(reasons, func(a, b string) int { return cmp.Or(cmp.Compare(missing[b], missing[a]), cmp.Compare(a, b)) })
		c.gaps = fmt.Sprintf("%d of %d pairs were not measured (%s", n, len(c.pairs), reasons[0])
		if len(reasons) > 1 {
			c.gaps += fmt.Sprintf(", and %d other reasons", len(reasons)-1)
		}
		c.gaps += ")"
	}
}

func (c *check) name() string {
	switch {
	case c.q.Scope.City != "":
		return c.r.Title(c.q.Scope.City)
	case c.q.Scope.Pair != report.CityPair{}:
		return c.r.Title(c.q.Scope.Pair.From) + " → " + c.r.Title(c.q.Scope.Pair.To)
	}
	return "the fleet"
}

func (c *check) pairName(p *report.Pair) string { return c.r.Title(p.From) + " → " + c.r.Title(p.To) }

func figures(rtt float64, hasRTT bool, loss float64, hasLoss bool) string {
	text := "no RTT"
	if hasRTT {
		text = fmt.Sprintf("%.1f ms", rtt)
	}
	if hasLoss {
		text += fmt.Sprintf(", %s %% lost", number(round(loss, 1)))
	}
	return text
}

// span is a duration in the largest unit that fits, as a person says it.
func span(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%.1f days", d.Hours()/24)
	case d >= 2*time.Hour:
		return fmt.Sprintf("%.1f hours", d.Hours())
	case d >= 2*time.Minute:
		return fmt.Sprintf("%.0f minutes", d.Minutes())
	}
	return fmt.Sprintf("%.0f seconds", max(0, d.Seconds()))
}
