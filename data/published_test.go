package data

import (
	"io/fs"
	"math"
	"testing"

	"matrix/geo"
	"matrix/probe"
)

func TestPublished2011(t *testing.T) {
	entries, err := fs.ReadDir(Published2011(), ".")
	if err != nil || len(entries) != 5 {
		t.Errorf("%d files, %v", len(entries), err)
	}
	inv, round := Cities2011(), Round2011()
	if len(inv.Cities) != 10 || len(inv.Warnings) != 0 {
		t.Errorf("%d cities, warnings %v", len(inv.Cities), inv.Warnings)
	}
	if round.Planned() != 90 || !round.Complete() || len(round.Warnings) != 0 || len(round.Self) != 0 {
		t.Errorf("%d of %d pairs, warnings %v", round.Count(probe.Measured), round.Planned(), round.Warnings)
	}
	first := round.Samples[0]
	if avg, _ := first.Summary().Get(probe.Avg); first.String() != "baltimore → brisbane" || avg.String() != "239.38ms" {
		t.Errorf("first sample %v %v", first.Pair, avg)
	}
}

// TestCoordinatesOf2011 holds our coordinates against the published distances.
// Those count 1.6 km to the mile. All ten are of the city that the table names;
// the pairs that differ by more than rounding are the shortest three, by less
// than a mile each.
func TestCoordinatesOf2011(t *testing.T) {
	inv, distances := Cities2011(), Distances2011()
	for i, a := range inv.Cities {
		for _, b := range inv.Cities[:i] {
			pair := probe.Pair{From: a.Name, To: b.Name}
			theirs, ok := distances.Between(pair)
			if !ok {
				t.Fatalf("%v has no distance", pair)
			}
			want := theirs * 1.6 / geo.KmPerMile
			got := geo.Distance(place(t, a), place(t, b))
			off := math.Abs(float64(got - want))
			if off > 0.005*float64(want) {
				t.Errorf("%v: %.1f miles, published %.1f", pair, float64(got), float64(want))
			}
			if off > 0.002*float64(want) {
				t.Logf("%v: %.1f miles, published %.0f, corrected %.1f: %+.2f %%",
					pair, float64(got), float64(theirs), float64(want), float64(got/want-1)*100)
			}
		}
	}
}

func place(t *testing.T, c probe.City) geo.Point {
	t.Helper()
	p, err := geo.NewPoint(c.Location.Latitude, c.Location.Longitude)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
