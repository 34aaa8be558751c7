package data

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

func dumpInventory(inv *Inventory) string {
	var b strings.Builder
	for _, c := range inv.Cities {
		at := "nowhere"
		if c.Location != nil {
			at = fmt.Sprint(c.Location.Latitude, ",", c.Location.Longitude)
		}
		fmt.Fprintf(&b, "%s | %s | %s | %s | %s | %s | %s | %s\n", c.Name, c.Title, c.Host, c.SSH, at, c.Country, c.Region, c.Provider)
	}
	for _, w := range inv.Warnings {
		fmt.Fprintf(&b, "warning: %s: %s\n", w.Subject, w.Text)
	}
	return b.String()
}

// TestReadInventory reads one file for each rule.
func TestReadInventory(t *testing.T) {
	eachFile(t, "inventory", func(f *os.File, name string) (string, error) {
		inv, err := ReadInventory(f, name)
		if err != nil {
			return "", err
		}
		return dumpInventory(inv), nil
	})
}

// TestInventoryBounds makes files that are too large to keep.
func TestInventoryBounds(t *testing.T) {
	const header = "name,host,latitude,longitude\n"
	var many strings.Builder
	for i := range maxCities + 1 {
		fmt.Fprintf(&many, "c%d,c%d.example,1,1\n", i, i)
	}
	for _, test := range []struct{ name, text, want string }{
		{"long line", header + strings.Repeat("x", maxLine+1), "c.csv:2: longer than 1048576 bytes; a line is one row; check that the file is what it should be"},
		{"endless field", header + `"` + strings.Repeat("x\n", maxLine), "c.csv:2: a text in quotation marks that is not closed"},
		{"too many", header + many.String(), "c.csv:1002: more than 1000 cities; split the fleet"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := ReadInventory(strings.NewReader(test.text), "c.csv")
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got %.200v, want %s", err, test.want)
			}
		})
	}
}

func TestFileErrorFields(t *testing.T) {
	_, err := ReadInventory(strings.NewReader("name,host,Lat,lng\nx,x.example,91,100\ny,y.example,2,200\n"), "c.csv")
	var mistake *FileError
	if !errors.As(err, &mistake) {
		t.Fatalf("got %v", err)
	}
	want := FileError{File: "c.csv", Line: 2, Column: 3, Field: "Lat", Value: "91",
		Problem: "not between -90 and 90 degrees", Hint: "check the sign and that latitude comes before longitude"}
	if *mistake != want {
		t.Errorf("got %+v, want %+v", *mistake, want)
	}
	var all *FileErrors
	if !errors.As(err, &all) || len(all.List) != 2 || all.More != 0 {
		t.Errorf("got %+v", all)
	}
}

// TestReadError: what keeps a file from being read is not a mistake in it.
func TestReadError(t *testing.T) {
	broken := errors.New("disk on fire")
	for _, text := range []string{"", "name,host,lat,lng\nx,x.example,1,1\n"} {
		_, err := ReadInventory(&brokenReader{text, broken}, "c.csv")
		var mistake *FileError
		if !errors.Is(err, broken) || errors.As(err, &mistake) {
			t.Errorf("after %q: got %v", text, err)
		}
	}
}

type brokenReader struct {
	text string
	err  error
}

func (b *brokenReader) Read(p []byte) (int, error) {
	if b.text == "" {
		return 0, b.err
	}
	n := copy(p, b.text)
	b.text = b.text[n:]
	return n, nil
}

func TestCheckMeasurable(t *testing.T) {
	inv, err := OpenInventory("testdata/inventory/ok-wondernetwork.csv")
	if err != nil {
		t.Fatal(err)
	}
	const want = `testdata/inventory/ok-wondernetwork.csv: no host to ping in Oslo, Port Moresby, Reykjavik and Sao Luis; fill in the column "host" with the name or address to measure`
	if err := inv.CheckMeasurable(); err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
	if err := Cities2011().CheckMeasurable(); err != nil {
		t.Error(err)
	}
}

func FuzzReadInventory(f *testing.F) {
	seed(f, "inventory")
	f.Fuzz(func(t *testing.T, text []byte) {
		inv, err := ReadInventory(strings.NewReader(string(text)), "fuzz.csv")
		if err != nil {
			return
		}
		if len(inv.Cities) == 0 {
			t.Fatal("no city and no error")
		}
		for _, c := range inv.Cities {
			found, err := inv.Find(c.Title)
			if err != nil || found.Name != c.Name {
				t.Errorf("%q is found as %q, %v", c.Title, found.Name, err)
			}
			if found, err = inv.Find(c.Name); err != nil || found.Name != c.Name {
				t.Errorf("%q is found as %q, %v", c.Name, found.Name, err)
			}
			if Slug(c.Name) != c.Name {
				t.Errorf("name %q is no slug", c.Name)
			}
		}
	})
}

// seed gives a fuzz target the files of a testdata folder.
func seed(f *testing.F, folder string) {
	entries, err := os.ReadDir("testdata/" + folder)
	if err != nil {
		f.Fatal(err)
	}
	for _, e := range entries {
		if text, err := os.ReadFile("testdata/" + folder + "/" + e.Name()); err == nil && !strings.HasSuffix(e.Name(), ".want") {
			f.Add(text)
		}
	}
}
