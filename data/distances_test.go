package data

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"matrix/probe"
)

// TestReadDistances reads one file for each rule.
func TestReadDistances(t *testing.T) {
	inv := testFleet(t)
	eachFile(t, "distances", func(f *os.File, name string) (string, error) {
		d, err := ReadDistances(f, name, inv)
		if err != nil {
			return "", err
		}
		var b strings.Builder
		for _, from := range inv.Cities {
			for _, to := range inv.Cities {
				p := probe.Pair{From: from.Name, To: to.Name}
				if miles, ok := d.Between(p); ok {
					fmt.Fprintf(&b, "%v %.3f\n", p, float64(miles))
				}
			}
		}
		for _, w := range d.Warnings {
			fmt.Fprintf(&b, "warning: %s: %s\n", w.Subject, w.Text)
		}
		return b.String(), nil
	})
}

// TestDistancesAlone: without an inventory cities have the names that
// ReadRound gives them.
func TestDistancesAlone(t *testing.T) {
	d, err := ReadDistances(strings.NewReader("from,New York,Zürich\nNew York,,3952\nZürich,,\n"), "d.csv", nil)
	if err != nil {
		t.Fatal(err)
	}
	if miles, ok := d.Between(probe.Pair{From: "zurich", To: "newyork"}); !ok || miles != 3952 {
		t.Errorf("got %v, %v", miles, ok)
	}
	if miles, ok := d.Between(probe.Pair{From: "zurich", To: "paris"}); ok {
		t.Errorf("got %v for a city that is not there", miles)
	}
}

func FuzzReadDistances(f *testing.F) {
	seed(f, "distances")
	inv := testFleet(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, inv := range []*Inventory{nil, inv} {
			d, err := ReadDistances(bytes.NewReader(text), "fuzz", inv)
			if err != nil {
				continue
			}
			for p, miles := range d.between {
				back, ok := d.Between(p.Reverse())
				if !(miles >= 0 && miles <= farthest) || p.IsSelf() || !ok || apart(miles, back) {
					t.Errorf("%v: %v, and back %v", p, miles, back)
				}
			}
		}
	})
}
