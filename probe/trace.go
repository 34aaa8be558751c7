package probe

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// TraceMethod is what the probes of a traceroute are.
type TraceMethod uint8

const (
	TraceICMP TraceMethod = iota + 1 // echo requests
	TraceUDP                         // datagrams to a port at which nobody listens
	TraceTCP                         // connection requests
)

var traceMethods = [...]string{"", "icmp", "udp", "tcp"}

func (m TraceMethod) String() string { return wordOf(traceMethods[:], m) }

// MarshalText writes the method's word.
func (m TraceMethod) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads the method's word.
func (m *TraceMethod) UnmarshalText(text []byte) error {
	return readWord(m, traceMethods[:], 1, text, "traceroute method")
}

// TraceEnd is how a traceroute ended. The zero value claims nothing.
type TraceEnd uint8

const (
	Unfinished   TraceEnd = iota // cancelled, or out of time
	Reached                      // the target answered
	Stopped                      // somebody said that there is no way on; the last hop says who
	HopLimit                     // neither, within the most hops
	TraceFailed                  // the from-host could not run it
	NoTraceRoute                 // the to-host's name has no address
)

var traceEnds = [...]string{"unfinished", "reached", "stopped", "hop-limit", "source-down", "unresolved"}

func (e TraceEnd) String() string { return wordOf(traceEnds[:], e) }

// MarshalText writes the end's word.
func (e TraceEnd) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText reads the end's word.
func (e *TraceEnd) UnmarshalText(text []byte) error {
	return readWord(e, traceEnds[:], 0, text, "end of a traceroute")
}

func wordOf[T ~uint8](words []string, value T) string {
	if int(value) >= len(words) {
		return fmt.Sprintf("unknown (%d)", value)
	}
	return words[value]
}

func readWord[T ~uint8](value *T, words []string, from int, text []byte, what string) error {
	i := slices.Index(words[from:], string(text))
	if i < 0 {
		return fmt.Errorf("unknown %s %q: want one of %q", what, Clean(string(text), 40), words[from:])
	}
	*value = T(from + i)
	return nil
}

// TraceOptions are how a traceroute is made.
type TraceOptions struct {
	Method   TraceMethod   `json:"method"`
	Probes   int           `json:"probes"`      // to each hop, in each flow
	MaxHops  int           `json:"max_hops"`    //
	Flows    int           `json:"flows"`       // conversations, each of which keeps to one path
	Size     int           `json:"size"`        // bytes of payload; a connection request has none
	Port     int           `json:"port"`        // of the target, for UDP and TCP
	Interval time.Duration `json:"interval_ns"` // between two probes to one hop
	Timeout  time.Duration `json:"timeout_ns"`  // an answer that comes later is lost

	Sending
}

const (
	// portUDP is the first of those that traceroute has always used, so that
	// hardly any host listens there.
	portUDP = 33434
	// portTCP is open on more hosts, and let through by more firewalls, than
	// any other.
	portTCP = 80
)

// DefaultTraceOptions ask every hop three times. The interval is a little over
// the second for which a Linux host holds back its next ICMP error
// (icmp_ratelimit, icmp(7)): faster, and the target itself would seem lossy.
func DefaultTraceOptions(method TraceMethod) TraceOptions {
	o := TraceOptions{
		Method: method, Probes: 3, MaxHops: 30, Flows: 1, Size: 56, Port: portUDP,
		Interval: 1100 * time.Millisecond, Timeout: 2 * time.Second,
	}
	if method == TraceTCP {
		o.Port = portTCP
	}
	return o
}

// Bounds of a traceroute, which a far side is held to as well.
const (
	maxTraceProbes = 100
	maxTraceHops   = 64 // the first TTL of most systems: no host is farther
	maxTraceFlows  = 16
)

// Check refuses options that cannot be carried out.
func (o TraceOptions) Check() error {
	switch {
	case o.Method < TraceICMP || o.Method > TraceTCP:
		return errors.New("no method: want icmp, udp or tcp")
	case o.Probes < 1 || o.Probes > maxTraceProbes:
		return fmt.Errorf("probes %d: want 1 to %d a hop", o.Probes, maxTraceProbes)
	case o.MaxHops < 1 || o.MaxHops > maxTraceHops:
		return fmt.Errorf("max-hops %d: want 1 to %d", o.MaxHops, maxTraceHops)
	case o.Flows < 1 || o.Flows > maxTraceFlows:
		return fmt.Errorf("flows %d: want 1 to %d", o.Flows, maxTraceFlows)
	case o.Size < 24 || o.Size > 8000:
		return fmt.Errorf("size %d: want 24 to 8000 bytes of payload", o.Size)
	case o.Port < 1 || o.Port > 65535:
		return fmt.Errorf("port %d: want 1 to 65535", o.Port)
	case o.Interval < 10*time.Millisecond || o.Interval > time.Minute:
		return fmt.Errorf("interval %v: want 10ms to 1m", o.Interval)
	case o.Timeout < 10*time.Millisecond || o.Timeout > time.Minute:
		return fmt.Errorf("timeout %v: want 10ms to 1m", o.Timeout)
	case o.Method == TraceTCP && o.TrafficClass%4 != 0:
		return fmt.Errorf("type of service %d: TCP has the two lowest bits for itself, so want a multiple of 4", o.TrafficClass)
	}
	return o.Sending.Check()
}

