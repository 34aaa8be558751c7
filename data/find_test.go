package data

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"matrix/probe"
)

func TestSlug(t *testing.T) {
	for title, want := range map[string]string{
		"New York":         "newyork",
		"São Paulo":        "saopaulo",
		"Zürich":           "zurich",
		"ZU\u0308RICH":     "zurich",
		"Gießen":           "giessen",
		"GIEẞEN":           "giessen",
		"Tromsø":           "tromso",
		"Łódź":             "lodz",
		"Ærøskøbing":       "aeroskobing",
		"Đà Nẵng":          "danang",
		"İstanbul":         "istanbul",
		"Diyarbakır":       "diyarbakir",
		"Þingeyri":         "thingeyri",
		"Washington, D.C.": "washingtondc",
		"Ｔｏｋｙｏ １":          "tokyo1",
		"St. John's":       "stjohns",
		"東京":               "東京",
		"東京 1":             "東京1",
		"東京 Tokyo":         "tokyo",
		"МОСКВА":           "москва",
		"กรุงเทพ":          "กรุงเทพ",
		"29":               "29",
		"\xf7ϓ":            "υ",
		"\u0e31":           "",
		"–":                "",
		"":                 "",
	} {
		if got := Slug(title); got != want {
			t.Errorf("Slug(%q) = %q, want %q", title, got, want)
		}
	}
}

func FuzzSlug(f *testing.F) {
	f.Add("São Paulo")
	f.Add("東京")
	f.Add("ǅ\u0345ϓ")
	f.Fuzz(func(t *testing.T, title string) {
		once := Slug(title)
		if twice := Slug(once); twice != once {
			t.Errorf("Slug(%q) is %+q, and again %+q", title, once, twice)
		}
	})
}

func towns() *Inventory {
	inv := &Inventory{Name: "fleet.csv", ids: map[string]int{"7": 1}}
	for _, title := range []string{"São Paulo", "San Francisco", "San José", "Santiago", "Paris", "New York", "Newark", "Washington, D.C.", "東京 Tokyo", "Springfield 7"} {
		inv.Cities = append(inv.Cities, probe.City{Name: Slug(title), Title: title})
	}
	inv.Cities = append(inv.Cities, probe.City{Name: "lhr1", Title: "London Docks"}, probe.City{Name: "san", Title: "Sanaa"})
	return inv
}

func TestFind(t *testing.T) {
	for name, want := range map[string]string{
		"São Paulo": "saopaulo", "saopaulo": "saopaulo", "SAO-PAULO": "saopaulo", "sao": "saopaulo", "são": "saopaulo",
		"sanf": "sanfrancisco", "San Jose": "sanjose", "par": "paris", "p": "paris",
		"new y": "newyork", "newa": "newark",
		"lhr1": "lhr1", "london docks": "lhr1", "london": "lhr1", "LHR": "lhr1",
		"tokyo": "東京tokyo", "東京": "東京tokyo", "東京 TOKYO": "東京tokyo",
		"washington d.c.": "washingtondc",
		"7":               "sanfrancisco", // an id
		"springfield7":    "springfield7",
		"san":             "san", // a whole name goes before the start of others
	} {
		want = strings.TrimPrefix(want, "東京") // the slug has only its ASCII letters
		if got, err := towns().Find(name); err != nil || got.Name != want {
			t.Errorf("Find(%q) = %q, %v, want %q", name, got.Name, err, want)
		}
	}
}

// allTowns is what a message lists where no name is near.
const allTowns = "; there are saopaulo, sanfrancisco, sanjose, santiago, paris, newyork, newark, washingtondc, tokyo, springfield7 and 2 more"

func TestFindFails(t *testing.T) {
	for name, want := range map[string]string{
		"new":           `city "new" fits newyork and newark`,
		"sa":            `city "sa" fits saopaulo, sanfrancisco, sanjose, santiago and san`,
		"Pariss":        `unknown city "Pariss"; did you mean paris?`,
		"parsi":         `unknown city "parsi"; did you mean paris?`,
		"york":          `unknown city "york"; did you mean newyork?`,
		"Atlantis":      `unknown city "Atlantis"` + allTowns,
		"":              `unknown city ""` + allTowns,
		"!!":            `unknown city "!!"` + allTowns,
		"x\x1b[31m":     `unknown city "x [31m"` + allTowns,
		"8":             `unknown city "8"` + allTowns,
		"san fransisco": `unknown city "san fransisco"; did you mean sanfrancisco or san?`,
	} {
		_, err := towns().Find(name)
		var unknown *UnknownCityError
		if !errors.As(err, &unknown) || unknown.Name != name || err.Error() != want {
			t.Errorf("Find(%q): %v, want %s", name, err, want)
		}
	}
}

func TestAmbiguousIsMarked(t *testing.T) {
	_, err := towns().Find("new")
	var unknown *UnknownCityError
	if !errors.As(err, &unknown) || !unknown.Ambiguous || !slices.Equal(unknown.Candidates, []string{"newyork", "newark"}) {
		t.Errorf("got %+v", unknown)
	}
}

func TestFindAll(t *testing.T) {
	got, err := towns().FindAll([]string{"paris, são paulo", "Washington, D.C.", "new york,PARIS,", ""})
	var names []string
	for _, c := range got {
		names = append(names, c.Name)
	}
	if want := []string{"paris", "saopaulo", "washingtondc", "newyork"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("got %v, %v, want %v", names, err, want)
	}
	_, err = towns().FindAll([]string{"paris,atlantis", "new"})
	const want = "unknown city \"atlantis\"" + allTowns + "\ncity \"new\" fits newyork and newark"
	var unknown *UnknownCityError
	if err == nil || err.Error() != want || !errors.As(err, &unknown) {
		t.Errorf("got %v, want %s", err, want)
	}
	if none, err := towns().FindAll(nil); none != nil || err != nil {
		t.Errorf("of no names: %v, %v", none, err)
	}
}

// TestSameTitle: a hand-made inventory may have a title twice.
func TestSameTitle(t *testing.T) {
	inv := &Inventory{Cities: []probe.City{{Name: "lon1", Title: "London"}, {Name: "lon2", Title: "London"}}}
	if _, err := inv.Find("London"); err == nil || err.Error() != `city "London" fits lon1 and lon2` {
		t.Error(err)
	}
}

func TestTypos(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "ab", 2}, {"paris", "paris", 0}, {"parsi", "paris", 1}, {"kitten", "sitting", 3}, {"latitud", "latitude", 1}, {"東京", "東", 1}} {
		if got := typos(test.a, test.b); got != test.want || typos(test.b, test.a) != test.want {
			t.Errorf("typos(%q, %q) = %d, want %d", test.a, test.b, got, test.want)
		}
	}
}
