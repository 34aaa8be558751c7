package geo_test

import (
	"encoding/csv"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"matrix/geo"
)

// earthRadius is the radius that golang/geo uses.
const earthRadius geo.Kilometres = 6371.01

func point(t *testing.T, latitude, longitude float64) geo.Point {
	t.Helper()
	p, err := geo.NewPoint(latitude, longitude)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestDistanceOnTheSphere holds distances against what follows from the radius
// alone.
func TestDistanceOnTheSphere(t *testing.T) {
	degree := math.Pi / 180 * earthRadius
	for _, test := range []struct {
		name                   string
		lat1, lng1, lat2, lng2 float64
		want                   geo.Kilometres
	}{
		{"identical points", 48.8566, 2.3522, 48.8566, 2.3522, 0},
		{"identical at the pole", 90, 0, 90, 135, 0},
		{"date line, two names", 10, 180, 10, -180, 0},
		{"pole to pole", 90, 12, -90, 77, 180 * degree},
		{"antipodes on the equator", 0, 0, 0, 180, 180 * degree},
		{"antipodes elsewhere", 40, -75, -40, 105, 180 * degree},
		{"pole to equator", 90, 0, 0, -30, 90 * degree},
		{"a degree along the equator", 0, 10, 0, 11, degree},
		{"a degree along a meridian", 60, 10, 61, 10, degree},
		{"a degree over the date line", 0, 179.5, 0, -179.5, degree},
		{"over the pole", 89, 0, 89, 180, 2 * degree},
		{"a metre", 0, 0, 0, 0.001 / float64(degree), 0.001},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, b := point(t, test.lat1, test.lng1), point(t, test.lat2, test.lng2)
			got, back := geo.Distance(a, b).Km(), geo.Distance(b, a).Km()
			if math.Abs(float64(got-test.want)) > 0.0005 {
				t.Errorf("got %.6f km, want %.6f", float64(got), float64(test.want))
			}
			if got != back {
				t.Errorf("%v there, %v back", got, back)
			}
		})
	}
}

// TestDistanceCited holds distances against published ones. Those on the WGS84
// ellipsoid may differ from the sphere by 0.56 %.
func TestDistanceCited(t *testing.T) {
	const ellipsoid = 0.0056
	for _, test := range []struct {
		name, source           string
		lat1, lng1, lat2, lng2 float64
		want                   geo.Miles
		tolerance              float64
	}{
		{"Nashville BNA to Los Angeles LAX", "Rosetta Code, Haversine formula: 2886.444 km at a radius of 6371.0 km",
			36.12, -86.67, 33.94, -118.40, geo.Kilometres(2886.444).Miles(), 0.00001},
		{"New York JFK to London LHR", "Great Circle Mapper: 3451 miles",
			40.6398, -73.7789, 51.4706, -0.4619, 3451, ellipsoid},
		{"Sydney SYD to Dallas DFW", "Great Circle Mapper: 8578 miles",
			-33.9461, 151.1772, 32.8968, -97.0380, 8578, ellipsoid},
		{"Singapore SIN to Newark EWR", "Great Circle Mapper: 9534 miles",
			1.3502, 103.9944, 40.6925, -74.1687, 9534, ellipsoid},
		{"Flinders Peak to Buninyong", "Geoscience Australia, Vincenty's formula: 54972.271 m",
			-37.9510334, 144.4248679, -37.6528211, 143.9264955, geo.Kilometres(54.972271).Miles(), ellipsoid},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := geo.Distance(point(t, test.lat1, test.lng1), point(t, test.lat2, test.lng2))
			if math.Abs(float64(got/test.want-1)) > test.tolerance {
				t.Errorf("got %.2f miles; %s", float64(got), test.source)
			}
		})
	}
}

func TestNewPointRefuses(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, bad := range [][2]float64{{90.01, 0}, {-90.01, 0}, {0, 180.01}, {0, -180.01}, {nan, 0}, {0, nan}, {inf, 0}, {0, -inf}, {151.2, -33.9}} {
		if _, err := geo.NewPoint(bad[0], bad[1]); err == nil {
			t.Errorf("%v was taken", bad)
		}
	}
	for _, good := range [][2]float64{{90, 180}, {-90, -180}, {0, 0}} {
		if _, err := geo.NewPoint(good[0], good[1]); err != nil {
			t.Error(err)
		}
	}
}

