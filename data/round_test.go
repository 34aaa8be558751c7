package data

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"matrix/probe"
)

func testFleet(tb testing.TB) *Inventory {
	inv, err := OpenInventory("testdata/fleet.csv")
	if err != nil {
		tb.Fatal(err)
	}
	return inv
}

// dumpRound prints what a test should see of a round.
func dumpRound(r *probe.Round) string {
	var b strings.Builder
	fmt.Fprintf(&b, "source %s, version %q, %s to %s, partial %v, {Count:%d Interval:%v Timeout:%v Size:%d Rate:%d}\n", r.Source, r.Version, stamp(r.Start), stamp(r.End), r.Partial,
		r.Options.Count, r.Options.Interval, r.Options.Timeout, r.Options.Size, r.Options.Rate)
	for _, c := range r.Cities {
		fmt.Fprintf(&b, "city %s, %s, %q %q %q %q %q", c.Name, c.Title, c.Host, c.SSH, c.Country, c.Region, c.Provider)
		if c.Location != nil {
			fmt.Fprintf(&b, " at %v", *c.Location)
		}
		b.WriteByte('\n')
	}
	for _, s := range r.Samples {
		b.WriteString(dumpSample(s))
	}
	for _, s := range r.Self {
		b.WriteString("self " + dumpSample(s))
	}
	for _, l := range r.Looks {
		fmt.Fprintf(&b, "look %+v\n", l)
	}
	for _, h := range r.Hosts {
		fmt.Fprintf(&b, "host {City:%s Version:%s Error:%s Hint:%s}\n", h.City, h.Version, h.Error, h.Hint)
	}
	for _, w := range r.Warnings {
		fmt.Fprintf(&b, "warning: %s: %s\n", w.Subject, w.Text)
	}
	return b.String()
}

func dumpSample(s probe.Sample) string {
	text := fmt.Sprintf("%v: %v %q %s", s.Pair, s.State, s.Reason, stamp(s.At))
	if s.Address.IsValid() {
		text += " " + s.Address.String()
	}
	if s.Sent > 0 {
		text += fmt.Sprintf(" %d/%d", s.Received, s.Sent)
	}
	for stat := probe.Min; stat <= probe.Jitter; stat++ {
		if d, ok := s.Imported.Get(stat); ok {
			text += fmt.Sprintf(" %v %v", stat, d)
		}
	}
	if len(s.RTTs) > 0 {
		text += fmt.Sprint(" ", s.RTTs)
	}
	return text + "\n"
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Format(time.RFC3339Nano)
}

// TestReadRound reads one file for each rule, with an inventory.
func TestReadRound(t *testing.T) {
	inv := testFleet(t)
	eachFile(t, "round", func(f *os.File, name string) (string, error) {
		r, err := ReadRound(f, name, inv)
		if err != nil {
			return "", err
		}
		return dumpRound(r), nil
	})
}

// TestReadRoundAlone: without an inventory the file's own names are the cities.
func TestReadRoundAlone(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"table", "from,New York,Zürich\nNew York,,90\nParis,78,8\n",
			"newyork|New York zurich|Zürich paris|Paris; newyork → zurich measured, paris → newyork measured, paris → zurich measured"},
		{"ids", "source,destination,avg\n7,12,40\n12,7,41\n", "7|7 12|12; 7 → 12 measured, 12 → 7 measured"},
		{"missing pair", "source,destination,avg\na,b,1\nb,c,2\n", "a|a b|b c|c; a → b measured, a → c not-run, b → c measured"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := ReadRound(strings.NewReader(test.text), "x.csv", nil)
			if err != nil {
				t.Fatal(err)
			}
			var cities, samples []string
			for _, c := range r.Cities {
				cities = append(cities, c.Name+"|"+c.Title)
			}
			for _, s := range r.Samples {
				samples = append(samples, fmt.Sprintf("%v %v", s.Pair, s.State))
			}
			if got := strings.Join(cities, " ") + "; " + strings.Join(samples, ", "); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// TestRoundBounds feeds files that want to be kept in memory whole.
func TestRoundBounds(t *testing.T) {
	const open = `{"format":"matrix-round","format_version":1,` + "\n"
	var cities, columns strings.Builder
	for i := range maxCities + 1 {
		fmt.Fprintf(&cities, `{"name":"c%d","title":"x"},`, i)
		fmt.Fprintf(&columns, ",c%d", i)
	}
	for _, test := range []struct{ name, text, want string }{
		{"long value", open + `"source":"` + strings.Repeat("x", 2*maxValue), "f:2: a single value longer than 1048576 bytes"},
		{"endless RTTs", open + `"samples":[{"rtt_us":[` + strings.Repeat("1,", maxValue), "f:2: a single value longer than 1048576 bytes"},
		{"endless space", open + strings.Repeat("\n", 2*maxValue), "a single value longer than 1048576 bytes"},
		{"deep", open + `"samples":` + strings.Repeat("[", 20_000), "f:2: "},
		{"many cities", open + `"cities":[` + cities.String(), "f:2: more than 1000 entries"},
		{"wide table", "from" + columns.String() + "\n", "f:1: more than 1000 cities"},
		{"long line", "from,a\n" + strings.Repeat("x", maxLine+1), "f:2: longer than 1048576 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := ReadRound(strings.NewReader(test.text), "f", nil)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %.200v, want %s", err, test.want)
			}
		})
	}
}
