package lab

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"matrix/probe"
)

// The lab's addresses come from blocks that no real host has: cities from the
// block for benchmarks (RFC 2544), routers from the one for carriers' own use
// (RFC 6598), both in IPv6 from a unique local prefix (RFC 4193) that spells
// "lab" in its 40 bits.
var (
	cityBlock   = netip.MustParsePrefix("198.18.0.0/15")
	routerBlock = netip.MustParsePrefix("100.64.0.0/10")

	operatorAddr  = netip.MustParseAddr("198.18.255.1")
	operatorAddr6 = netip.MustParseAddr("fd6c:6162::ff:1")
	dnsAddr       = netip.MustParseAddr("198.18.255.53")
	ownBlock      = netip.MustParsePrefix("198.18.255.0/24") // the lab's own hosts

	cityPrefix6   = netip.MustParseAddr("fd6c:6162::1:0")
	routerPrefix6 = netip.MustParseAddr("fd6c:6162:0:1::")
)

const (
	// Operator is the host in which the lab's command runs.
	Operator = "operator"
	// Domain is where the lab's names live (RFC 2606 keeps it free).
	Domain = "lab.example"
	// maxCities leaves room below ownBlock, and bounds memory.
	maxCities = 4000
)

// host is a network namespace: a city, or the operator.
type host struct {
	name  string
	addrs []netip.Addr // IPv4 first, at least one of each family
	names []string     // that DNS answers for it; the first is its PTR
	down  bool
}

// router is a virtual router: nothing but an address that answers.
type router struct {
	name        string
	addr, addr6 netip.Addr
	silent      bool
	nameless    bool
	rate        float64 // answers a second, 0 for no limit
	tokens      float64
	refilled    int64 // engine time of the last refill
	city        int   // host at whose edge it stands, or -1
	manner      manner
}

func (r *router) address(v6 bool) netip.Addr {
	if v6 {
		return r.addr6
	}
	return r.addr
}

// node is what has an address.
type node struct {
	index    int32
	isRouter bool
}

// network is the whole virtual internet: who has which address, and how
// packets travel. The engine asks it about every packet.
type network struct {
	hosts   []host // the cities in order, then the operator
	routers []router
	byAddr  map[netip.Addr]node
	byName  map[string]int32 // host names and addresses, lower case
	routing map[string]int32 // routers by name
	rtt     [][]time.Duration
	said    map[[2]int32]*saying // what routes say, by (from, to)
	through map[int32][][2]int32 // pairs whose routes name a router
	paths   []*path              // made when first needed
	loss    float64
	seed    uint64
}

// cityName is a name that can be a host name and a folder.
var cityName = probe.Pattern(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)

func validName(name string) bool {
	if name == "" || len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if !cityName().MatchString(label) {
			return false
		}
	}
	return true
}

// newNetwork lays out the virtual internet. It is pure: nothing is started.
func newNetwork(c *Config) (*network, error) {
	if len(c.Cities) == 0 || len(c.Cities) > maxCities {
		return nil, fmt.Errorf("%d cities: want 1 to %d", len(c.Cities), maxCities)
	}
	if !(c.Loss >= 0 && c.Loss <= 1) {
		return nil, fmt.Errorf("loss %v: want a ratio from 0 to 1", c.Loss)
	}
	n := &network{
		byAddr:  make(map[netip.Addr]node),
		byName:  make(map[string]int32),
		routing: make(map[string]int32),
		said:    make(map[[2]int32]*saying),
		through: make(map[int32][][2]int32),
		loss:    c.Loss,
		seed:    c.Seed,
	}
	if err := n.addHosts(c.Cities); err != nil {
		return nil, err
	}
	if err := n.readTable(c.RTT); err != nil {
		return nil, err
	}
	if err := n.addEdges(); err != nil {
		return nil, err
	}
	if c.Routes != nil {
		if err := n.addRoutes(c.Routes); err != nil {
			return nil, err
		}
	}
	n.paths = make([]*path, len(n.hosts)*len(n.hosts))
	return n, nil
}

func (n *network) operator() int32 { return int32(len(n.hosts) - 1) }

// addHosts gives every city its addresses and names.
func (n *network) addHosts(cities []probe.City) error {
	taken := make(map[netip.Addr]bool)
	for _, c := range cities {
		if addr, err := netip.ParseAddr(c.Host); err == nil {
			taken[addr] = true
		}
	}
	next := cityBlock.Addr()
	for i, c := range cities {
		if !cityName().MatchString(c.Name) || strings.EqualFold(c.Name, Operator) {
			return fmt.Errorf("city %q: the lab needs names of letters, digits and hyphens, other than %q", c.Name, Operator)
		}
		h := host{name: c.Name, names: []string{c.Name + "." + Domain, c.Name}}
		for next = next.Next(); taken[next]; next = next.Next() {
		}
		if err := h.placeAt(c, next); err != nil {
			return err
		}
		h.addrs = append(h.addrs, offset(cityPrefix6, i+1))
		if err := n.addHost(h); err != nil {
			return err
		}
	}
	return n.addHost(host{
		name:  Operator,
		addrs: []netip.Addr{operatorAddr, dnsAddr, operatorAddr6},
		names: []string{Operator + "." + Domain, Operator, "dns." + Domain},
	})
}

