// Package geo turns coordinates into the figures a round-trip time is judged
// against.
//
//	latitude, longitude ─ Point ─┬─ Distance ── Miles ─┬─ Speed ── MilesPerMs ─ PercentOf ── Percent
//	                    Point ───┘     round-trip time ─┘            fibre speed ─┘
//
//	a city's name, country ─ Gazetteer ── Places
//
// Distances are great circles on a sphere. Against the WGS84 ellipsoid that is
// at most 0.56 % off, less than the size of the cities themselves. It is the
// only package that imports golang/geo.
//
// The gazetteer's places are those of GeoNames (https://www.geonames.org), CC BY
// 4.0.
package geo

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/golang/geo/earth"
	"github.com/golang/geo/s2"
)

// Units of length and speed. A value never travels as a bare number.
type (
	// Miles is a length in international miles.
	Miles float64
	// Kilometres is a length in kilometres.
	Kilometres float64
	// MilesPerMs is a speed in miles per millisecond.
	MilesPerMs float64
	// Percent is a ratio times one hundred.
	Percent float64
)

// KmPerMile is the international mile (exact, by its definition of 1959).
const KmPerMile = 1.609344

// LightSpeed is the speed of light in vacuum: 299,792.458 km/s (exact, by the
// definition of the metre).
const LightSpeed MilesPerMs = 299_792.458 / KmPerMile / 1000

// DefaultFibre is the speed of light in fibre when nothing else is asked for:
// 0.65 c, a group index of 1.54.
const DefaultFibre = 0.65 * LightSpeed

// SpeedFrom is the shortest distance for which a speed says something: below
// it, the equipment at both ends weighs more than the way between them.
const SpeedFrom Miles = 20

// Km converts to kilometres.
func (m Miles) Km() Kilometres { return Kilometres(m * KmPerMile) }

// Miles converts to miles.
func (k Kilometres) Miles() Miles { return Miles(k / KmPerMile) }

// Km converts to kilometres per millisecond.
func (v MilesPerMs) Km() float64 { return float64(v * KmPerMile) }

// Point is a place on the sphere.
type Point struct{ at s2.LatLng }

// NewPoint places a latitude and a longitude in degrees, north and east
// positive. It refuses what is not on the globe.
func NewPoint(latitude, longitude float64) (Point, error) {
	if math.IsNaN(latitude) || latitude < -90 || latitude > 90 {
		return Point{}, fmt.Errorf("latitude %v is not between -90 and 90 degrees", latitude)
	}
	if math.IsNaN(longitude) || longitude < -180 || longitude > 180 {
		return Point{}, fmt.Errorf("longitude %v is not between -180 and 180 degrees", longitude)
	}
	return Point{s2.LatLngFromDegrees(latitude, longitude)}, nil
}

// Distance is the great-circle distance of two points on a sphere of radius
// 6371.01 km (golang/geo's earth.Radius).
func Distance(a, b Point) Miles {
	return Kilometres(earth.LengthFromLatLngs(a.at, b.at).Kilometers()).Miles()
}

// Speed is 2 × distance / rtt: a ping goes there and back. It is false where
// no speed can be stated: under SpeedFrom, without a positive RTT, or if d is no
// length at all (NaN, infinite).
func Speed(d Miles, rtt time.Duration) (MilesPerMs, bool) {
	if !(d >= SpeedFrom) || math.IsInf(float64(d), 1) || rtt <= 0 {
		return 0, false
	}
	return MilesPerMs(2 * float64(d) * float64(time.Millisecond) / float64(rtt)), true
}

// PercentOf is v as a percentage of the speed of light in fibre.
func (v MilesPerMs) PercentOf(fibre MilesPerMs) Percent {
	return Percent(v / fibre * 100)
}

// ParseFibre reads the speed of light in fibre: a fraction of c ("0.65c") or
// miles per millisecond ("120.9"). It refuses zero, negatives and anything
// faster than light in vacuum, and a bare number up to 1, which is a fraction
// whose c was forgotten.
func ParseFibre(s string) (MilesPerMs, error) {
	number, isFraction := strings.CutSuffix(strings.TrimSpace(s), "c")
	v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil {
		return 0, fmt.Errorf("fibre speed %q: want a fraction of c like 0.65c, or miles per millisecond like 120.9", s)
	}
	if !isFraction && v > 0 && v <= 1 {
		return 0, fmt.Errorf("fibre speed %q: did you mean %sc? Without the c it is miles per millisecond", s, number)
	}
	speed := MilesPerMs(v)
	if isFraction {
		speed = MilesPerMs(v) * LightSpeed
	}
	if !(speed > 0 && speed <= LightSpeed) {
		return 0, fmt.Errorf("fibre speed %q: want more than 0 and at most c (%.3f miles per millisecond)", s, LightSpeed)
	}
	return speed, nil
}

// String prints the speed as a method line states it, with its fraction of c.
func (v MilesPerMs) String() string {
	return fmt.Sprintf("%.2f mi/ms (%.3g c)", float64(v), float64(v/LightSpeed))
}

// Between is the point on the great circle from a to b at a share of its length,
// 0 being a and 1 being b.
func Between(a, b Point, share float64) Point {
	at := s2.Interpolate(share, s2.PointFromLatLng(a.at), s2.PointFromLatLng(b.at))
	return Point{s2.LatLngFromPoint(at)}
}

// Degrees are the point's latitude and longitude, north and east positive.
func (p Point) Degrees() (latitude, longitude float64) {
	return p.at.Lat.Degrees(), p.at.Lng.Degrees()
}
