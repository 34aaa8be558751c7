package report

import (
	"slices"
	"strings"

	"matrix/geo"
)

// Atlas says where the places are that routers' names speak of.
type Atlas interface {
	Gazetteer
	// Airport is the city of an airport's code, or of a like one of carriers.
	Airport(code string) (Place, bool)
}

// Hint is a place that a router's name speaks of.
type Hint struct {
	Word  string // of the name: "cdg1"
	Place Place
}

const (
	// famous is how many people live in a city that a router is named after,
	// if no code stands for it: of the smaller ones too many are words.
	famous = 100_000
	// leastName and leastTown are the shortest names of a fleet's own city and
	// of any other that are taken for one.
	leastName = 3
	leastTown = 5
)

// words mean something else in a router's name than the city that is called so.
var words = []string{"mobile", "orange", "central", "static", "cable", "metro", "split", "union", "victoria", "cisco", "juniper"}

// atlas looks for places first among the fleet's own cities.
type atlas struct {
	Atlas
	fleet map[string]Place
}

func newAtlas(world Atlas, cities []City) atlas {
	a := atlas{world, map[string]Place{}}
	for _, c := range cities {
		point, ok := pointOf(c)
		if !ok {
			continue
		}
		place := Place{Name: titleOf(c), Latitude: c.Location.Latitude, Longitude: c.Location.Longitude, Point: point}
		for _, name := range []string{geo.Fold(c.Name), geo.Fold(c.Title)} {
			if len(name) >= leastName {
				a.fleet[name] = place
			}
		}
	}
	return a
}

// HostHints are the places that a host's own name may speak of, likeliest first:
// that of a router is read in the same way.
func HostHints(world Atlas, host string) []Hint {
	if !strings.Contains(host, ".") {
		host += ".host.invalid" // hints passes the domain over, and this has none
	}
	return newAtlas(world, nil).hints(host)
}

// pointOf is where a city is; false if that is not known.
func pointOf(c City) (geo.Point, bool) {
	if c.Location == nil {
		return geo.Point{}, false
	}
	p, err := geo.NewPoint(c.Location.Latitude, c.Location.Longitude)
	return p, err == nil
}

// hints are the places of a router's name, likeliest first. Carriers write the
// site next to their own domain, and the interface in front; so labels are read
// from the right. Of a name with several places each is a hint.
func (a atlas) hints(name string) []Hint {
	labels := strings.Split(strings.ToLower(name), ".")
	labels = labels[:max(0, len(labels)-strings.Count(networkOf(name), ".")-1)]
	var found []Hint
	for _, label := range slices.Backward(labels) {
		for _, word := range wordsOf(label) {
			for _, p := range a.places(strings.TrimRight(word, "0123456789")) {
				found = append(found, Hint{Word: word, Place: p})
			}
		}
	}
	return found
}

// wordsOf are the label as a whole, which may be a name of several words, and
// its parts.
func wordsOf(label string) []string {
	parts := strings.FieldsFunc(label, func(r rune) bool { return r == '-' || r == '_' })
	if len(parts) < 2 {
		return parts
	}
	all := []string{label}
	for i := range parts[:len(parts)-1] {
		all = append(all, parts[i]+parts[i+1])
	}
	return append(all, parts...)
}

// places are those that a word may stand for.
func (a atlas) places(word string) []Place {
	key := geo.Fold(word)
	if p, ok := a.fleet[key]; ok {
		return []Place{p}
	}
	if a.Atlas == nil || slices.Contains(words, key) {
		return nil
	}
	if p, ok := a.Airport(key); ok {
		return []Place{p}
	}
	if len(key) < leastTown {
		return nil
	}
	return slices.DeleteFunc(a.Places(key, ""), func(p Place) bool { return p.Population < famous })
}

// secondLevel are domains below a country's under which names are registered.
var secondLevel = []string{"ac", "ad", "co", "com", "edu", "gov", "net", "ne", "or", "org"}

// networkOf is the domain of a router's name that says whose it is:
// "lab.example" of "ae1.cr1.paris.lab.example"; "" if it has none.
func networkOf(name string) string {
	labels := strings.Split(strings.Trim(name, "."), ".")
	n := len(labels)
	if n < 2 {
		return ""
	}
	keep := 2
	if n > 2 && len(labels[n-1]) == 2 && slices.Contains(secondLevel, labels[n-2]) {
		keep = 3
	}
	return strings.Join(labels[n-keep:], ".")
}
