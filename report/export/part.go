package export

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"matrix/report"
)

// PairPart is what PairJSON writes of two cities, asked for as from and to.
type PairPart struct {
	Pair     *Pair         `json:"pair"` // null: not planned in this direction
	Back     *Pair         `json:"back"` // to → from
	Verdicts []PairVerdict `json:"verdicts"`
	Traced   *Traced       `json:"traced"` // null: nobody looked into it
}

// CityPart is what CityJSON writes of a city.
type CityPart struct {
	City     City          `json:"city"`
	Verdicts []HostVerdict `json:"host_verdicts"`
	Pairs    []PairVerdict `json:"pair_verdicts"` // that it is one of the two cities of
	Out      []Pair        `json:"out"`           // its row: it pings
	In       []Pair        `json:"in"`            // its column: it is pinged
}

// CitiesJSON writes the cities of a report, one a line.
func CitiesJSON(w io.Writer, r *report.Report) error {
	out := &lines{w: w}
	out.text("{\"cities\": [")
	writeLines(out, slices.Values(cities(r)))
	out.text("]}\n")
	if out.err != nil {
		return fmt.Errorf("write cities: %w", out.err)
	}
	return nil
}

// PairJSON writes everything that the report knows of two cities. It is false if
// it knows neither direction.
func PairJSON(w io.Writer, r *report.Report, from, to string) (bool, error) {
	there, back := r.Pair(from, to), r.Pair(to, from)
	if there == nil && back == nil {
		return false, nil
	}
	part := PairPart{Verdicts: []PairVerdict{}}
	if there != nil {
		p := pair(r, there)
		part.Pair = &p
	}
	if back != nil {
		p := pair(r, back)
		part.Back = &p
	}
	if judged := r.Verdicts.Pair(from, to); judged != nil {
		part.Verdicts = pairVerdicts(r, judged)
	}
	for i, t := range r.Traced {
		if t.Pair.From == from && t.Pair.To == to || t.Pair.From == to && t.Pair.To == from {
			part.Traced = &traced(r)[i]
		}
	}
	return true, writePart(w, part)
}

// CityJSON writes everything that the report knows of a city: its row and its
// column. It is false if there is no such city.
func CityJSON(w io.Writer, r *report.Report, name string) (bool, error) {
	part := CityPart{Verdicts: []HostVerdict{}, Pairs: []PairVerdict{}, Out: []Pair{}, In: []Pair{}}
	known := false
	for i, c := range r.Cities {
		if c.Name == name {
			part.City, known = cities(r)[i], true
		}
	}
	if !known {
		return false, nil
	}
	for _, h := range r.Verdicts.Host(name) {
		part.Verdicts = append(part.Verdicts, hostVerdict(r, h))
	}
	for p := range r.JudgedPairsOf(name) {
		part.Pairs = append(part.Pairs, pairVerdicts(r, p)...)
	}
	for _, p := range r.Pairs() {
		if p.From == name {
			part.Out = append(part.Out, pair(r, p))
		}
		if p.To == name {
			part.In = append(part.In, pair(r, p))
		}
	}
	return true, writePart(w, part)
}

func pairVerdicts(r *report.Report, p *report.PairVerdict) []PairVerdict {
	list := make([]PairVerdict, 0, len(p.Verdicts))
	for _, v := range p.Verdicts {
		list = append(list, pairVerdict(r, p, v))
	}
	return list
}

func writePart(w io.Writer, part any) error {
	text, err := json.MarshalIndent(part, "", "  ")
	if err == nil {
		_, err = w.Write(append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return nil
}
