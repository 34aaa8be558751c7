package lab

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestParseRoutes(t *testing.T) {
	got, err := ParseRoutes("x.toml", []byte(`
[[route]]
from = "baltimore"
to = "newyork"
rtt = "174.71ms"
delay = "87ms"
loss = 0.25
jitter = "2ms"
hops = [
  {name = "a.example", delay = "1.5ms", address = "100.64.9.1"},
  {name = "b.example", delay = "2ms", silent = true, rate = 5},
]
[[city]]
name = "paris"
down = true
disk = "64k"
sshd = "none"
key = "wrong"
shell = "/bin/false"
`))
	if err != nil {
		t.Fatal(err)
	}
	r := got.Routes[0]
	if *r.RTT != 174710*time.Microsecond || *r.Delay != 87*ms || *r.Loss != 0.25 || *r.Jitter != 2*ms || len(r.Hops) != 2 ||
		r.Hops[0].Delay != 1500*time.Microsecond || r.Hops[0].Address.String() != "100.64.9.1" || !r.Hops[1].Silent || r.Hops[1].Rate != 5 {
		t.Errorf("route: %+v", r)
	}
	if want := (Fault{"paris", true, "64k", "none", "wrong", "/bin/false"}); got.Cities[0] != want {
		t.Errorf("city: %+v, want %+v", got.Cities[0], want)
	}
}

// One bad file a rule: testdata/NAME.toml, whose first line is the error.
func TestBadRoutes(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.toml")
	if err != nil || len(files) == 0 {
		t.Fatal("no bad files", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(string(text), "\n")
		want := strings.TrimPrefix(first, "# ")
		_, err = ParseRoutes("x.toml", text)
		if err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", file, err, want)
		}
	}
}

func FuzzRoutes(f *testing.F) {
	f.Add([]byte(twoBranches))
	f.Add([]byte("[[route]]\nfrom='*'\nto='*'\nloss=nan"))
	f.Fuzz(func(t *testing.T, text []byte) {
		routes, err := ParseRoutes("x.toml", text)
		if err != nil {
			return
		}
		c := threeCities()
		c.Routes = routes
		n, err := newNetwork(c)
		if err != nil {
			return
		}
		for from := range n.hosts {
			for to := range n.hosts {
				for ttl := range uint8(6) {
					h := &header{src: n.hosts[from].addrs[0], dst: n.hosts[to].addrs[0], kind: kindUDP, ttl: ttl}
					if d := n.decide(int32(from), h, 1); d.delay < 0 || d.delay > 3*maxDelay {
						t.Fatalf("delay %v", d.delay)
					}
				}
			}
		}
	})
}
