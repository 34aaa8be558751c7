package report

import (
	"fmt"
	"strings"
)

// Headline is the month in a few sentences, the worst first.
func (m *MonthReport) Headline() []string {
	lines := []string{m.state()}
	if trouble := m.trouble(); trouble != "" {
		lines = append(lines, trouble)
	}
	return append(lines, m.counts())
}

// state is how the fleet is as a whole.
func (m *MonthReport) state() string {
	now := map[string]KeyFigure{}
	for _, f := range m.Figures {
		now[f.Name] = f
	}
	text := fmt.Sprintf("%s of the samples of %s were measured. The typical RTT was %s", now["samples measured"].Now,
		plural(len(m.Month.Rounds), "round"), now["typical average RTT"].Now)
	if m.Before != nil {
		text += fmt.Sprintf(" (%s: %s)", m.Before.Title(), now["typical average RTT"].Before)
	}
	lost := now["echo requests lost"].Now
	if lost == unknown { // as of figures that were imported without counts
		return text + "; how many echo requests were lost is not known."
	}
	return text + fmt.Sprintf("; %s of the echo requests were lost.", lost)
}

// serious are the words of hosts that somebody has to see to.
var serious = []string{InvalidSource.String(), Misplaced.String(), SuspectPlace.String(), "down", SourceDown.String(), "clock", "unwell"}

// trouble names the hosts that somebody has to see to.
func (m *MonthReport) trouble() string {
	var parts []string
	for _, word := range serious {
		var names []string
		for _, h := range m.Hosts {
			if h.Word == word {
				names = append(names, h.Name)
			}
		}
		if len(names) > 0 {
			parts = append(parts, word+": "+few(names))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "Hosts to see to: " + strings.Join(parts, "; ") + "."
}

// few are the first names, and how many more there are.
func few(names []string) string {
	const most = 4
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// counts says how many pairs of cities have which verdict.
func (m *MonthReport) counts() string {
	count := func(verdicts ...Verdict) int {
		n := 0
		for _, p := range m.Verdicts.kept {
			for _, v := range verdicts {
				if p.Has(v) {
					n++
					break
				}
			}
		}
		return n
	}
	return fmt.Sprintf("Of %d pairs of cities: slower than before %d, faster %d, with a detour %d, losing packets %d.",
		len(m.Verdicts.kept), count(Degraded), count(Recovered), count(Detour, Severe, Extreme), count(Lossy, LossyHours, Unreachable))
}
