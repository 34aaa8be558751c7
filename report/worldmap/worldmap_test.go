package worldmap

import (
	"encoding/xml"
	"errors"
	"fmt"

	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"matrix/geo"
)

var places = map[string]Place{
	"Baltimore": {39.29, -76.61}, "New York": {40.71, -74.01}, "London": {51.5, -0.12}, "Paris": {48.86, 2.35}, "Tokyo": {35.68, 139.69},
	"Los Angeles": {34.05, -118.24}, "Sydney": {-33.87, 151.2}, "Auckland": {-36.85, 174.76}, "Santiago": {-33.45, -70.67}, "Zurich": {47.37, 8.54},
}

// over is a map of a way over some cities.
func over(t *testing.T, names ...string) *Map {
	t.Helper()
	var m Map
	var way []Place
	for _, name := range names {
		way = append(way, places[name])
		if err := m.AddDot(Dot{Place: places[name], Label: name, Class: End}); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.AddLine(Route, strings.Join(names, " → "), way...); err != nil {
		t.Fatal(err)
	}
	return &m
}

func svg(t *testing.T, m *Map, f Frame) string {
	t.Helper()
	html, err := m.SVG(f)
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := m.SVG(f); again != html {
		t.Error("the same map is drawn differently")
	}
	return string(html)
}

func point(t *testing.T, name string) geo.Point {
	t.Helper()
	p, err := places[name].point()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Everything that a map must hold lies in it, in no corner, with its scale true
// in the middle; over the Pacific as over the Atlantic.
func TestView(t *testing.T) {
	for _, names := range [][]string{
		{"Baltimore", "London", "Paris", "New York"}, {"Tokyo", "Los Angeles"}, {"Paris", "Zurich"}, {"Auckland", "Santiago"}, {"Sydney", "Tokyo", "Los Angeles"},
		{"Paris"}, {"Santiago", "Tokyo", "London", "Sydney"},
	} {
		m := over(t, names...)
		for _, f := range []Frame{{Width: 720}, {Width: 340}, {Width: 500, Height: 500}} {
			v := newView(m.spots(), f.Width, f.Height)
			if v.height < 0.4*v.width || v.height > v.width || f.Height > 0 && v.height != f.Height {
				t.Errorf("%v in %v: %v × %v pixels", names, f, v.width, v.height)
			}
			if f.Height == 0 && (v.south < -91 || v.north > 91) || v.turn() < v.width-1 {
				t.Errorf("%v in %v: from %v to %v degrees, %v pixels around", names, f, v.south, v.north, v.turn())
			}
			for _, p := range m.spots() {
				if at := v.project(p); at.x < 0 || at.y < 0 || at.x > v.width || at.y > v.height {
					t.Errorf("%v in %v: %v is at %v", names, f, p, at)
				}
			}
		}
	}
	if v := newView(over(t, "Tokyo", "Los Angeles").spots(), 720, 0); v.project(spot{-118, 34}).x < v.project(spot{140, 36}).x {
		t.Error("America lies to the west of Japan, on a map of the Pacific")
	}
}

// A drawn arc is the great circle: as long, as smooth, and whole but for the
// edge of the world.
func TestArc(t *testing.T) {
	m := over(t, "Baltimore", "Paris")
	v := newView(m.spots(), 720, 0)
	a, b := point(t, "Baltimore"), point(t, "Paris")
	pieces := v.arc(a, b)
	if len(pieces) != 1 {
		t.Fatalf("%d pieces", len(pieces))
	}
	for share := 0.; share <= 1; share += 0.01 {
		at, least := v.project(degrees(geo.Between(a, b, share))), math.Inf(1)
		for i := range pieces[0][1:] {
			least = min(least, fromSegment(at, pieces[0][i], pieces[0][i+1]))
		}
		if least > 0.5 {
			t.Errorf("at %.2f of it the line misses the great circle by %.2f pixels", share, least)
		}
	}
	world := wholeWorld(720, 0)
	pieces = world.arc(point(t, "Tokyo"), point(t, "Los Angeles"))
	if len(pieces) != 2 {
		t.Fatalf("on a map of the world the way over the Pacific has %d pieces, want 2", len(pieces))
	}
	out, in := pieces[0][len(pieces[0])-1], pieces[1][0]
	if math.Abs(out.x-720) > 0.1 || math.Abs(in.x) > 0.1 || math.Abs(out.y-in.y) > 0.1 {
		t.Errorf("it leaves the map at %v and comes back at %v", out, in)
	}
}

func fromSegment(p, a, b spot) float64 {
	length := math.Hypot(b.x-a.x, b.y-a.y)
	if length == 0 {
		return math.Hypot(p.x-a.x, p.y-a.y)
	}
	share := min(1, max(0, ((p.x-a.x)*(b.x-a.x)+(p.y-a.y)*(b.y-a.y))/length/length))
	return math.Hypot(p.x-a.x-share*(b.x-a.x), p.y-a.y-share*(b.y-a.y))
}

// Land is where land is, and sea where sea is, however the map is cut.
func TestLand(t *testing.T) {
	for _, west := range []float64{-180, -169, 0, 100} {
		v := view{west: west, south: -90, north: 90, scale: 4, squeeze: 1, width: 1440, height: 720}
		coasts := v.land()
		for _, c := range []struct {
			latitude, longitude float64
			land                bool
		}{
			{48.5, 2.5, true}, {40, -100, true}, {-25, 135, true}, {0, 20, true}, {62, 105, true}, {67, -178, true}, {-80, 100, true},
			{0, -150, false}, {45, -40, false}, {-40, 80, false}, {42, 51, false}, // the Caspian Sea
		} {
			at := v.project(spot{c.longitude, c.latitude})
			inside := false
			for _, ring := range coasts {
				inside = inside != holds(ring, at)
			}
			if inside != c.land {
				t.Errorf("cut at %v: %v, %v is land: %v", west, c.latitude, c.longitude, inside)
			}
		}
	}
}

// holds says whether a ring goes around a point.
func holds(ring []spot, p spot) bool {
	inside := false
	for i, a := range ring {
		b := ring[(i+1)%len(ring)]
		if (a.y > p.y) != (b.y > p.y) && p.x < (b.x-a.x)*(p.y-a.y)/(b.y-a.y)+a.x {
			inside = !inside
		}
	}
	return inside
}

// Labels do not overlap and do not leave the map; one that must be there is.
func TestLabels(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var dots []drawnDot
	for i := range 250 {
		dots = append(dots, drawnDot{at: spot{random.Float64() * 1000, random.Float64() * 500}, Size: 3, label: fmt.Sprintf("City %d", i), must: i >= 248})
	}
	placed := labels(dots, nil, 1000, 500)
	if len(placed) < 100 || placed[len(placed)-1].Text != "City 249" {
		t.Errorf("%d of 250 labels, the last is %q", len(placed), placed[len(placed)-1].Text)
	}
	var taken []box
	for _, l := range placed[:len(placed)-2] {
		var left, bottom float64
		fmt.Sscan(l.X, &left)
		fmt.Sscan(l.Y, &bottom)
		b := box{left, bottom - fontSize*0.7, left + textWidth(l.Text), bottom}
		if b != b.within(1000, 500) {
			t.Errorf("%s leaves the map: %v", l.Text, b)
		}
		for _, other := range taken {
			if b.overlaps(other) {
				t.Errorf("%s at %v overlaps %v", l.Text, b, other)
			}
		}
		taken = append(taken, b)
	}
}

// A drawing is well-formed, whatever it is told to show, and small.
func TestSVG(t *testing.T) {
	for _, evil := range []string{"", `<script>alert(1)</script>`, `"><img src=x>`, "a & b", "東京"} {
		m := over(t, "Tokyo", "Los Angeles", "Sydney")
		if err := m.AddDot(Dot{Place: places["Auckland"], Label: evil, Title: evil, Href: "#c1", Must: true}); err != nil {
			t.Fatal(err)
		}
		text := svg(t, m, Frame{Alt: evil, Class: "wide"})
		if strings.Contains(text, "<script") || strings.Contains(text, "<img") || strings.Contains(text, "NaN") {
			t.Errorf("%s: %s", evil, text)
		}
		decoder := xml.NewDecoder(strings.NewReader(text))
		for {
			if _, err := decoder.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v\n%s", evil, err, text)
			}
		}
		if len(text) > 12_000 {
			t.Errorf("%d bytes", len(text))
		}
	}
	var m Map
	if text := svg(t, &m, Frame{Width: 1000}); len(text) > 30_000 || !strings.Contains(text, `class="land"`) {
		t.Errorf("the empty map has %d bytes", len(text))
	}
	if err := m.AddDot(Dot{Place: Place{91, 0}}); err == nil {
		t.Error("a dot beyond the pole")
	}
	if err := m.AddLine(Route, "", Place{0, 181}); err == nil {
		t.Error("a line around the world")
	}
}

func TestPath(t *testing.T) {
	for want, points := range map[string][]spot{
		"M10.5 0l.5-.5-1.1 20": {{10.5, 0}, {11, -0.5}, {9.9, 19.5}},
		"M0 0l1 1":             {{0, 0}, {0.04, 0.01}, {1, 1}},
	} {
		if got := path(points); got != want {
			t.Errorf("%v: %q, want %q", points, got, want)
		}
	}
}

// What is built in can be read, and what is not is refused.
func TestReadLand(t *testing.T) {
	if n := len(land()); n < 100 {
		t.Errorf("%d rings", n)
	}
	if _, err := readLand([]byte("coasts")); err == nil {
		t.Error("no gzip, and read")
	}
}
