package draft_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"matrix/data"
	"matrix/data/draft"
	"matrix/geo"
)

func nobody(string) (geo.Place, string, bool) { return geo.Place{}, "", false }

// TestLines reads a line each.
func TestLines(t *testing.T) {
	for _, test := range []struct{ line, title, host, ssh, country string }{
		{"Paris", "Paris", "", "", "FR"},
		{"Paris, France", "Paris", "", "", "FR"},
		{"New York,ny1.example.net,US", "New York", "ny1.example.net", "", "US"},
		{"ny1.example.net  New York", "New York", "ny1.example.net", "", "US"},
		{"Anchorage, AK", "Anchorage, AK", "", "", "US"}, // AK is no country, and there is but one
		{"Washington, D.C.", "Washington, D.C.", "", "", "US"},
		{"2001:db8::7\tOslo # spare", "Oslo", "2001:db8::7", "", "NO"},
		{"root@osl.example.net Oslo", "Oslo", "osl.example.net", "root@osl.example.net", "NO"},
		{"=Oslo 192.0.2.1", "Oslo", "192.0.2.1", "", "NO"},
	} {
		cities, err := draft.ReadList(strings.NewReader(test.line), "list")
		if err != nil {
			t.Errorf("%s: %v", test.line, err)
			continue
		}
		draft.Settle(cities, geo.World(), nobody)
		c := cities[0]
		if c.Title != test.title || c.Host != test.host || c.SSH != test.ssh || c.Country != test.country || c.Open != (c.Location == nil) {
			t.Errorf("%s is %+v, choices %v", test.line, c.City, c.Choices)
		}
	}
}

// TestIncludesThatGoRound end.
func TestIncludesThatGoRound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte("Host a\nInclude config\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := draft.ReadSSHConfig(path); err == nil || !strings.Contains(err.Error(), "include each other") {
		t.Errorf("a file that includes itself: %v", err)
	}
}

// FuzzReadList holds what comes out of any text against the reader of
// inventories: it is an inventory, but for hosts that are missing.
func FuzzReadList(f *testing.F) {
	f.Add("Paris\nbal1.example.net Baltimore\n")
	f.Add("city,host,lat,lon\nParis,192.0.2.1,48,2\n")
	f.Add("hostname\tisp\nx\t=1\n\"a\"\tb\n")
	f.Add("東京 192.0.2.1\n\u0300 192.0.2.2\n--\n")
	f.Fuzz(func(t *testing.T, text string) {
		found, err := draft.ReadList(strings.NewReader(text), "list")
		if err != nil {
			return
		}
		draft.Settle(found, geo.World(), nobody)
		cities, _ := draft.Cities(found)
		for i := range cities {
			if cities[i].Host == "" {
				cities[i].Host = "h" + strings.Repeat("x", i%50) + "." + strings.Repeat("y", 1+i/50) + ".example"
			}
		}
		var b bytes.Buffer
		if err := data.WriteInventory(&b, cities); err != nil {
			t.Fatal(err)
		}
		if _, err := data.ReadInventory(&b, "made"); err != nil {
			t.Errorf("%q makes an inventory that is refused: %v", text, err)
		}
	})
}
