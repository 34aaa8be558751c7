package geo

import "testing"

func TestAirport(t *testing.T) {
	for code, want := range map[string]string{
		"cdg": "Paris", "par": "Paris", "PRS": "Paris", "frpar": "Paris", "usnyc": "New York", "iad": "Washington", "lhr": "London",
		"gbpar": "", "gig": "", "ccr": "", "xx": "", "": "",
	} {
		p, ok := World().Airport(code)
		if p.Name != want && ok || ok != (want != "") {
			t.Errorf("%s: got %q, %v; want %q", code, p.Name, ok, want)
		}
	}
}

// Each city of the table is where the gazetteer has one of its name.
func TestAirportsAreWhereTheirCitiesAre(t *testing.T) {
	for code, p := range airports() {
		near := false
		places := World().Places(p.Name, p.Country)
		for _, q := range places {
			near = near || Distance(p.Point, q.Point) < 60
		}
		if !near && len(places) > 0 {
			t.Errorf("%s: %s, %s at %v, %v is not near any place of that name", code, p.Name, p.Country, p.Latitude, p.Longitude)
		}
	}
}

func TestReadAirportsMistakes(t *testing.T) {
	for _, text := range []string{"par\tParis\n", "par\tParis\tFR\tx\t2\n", "par\tParis\tFR\t2\tx\n", "par\tParis\tFR\t98\t2\n", "par par\tParis\tFR\t48\t2\n"} {
		if _, err := readAirports(text); err == nil {
			t.Errorf("%q: want an error", text)
		}
	}
}
