package data

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"matrix/probe"
)

// UnknownCityError says that a name fits no city, or more than one.
type UnknownCityError struct {
	Name       string
	Candidates []string // names that fit, or that are near
	Ambiguous  bool     // more than one fits
	All        []string // every name, where none is near
}

func (e *UnknownCityError) Error() string {
	name := shown(e.Name)
	switch {
	case e.Ambiguous:
		return fmt.Sprintf("city %q fits %s", name, list(e.Candidates, "and"))
	case len(e.Candidates) > 0:
		return fmt.Sprintf("unknown city %q; did you mean %s?", name, list(e.Candidates, "or"))
	case len(e.All) > 0:
		return fmt.Sprintf("unknown city %q; there are %s", name, list(e.All, "and"))
	}
	return fmt.Sprintf("unknown city %q", name)
}

// shownNames is how many names a message lists.
const shownNames = 10

// list writes names as a sentence has them.
func list(names []string, last string) string {
	if more := len(names) - shownNames; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:shownNames], ", "), more)
	}
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " " + last + " " + names[n-1]
	}
	return strings.Join(names, "")
}

// Find is the city that a person means. Case, accents, spaces and punctuation
// do not matter. A whole name or title (or an id, in WonderNetwork's list) goes
// before the start of one; a start must fit one city only. Otherwise the error
// is an *UnknownCityError.
func (inv *Inventory) Find(name string) (probe.City, error) { return newIndex(inv).find(name) }

func (x *index) find(name string) (probe.City, error) {
	if i, ok := x.exact(name); ok {
		return x.inv.Cities[i], nil
	}
	fits := x.starting(fold(name))
	if len(fits) == 1 {
		return x.inv.Cities[fits[0]], nil
	}
	err := &UnknownCityError{Name: name, Ambiguous: len(fits) > 1}
	for _, i := range fits {
		err.Candidates = append(err.Candidates, x.inv.Cities[i].Name)
	}
	if !err.Ambiguous {
		err.Candidates = x.near(name)
	}
	if len(err.Candidates) == 0 {
		for _, c := range x.inv.Cities {
			err.All = append(err.All, c.Name)
		}
	}
	return probe.City{}, err
}

// FindAll finds every city of lists such as "paris,milan". A city that is named
// twice is found once. The error joins one *UnknownCityError for each name that
// is not found.
func (inv *Inventory) FindAll(names []string) ([]probe.City, error) {
	var found []probe.City
	var failed []error
	seen := make(map[string]bool)
	x := newIndex(inv)
	for _, name := range x.split(names) {
		city, err := x.find(name)
		if err != nil {
			failed = append(failed, err)
		} else if !seen[city.Name] {
			seen[city.Name] = true
			found = append(found, city)
		}
	}
	if err := errors.Join(failed...); err != nil {
		return nil, err
	}
	return found, nil
}

// split cuts lists at their commas, unless a city's title has that comma
// ("Washington, D.C.").
func (x *index) split(names []string) []string {
	var all []string
	for _, name := range names {
		if _, ok := x.exact(name); ok {
			all = append(all, name)
			continue
		}
		for _, part := range strings.Split(name, ",") {
			if part = strings.TrimSpace(part); part != "" {
				all = append(all, part)
			}
		}
	}
	return all
}

// index finds cities by what people and files call them.
type index struct {
	inv    *Inventory
	names  map[string]int
	titles map[string][]int
	keys   [][]string // of each city
}

func newIndex(inv *Inventory) *index {
	x := &index{inv: inv, names: make(map[string]int), titles: make(map[string][]int)}
	for i, c := range inv.Cities {
		keys := []string{fold(c.Name), fold(c.Title), Slug(c.Title)}
		keys = slices.Compact(keys)
		x.keys = append(x.keys, keys)
		if _, taken := x.names[keys[0]]; !taken {
			x.names[keys[0]] = i
		}
		for _, key := range keys {
			if !slices.Contains(x.titles[key], i) {
				x.titles[key] = append(x.titles[key], i)
			}
		}
	}
	return x
}

// exact is the city whose whole name, id or title this is, if there is just
// one.
func (x *index) exact(text string) (int, bool) {
	key := fold(text)
	if key == "" {
		return 0, false
	}
	if i, ok := x.names[key]; ok {
		return i, true
	}
	if i, ok := x.inv.ids[strings.TrimSpace(text)]; ok {
		return i, true
	}
	if same := x.titles[key]; len(same) == 1 {
		return same[0], true
	}
	return 0, false
}

// starting are the cities of which a name or title starts so.
func (x *index) starting(key string) []int {
	var fits []int
	for i, keys := range x.keys {
		if key != "" && slices.ContainsFunc(keys, func(k string) bool { return strings.HasPrefix(k, key) }) {
			fits = append(fits, i)
		}
	}
	return fits
}

// near are the names of the cities that somebody who wrote this may have meant.
func (x *index) near(text string) []string {
	key := fold(text)
	var words []string
	byWord := make(map[string]string)
	for i, keys := range x.keys {
		for _, k := range keys {
			if _, taken := byWord[k]; !taken && k != "" {
				words, byWord[k] = append(words, k), x.inv.Cities[i].Name
			}
		}
	}
	var names []string
	for _, word := range nearest(key, words) {
		if name := byWord[word]; !slices.Contains(names, name) && len(names) < 5 {
			names = append(names, name)
		}
	}
	return names
}
