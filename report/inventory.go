package report

import (
	"cmp"
	"fmt"
	"math"

	"matrix/geo"
)

// CityCheck is what the gazetteer says of a city in the inventory.
type CityCheck struct {
	City    City
	Word    string // coordinates-suspect, no-coordinates, not-in-gazetteer; "" if all is well
	Place   *Place // the nearest of that name or, without coordinates, the most populous
	Off     geo.Miles
	Choices int // places of that name and country
}

// CheckCities compares an inventory with a gazetteer, without measuring.
func CheckCities(cities []City, g Gazetteer, t Thresholds) []CityCheck {
	checks := make([]CityCheck, len(cities))
	for i, c := range cities {
		places := g.Places(cmp.Or(c.Title, c.Name), c.Country)
		check := CityCheck{City: c, Choices: len(places)}
		nearest, off, wrong := Suspect(c, g, t)
		switch {
		case c.Location == nil:
			check.Word = "no-coordinates"
			if len(places) > 0 {
				check.Place = &places[0]
			}
		case len(places) == 0:
			check.Word = "not-in-gazetteer"
		default:
			check.Place, check.Off = &nearest, off
			if wrong {
				check.Word = SuspectPlace.String()
			}
		}
		checks[i] = check
	}
	return checks
}

// Text says in a sentence what was found; "" if all is well.
func (c CityCheck) Text() string {
	switch {
	case c.Word == "":
		return ""
	case c.Word == "not-in-gazetteer":
		return "no place of that name has 15,000 inhabitants; its coordinates cannot be checked"
	case c.Place == nil:
		return "no coordinates, and no place of that name has 15,000 inhabitants"
	}
	place := fmt.Sprintf("%s, %s (%.4f, %.4f)", Clean(c.Place.Name, titleRunes), c.Place.Country, c.Place.Latitude, c.Place.Longitude)
	if c.Word == "no-coordinates" {
		text := "no coordinates; " + place
		if c.Choices > 1 {
			text += fmt.Sprintf(" is the largest of %d places of that name", c.Choices)
		}
		return text
	}
	return fmt.Sprintf("%.0f miles from %s%s", c.Off, place, c.slip())
}

// slip names the mistakes that people make with coordinates, if undoing one
// puts the city in its place.
func (c CityCheck) slip() string {
	l := *c.City.Location
	for _, s := range []struct {
		text string
		at   Location
	}{
		{"latitude and longitude swapped", Location{Latitude: l.Longitude, Longitude: l.Latitude}},
		{"the sign of the longitude is turned", Location{Latitude: l.Latitude, Longitude: -l.Longitude}},
		{"the sign of the latitude is turned", Location{Latitude: -l.Latitude, Longitude: l.Longitude}},
		{"both signs are turned", Location{Latitude: -l.Latitude, Longitude: -l.Longitude}},
	} {
		at, err := geo.NewPoint(s.at.Latitude, s.at.Longitude)
		if err == nil && float64(geo.Distance(at, c.Place.Point)) < math.Min(float64(c.Off)/2, 60) {
			return "; " + s.text + "?"
		}
	}
	return ""
}
