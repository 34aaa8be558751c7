package lab

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"
)

// saying is what routes say of one direction; nil is nothing.
type saying struct {
	rtt, delay, jitter *time.Duration
	loss               *float64
	branches           [][]hop
}

// hop is a router on a path, and the one-way delay to it.
type hop struct {
	router int32
	delay  time.Duration
}

// path is how packets travel in one direction.
//
// The figure that a table gives for A → B is what a ping from A finds, and
// published tables differ by direction (Brisbane → Sydney 33.45 ms, Sydney →
// Brisbane 42.98), which no pair of one-way delays can produce: both pings
// cross both ways. So an echo reply, alone of all packets, does not take the
// delay of the way that it travels, but what completes the figure of the ping
// that it answers: rtt(A, B) − oneway(A, B). In the same way its loss and
// jitter are those that its request has had already. Everything else, TCP, UDP
// and the errors of routers and hosts, takes oneway(source, destination).
type path struct {
	reachable bool
	rtt       time.Duration // that an echo request in this direction finds
	oneway    time.Duration // of this direction
	loss      float64
	jitter    time.Duration
	branches  [][]hop // at least one, perhaps empty
	dice      *rand.Rand
}

// addRoutes takes in what a route file says.
func (n *network) addRoutes(routes *Routes) error {
	// Routers with an address of their own go first: it may be given at any of
	// a router's mentions.
	for i := range routes.Routes {
		for _, hops := range routes.Routes[i].branches() {
			for _, h := range hops {
				if !h.Address.IsValid() {
					continue
				}
				if _, err := n.addRouter(h, -1); err != nil {
					return err
				}
			}
		}
	}
	for i := range routes.Routes {
		r := &routes.Routes[i]
		if err := n.addRoute(r); err != nil {
			return fmt.Errorf("route %d (%s → %s): %w", i+1, r.From, r.To, err)
		}
	}
	for _, f := range routes.Cities {
		index, ok := n.byName[f.Name]
		if !ok || index == n.operator() {
			return fmt.Errorf("route file: no city is called %q", f.Name)
		}
		n.hosts[index].down = f.Down
	}
	return nil
}

func (n *network) addRoute(r *Route) error {
	var branches [][]hop
	for _, hops := range r.branches() {
		branch := make([]hop, len(hops))
		for i, h := range hops {
			index, err := n.addRouter(h, -1)
			if err != nil {
				return err
			}
			branch[i] = hop{index, h.Delay}
		}
		branches = append(branches, branch)
	}
	pairs, err := n.pairs(r.From, r.To)
	if err != nil {
		return err
	}
	for _, pair := range pairs {
		n.say(pair, r, branches)
		if p := n.makePath(pair[0], pair[1]); p.reachable {
			if err := p.check(); err != nil {
				return err
			}
		}
		for _, branch := range branches {
			for _, h := range branch {
				n.through[h.router] = append(n.through[h.router], pair)
			}
		}
	}
	return nil
}

// pairs are the pairs of cities that two names stand for.
func (n *network) pairs(from, to string) ([][2]int32, error) {
	sources, err := n.match(from)
	if err != nil {
		return nil, err
	}
	targets, err := n.match(to)
	if err != nil {
		return nil, err
	}
	var pairs [][2]int32
	for _, i := range sources {
		for _, j := range targets {
			if i != j {
				pairs = append(pairs, [2]int32{i, j})
			}
		}
	}
	return pairs, nil
}

func (n *network) match(name string) ([]int32, error) {
	if name == anyCity {
		all := make([]int32, n.operator())
		for i := range all {
			all[i] = int32(i)
		}
		return all, nil
	}
	index, err := n.find(name)
	return []int32{index}, err
}

// find is the host of that name or address.
func (n *network) find(name string) (int32, error) {
	if index, ok := n.byName[lower(name)]; ok {
		return index, nil
	}
	return 0, fmt.Errorf("the lab has no city %q", name)
}

// say records what a route says of a pair; what it does not say stays.
func (n *network) say(pair [2]int32, r *Route, branches [][]hop) {
	s := n.said[pair]
	if s == nil {
		s = new(saying)
		n.said[pair] = s
	}
	if r.RTT != nil {
		s.rtt = r.RTT
	}
	if r.Delay != nil {
		s.delay = r.Delay
	}
	if r.Loss != nil {
		s.loss = r.Loss
	}
	if r.Jitter != nil {
		s.jitter = r.Jitter
	}
	if len(branches) > 0 {
		s.branches = branches
	}
}

// path is the way from one host to another.
func (n *network) path(from, to int32) *path {
	slot := &n.paths[int(from)*len(n.hosts)+int(to)]
	if *slot == nil {
		*slot = n.makePath(from, to)
	}
	return *slot
}

func (n *network) makePath(from, to int32) *path {
	rtt := n.rtt[from][to]
	p := &path{rtt: rtt, reachable: rtt >= 0, dice: rand.New(rand.NewPCG(n.seed, uint64(from)<<32|uint64(to)))}
	isOwn := from == n.operator() || to == n.operator()
	if !isOwn {
		p.loss = n.loss
	}
	s := n.said[[2]int32{from, to}]
	if s == nil {
		s = new(saying)
	}
	if s.rtt != nil {
		p.rtt, p.reachable = *s.rtt, true
	}
	p.oneway = p.rtt / 2
	if s.delay != nil {
		p.oneway = *s.delay
	}
	if s.loss != nil {
		p.loss = *s.loss
	}
	if s.jitter != nil {
		p.jitter = *s.jitter
	}
	switch {
	case len(s.branches) > 0:
		p.branches = s.branches
	case isOwn || from == to:
		p.branches = [][]hop{nil}
	default:
		p.branches = [][]hop{edges(from, to, p.oneway)}
	}
	return p
}

