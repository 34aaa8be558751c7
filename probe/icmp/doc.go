// Package icmp sends echo requests and makes traceroutes. It has two engines.
//
// Kernel is the one for Linux. One thread does all the work, for any number of
// targets, on one socket an address family:
//
//	                 ┌──────────── once a tick; reading every few ─────────────┐
//	probe.Job ─ timetable ─ due ─ sendmmsg ─→ ping socket ─→ network           │
//	                          flights (a ring) │       │                       │
//	          send stamps, ICMP errors ←─ error queue  └─→ replies, stamped    │
//	                 └──────── recvmmsg ──────────┴─── recvmmsg ─── emit(probe.Echo)
//
// The kernel stamps every packet when it leaves and when it comes. So nothing
// hurries: echo requests that are due wait up to a tick and leave together.
// Replies and send stamps wait in the socket until 50 echo requests were sent,
// there might be no more room, or 150 ms have passed. What costs is the waking,
// which is done a few dozen times a second at most, and what is done after it in code
// that is not in the processor's cache any more. The same code makes the first
// send stamp after a sleep inexact, so a tick that reads does it before it sends.
//
// Each is also given its own time to leave (SO_TXTIME), a tick after it was due.
// Where the device's queueing discipline is fq, as on machines that use BBR, the
// kernel then sends them one after the other, evenly, at no waking of this
// program; all other disciplines send at once. What a target's send stamps tell
// is believed: none is asked to wait before the first stamp came, for who knows
// how long it did, nor after one that had left before its time.
//
// A round-trip time is the receive stamp minus the send stamp. Both are of the
// wall clock; each is turned into monotonic time with the difference of the
// clocks when it was taken, so that a step of the wall clock does not show.
//
// A ping socket (SOCK_DGRAM) needs no privilege where the system permits it to
// the user's group. It overwrites the ICMP id, and a sequence number has 16
// bits, so every request carries a random token and its own number, and a reply
// counts only if token, number, length and address fit. With more than 65,536
// requests under way another socket is opened.
//
// Where packets leave from is up to the routes, or to probe.Sending.Source. An
// interface is tied to the socket (SO_BINDTODEVICE, which an ordinary user may
// since Linux 5.7; before, IP_UNICAST_IF has echo requests leave by it), so that
// replies that come back by another one do not count, as with ping -I. An
// address is bound.
//
// What is not to be had is done without, in this order: a raw socket with a
// filter instead of the ping socket; send stamps that bring the packet along
// instead of a key (before Linux 6.13); receive stamps alone; no stamps.
// probe.Health says what was used.
//
// Probing is the portable engine, built on prometheus-community/pro-bing:
//
//	probe.Job ─ Probing ─┬─ target 0: wait for its turn ─ pro-bing ─┐
//	                     ├─ target 1: wait for its turn ─ pro-bing ─┼─ emit(probe.Echo)
//	                     └─ …                                       ┘
//
// One socket a target, round-trip times taken in user space. It is good to
// about a hundred targets, and the cross-check of the other one.
//
//	probe.TraceJob ─┬─ flow 0: socket ─ probes with TTL 1…n ─→ replies, error queue ─┐
//	                ├─ flow 1: socket ─ …                                            ┼─ emit(probe.Trace)
//	                └─ …                                                             ┘
//
// A traceroute, on Linux, has a socket a flow: a ping socket, a raw one or UDP.
// For TCP it has one after the other, each for one connect(2) with a small TTL,
// which everybody may do: no SYN is forged, so neither CAP_NET_RAW nor a ping
// socket is needed, and a flow asks one hop at a time. All hops are asked at once,
// the nearest first, paced; the kernel's error queue says which router answered
// and when. Ports, ICMP id and checksum are the same in all probes of a flow, so
// that load balancers treat it as one conversation. Where routers quote so
// little of a datagram that its answer cannot be told from others', those hops
// are asked again one by one.
package icmp
