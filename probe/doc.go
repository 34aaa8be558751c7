// Package probe measures the round-trip time of every chosen pair of cities.
//
// It owns the words of measuring (City, Pair, Sample, Round), the planner and
// the coordinator:
//
//	cities ─ Plan ─┬─ Job ─ Opener ─ Session ─ Echo… ─┐
//	               ├─ Job ─ Opener ─ Session ─ Echo… ─┼─ Coordinator ─ Round
//	               └─ Job ─ Opener ─ Session ─ Echo… ─┘
//
// A Plan is a value: who pings whom, and when. The Coordinator carries it out:
// it opens a session in every city that is to ping, hands it its Job, collects
// the Echoes as they come and ends with a Round in which every planned pair has
// a Sample with a State. What the network did is in the Sample; a Go error
// means only that something could not be run.
//
// A TraceJob is a traceroute, carried out by a session that is a Tracer. A Trace
// is one of its flows: the Hops, what each address there answered, and how it
// ended. The routers' names are looked up by the coordinator, once, like those
// of the hosts.
//
// How a session reaches its city and how an echo request is sent are the
// business of the packages below this one, each of which imports only probe.
package probe