// edges is the path where no route says another: access and core router of one
// city, core and access router of the other.
func edges(from, to int32, oneway time.Duration) []hop {
	const access, core = 150 * time.Microsecond, 400 * time.Microsecond
	near, far := min(access, oneway/20), min(core, oneway/10)
	return []hop{
		{2 * from, near},
		{2*from + 1, far},
		{2*to + 1, oneway - far},
		{2 * to, oneway - near},
	}
}

func (p *path) check() error {
	if p.oneway > p.rtt {
		return fmt.Errorf("delay %v: more than the rtt, %v", p.oneway, p.rtt)
	}
	for _, branch := range p.branches {
		if len(branch) > 0 && branch[len(branch)-1].delay > p.oneway {
			last := branch[len(branch)-1]
			return fmt.Errorf("the last hop is %v away, the city itself only %v", last.delay, p.oneway)
		}
	}
	return nil
}

// action is what becomes of a packet.
type action uint8

const (
	drop    action = iota // it is lost, as planned
	noRoute               // there is no way to where it goes
	deliver               // to a host
	reply                 // a router answers its sender
)

// decision is what the network does with one packet.
type decision struct {
	action  action
	to      int32
	delay   time.Duration
	ttl     uint8 // that it arrives with
	answer  answer
	router  netip.Addr // that answers
	quoteAt uint8      // TTL with which it reached that router
	manner  manner     // of that router
}

// decide says what becomes of a packet from a host at engine time now.
func (n *network) decide(from int32, h *header, now int64) decision {
	target, ok := n.byAddr[h.dst]
	switch {
	case !ok:
		return decision{action: noRoute}
	case n.hosts[from].down || h.ttl == 0:
		return decision{action: drop}
	case target.isRouter:
		return n.toRouter(from, target.index, h, now)
	}
	to := target.index
	p := n.path(from, to)
	if !p.reachable {
		return decision{action: noRoute}
	}
	branch := p.branch(h.flow)
	if position := n.refusal(branch, h); position > 0 {
		return n.refuse(from, branch, position, h, now)
	}
	if int(h.ttl) <= len(branch) {
		return n.expire(from, branch, h, now)
	}
	if n.hosts[to].down {
		return decision{action: drop}
	}
	d := decision{action: deliver, to: to, ttl: h.ttl - uint8(len(branch))}
	if h.kind == kindEchoReply {
		if asked := n.path(to, from); asked.reachable {
			d.delay = asked.rtt - asked.oneway
			return d
		}
	}
	if p.loss > 0 && p.dice.Float64() < p.loss {
		return decision{action: drop}
	}
	d.delay = p.oneway
	if p.jitter > 0 {
		d.delay += time.Duration(p.dice.Int64N(int64(p.jitter) + 1))
	}
	return d
}

func (p *path) branch(flow uint32) []hop {
	return p.branches[int(flow)%len(p.branches)]
}

// expire is the answer of the router at which the packet's TTL runs out.
func (n *network) expire(from int32, branch []hop, h *header, now int64) decision {
	if h.kind == kindError {
		return decision{action: drop}
	}
	position := int(h.ttl)
	return n.speak(from, branch[position-1], position, answerTimeExceeded, 1, h, now)
}

// toRouter is the answer of a router that is itself asked.
func (n *network) toRouter(from, index int32, h *header, now int64) decision {
	branch, position := n.wayTo(from, index)
	switch {
	case position == 0:
		return decision{action: noRoute}
	case int(h.ttl) < position:
		return n.expire(from, branch, h, now)
	case h.kind == kindEchoRequest:
		return n.speak(from, branch[position-1], position, answerEcho, 0, h, now)
	case h.kind == kindUDP:
		arrived := h.ttl - uint8(position) + 1
		return n.speak(from, branch[position-1], position, answerPortUnreachable, arrived, h, now)
	}
	return decision{action: drop}
}

// wayTo is the shortest path from a host that passes a router, and the
// router's place on it, counted from 1; 0 if there is none.
func (n *network) wayTo(from, index int32) (best []hop, position int) {
	look := func(to int32) {
		if to == from || !n.path(from, to).reachable {
			return
		}
		for _, branch := range n.path(from, to).branches {
			for i, h := range branch {
				if h.router == index && (position == 0 || h.delay < best[position-1].delay) {
					best, position = branch, i+1
				}
			}
		}
	}
	for _, pair := range n.through[index] {
		if pair[0] == from {
			look(pair[1])
		}
	}
	switch city := int32(n.routers[index].city); {
	case city == from: // its own edge: on the way to every city
		for to := range n.operator() {
			if look(to); position > 0 {
				break
			}
		}
	case city >= 0:
		look(city)
	}
	return best, position
}

// speak makes a router answer, if it does.
func (n *network) speak(from int32, at hop, position int, a answer, quoteAt uint8, h *header, now int64) decision {
	r := &n.routers[at.router]
	if r.silent || !r.mayAnswer(now) {
		return decision{action: drop}
	}
	return decision{
		action: reply, to: from, delay: 2 * at.delay, ttl: uint8(255 - position),
		answer: a, router: r.address(h.src.Is6()), quoteAt: quoteAt, manner: r.manner,
	}
}

// mayAnswer is a token bucket that holds one second's worth, at least one.
func (r *router) mayAnswer(now int64) bool {
	if r.rate == 0 {
		return true
	}
	full := max(r.rate, 1)
	if r.refilled == 0 {
		r.tokens = full
	} else {
		r.tokens = min(full, r.tokens+r.rate*float64(now-r.refilled)/1e9)
	}
	r.refilled = now
	if r.tokens < 1 {
		return false
	}
	r.tokens--
	return true
}
