package probe

import (
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// fleet is n cities with an address each.
func fleet(n int) ([]City, Addresses) {
	cities, addresses := make([]City, n), Addresses{}
	for i := range cities {
		cities[i] = City{Name: fmt.Sprintf("c%d", i)}
		addresses[cities[i].Name] = Resolved{Addr: netip.AddrFrom4([4]byte{198, 18, byte(i >> 8), byte(i)})}
	}
	return cities, addresses
}

func options(count int, interval time.Duration) Options {
	o := DefaultOptions()
	o.Count, o.Interval = count, interval
	return o
}

func TestMakePlan(t *testing.T) {
	cities, addresses := fleet(4)
	addresses["c3"] = Resolved{Reason: "c3.example: no such host"}
	tests := []struct {
		name      string
		selection Selection
		options   Options
		want      string
	}{
		{"all pairs", Selection{}, options(3, 900*time.Millisecond), `
12 pairs from 4 hosts, 3 echo requests each every 900ms, 7.4s in all
c0: 0s c1; 300ms c2;
c1: 0s c2; 600ms c0;
c2: 300ms c0; 600ms c1;
c3: 0s c0; 300ms c1; 600ms c2;
c0 → c3: unresolved (c3.example: no such host)
c1 → c3: unresolved (c3.example: no such host)
c2 → c3: unresolved (c3.example: no such host)
`[1:]},
		{"one row", Selection{From: []string{"c1"}}, options(1, time.Second), `
3 pairs from 1 hosts, 1 echo requests each every 1s, 5.666666666s in all
c1: 0s c2; 666.666666ms c0;
c1 → c3: unresolved (c3.example: no such host)
`[1:]},
		{"one pair", Selection{From: []string{"c1"}, To: []string{"c0"}}, options(1, time.Second), `
1 pairs from 1 hosts, 1 echo requests each every 1s, 5.666666666s in all
c1: 666.666666ms c0;
`[1:]},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			plan, err := MakePlan(cities, addresses, test.selection, test.options)
			if err != nil {
				t.Fatal(err)
			}
			if got := plan.String(); got != test.want {
				t.Errorf("plan is\n%swant\n%s", got, test.want)
			}
		})
	}
}

// TestAPlanInALog is short, however many pairs it has, and tells plans apart.
func TestAPlanInALog(t *testing.T) {
	logged := func(o Options) string {
		cities, addresses := fleet(300)
		plan, err := MakePlan(cities, addresses, Selection{}, o)
		if err != nil {
			t.Fatal(err)
		}
		var line strings.Builder
		slog.New(slog.NewTextHandler(&line, nil)).Info("planned", "plan", plan)
		_, rest, _ := strings.Cut(line.String(), " ") // without the time
		return rest
	}
	one := logged(options(3, time.Second))
	if !strings.Contains(one, " plan.pairs=89700 plan.hosts=300 ") || len(one) > 300 {
		t.Errorf("%d bytes: %.300s", len(one), one)
	}
	if again := logged(options(3, time.Second)); again != one {
		t.Errorf("the same plan is %s, and then %s", one, again)
	}
	larger := options(3, time.Second)
	larger.Size++
	if other := logged(larger); other == one {
		t.Errorf("another plan is as well %s", other)
	}
}

// No target is hit by two sources in one slot, and every pair has one.
// A plan for a few pairs has their times, and nothing else.
func TestPlanOnly(t *testing.T) {
	cities, addresses := fleet(4)
	addresses["c3"] = Resolved{Reason: "c3.example: no such host"}
	plan, err := MakePlan(cities, addresses, Selection{}, options(1, 900*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	whole := plan.String()
	only := plan.Only(func(p Pair) bool { return p == Pair{"c1", "c0"} || p == Pair{"c0", "c1"} || p == Pair{"c2", "c3"} })
	want := `
3 pairs from 2 hosts, 1 echo requests each every 900ms, 5.6s in all
c0: 0s c1;
c1: 600ms c0;
c2 → c3: unresolved (c3.example: no such host)
`[1:]
	if got := only.String(); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if plan.String() != whole {
		t.Errorf("the whole plan was changed to\n%s", plan)
	}
}

func TestPlanSpreadsTheLoad(t *testing.T) {
	const n = 50
	cities, addresses := fleet(n)
	plan, err := MakePlan(cities, addresses, Selection{}, options(1, time.Second))
	if err != nil {
		t.Fatal(err)
	}
	type hit struct {
		to    string
		start time.Duration
	}
	hits, pairs := map[hit]string{}, map[Pair]bool{}
	for _, job := range plan.Jobs {
		last := time.Duration(-1)
		for _, target := range job.Targets {
			h := hit{target.City, target.Start}
			if other, taken := hits[h]; taken {
				t.Errorf("%s and %s both ping %s at %v", other, job.From, target.City, target.Start)
			}
			hits[h] = job.From
			pairs[Pair{job.From, target.City}] = true
			if gap := target.Start - last; last >= 0 && (gap < 20*time.Millisecond || gap > 21*time.Millisecond) {
				t.Errorf("%s sends unevenly: a gap of %v", job.From, gap)
			}
			last = target.Start
		}
	}
	if len(pairs) != n*(n-1) {
		t.Errorf("%d pairs are planned, want %d", len(pairs), n*(n-1))
	}
}

func TestPlanKeepsTheRate(t *testing.T) {
	cities, addresses := fleet(1000)
	tests := []struct {
		name      string
		selection Selection
		interval  time.Duration // that comes out
	}{
		{"all of a large fleet stretch the interval", Selection{}, 3996 * time.Millisecond},
		{"a few neighbours are spread out", Selection{From: []string{"c0"}, To: []string{"c1", "c2", "c3", "c4"}}, time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			plan, err := MakePlan(cities, addresses, test.selection, options(2, time.Second))
			if err != nil {
				t.Fatal(err)
			}
			if plan.Options.Interval != test.interval {
				t.Errorf("interval %v, want %v", plan.Options.Interval, test.interval)
			}
			targets := plan.Jobs[0].Targets
			for i := 1; i < len(targets); i++ {
				if gap := targets[i].Start - targets[i-1].Start; gap < 4*time.Millisecond {
					t.Fatalf("target %d follows after %v: more than 250 echo requests a second", i, gap)
				}
			}
		})
	}
}

func TestMakePlanRefuses(t *testing.T) {
	cities, addresses := fleet(2)
	bad := func(change func(*Options)) Options { o := DefaultOptions(); change(&o); return o }
	tests := []struct {
		name      string
		cities    []City
		selection Selection
		options   Options
		want      string
	}{
		{"one city", cities[:1], Selection{}, DefaultOptions(), "no pair to measure"},
		{"itself only", cities, Selection{From: []string{"c0"}, To: []string{"c0"}}, DefaultOptions(), "no pair to measure"},
		{"no echo", cities, Selection{}, bad(func(o *Options) { o.Count = 0 }), "count 0"},
		{"too fast", cities, Selection{}, bad(func(o *Options) { o.Interval = time.Microsecond }), "interval 1µs"},
		{"no patience", cities, Selection{}, bad(func(o *Options) { o.Timeout = 0 }), "timeout 0s"},
		{"a strange type of service", cities, Selection{}, bad(func(o *Options) { o.TrafficClass = 256 }), "type of service 256"},
		{"too small", cities, Selection{}, bad(func(o *Options) { o.Size = 8 }), "size 8"},
		{"no rate", cities, Selection{}, bad(func(o *Options) { o.Rate = 0 }), "rate 0"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := MakePlan(test.cities, addresses, test.selection, test.options)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
}
