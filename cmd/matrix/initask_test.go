package main

import (
	"bufio"
	"bytes"
	"strings"
	"testing"

	"matrix/data/draft"
	"matrix/geo"
)

// TestAsk answers as a person does: wrongly, by number, by name, by coordinates.
func TestAsk(t *testing.T) {
	cities, err := draft.ReadList(strings.NewReader("Birmingham\nbal1.example.net\nx9.example.net\nSpringfield\n"), "list")
	if err != nil {
		t.Fatal(err)
	}
	world := geo.World()
	nobody := func(string) (geo.Place, string, bool) { return geo.Place{}, "", false }
	draft.Settle(cities, world, nobody)
	answers := "9\n2\nBaltimore\n\nBirmingham\n1\n37.2, -93.3\n"
	var talk bytes.Buffer
	if err := ask(cities, world, bufio.NewReader(strings.NewReader(answers)), &talk); err != nil {
		t.Fatalf("%v\n%s", err, talk.String())
	}
	for i, want := range []struct {
		title, country string
		latitude       float64
	}{
		{"Birmingham", "US", 33.5207}, {"Baltimore", "US", 39.2904}, {"Birmingham", "GB", 52.4814}, {"Springfield", "", 37.2},
	} {
		c := cities[i]
		if c.Open || c.Title != want.title || c.Country != want.country || c.Location == nil || c.Location.Latitude != want.latitude {
			t.Errorf("city %d is %+v (%+v), want %+v", i, c.City, c.Location, want)
		}
	}
	if err := ask([]draft.City{{Open: true}}, world, bufio.NewReader(strings.NewReader("")), &talk); exitStatus(err) != exitUnknown {
		t.Errorf("nobody answered, and the status is %d (%v)", exitStatus(err), err)
	}
}
