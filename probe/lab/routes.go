package lab

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

// Routes is what a route file says: how the lab differs from a plain table of
// round-trip times. It is TOML:
//
//	[[route]]               # one direction; later routes override earlier ones
//	from   = "baltimore"    # a city's name, or "*" for every city
//	to     = "newyork"
//	rtt    = "174.71ms"     # what a ping from `from` finds
//	delay  = "87.4ms"       # one way; half of rtt if not given
//	loss   = 0.05           # share of the packets that are dropped
//	jitter = "2ms"          # up to so much is added to every packet
//	hops   = [              # the routers, in order, with the one-way delay to each
//	  {name = "ae1.cr1.baltimore.lab.example", delay = "0.4ms"},
//	  {name = "be2.ccr1.par.lab.example", delay = "46ms", address = "100.64.9.1"},
//	  {name = "quiet.lab.example", delay = "47ms", silent = true},
//	  {name = "bare.lab.example", delay = "48ms", nameless = true},  # no PTR record
//	  {name = "busy.lab.example", delay = "80ms", rate = 5},  # answers a second
//	  {name = "core.lab.example", delay = "81ms", labels = [24001, 17]},  # MPLS
//	  {name = "old.lab.example", delay = "82ms", quote = 28},   # repeats so many bytes
//	  {name = "wall.lab.example", delay = "83ms", refuse = "!X"},  # lets nothing pass
//	]
//	branches = [[...], [...]]  # instead of hops: conversations are spread over these
//
//	[[city]]                # what is wrong with a city from the start
//	name  = "paris"
//	down  = true            # its cable is cut
//	disk  = "1M"            # its home is a file system of this size
//	sshd  = "none"          # nothing listens on port 22
//	key   = "wrong"         # its ssh host key is not the one in known_hosts
//	shell = "/path/program" # what its sshd runs instead of /bin/sh
//
// What a route does not say stays as it was: from an earlier route, or else
// the table's round-trip time over two routers at each end.
type Routes struct {
	Routes []Route `toml:"route"`
	Cities []Fault `toml:"city"`
}

// Route is one direction between two cities. A nil field is not said.
type Route struct {
	From     string         `toml:"from"`
	To       string         `toml:"to"`
	RTT      *time.Duration `toml:"rtt"`
	Delay    *time.Duration `toml:"delay"`
	Loss     *float64       `toml:"loss"`
	Jitter   *time.Duration `toml:"jitter"`
	Hops     []Hop          `toml:"hops"`
	Branches [][]Hop        `toml:"branches"`
}

// Hop is a router on a route. Hops with one name are one router.
type Hop struct {
	Name     string        `toml:"name"`
	Nameless bool          `toml:"nameless"` // its address has no name in the DNS
	Address  netip.Addr    `toml:"address"`  // assigned if not given
	Delay    time.Duration `toml:"delay"`    // one way, from the route's start
	Silent   bool          `toml:"silent"`   // never answers for itself
	Rate     float64       `toml:"rate"`     // at most so many answers a second; 0: no limit
	Refuse   string        `toml:"refuse"`   // what it says to all that would pass it, as traceroute marks it
	Labels   []uint32      `toml:"labels"`   // of MPLS, that packets arrive with
	Quote    int           `toml:"quote"`    // bytes of a packet that it repeats in an error; 0: 148
}

// Fault is what is wrong with a city from the start.
type Fault struct {
	Name  string `toml:"name"`
	Down  bool   `toml:"down"`
	Disk  string `toml:"disk"`
	SSHD  string `toml:"sshd"`
	Key   string `toml:"key"`
	Shell string `toml:"shell"`
}

// anyCity stands for every city in a route's from and to.
const anyCity = "*"

// ReadRoutes reads a route file.
func ReadRoutes(path string) (*Routes, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read routes: %w", err)
	}
	return ParseRoutes(path, text)
}

