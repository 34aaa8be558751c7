package geo

import (
	"bytes"
	"compress/gzip"
	"testing"
)

func TestPlaces(t *testing.T) {
	for _, test := range []struct {
		name, country string
		want          string // name, country; "" none
		latitude      float64
	}{
		{"New York", "United States", "New York City US", 40.7},
		{"new york", "", "New York City US", 40.7},
		{"NYC", "US", "New York City US", 40.7},
		{"Bangalore", "India", "Bengaluru IN", 13.0},
		{"Bengaluru", "IN", "Bengaluru IN", 13.0},
		{"Kiev", "Ukraine", "Kyiv UA", 50.5},
		{"Kyiv", "", "Kyiv UA", 50.5},
		{"SÃO PAULO", "Brazil", "São Paulo BR", -23.5},
		{"sao paulo", "", "São Paulo BR", -23.5},
		{"Zu\u0308rich", "Switzerland", "Zürich CH", 47.4},
		{"Frankfurt", "Germany", "Frankfurt am Main DE", 50.1},
		{"Saint Louis", "USA", "St. Louis US", 38.6},
		{"St Petersburg", "Russia", "Saint Petersburg RU", 59.9},
		{"Mexico", "Mexico", "Mexico City MX", 19.4},
		{"Portland, OR", "United States", "Portland US", 45.5},
		{"Washington, D.C.", "US", "Washington, D.C. US", 38.9},
		{"Nuremberg", "Germany", "Nürnberg DE", 49.5},
		{"Birmingham", "United Kingdom", "Birmingham GB", 52.5},
		{"Birmingham", "US", "Birmingham US", 33.5},
		{"Douglas", "Isle of Man", "Douglas IM", 54.2},
		{"Prague", "Czech Republic", "Prague CZ", 50.1},
		{"Lemuria", "", "", 0},
		{"", "France", "", 0},
		{"東京???", "", "", 0},
		{"Paris", "Brazil", "", 0},
		{"Paris", "Nowhereland", "Paris FR", 48.9}, // a country that is not known narrows nothing down
	} {
		places := World().Places(test.name, test.country)
		switch {
		case len(places) == 0 && test.want == "":
		case len(places) == 0:
			t.Errorf("%s, %s: not found", test.name, test.country)
		case places[0].Name+" "+places[0].Country != test.want:
			t.Errorf("%s, %s: got %s %s, want %q", test.name, test.country, places[0].Name, places[0].Country, test.want)
		case places[0].Latitude < test.latitude-0.2 || places[0].Latitude > test.latitude+0.2:
			t.Errorf("%s: latitude %v", test.name, places[0].Latitude)
		}
	}
}

// TestPlacesApart: what one caller does with the places is not seen by the
// next.
func TestPlacesApart(t *testing.T) {
	first := World().Places("Paris", "")
	first[0].Name, first[0].Country = "x", "xx"
	if again := World().Places("Paris", ""); again[0].Name != "Paris" || again[0].Country != "FR" {
		t.Errorf("got %+v", again[0])
	}
}

func TestSize(t *testing.T) {
	if n := len(placesGz); n > 450_000 {
		t.Errorf("%d bytes in every program", n)
	}
	if n := len(World().byName); n < 20_000 {
		t.Errorf("%d names", n)
	}
}

func pack(text string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(text))
	w.Close()
	return b.Bytes()
}

func TestReadGazetteerMistakes(t *testing.T) {
	for _, text := range []string{"", "FR\tFrance\n", "FR\tFrance\n\nParis\tFR\t48\n", "\n\nParis\tFR\tx\t2\t3\n", "\n\nParis\tFR\t98\t2\t3\n", "\n\nParis\t\t48\t2\t3\n"} {
		if _, err := readGazetteer(pack(text)); err == nil {
			t.Errorf("%q: want an error", text)
		}
	}
	if _, err := readGazetteer([]byte("not packed")); err == nil {
		t.Error("want an error")
	}
}

// FuzzPlaces: no name of unknown origin upsets the look-up.
func FuzzPlaces(f *testing.F) {
	f.Add("São Paulo", "Brazil")
	f.Add("St", "x,")
	f.Add(",,\xff", "\u202e")
	f.Fuzz(func(t *testing.T, name, country string) {
		for _, p := range World().Places(name, country) {
			if p.Name == "" || len(p.Country) != 2 {
				t.Errorf("%q, %q: %+v", name, country, p)
			}
		}
	})
}
