package data

import (
	"bytes"
	"reflect"
	"testing"

	"matrix/probe"
)

// TestWriteInventory: what is written reads as it was.
func TestWriteInventory(t *testing.T) {
	cities := []probe.City{
		{Name: "saopaulo", Title: `São "Paulo", SP`, Host: "192.0.2.1", SSH: "root@192.0.2.1", Country: "Brazil", Location: &probe.Location{Latitude: -23.5475, Longitude: -46.63611}},
		{Name: "paris", Title: "Paris", Host: "paris.example.net"},
	}
	var b bytes.Buffer
	if err := WriteInventory(&b, cities); err != nil {
		t.Fatal(err)
	}
	inv, err := ReadInventory(bytes.NewReader(b.Bytes()), "cities.csv")
	if err != nil || !reflect.DeepEqual(inv.Cities, cities) {
		t.Errorf("%v\n%s\n%+v", err, b.String(), inv)
	}
}
