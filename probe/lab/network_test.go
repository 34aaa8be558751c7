package lab

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"matrix/probe"
)

const ms = time.Millisecond

// threeCities is a lab whose table differs by direction and lacks a pair.
func threeCities() *Config {
	return &Config{
		Cities: []probe.City{{Name: "sydney"}, {Name: "brisbane", Host: "198.19.3.4"}, {Name: "paris", Host: "paris.example.net", SSH: "root@login.example.net"}},
		RTT: map[probe.Pair]time.Duration{
			{From: "sydney", To: "brisbane"}: 42980 * time.Microsecond,
			{From: "brisbane", To: "sydney"}: 33450 * time.Microsecond,
			{From: "sydney", To: "paris"}:    354 * ms,
		},
		Seed: 1,
	}
}

// routed is the network of threeCities with a route file.
func routed(t testing.TB, routes string) *network {
	t.Helper()
	c := threeCities()
	r, err := ParseRoutes("test.toml", []byte(routes))
	if err != nil {
		t.Fatal(err)
	}
	c.Routes = r
	n, err := newNetwork(c)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// ask is what becomes of a packet from one host to another.
func (n *network) ask(from, to string, k kind, ttl uint8) decision {
	return n.askAt(0, from, n.hosts[n.byName[to]].addrs[0], k, ttl, 0)
}

func (n *network) askAt(now int64, from string, to netip.Addr, k kind, ttl uint8, flow uint32) decision {
	f := n.byName[from]
	return n.decide(f, &header{src: n.hosts[f].addrs[0], dst: to, kind: k, ttl: ttl, flow: flow}, now)
}

// Every ping must come out at the table's figure for its initiator, and no
// other packet may notice.
func TestDelaysByInitiator(t *testing.T) {
	n := routed(t, "")
	for _, c := range []struct {
		from, to string
		rtt      time.Duration
	}{
		{"sydney", "brisbane", 42980 * time.Microsecond},
		{"brisbane", "sydney", 33450 * time.Microsecond},
		{"sydney", "paris", 354 * ms},
		{"paris", "sydney", 354 * ms}, // not in the table: as the other way
		{Operator, "paris", 0},
	} {
		out, back := n.ask(c.from, c.to, kindEchoRequest, 64), n.ask(c.to, c.from, kindEchoReply, 64)
		if out.action != deliver || back.action != deliver || out.delay+back.delay != c.rtt {
			t.Errorf("%s → %s: %v + %v, want %v in all", c.from, c.to, out.delay, back.delay, c.rtt)
		}
		if other := n.ask(c.from, c.to, kindOther, 64); other.delay != c.rtt/2 {
			t.Errorf("%s → %s: %v for TCP, want %v", c.from, c.to, other.delay, c.rtt/2)
		}
	}
	if d := n.ask("brisbane", "paris", kindEchoRequest, 64); d.action != noRoute {
		t.Errorf("a pair that the table lacks: %+v, want no route", d)
	}
}

func TestDelayOneWay(t *testing.T) {
	n := routed(t, `
[[route]]
from = "sydney"
to = "paris"
rtt = "300ms"
delay = "200ms"`)
	out, back := n.ask("sydney", "paris", kindEchoRequest, 64), n.ask("paris", "sydney", kindEchoReply, 64)
	if out.delay != 200*ms || back.delay != 100*ms {
		t.Errorf("%v there, %v back; want 200ms, 100ms", out.delay, back.delay)
	}
}

func TestTTLDefaultPath(t *testing.T) {
	n := routed(t, "")
	var last time.Duration
	for i, name := range []string{"ge0.ar1.sydney", "ae1.cr1.sydney", "ae1.cr1.paris", "ge0.ar1.paris"} {
		d := n.ask("sydney", "paris", kindUDP, uint8(i+1))
		want := n.routers[n.routing[name+"."+Domain]].addr
		if d.action != reply || d.router != want || d.answer != answerTimeExceeded || d.quoteAt != 1 || int(d.ttl) != 255-i-1 {
			t.Errorf("TTL %d: %+v, want an answer of %s, %v", i+1, d, name, want)
		}
		if d.delay <= last || d.delay >= 354*ms {
			t.Errorf("TTL %d: %v after %v", i+1, d.delay, last)
		}
		last = d.delay
	}
	if d := n.ask("sydney", "paris", kindUDP, 5); d.action != deliver || d.ttl != 1 {
		t.Errorf("TTL 5: %+v, want delivered with TTL 1", d)
	}
	if d := n.ask("sydney", "paris", kindError, 2); d.action != drop {
		t.Errorf("an expired error: %+v, want silence", d)
	}
	if d := n.ask(Operator, "paris", kindUDP, 1); d.action != deliver {
		t.Errorf("from the operator: %+v, want no router between", d)
	}
}

const twoBranches = `
[[route]]
from = "sydney"
to = "paris"
branches = [
  [{name = "a.example", delay = "1ms"}, {name = "same.example", delay = "9ms"}],
  [{name = "b.example", delay = "2ms", silent = true}, {name = "same.example", delay = "8ms", address = "100.64.200.1"}],
]`

func TestBranches(t *testing.T) {
	n := routed(t, twoBranches)
	paris := n.hosts[n.byName["paris"]].addrs[0]
	first := n.askAt(0, "sydney", paris, kindUDP, 1, 2)
	if first.action != reply || first.delay != 2*ms {
		t.Errorf("flow 2: %+v, want a.example at 2ms", first)
	}
	if d := n.askAt(0, "sydney", paris, kindUDP, 1, 3); d.action != drop {
		t.Errorf("flow 3: %+v, want the silence of b.example", d)
	}
	same := netip.MustParseAddr("100.64.200.1")
	for flow, want := range map[uint32]time.Duration{2: 18 * ms, 3: 16 * ms} {
		if d := n.askAt(0, "sydney", paris, kindUDP, 2, flow); d.router != same || d.delay != want {
			t.Errorf("flow %d, TTL 2: %+v, want %v at %v", flow, d, same, want)
		}
	}
	if d := n.askAt(0, "sydney", same, kindEchoRequest, 64, 0); d.action != reply || d.answer != answerEcho || d.delay != 16*ms {
		t.Errorf("ping of the router: %+v, want its reply by the shorter branch", d)
	}
	if d := n.askAt(0, "sydney", same, kindUDP, 64, 0); d.answer != answerPortUnreachable {
		t.Errorf("UDP to the router: %+v, want port unreachable", d)
	}
	if d := n.askAt(0, "brisbane", same, kindEchoRequest, 64, 0); d.action != noRoute {
		t.Errorf("ping of a router on nobody's way: %+v", d)
	}
}

func TestRateLimit(t *testing.T) {
	n := routed(t, `
[[route]]
from = "sydney"
to = "paris"
hops = [{name = "busy.example", delay = "1ms", rate = 2}]`)
	paris := n.hosts[n.byName["paris"]].addrs[0]
	answered := 0
	for now := time.Duration(1); now < 10*time.Second; now += 10 * ms {
		if n.askAt(int64(now), "sydney", paris, kindUDP, 1, 0).action == reply {
			answered++
		}
	}
	if answered < 20 || answered > 22 {
		t.Errorf("%d answers in 10 s at 2 a second", answered)
	}
}

func TestLossIsSeeded(t *testing.T) {
	fates := func(seed uint64) (lost int, word string) {
		c := threeCities()
		c.Loss, c.Seed = 0.3, seed
		n, err := newNetwork(c)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for range 1000 {
			d := n.ask("sydney", "paris", kindEchoRequest, 64)
			if d.action == drop {
				lost++
			}
			b.WriteByte(byte('0' + d.action))
			if back := n.ask("paris", "sydney", kindEchoReply, 64); back.action != deliver {
				t.Fatal("a reply was lost too: a ping would lose twice as much as was asked for")
			}
		}
		return lost, b.String()
	}
	lost, first := fates(1)
	if lost < 250 || lost > 350 {
		t.Errorf("lost %d of 1000 at 0.3", lost)
	}
	if _, again := fates(1); again != first {
		t.Error("the same seed lost others")
	}
	if _, other := fates(2); other == first {
		t.Error("another seed lost the same")
	}
}

func TestJitter(t *testing.T) {
	n := routed(t, `
[[route]]
from = "sydney"
to = "*"
jitter = "5ms"`)
	var least, most time.Duration = time.Hour, 0
	for range 1000 {
		d := n.ask("sydney", "paris", kindEchoRequest, 64).delay
		least, most = min(least, d), max(most, d)
	}
	if least < 177*ms || least > 178*ms || most > 182*ms || most < 181*ms {
		t.Errorf("delays from %v to %v, want 177ms to 182ms", least, most)
	}
}

func TestChange(t *testing.T) {
	n := routed(t, "")
	n.ask("sydney", "paris", kindEchoRequest, 64)
	all, rtt, down := 1.0, 100*ms, true
	if err := n.change(&Change{From: "sydney", To: "paris", RTT: &rtt}); err != nil {
		t.Fatal(err)
	}
	if d := n.ask("sydney", "paris", kindEchoRequest, 64); d.delay != 50*ms {
		t.Errorf("after rtt=100ms: %+v", d)
	}
	if err := n.change(&Change{From: "*", To: "paris", Loss: &all}); err != nil {
		t.Fatal(err)
	}
	if d := n.ask("sydney", "paris", kindEchoRequest, 64); d.action != drop {
		t.Errorf("after loss=1: %+v", d)
	}
	if err := n.change(&Change{From: "brisbane", Down: &down}); err != nil {
		t.Fatal(err)
	}
	for _, pair := range [][2]string{{"sydney", "brisbane"}, {"brisbane", "sydney"}, {Operator, "brisbane"}} {
		if d := n.ask(pair[0], pair[1], kindEchoRequest, 64); d.action != drop {
			t.Errorf("%v with brisbane down: %+v", pair, d)
		}
	}
	for _, bad := range []Change{{}, {From: "sydney", To: "paris", Down: &down}, {From: "sydney", Loss: &all}, {From: "nowhere", Down: &down}, {From: "sydney", To: "sydney", Loss: &all}} {
		if err := n.change(&bad); err == nil {
			t.Errorf("%+v: accepted", bad)
		}
	}
}

func TestAddressesAndNames(t *testing.T) {
	n := routed(t, "")
	for name, want := range map[string]string{
		"sydney": "198.18.0.1", "Sydney": "198.18.0.1", "sydney.lab.example": "198.18.0.1",
		"brisbane": "198.19.3.4", "198.19.3.4": "198.19.3.4",
		"paris": "198.18.0.3", "paris.example.net": "198.18.0.3", "login.example.net": "198.18.0.3",
		"operator": "198.18.255.1", "fd6c:6162::1:3": "198.18.0.3",
	} {
		host, err := n.find(name)
		if err != nil || n.hosts[host].addrs[0].String() != want {
			t.Errorf("%s: %v, %v; want %s", name, n.hosts[host].addrs, err, want)
		}
	}
	if _, err := n.find("nowhere"); err == nil {
		t.Error("found nowhere")
	}
}

func TestConfigRefused(t *testing.T) {
	city := func(names ...string) (cities []probe.City) {
		for _, name := range names {
			cities = append(cities, probe.City{Name: name})
		}
		return cities
	}
	table := map[probe.Pair]time.Duration{{From: "a", To: "b"}: -ms}
	for want, c := range map[string]Config{
		"0 cities":                   {},
		"letters, digits":            {Cities: city("a b")},
		`other than "operator"`:      {Cities: city("operator")},
		"the same name":              {Cities: city("a", "A")},
		"cannot use the address":     {Cities: []probe.City{{Name: "a", Host: "127.0.0.1"}}},
		"the same address":           {Cities: []probe.City{{Name: "a", Host: "198.18.9.9"}, {Name: "b", Host: "198.18.9.9"}}},
		"loss":                       {Cities: city("a"), Loss: 2},
		"rtt -1ms":                   {Cities: city("a", "b"), RTT: table},
		`no city "x"`:                {Cities: city("a"), Routes: &Routes{Routes: []Route{{From: "a", To: "x"}}}},
		`no city is called "x"`:      {Cities: city("a"), Routes: &Routes{Cities: []Fault{{Name: "x"}}}},
		"only 0s":                    {Cities: city("a", "b"), RTT: map[probe.Pair]time.Duration{{From: "a", To: "b"}: 0}, Routes: &Routes{Routes: []Route{{From: "a", To: "b", Hops: []Hop{{Name: "r", Delay: 1}}}}}},
		"router r has two addresses": {Cities: city("a", "b"), Routes: &Routes{Routes: []Route{{From: "a", To: "b", Hops: []Hop{{Name: "r", Address: netip.MustParseAddr("100.64.9.1")}, {Name: "r", Address: netip.MustParseAddr("100.64.9.2")}}}}}},
	} {
		if _, err := newNetwork(&c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v:\n got %v\nwant %q", c, err, want)
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	n := routed(b, "")
	h := &header{src: n.hosts[0].addrs[0], dst: n.hosts[2].addrs[0], kind: kindEchoRequest, ttl: 64}
	b.ReportAllocs()
	for b.Loop() {
		n.decide(0, h, 0)
	}
}
