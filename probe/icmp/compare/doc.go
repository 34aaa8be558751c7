// Command compare measures the engines against fping, iputils ping and scamper,
// in one run, in network namespaces of its own, and prints a Markdown table.
//
//	compare ─┬─ namespace "far": its kernel answers 198.19.0.0/16
//	         ├─ tcpdump on the cable: the truth, to the nanosecond
//	         └─ one tool after the other: round-trip times, CPU, memory
//
// It needs root (scamper changes its user), fping, ping, scamper and tcpdump.
// Its own engines run as an unprivileged user without capabilities.
package main
