package data

import (
	"fmt"
	"path/filepath"

	"matrix/probe"
)

// resolver knows cities by what one file calls them: those of the inventory if
// there is one, or else those that the file itself names.
type resolver struct {
	index *index // nil without an inventory
	names map[string]int
	seen  map[string]int // texts met so far; -1 for what is no city
	city  []probe.City
}

// maxTexts bounds how many ways of writing cities a file may have.
const maxTexts = 10 * maxCities

func newResolver(inv *Inventory) *resolver {
	r := &resolver{names: make(map[string]int), seen: make(map[string]int)}
	if inv != nil {
		r.index, r.city = newIndex(inv), inv.Cities
	}
	return r
}

// find is the position of a city in r.city.
func (r *resolver) find(text string) (int, bool) {
	i, met := r.seen[text]
	if !met {
		i = r.look(text)
		if len(r.seen) < maxTexts {
			r.seen[text] = i
		}
	}
	return i, i >= 0
}

func (r *resolver) look(text string) int {
	if r.index != nil {
		if i, ok := r.index.exact(text); ok {
			return i
		}
		return -1
	}
	name := Slug(text)
	if i, ok := r.names[name]; ok {
		return i
	}
	if name == "" || len(r.city) == maxCities || len([]rune(name)) > maxName {
		return -1
	}
	r.names[name] = len(r.city)
	r.city = append(r.city, probe.City{Name: name, Title: probe.Clean(text, maxTitle)})
	return len(r.city) - 1
}

// unknown says why a text is no city, and what to do.
func (r *resolver) unknown(text string) (problem, hint string) {
	if r.index == nil {
		if len(r.city) == maxCities {
			return fmt.Sprintf("more than %d cities", maxCities), "split the file"
		}
		return "not a name of a city", fmt.Sprintf("a name has letters or digits, at most %d", maxName)
	}
	problem = "not a city of " + r.index.inv.short()
	if near := r.index.near(text); len(near) > 0 {
		return problem, "did you mean " + list(near, "or") + "?"
	}
	return problem, "add it there, or remove it here"
}

// short is called without its folders.
func (inv *Inventory) short() string { return filepath.Base(inv.called()) }

// called is what messages call the inventory.
func (inv *Inventory) called() string {
	if inv.Name == "" {
		return "the inventory"
	}
	return inv.Name
}