// TraceJob is one traceroute to be made, in one or several flows.
type TraceJob struct {
	Pair
	Addr netip.Addr `json:"addr"`
	TraceOptions
}

// Check refuses a job that cannot be carried out.
func (j TraceJob) Check() error {
	if !IsHost(j.Addr) {
		return fmt.Errorf("%s has the address %v, which cannot be traced", Clean(j.To, 60), j.Addr)
	}
	return j.TraceOptions.Check()
}

// Length bounds how long the job takes: where routers quote too little of a
// datagram, or for connection requests, one hop is asked after the other.
func (j TraceJob) Length() time.Duration {
	hops := time.Duration(j.MaxHops)
	together := max(j.Interval, hops*time.Duration(j.Flows)*TracePace)*time.Duration(j.Probes) + j.Timeout
	switch j.Method {
	case TraceTCP:
		return hops * time.Duration(j.Probes) * (j.Timeout + TracePace)
	default:
		return together + hops*(j.Timeout+TracePace)
	}
}

// TracePace is the least time between two probes of one host: 250 a second, as
// with echo requests.
const TracePace = 4 * time.Millisecond

// gapMost is how far apart two probes are where there is time: a router that is
// asked for several conversations at once answers fewer.
const gapMost = 10 * time.Millisecond

// Gap is the least time between two probes of the job. Connection requests follow
// what the hop before has answered, and may be TracePace apart.
func (j TraceJob) Gap() time.Duration {
	if j.Method == TraceTCP || j.MaxHops*j.Flows < 1 {
		return TracePace
	}
	return min(gapMost, max(TracePace, j.Interval/time.Duration(j.MaxHops*j.Flows)))
}

// Trace is a traceroute in one direction and flow.
type Trace struct {
	Pair
	Address  netip.Addr
	Method   TraceMethod // that was used; the one asked for may not be allowed
	Flow     int         // 0 to TraceOptions.Flows-1
	Size     int         // bytes of payload
	Sending  Sending     // as it was asked for
	At       time.Time   // when it began, by the coordinator's clock, UTC
	End      TraceEnd
	Reason   string // why there is no more of it; "" if there is nothing to say
	Hint     string // what a person can do about it
	Stamps   Stamps // the worst of its times; 0: not known
	Hops     []Hop  // from the first router to the target, or as far as it went
	Fallback string // why Method is not the one asked for; "" if it is
}

// Hop is what a traceroute found so many routers away.
type Hop struct {
	TTL        int
	Sent       int      // probes whose fate is known
	Answers    []Answer // an address each, in the order in which they first answered
	Duplicates int      // answers beyond the first to one probe
	Late       int      // answers after the timeout
}

// Answer is what one address said at a hop.
type Answer struct {
	Addr   netip.Addr
	Name   string          // looked up by the coordinator; "" if there is none
	RTTs   []time.Duration // in order of sending
	Mark   string          // of an ICMP error other than time exceeded, as traceroute marks it: "!N"
	Labels []Label         // of MPLS, outermost first, as the last answer had them
}

// Label is an entry of an MPLS label stack (RFC 3032, RFC 5462).
type Label struct {
	Value  uint32 `json:"label"` // 20 bits
	Class  uint8  `json:"tc"`    // traffic class, 3 bits
	Bottom bool   `json:"s"`     // of the stack
	TTL    uint8  `json:"ttl"`
}

// RTTs are those of all addresses of the hop.
func (h Hop) RTTs() []time.Duration {
	var all []time.Duration
	for _, a := range h.Answers {
		all = append(all, a.RTTs...)
	}
	return all
}

// Received counts the probes that were answered in time.
func (h Hop) Received() int { return len(h.RTTs()) }

// Tracer makes traceroutes: one job, a Trace a flow, each emitted when it ends,
// from one goroutine at a time. When ctx is done it emits what it has, as
// Unfinished. An error means that it could not run.
type Tracer interface {
	Trace(ctx context.Context, job TraceJob, emit func(Trace)) error
}

// errNoTracer is what a session says whose engine cannot trace.
var errNoTracer = errors.New("the matrix there cannot trace")

// TraceWith traces with a pinger or session, if it can.
func TraceWith(ctx context.Context, p Pinger, job TraceJob, emit func(Trace)) error {
	t, ok := p.(Tracer)
	if !ok {
		return &HostError{Op: "trace", Err: errNoTracer}
	}
	return t.Trace(ctx, job, emit)
}
