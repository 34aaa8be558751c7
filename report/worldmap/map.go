package worldmap

import (
	"fmt"

	"matrix/geo"
)

// Place is where something is, in degrees, north and east positive.
type Place struct{ Latitude, Longitude float64 }

// Classes of lines and dots that CSS has rules for. A page may have others of its
// own; they are names of style sheets, and no text.
const (
	Direct = "direct" // the straight way between two cities
	Route  = "route"  // the way that packets take
	Return = "return" // the way that they take back
	End    = "end"    // a dot: one of the two cities
	Turn   = "turn"   // a dot: where a way leaves the straight one
)

// Dot is a place on the map.
type Dot struct {
	Place
	Class string
	Label string  // shown if there is room; "" none
	Must  bool    // the label is shown whether there is room or not
	Title string  // what a pointer held over it shows
	Href  string  // where it leads; "" nowhere
	Size  float64 // radius in pixels; 0: 3.5
}

// line is a way of great circles.
type line struct {
	class, title string
	points       []geo.Point
}

// dot is a Dot that is on the globe.
type dot struct {
	Dot
	point geo.Point
}

// Map is what is to be drawn. The zero Map is of the whole world, and empty.
type Map struct {
	lines []line
	dots  []dot
}

// AddLine adds a way of great circles over some places. What is added later is
// drawn over what was added before.
func (m *Map) AddLine(class, title string, places ...Place) error {
	l := line{class: class, title: title}
	for _, p := range places {
		point, err := p.point()
		if err != nil {
			return fmt.Errorf("add a line to a map: %w", err)
		}
		l.points = append(l.points, point)
	}
	m.lines = append(m.lines, l)
	return nil
}

// AddDot adds a place. Of labels that would overlap, that of the dot that was
// added first is shown.
func (m *Map) AddDot(d Dot) error {
	point, err := d.point()
	if err != nil {
		return fmt.Errorf("add %s to a map: %w", d.Label, err)
	}
	m.dots = append(m.dots, dot{d, point})
	return nil
}

func (p Place) point() (geo.Point, error) { return geo.NewPoint(p.Latitude, p.Longitude) }

// spots are what the map must hold.
func (m *Map) spots() []spot {
	var all []spot
	for _, l := range m.lines {
		for i := range l.points[:max(0, len(l.points)-1)] {
			all = append(all, along(l.points[i], l.points[i+1])...)
		}
	}
	for _, d := range m.dots {
		all = append(all, degrees(d.point))
	}
	return all
}
