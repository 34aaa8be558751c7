package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"matrix/geo"
	"matrix/probe"
)

// monthNotes are what a reader of the month must know: of the rounds as a
// whole, and what the rounds warned of again and again. What the history tells
// itself of its files is not theirs.
func monthNotes(rounds []*probe.Round, told []probe.Warning) []probe.Warning {
	var notes []probe.Warning
	partial, settings := 0, []probe.Options{}
	for _, r := range rounds {
		if r.Partial {
			partial++
		}
		if !slices.Contains(settings, r.Options) {
			settings = append(settings, r.Options)
		}
	}
	if partial > 0 {
		notes = append(notes, probe.Warning{Text: fmt.Sprintf("%s did not get to their end", ofRounds(partial, len(rounds)))})
	}
	if len(settings) > 1 {
		notes = append(notes, probe.Warning{Text: fmt.Sprintf("the rounds were measured with %d different settings: counts and waits differ", len(settings))})
	}
	notes = append(notes, pauses(rounds)...)
	notes = append(notes, resettled(rounds)...)
	return append(notes, repeated(rounds, told)...)
}

// problems are the files that a history has left out so far, by name: in which
// order they were met is chance. A history without files has none.
func problems(history History) []probe.Warning {
	h, ok := history.(interface{ Problems() []probe.Warning })
	if !ok {
		return nil
	}
	all := h.Problems()
	slices.SortFunc(all, func(a, b probe.Warning) int {
		return cmp.Or(cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Text, b.Text))
	})
	return all
}

// tell adds the files that turned out to be damaged while the history was read,
// each once.
func (m *Month) tell(history History) {
	for _, p := range problems(history) {
		if !slices.Contains(m.Notes, p) {
			m.Notes = append(m.Notes, p)
			m.LeftOut++
		}
	}
}

func ofRounds(n, all int) string { return fmt.Sprintf("%d of %d rounds", n, all) }

// mostPauses is how many stretches without a round are told one by one.
const mostPauses = 5

// pauses are where rounds are missing: twice as far apart as usual, or more.
func pauses(rounds []*probe.Round) []probe.Warning {
	if len(rounds) < 3 {
		return nil
	}
	var apart []time.Duration
	for i := 1; i < len(rounds); i++ {
		apart = append(apart, rounds[i].Start.Sub(rounds[i-1].Start))
	}
	usual := slices.Sorted(slices.Values(apart))[len(apart)/2]
	var notes []probe.Warning
	missing, stretches := 0, 0
	for i, d := range apart {
		if lost := int((d+usual/2)/max(usual, 1)) - 1; lost > 0 {
			missing += lost
			if stretches++; stretches <= mostPauses {
				notes = append(notes, probe.Warning{Text: fmt.Sprintf("no round between %s and %s", stamp(rounds[i].Start), stamp(rounds[i+1].Start))})
			}
		}
	}
	if missing > 0 {
		notes = append(notes, probe.Warning{Text: fmt.Sprintf("rounds are %s apart as a rule; %d are missing, in %d places", lasting(usual), missing, stretches)})
	}
	return notes
}

// stamp is a time as a sentence gives it.
func stamp(t time.Time) string { return t.UTC().Format("2 January 15:04") }

// resettled are cities whose coordinates changed by more than a suburb:
// distances are those of the last ones.
func resettled(rounds []*probe.Round) []probe.Warning {
	before := map[string]probe.City{}
	var notes []probe.Warning
	for _, r := range rounds {
		for _, c := range r.Cities {
			if was, known := before[c.Name]; known && apart(was, c) > DefaultThresholds().CitySize {
				notes = append(notes, probe.Warning{Subject: c.Name, Text: fmt.Sprintf(
					"its coordinates changed by %.0f miles on %s; all distances are those of the last", apart(was, c), r.Start.UTC().Format("2 January"))})
			}
			before[c.Name] = c
		}
	}
	return notes
}

// apart is the distance between two places; 0 where one is not known.
func apart(a, b probe.City) geo.Miles {
	if a.Location == nil || b.Location == nil || *a.Location == *b.Location {
		return 0
	}
	from, errA := geo.NewPoint(a.Location.Latitude, a.Location.Longitude)
	to, errB := geo.NewPoint(b.Location.Latitude, b.Location.Longitude)
	if errA != nil || errB != nil {
		return 0
	}
	return geo.Distance(from, to)
}

// remark is a warning that rounds have in common, but for its numbers.
type remark struct {
	probe.Warning // the first one
	rounds        int
	vary          bool
}

// oftenEnough is in how many rounds a remark is from which it is told for
// itself.
const oftenEnough = 3

// repeated are the rounds' own warnings, each once, with the number of rounds
// that have it.
func repeated(rounds []*probe.Round, told []probe.Warning) []probe.Warning {
	all := map[probe.Warning]*remark{}
	for _, r := range rounds {
		for _, w := range r.Warnings {
			if slices.Contains(told, w) {
				continue
			}
			key := probe.Warning{Subject: w.Subject, Text: numberless(w.Text)}
			if all[key] == nil {
				all[key] = &remark{Warning: w}
			}
			all[key].rounds++
			all[key].vary = all[key].vary || all[key].Text != w.Text
		}
	}
	var notes []probe.Warning
	rare := 0
	for _, m := range inOrder(all) {
		switch {
		case m.rounds >= min(oftenEnough, len(rounds)):
			text := m.Text
			if m.vary {
				text = "such as: " + text
			}
			notes = append(notes, probe.Warning{Subject: m.Subject, Text: fmt.Sprintf("in %s: %s", ofRounds(m.rounds, len(rounds)), text)})
		default:
			rare++
		}
	}
	if rare > 0 {
		notes = append(notes, probe.Warning{Text: fmt.Sprintf("%d further remarks are of fewer than %d rounds each", rare, oftenEnough)})
	}
	return notes
}

// inOrder are remarks, the most frequent first.
func inOrder(all map[probe.Warning]*remark) []*remark {
	var list []*remark
	for _, m := range all {
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b *remark) int {
		return cmp.Or(cmp.Compare(b.rounds, a.rounds), cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Text, b.Text))
	})
	return list
}

// numberless is a text without the digits in which remarks differ from round to
// round.
func numberless(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) || r == '.' {
			return -1
		}
		return r
	}, text)
}
