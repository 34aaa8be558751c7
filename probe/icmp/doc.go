// Package icmp sends echo requests and makes traceroutes.
//
//	probe.Job ─ Probing ─┬─ target 0: wait for its turn ─ pro-bing ─┐
//	                     ├─ target 1: wait for its turn ─ pro-bing ─┼─ emit(probe.Echo)
//	                     └─ …                                       ┘
//
// Probing is the portable engine, built on prometheus-community/pro-bing: one
// socket a target, datagram ("ping") sockets where the system allows them to
// everybody, raw sockets where it allows those. Its round-trip times are taken
// in user space. It is good to about a hundred targets.
//
//	probe.TraceJob ─┬─ flow 0: socket ─ probes with TTL 1…n ─→ replies, error queue ─┐
//	                ├─ flow 1: socket ─ …                                            ┼─ emit(probe.Trace)
//	                └─ …                                                             ┘
//
// A traceroute, on Linux, has a socket a flow: a ping socket, a raw one or UDP,
// or one after the other for connection requests. All hops are asked at once,
// the nearest first, paced; the kernel's error queue says which router answered
// and when. Ports, ICMP id and checksum are the same in all probes of a flow, so
// that load balancers treat it as one conversation. Where routers quote so
// little of a datagram that its answer cannot be told from others', those hops
// are asked again one by one.
package icmp
