package bus

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"matrix/probe"
	"matrix/probe/schedule"
)

// aPlan is one of four cities, one of which has no address.
func aPlan(t testing.TB) FleetPlan {
	t.Helper()
	o := probe.DefaultOptions()
	o.Rate = 2 // stretches the interval
	var cities []probe.City
	addresses := probe.Addresses{}
	for i, name := range []string{"a", "b", "c", "d"} {
		cities = append(cities, probe.City{Name: name, Title: "Ä " + name, Host: name + ".example", SSH: "root@" + name, Location: &probe.Location{Latitude: 1, Longitude: 2}})
		addresses[name] = probe.Resolved{Addr: netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})}
	}
	addresses["c"] = probe.Resolved{Reason: "c.example: no such host"}
	p, err := MakeFleetPlan(schedule.Schedule{Every: time.Hour, Jitter: 30 * time.Second, Seed: 1 << 63}, cities, addresses, o, "v7")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestEverybodyReadsTheSame: each agent's row is the coordinator's job for it, and
// the round has one name.
func TestEverybodyReadsTheSame(t *testing.T) {
	made := aPlan(t)
	read, err := readPlan(made.packed)
	if err != nil {
		t.Fatal(err)
	}
	if read.digest != made.digest || !reflect.DeepEqual(read, made) {
		t.Errorf("read %+v\nmade %+v", read, made)
	}
	due := made.Schedule.Next(made.From)
	ticket, ok := read.Ticket(due)
	if !ok || ticket.Run != made.run(due) {
		t.Fatalf("%v, %+v", ok, ticket)
	}
	plan, err := ticket.Plan()
	if err != nil {
		t.Fatal(err)
	}
	for _, job := range plan.Jobs {
		row, err := read.row(job.From)
		if err != nil || !reflect.DeepEqual(row, job) {
			t.Errorf("%v: the row is\n%+v, the job\n%+v", err, row, job)
		}
	}
	aligned, digest, ok := readRun(ticket.Run)
	if !ok || digest != read.digest || !read.due(aligned).Equal(due) {
		t.Errorf("%s is read as %v, %s", ticket.Run, aligned, digest)
	}
	for _, not := range []time.Time{due.Add(time.Second), due.Add(-time.Second), due.Add(-2 * time.Hour)} {
		if _, ok := read.Ticket(not); ok {
			t.Errorf("there is a round at %v", not)
		}
	}
	if strings.Contains(strings.Join(strings.Fields(string(mustUnpack(t, made.packed))), ""), "root@") {
		t.Error("agents are told how others are logged in to")
	}
}

func mustUnpack(t testing.TB, packed []byte) []byte {
	t.Helper()
	text, err := unpack(packed, maxPlanText)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestPlansThatCannotBeMade are refused before anybody sees them.
func TestPlansThatCannotBeMade(t *testing.T) {
	good := aPlan(t)
	o := good.Options
	for want, change := range map[string]func(s *schedule.Schedule, c *[]probe.City, o *probe.Options){
		"the next is due after 10s": func(s *schedule.Schedule, _ *[]probe.City, _ *probe.Options) {
			*s = schedule.Schedule{Every: 10 * time.Second}
		},
		"want 1s to 168h":        func(s *schedule.Schedule, _ *[]probe.City, _ *probe.Options) { s.Every *= 1000 },
		"rate 0":                 func(_ *schedule.Schedule, _ *[]probe.City, o *probe.Options) { o.Rate = 0 },
		"1 cities: want 2 to":    func(_ *schedule.Schedule, c *[]probe.City, _ *probe.Options) { *c = (*c)[:1] },
		"is in it twice":         func(_ *schedule.Schedule, c *[]probe.City, _ *probe.Options) { (*c)[0] = (*c)[1] },
		"part of a NATS subject": func(_ *schedule.Schedule, c *[]probe.City, _ *probe.Options) { (*c)[0].Name = "a.*" },
	} {
		s, cities, options := good.Schedule, append([]probe.City{}, good.Cities...), o
		change(&s, &cities, &options)
		if _, err := MakeFleetPlan(s, cities, good.Addresses, options, "v7"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// TestAddressesThatArePlanned are those of one host each, which is another's than who
// pings it.
func TestAddressesThatArePlanned(t *testing.T) {
	good := aPlan(t)
	for want, addresses := range map[string]string{ // of a, b, c and d
		"b has the address 255.255.255.255, which cannot be pinged": "192.0.2.1 255.255.255.255 192.0.2.3 192.0.2.4",
		"b has the address 224.0.0.1, which cannot be pinged":       "192.0.2.1 224.0.0.1 192.0.2.3 192.0.2.4",
		"c has the address ff02::1, which cannot be pinged":         "2001:db8::1 2001:db8::2 ff02::1 2001:db8::4",
		"d has the address ::, which cannot be pinged":              "2001:db8::1 2001:db8::2 2001:db8::3 ::",
		"d has the address 0.0.0.0, which cannot be pinged":         "192.0.2.1 192.0.2.2 192.0.2.3 0.0.0.0",
		"a and c have the same address, 192.0.2.1":                  "192.0.2.1 192.0.2.2 192.0.2.1 192.0.2.4",
		"a and b have the same address, 192.0.2.1:":                 "192.0.2.1 ::ffff:192.0.2.1 192.0.2.3 192.0.2.4",
		"a has the address 127.0.1.1, at which every other host":    "127.0.1.1 192.0.2.2 192.0.2.3 192.0.2.4",
		"b has the address ::1, at which every other host":          "2001:db8::1 ::1 2001:db8::3 2001:db8::4",
		"": "127.0.0.1 127.0.0.2 127.0.0.3 ::1",
	} {
		all := probe.Addresses{}
		for i, text := range strings.Fields(addresses) {
			all[good.Cities[i].Name] = probe.Resolved{Addr: netip.MustParseAddr(text)}
		}
		_, err := MakeFleetPlan(good.Schedule, good.Cities, all, good.Options, "v7")
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", addresses, err, want)
		}
	}
}

// FuzzReadPlan: what is read can be carried out, whoever wrote it.
func FuzzReadPlan(f *testing.F) {
	text := mustUnpack(f, aPlan(f).packed)
	f.Add(text)
	for old, fresh := range map[string]string{
		`"format":1`: `"format":2`, `"b"`: `"a"`, `192.0.2.1`: `224.0.0.1`, `"rate":2`: `"rate":2000000`, `"every_ns":3600`: `"every_ns":-3600`,
		`"latitude":1`: `"latitude":1e300`, `"seed"`: `"sead"`, `}`: `}}`, `"count":10`: `"count":10000`,
	} {
		f.Add([]byte(strings.ReplaceAll(string(text), old, fresh)))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := parsePlan(text)
		if err != nil {
			return
		}
		if _, err := json.Marshal(p); err != nil {
			t.Error(err)
		}
		for _, c := range p.Cities[:min(len(p.Cities), 10)] {
			if row, err := p.row(c.Name); err == nil && (row.Check() != nil || row.Length() >= p.Schedule.Every) {
				t.Errorf("a row that cannot be carried out: %+v", row)
			}
		}
		if due := p.Schedule.Next(p.From); due.Year() < 9999 {
			if ticket, ok := p.Ticket(due); !ok || checkName(ticket.Run) != nil {
				t.Errorf("the round at %v: %v, %q", due, ok, ticket.Run)
			}
		}
	})
}