// placeAt gives a city its IPv4 address, and the names by which its inventory
// calls it. A literal address in the inventory, real ones included, is the
// city's in here: nothing of this internet touches the real one.
func (h *host) placeAt(c probe.City, free netip.Addr) error {
	literal, err := netip.ParseAddr(c.Host)
	switch {
	case err != nil:
		h.addrs = []netip.Addr{free}
	case !literal.IsGlobalUnicast() || literal.Zone() != "" || ownBlock.Contains(literal) || routerBlock.Contains(literal):
		return fmt.Errorf("city %q: the lab cannot use the address %v", c.Name, literal)
	case cityBlock.Contains(literal):
		h.addrs = []netip.Addr{literal}
	default:
		h.addrs = []netip.Addr{free, literal}
	}
	for _, name := range []string{c.Host, loginHost(c.SSH)} {
		if validName(name) && err != nil {
			h.names = append(h.names, name)
		}
	}
	return nil
}

// loginHost is the host in an ssh destination.
func loginHost(login string) string {
	login = strings.TrimPrefix(login, "ssh://")
	login = login[strings.LastIndexByte(login, '@')+1:]
	host, _, _ := strings.Cut(login, ":")
	return host
}

func (n *network) addHost(h host) error {
	index := int32(len(n.hosts))
	n.hosts = append(n.hosts, h)
	for _, a := range h.addrs {
		if other, ok := n.byAddr[a]; ok {
			return fmt.Errorf("%s and %s have the same address, %v", n.hosts[other.index].name, h.name, a)
		}
		n.byAddr[a] = node{index: index}
		n.byName[a.String()] = index
	}
	for _, name := range h.names {
		name = strings.ToLower(name)
		if other, ok := n.byName[name]; ok && other != index {
			return fmt.Errorf("%s and %s have the same name, %s", n.hosts[other].name, h.name, name)
		}
		n.byName[name] = index
	}
	return nil
}

// readTable keeps the table by index. A pair that the table has in one
// direction only takes that figure both ways; -1 is no way at all.
func (n *network) readTable(table map[probe.Pair]time.Duration) error {
	n.rtt = make([][]time.Duration, len(n.hosts))
	for i := range n.rtt {
		n.rtt[i] = make([]time.Duration, len(n.hosts))
		for j := range n.rtt[i] {
			pair := probe.Pair{From: n.hosts[i].name, To: n.hosts[j].name}
			rtt, ok := table[pair]
			if !ok {
				rtt, ok = table[pair.Reverse()]
			}
			switch {
			case rtt < 0 || rtt > maxDelay:
				return fmt.Errorf("%v: rtt %v: want 0 to %v", pair, rtt, maxDelay)
			case i == int(n.operator()) || j == int(n.operator()):
				rtt = 0 // the operator stands beside every city
			case !ok:
				rtt = -1
			}
			n.rtt[i][j] = rtt
		}
	}
	return nil
}

// addEdges gives every city its two routers: 2i is its access router, 2i+1 its
// core router.
func (n *network) addEdges() error {
	for i := range n.operator() {
		for _, kind := range []string{"ge0.ar1", "ae1.cr1"} {
			name := kind + "." + n.hosts[i].name + "." + Domain
			if _, err := n.addRouter(Hop{Name: name}, int(i)); err != nil {
				return err
			}
		}
	}
	return nil
}

// addRouter finds the router of a hop, or makes it.
func (n *network) addRouter(h Hop, city int) (int32, error) {
	name := strings.ToLower(h.Name)
	index, known := n.routing[name]
	if !known {
		index = int32(len(n.routers))
		r := router{name: name, addr: h.Address, city: city, addr6: offset(routerPrefix6, int(index)+1)}
		if !r.addr.IsValid() {
			r.addr = n.freeRouterAddr(int(index))
		}
		if _, taken := n.byAddr[r.addr]; taken {
			return 0, fmt.Errorf("router %s: address %v is taken", name, r.addr)
		}
		n.routers = append(n.routers, r)
		n.routing[name] = index
		n.byAddr[r.addr] = node{index, true}
		n.byAddr[r.addr6] = node{index, true}
	}
	r := &n.routers[index]
	if h.Address.IsValid() && h.Address != r.addr {
		return 0, fmt.Errorf("router %s has two addresses, %v and %v", name, r.addr, h.Address)
	}
	r.silent, r.nameless = r.silent || h.Silent, r.nameless || h.Nameless
	r.rate = max(r.rate, h.Rate)
	r.manner.learn(h)
	return index, nil
}

func (n *network) freeRouterAddr(index int) netip.Addr {
	addr := offset(routerBlock.Addr(), index+1)
	for {
		if _, taken := n.byAddr[addr]; !taken {
			return addr
		}
		addr = addr.Next()
	}
}

// offset is the address by steps after base.
func offset(base netip.Addr, by int) netip.Addr {
	raw := base.AsSlice()
	for i := len(raw) - 1; by > 0; i-- {
		by += int(raw[i])
		raw[i] = byte(by)
		by >>= 8
	}
	addr, _ := netip.AddrFromSlice(raw)
	return addr
}
