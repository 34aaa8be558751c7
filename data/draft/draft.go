// Package draft makes a first inventory from what a person has at hand: names of
// cities, names of hosts, a table of servers, the hosts of ~/.ssh/config.
//
//	list, table, ssh_config ─ Read… ─ []City ─ Settle ─ questions ─ Choose ─ Cities ─ inventory
//	                                   gazetteer, guess ─┘
//
// What it reads is somebody else's: it is validated here, and what is guessed is
// marked as a guess.
package draft

import (
	"fmt"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"matrix/data"
	"matrix/geo"
	"matrix/probe"
)

// City is one on its way into the inventory.
type City struct {
	probe.City        // as far as it is known
	Source     string // file:line
	Also       string // another name of the host, which may say where it is
	Guess      string // the word of the host's name that its place is guessed from
	Largest    bool   // it was taken for the largest place of its name
	// Choices are the places that it may be; then one must be chosen. With Open
	// and no choice, nothing is known of its place.
	Choices []geo.Place
	Open    bool
	alone   bool // one word, which may be the name of a city or a host
}

// Guesser finds the place that the name of a host speaks of, and the word of it.
type Guesser func(host string) (place geo.Place, word string, ok bool)

const (
	maxTitle = 60
	maxName  = 40
	// rival is how many times as large the largest place of a name is, if the
	// next is not to be asked about.
	rival = 5
	// apart is how far places are if they are not one.
	apart geo.Miles = 30
	// shownChoices is how many places are worth a question.
	shownChoices = 6
)

// Settle finds where the cities are that have no coordinates. Those that it
// cannot place are left open.
func Settle(cities []City, world *geo.Gazetteer, guess Guesser) {
	for i := range cities {
		cities[i].settle(world, guess)
	}
}

func (c *City) settle(world *geo.Gazetteer, guess Guesser) {
	if c.alone && len(world.Places(c.Title, "")) == 0 && probe.CheckHost(c.Title) == nil {
		c.Host, c.Title = c.Title, ""
	}
	switch {
	case c.Location != nil && c.Title != "":
	case c.Title != "":
		c.find(world)
	default:
		c.guess(world, guess)
	}
}

// find looks the title up.
func (c *City) find(world *geo.Gazetteer) {
	places, sure := c.places(world)
	switch {
	case len(places) == 0:
		c.Open = true
	case sure && clear(places):
		c.place(places[0])
		c.Largest = len(places) > 1
	default:
		c.Open, c.Choices = true, places[:min(len(places), shownChoices)]
	}
}

// places are those that the title may mean. If it is not sure, a part of it was
// not understood: the TX of "Paris, TX".
func (c *City) places(world *geo.Gazetteer) (places []geo.Place, sure bool) {
	whole := different(world.Places(c.Title, c.Country))
	before, after, comma := cutLast(c.Title)
	if c.Country != "" || !comma || len(whole) > 0 && geo.Fold(whole[0].Name) == geo.Fold(c.Title) {
		return whole, true
	}
	if code, known := world.Country(after); known {
		if within := different(world.Places(before, code)); len(within) > 0 {
			c.Title = before
			return within, true
		}
	}
	return whole, len(whole) == 1 && len(world.Places(c.Title, "")) == 1
}

// clear says whether the first place is so much larger that it is meant.
func clear(places []geo.Place) bool {
	return len(places) == 1 || places[0].Population >= rival*places[1].Population
}

// different leaves one of each place that is there twice.
func different(places []geo.Place) []geo.Place {
	var kept []geo.Place
	for _, p := range places {
		near := false
		for _, k := range kept {
			near = near || geo.Distance(k.Point, p.Point) < apart
		}
		if !near {
			kept = append(kept, p)
		}
	}
	return kept
}

func cutLast(text string) (before, after string, found bool) {
	i := strings.LastIndex(text, ",")
	if i < 0 {
		return text, "", false
	}
	return strings.TrimSpace(text[:i]), strings.TrimSpace(text[i+1:]), true
}

// leastLetters of a host's name suggest a city.
const leastLetters = 3

// guess takes the place from the host's name. If that says none, the places
// whose names start as the host's does are worth a question.
func (c *City) guess(world *geo.Gazetteer, guess Guesser) {
	for _, name := range []string{c.Also, c.Name, c.Host} {
		if _, err := netip.ParseAddr(name); name == "" || err == nil {
			continue
		}
		if p, word, ok := guess(name); ok {
			c.Guess, c.Title = word, p.Name
			c.place(p)
			return
		}
		if start := letters(name); len(start) >= leastLetters && c.Choices == nil {
			c.Choices = world.Starting(start, shownChoices)
		}
	}
	c.Open = c.Location == nil
}

// letters are those that a name starts with.
func letters(name string) string {
	end := strings.IndexFunc(name, func(r rune) bool { return !unicode.IsLetter(r) })
	if end < 0 {
		return name
	}
	return name[:end]
}

// Choose settles a question.
func (c *City) Choose(p geo.Place) {
	if c.Title == "" {
		c.Title = p.Name
	}
	c.Open, c.Choices = false, nil
	c.place(p)
}

// place keeps coordinates that the person gave.
func (c *City) place(p geo.Place) {
	if c.Location == nil {
		c.Location = &probe.Location{Latitude: p.Latitude, Longitude: p.Longitude}
	}
	if c.Country == "" {
		c.Country = p.Country
	}
}

// Called is what the person called it.
func (c *City) Called() string {
	for _, text := range []string{c.Title, c.Name, c.Host} {
		if data.Slug(text) != "" {
			return probe.Clean(text, maxTitle)
		}
	}
	return c.Source
}

// Cities makes the inventory, with a name of its own for each city. Of cities
// with the same host the first is kept; the remarks name the others.
func Cities(cities []City) (all []probe.City, remarks []string) {
	taken, hosts := map[string]bool{}, map[string]string{}
	for _, c := range cities {
		key := strings.ToLower(strings.TrimSuffix(c.Host, "."))
		if first, there := hosts[key]; there && key != "" {
			remarks = append(remarks, fmt.Sprintf("%s: %s was left out: the host is that of %s", c.Source, c.Called(), first))
			continue
		}
		hosts[key] = c.Source
		c.City.Title = free(c.Called(), taken)
		c.City.Name = data.Slug(c.City.Title)
		taken[c.City.Name] = true
		all = append(all, c.City)
	}
	return all, remarks
}

// free is the title, with a number if there is one of that name already.
func free(title string, taken map[string]bool) string {
	const number = 5 // " 1000"
	for n := maxName; utf8.RuneCountInString(data.Slug(title)) > maxName-number; n-- {
		title = probe.Clean(title, n) // letters such as ß are two of a name
	}
	for n := 2; ; n++ {
		called := title
		if n > 2 {
			called = fmt.Sprintf("%s %d", title, n-1)
		}
		if !taken[data.Slug(called)] {
			return called
		}
	}
}
