// Package icmp sends echo requests.
//
//	probe.Job ─ Probing ─┬─ target 0: wait for its turn ─ pro-bing ─┐
//	                     ├─ target 1: wait for its turn ─ pro-bing ─┼─ emit(probe.Echo)
//	                     └─ …                                       ┘
//
// Probing is the portable engine, built on prometheus-community/pro-bing: one
// socket a target, datagram ("ping") sockets where the system allows them to
// everybody, raw sockets where it allows those. Its round-trip times are taken
// in user space. It is good to about a hundred targets.
package icmp
