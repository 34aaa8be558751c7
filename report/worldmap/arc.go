package worldmap

import (
	"math"

	"matrix/geo"
)

const (
	// smooth is by how many pixels a drawn line may miss the great circle.
	smooth = 0.25
	// An arc is halved at least and at most so many times.
	leastHalvings, mostHalvings = 2, 8
)

// degrees is a point as a spot.
func degrees(p geo.Point) spot {
	latitude, longitude := p.Degrees()
	return spot{longitude, latitude}
}

// along are points of a great circle, for choosing the region that holds it.
func along(a, b geo.Point) []spot {
	const parts = 16
	points := make([]spot, 0, parts+1)
	for i := range parts + 1 {
		points = append(points, degrees(geo.Between(a, b, float64(i)/parts)))
	}
	return points
}

// arc is a great circle in pixels, in pieces where it leaves the map on one
// side and comes back on the other.
func (v view) arc(a, b geo.Point) [][]spot {
	points := append([]spot{v.project(degrees(a))}, v.halves(a, b, 0)...)
	pieces := [][]spot{points[:1:1]}
	for i, p := range points[1:] {
		last := points[i]
		piece := &pieces[len(pieces)-1]
		if math.Abs(p.x-last.x) <= v.turn()/2 {
			*piece = append(*piece, p)
			continue
		}
		// It goes over the seam: out at one edge of the globe, in at the other.
		out, in := v.seam(last.x)
		near := p
		near.x += out - in
		edge := atX(last, near, out)
		*piece = append(*piece, edge)
		pieces = append(pieces, []spot{{in, edge.y}, p})
	}
	return pieces
}

// seam are the edges of the globe on the map, the nearer one first.
func (v view) seam(x float64) (near, far float64) {
	left := v.width/2 - v.turn()/2
	right := left + v.turn()
	if x-left < right-x {
		return left, right
	}
	return right, left
}

// halves are the points of a great circle behind its first, as many as make it
// smooth.
func (v view) halves(a, b geo.Point, depth int) []spot {
	from, to := v.project(degrees(a)), v.project(degrees(b))
	middle := geo.Between(a, b, 0.5)
	at := v.project(degrees(middle))
	off := math.Hypot(at.x-(from.x+to.x)/2, at.y-(from.y+to.y)/2)
	if depth >= mostHalvings || depth >= leastHalvings && off <= smooth {
		return []spot{to}
	}
	return append(v.halves(a, middle, depth+1), v.halves(middle, b, depth+1)...)
}
