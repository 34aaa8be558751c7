package worldmap

import (
	"math"
	"slices"
)

const (
	margin    = 0.09 // of the region, on each side
	leastSpan = 14.  // degrees of latitude, and of longitude as wide as those: nearer the coasts are too coarse
	wholeSpan = 250. // degrees of longitude from which all are shown
	// Of the whole world: what is beyond has no cities.
	farNorth, farSouth = 78., -58.
	// flattest and steepest are the shapes of a map that was given no height,
	// as height to width. A narrow one needs height for its labels.
	flattest, steepest   = 0.42, 0.62
	narrowFlat, narrowUp = 0.58, 0.85
	narrow               = 480 // pixels
)

// view is a region of the globe and how it is laid on a rectangle.
type view struct {
	west, south, north float64 // degrees; west may lie beyond -180
	scale              float64 // pixels a degree of latitude
	squeeze            float64 // of a degree of longitude: cosine of the latitude that is true to scale
	width, height      float64
}

// newView chooses the region that holds some places, in degrees.
func newView(places []spot, width, height float64) view {
	west, span := narrowest(places)
	south, north := extent(places)
	if span >= wholeSpan {
		return wholeWorld(width, height)
	}
	middle := spot{west + span/2, (south + north) / 2}
	v := view{width: width, height: height, squeeze: math.Cos(min(math.Abs(middle.y), 60) * math.Pi / 180)}
	tall := max(leastSpan, (north-south)*(1+2*margin))
	wide := max(leastSpan, span*v.squeeze*(1+2*margin)) // in degrees of latitude
	if v.height == 0 {
		low, high := flattest, steepest
		if width < narrow {
			low, high = narrowFlat, narrowUp
		}
		v.height = math.Round(width * min(high, max(low, tall/wide)))
	}
	v.scale = min(v.width/wide, v.height/tall)
	v.scale = max(v.scale, v.width/(360*v.squeeze), v.height/172)
	tall, wide = v.height/v.scale, v.width/v.scale
	v.west = middle.x - wide/v.squeeze/2
	v.south = max(-86, min(86-tall, middle.y-tall/2))
	v.north = v.south + tall
	return v
}

// wholeWorld is a map of everything, cut where it is usually cut: in the strait
// between Asia and America, where there is hardly any land.
func wholeWorld(width, height float64) view {
	v := view{width: width, height: height, west: -169, south: farSouth, north: farNorth, squeeze: 0.85}
	v.scale = width / (360 * v.squeeze)
	if v.height == 0 {
		v.height = math.Round((v.north - v.south) * v.scale)
	}
	tall := v.height / v.scale
	v.south = (farNorth+farSouth)/2 - tall/2
	v.north = v.south + tall
	return v
}

// narrowest is the shortest stretch of longitudes that holds some places: it
// begins behind the widest gap between them.
func narrowest(places []spot) (west, span float64) {
	var all []float64
	for _, p := range places {
		all = append(all, p.x)
	}
	slices.Sort(all)
	if len(all) == 0 {
		return -180, 360
	}
	west, gap := all[0], all[0]+360-all[len(all)-1]
	for i := range all[1:] {
		if next := all[i+1] - all[i]; next > gap {
			west, gap = all[i+1], next
		}
	}
	return west, 360 - gap
}

func extent(places []spot) (south, north float64) {
	south, north = 90, -90
	for _, p := range places {
		south, north = min(south, p.y), max(north, p.y)
	}
	return south, north
}

// project lays a place on the map. The longitude comes out within a turn
// eastwards of the map's edge.
func (v view) project(p spot) spot {
	east := math.Mod(math.Mod(p.x-v.middle()+180, 360)+360, 360) - 180
	return v.plane(spot{v.middle() + east, p.y})
}

func (v view) middle() float64 { return v.west + v.width/v.scale/v.squeeze/2 }

// plane lays a place on the map whose longitude counts from the map's edge.
func (v view) plane(p spot) spot {
	return spot{(p.x - v.west) * v.scale * v.squeeze, (v.north - p.y) * v.scale}
}

// turn is how wide the whole globe would be, in pixels.
func (v view) turn() float64 { return 360 * v.scale * v.squeeze }

// land are the coasts within the view, in pixels, without what is too small to
// be seen.
func (v view) land() [][]spot {
	low := spot{v.west, v.south}
	high := spot{v.west + v.width/v.scale/v.squeeze, v.north}
	var seen [][]spot
	for _, ring := range land() {
		for _, turns := range []float64{-360, 0, 360} {
			if ring.high.x+turns < low.x || ring.low.x+turns > high.x || ring.high.y < low.y || ring.low.y > high.y {
				continue
			}
			moved := make([]spot, len(ring.spots))
			for i, p := range ring.spots {
				moved[i] = spot{p.x + turns, p.y}
			}
			var drawn []spot
			for _, p := range clipped(moved, low, high) {
				at := v.plane(p)
				if n := len(drawn); n == 0 || math.Hypot(at.x-drawn[n-1].x, at.y-drawn[n-1].y) >= 0.8 {
					drawn = append(drawn, at)
				}
			}
			if len(drawn) > 2 {
				seen = append(seen, drawn)
			}
		}
	}
	return seen
}