func TestUnits(t *testing.T) {
	for _, test := range []struct {
		name           string
		got, want, off float64
	}{
		{"a mile in km", float64(geo.Miles(1).Km()), 1.609344, 0},
		{"a km in miles", float64(geo.Kilometres(1.609344).Miles()), 1, 0},
		{"c in mi/ms", float64(geo.LightSpeed), 186.282, 0.0005}, // 186,282 miles a second
		{"c in km/ms", geo.LightSpeed.Km(), 299.792458, 1e-9},
		{"light in fibre", float64(geo.DefaultFibre), 121.08, 0.005},
		{"all of fibre", float64(geo.DefaultFibre.PercentOf(geo.DefaultFibre)), 100, 0},
		{"half of it", float64((geo.DefaultFibre / 2).PercentOf(geo.DefaultFibre)), 50, 1e-9},
	} {
		if math.Abs(test.got-test.want) > test.off {
			t.Errorf("%s: got %v, want %v", test.name, test.got, test.want)
		}
	}
	if got, want := geo.DefaultFibre.String(), "121.08 mi/ms (0.65 c)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestSpeed(t *testing.T) {
	nan, inf := geo.Miles(math.NaN()), geo.Miles(math.Inf(1))
	for _, test := range []struct {
		d    geo.Miles
		rtt  time.Duration
		want geo.MilesPerMs
		ok   bool
	}{
		{100, 2 * time.Millisecond, 100, true}, // a ping goes there and back
		{20, 40 * time.Millisecond, 1, true},
		{19.99, time.Millisecond, 0, false},
		{0, time.Millisecond, 0, false},
		{-100, time.Millisecond, 0, false},
		{100, 0, 0, false},
		{100, -time.Millisecond, 0, false},
		{nan, time.Millisecond, 0, false},
		{inf, time.Millisecond, 0, false},
	} {
		if got, ok := geo.Speed(test.d, test.rtt); got != test.want || ok != test.ok {
			t.Errorf("Speed(%v, %v) = %v, %v", test.d, test.rtt, got, ok)
		}
	}
}

func TestParseFibre(t *testing.T) {
	for text, want := range map[string]geo.MilesPerMs{
		"0.65c": geo.DefaultFibre, " 0.65c ": geo.DefaultFibre, "0.65 c": geo.DefaultFibre, ".65c": geo.DefaultFibre,
		"1c": geo.LightSpeed, "120.9": 120.9, "186.28": 186.28, "1.5": 1.5,
	} {
		if got, err := geo.ParseFibre(text); err != nil || math.Abs(float64(got-want)) > 1e-9 {
			t.Errorf("ParseFibre(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for text, hint := range map[string]string{
		"": "0.65c", "c": "0.65c", "fast": "0.65c", "0,65c": "0.65c", "120.9mi/ms": "0.65c", "0.65cc": "0.65c",
		"0": "more than 0", "0c": "more than 0", "-1": "more than 0", "-0.65c": "more than 0",
		"1.01c": "at most c", "187": "at most c", "1e400": "0.65c",
		"NaN": "more than 0", "NaNc": "more than 0", "Inf": "at most c", "-Infc": "more than 0",
		"0.65": "0.65c", // the c was forgotten: 0.65 miles a millisecond is no light
	} {
		if got, err := geo.ParseFibre(text); err == nil || !strings.Contains(err.Error(), hint) {
			t.Errorf("ParseFibre(%q) = %v, %v, want an error with %q", text, got, err, hint)
		}
	}
}

// TestTablesOf2011 makes the published tables of speeds and percentages of the
// published round-trip times and distances, at the published speed of light in
// fibre.
func TestTablesOf2011(t *testing.T) {
	const fibre geo.MilesPerMs = 120.9
	pings, miles := published(t, "ping-ms"), published(t, "distance-miles")
	speeds, percents := published(t, "miles-per-ms"), published(t, "percent-of-fibre")
	if len(pings) != 90 || len(miles) != 90 || len(speeds) != 90 || len(percents) != 90 {
		t.Fatalf("%d pings, %d distances, %d speeds, %d percentages", len(pings), len(miles), len(speeds), len(percents))
	}
	for pair, ms := range pings {
		rtt := time.Duration(math.Round(ms * float64(time.Millisecond)))
		speed, ok := geo.Speed(geo.Miles(miles[pair]), rtt)
		if !ok || math.Abs(float64(speed)-speeds[pair]) > 0.03 {
			t.Errorf("%s: %.3f mi/ms, published %.2f", pair, float64(speed), speeds[pair])
		}
		if percent := float64(speed.PercentOf(fibre)); math.Abs(percent-percents[pair]) > 0.02 {
			t.Errorf("%s: %.3f %%, published %.2f", pair, percent, percents[pair])
		}
	}
}

// published reads one of the tables, by "from → to".
func published(t *testing.T, table string) map[string]float64 {
	t.Helper()
	f, err := os.Open("../data/2011/" + table + ".csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	values := make(map[string]float64)
	for _, row := range rows[1:] {
		for i, cell := range row[1:] {
			if cell == "" {
				continue
			}
			value, err := strconv.ParseFloat(cell, 64)
			if err != nil {
				t.Fatal(err)
			}
			values[row[0]+" → "+rows[0][i+1]] = value
		}
	}
	return values
}

// A point between two is as far along the great circle as it says, on it.
func TestBetween(t *testing.T) {
	point := func(latitude, longitude float64) geo.Point {
		p, err := geo.NewPoint(latitude, longitude)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	a, b := point(35.68, 139.69), point(34.05, -118.24) // over the Pacific
	whole := geo.Distance(a, b)
	for _, share := range []float64{0, 0.1, 0.5, 0.9, 1} {
		p := geo.Between(a, b, share)
		there, on := geo.Distance(a, p), geo.Distance(p, b)
		if math.Abs(float64(there)-share*float64(whole)) > 0.01 || math.Abs(float64(there+on-whole)) > 0.01 {
			t.Errorf("%v: %v and %v miles of %v", share, there, on, whole)
		}
	}
	if latitude, longitude := geo.Between(a, b, 0.5).Degrees(); math.Abs(latitude-47.9283) > 0.001 || math.Abs(longitude+168.5729) > 0.001 {
		t.Errorf("the middle of the Pacific is at %v, %v", latitude, longitude)
	}
}
