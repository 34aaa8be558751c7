package worldmap

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
)

func TestPreview(t *testing.T) {
	place := map[string]Place{"Baltimore": {39.29, -76.61}, "New York": {40.71, -74.01}, "London": {51.5, -0.12}, "Paris": {48.86, 2.35}, "Washington": {38.94, -77.46},
		"Tokyo": {35.68, 139.69}, "Los Angeles": {34.05, -118.24}, "Sydney": {-33.87, 151.2}, "Moscow": {55.75, 37.62}, "Zurich": {47.37, 8.54}, "Milan": {45.46, 9.19}, "Auckland": {-36.85, 174.76}, "Santiago": {-33.45, -70.67}}
	html := "<!doctype html><meta name=color-scheme content='light dark'><style>body{background:light-dark(#fff,#101417)}" + CSS + "</style>"
	show := func(w float64, names ...string) {
		var m Map
		var all []Place
		for _, n := range names {
			all = append(all, place[n])
		}
		m.AddLine(Direct, "direct", all[0], all[len(all)-1])
		m.AddLine(Route, "route", all...)
		for i, n := range names {
			d := Dot{Place: place[n], Label: n}
			if i == 0 || i == len(names)-1 {
				d.Class, d.Must = End, true
			}
			m.AddDot(d)
		}
		s, err := m.SVG(Frame{Width: w, Alt: "x"})
		if err != nil {
			t.Fatal(err)
		}
		html += fmt.Sprintf("<p>%d bytes</p>", len(s)) + string(s)
	}
	show(720, "Baltimore", "Washington", "London", "Paris", "New York")
	show(340, "Baltimore", "Washington", "London", "Paris", "New York")
	show(720, "Tokyo", "Los Angeles", "Sydney")
	show(720, "Paris", "Zurich")
	show(720, "Auckland", "Santiago")
	var m Map
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 250 {
		m.AddDot(Dot{Place: Place{r.Float64()*110 - 45, r.Float64()*360 - 180}, Label: fmt.Sprintf("City %d", i), Size: 2.5})
	}
	for range 200 {
		m.AddLine("", "", m.dots[r.IntN(250)].Place, m.dots[r.IntN(250)].Place)
	}
	s, _ := m.SVG(Frame{Width: 1200})
	html += fmt.Sprintf("<p>%d bytes</p>", len(s)) + string(s)
	os.WriteFile("/tmp/drillmap/p.html", []byte(html), 0o666)
}