// ParseRoutes reads the text of a route file; name is what to call it in errors.
func ParseRoutes(name string, text []byte) (*Routes, error) {
	var routes Routes
	meta, err := toml.NewDecoder(bytes.NewReader(text)).Decode(&routes)
	var syntax toml.ParseError
	switch {
	case errors.As(err, &syntax):
		return nil, fmt.Errorf("%s:%d: %s", name, syntax.Position.Line, syntax.Message)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return nil, fmt.Errorf("%s:%d: unknown key %q", name, lineOf(text, unknown[0]), unknown[0])
	}
	for i := range routes.Routes {
		if err := routes.Routes[i].check(); err != nil {
			return nil, fmt.Errorf("%s: route %d (%s → %s): %w", name, i+1, routes.Routes[i].From, routes.Routes[i].To, err)
		}
	}
	for _, f := range routes.Cities {
		if err := f.check(); err != nil {
			return nil, fmt.Errorf("%s: city %q: %w", name, f.Name, err)
		}
	}
	return &routes, nil
}

// lineOf finds the line of a key for a person. Keys carry no position, so the
// first line that sets a key of that name has to do.
func lineOf(text []byte, key toml.Key) int {
	last := key[len(key)-1]
	for i, line := range strings.Split(string(text), "\n") {
		line, _, _ = strings.Cut(line, "#")
		for _, part := range strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune("{,[]. \t=", r) }) {
			if strings.Trim(part, `"'`) == last {
				return i + 1
			}
		}
	}
	return 1
}

// maxDelay bounds every delay: beyond it packets would pile up.
const maxDelay = 10 * time.Second

func (r *Route) check() error {
	switch {
	case r.From == "" || r.To == "":
		return errors.New(`from and to: want a city's name or "*"`)
	case r.From == r.To && r.From != anyCity:
		return errors.New("from and to are the same city")
	case r.Loss != nil && !(*r.Loss >= 0 && *r.Loss <= 1):
		return fmt.Errorf("loss %v: want a ratio from 0 to 1", *r.Loss)
	case len(r.Hops) > 0 && len(r.Branches) > 0:
		return errors.New("both hops and branches: want one of them")
	}
	for name, d := range map[string]*time.Duration{"rtt": r.RTT, "delay": r.Delay, "jitter": r.Jitter} {
		if d != nil && (*d < 0 || *d > maxDelay) {
			return fmt.Errorf("%s %v: want 0 to %v", name, *d, maxDelay)
		}
	}
	if r.RTT != nil && r.Delay != nil && *r.Delay > *r.RTT {
		return fmt.Errorf("delay %v: more than the rtt, %v", *r.Delay, *r.RTT)
	}
	for _, branch := range r.branches() {
		if err := checkHops(branch); err != nil {
			return err
		}
	}
	return nil
}

// branches are the ways of the route; none if it does not say.
func (r *Route) branches() [][]Hop {
	if len(r.Hops) > 0 {
		return [][]Hop{r.Hops}
	}
	return r.Branches
}

// maxHops keeps every host in reach of the usual first TTL of 64.
const maxHops = 40

func checkHops(hops []Hop) error {
	if len(hops) > maxHops {
		return fmt.Errorf("%d hops: want at most %d", len(hops), maxHops)
	}
	var last time.Duration
	for i, h := range hops {
		switch {
		case !validName(h.Name):
			return fmt.Errorf("hop %d: name %q: want a host name", i+1, h.Name)
		case h.Delay < last || h.Delay > maxDelay:
			return fmt.Errorf("hop %d (%s): delay %v: want %v, the hop before it, to %v", i+1, h.Name, h.Delay, last, maxDelay)
		case !(h.Rate >= 0 && h.Rate <= 1e6):
			return fmt.Errorf("hop %d (%s): rate %v: want 0 to 1000000 answers a second", i+1, h.Name, h.Rate)
		case h.Address.IsValid() && !routerBlock.Contains(h.Address):
			return fmt.Errorf("hop %d (%s): address %v: want one in %v", i+1, h.Name, h.Address, routerBlock)
		}
		if err := (manner{h.Refuse, h.Labels, h.Quote}).check(); err != nil {
			return fmt.Errorf("hop %d (%s): %w", i+1, h.Name, err)
		}
		last = h.Delay
	}
	return nil
}

func (f Fault) check() error {
	switch {
	case f.Name == "":
		return errors.New("name is missing")
	case f.SSHD != "" && f.SSHD != "none":
		return fmt.Errorf(`sshd %q: want "none"`, f.SSHD)
	case f.Key != "" && f.Key != "wrong":
		return fmt.Errorf(`key %q: want "wrong"`, f.Key)
	case strings.Trim(f.Disk, "0123456789kKmMgG") != "":
		return fmt.Errorf(`disk %q: want a size such as "64k" or "1M"`, f.Disk)
	}
	return nil
}
