// Package lab is a virtual internet on one machine: for the demo, for tests
// that need a real network, and for trying out alarms and reports.
//
// Every city is a network namespace, with a real kernel that answers real
// pings and speaks real TCP, and a real sshd if wanted. All cables lead to one
// thread, the engine, which does what the world does between cities:
//
//	 baltimore              the hub                newyork
//	┌──────────┐     ┌────────────────────┐     ┌──────────┐
//	│ ping     │     │ ring ─ decide ─┐   │     │ kernel   │
//	│ kernel   ├─────┤ ↑              ↓   ├─────┤ sshd     │
//	└──────────┘ veth│ └─ …     queue by  │veth └──────────┘
//	┌──────────┐     │          due time  │     ┌──────────┐
//	│ operator ├─────┤ send ←───────┘     ├─────┤ paris  … │
//	└──────────┘     └────────────────────┘     └──────────┘
//
// A packet is stamped by the kernel as it arrives. The network decides what
// becomes of it: it is held for its one-way delay and delivered, or dropped, or
// its TTL runs out and the virtual router at that place answers. What was
// planned and what an echo packet really got is in the ledger: a test compares
// what it measured with that, since on a busy machine the engine may be late.
//
// The lab's command runs at the operator's host, beside every city (0 ms). A
// door, a Unix socket, lets commands into cities, changes the network and
// hands out the ledger. DNS in the lab knows hosts and routers.
//
// Three processes make a lab:
//
//	outer (Run, Start)  ─ socket ─  inner (TakeOver)  ─ fork ─  commands, sshd
//	  waits                           engine, door, DNS           in namespaces
//
// The inner process is the same program run again as the first process of a
// PID namespace. When the outer dies, however, the inner sees its socket close;
// when the inner dies, however, the kernel ends all that is in the lab, and the
// network goes with the last process. An ordinary user has a lab in a user
// namespace, in which he stays who he is.
//
// The lab's folder, EnvDir, has what tests need to break things: see Routes for
// what can be wrong from the start, Set for the network, and
// cities/NAME/{home,sshd.pid,sshd_config,sshd.log,host_key,shell}, known_hosts
// and ssh_config for the rest. A file put at cities/NAME/shell is what that
// city's sshd runs from then on; kill the process in sshd.pid to stop an sshd,
// and run `/usr/sbin/sshd -f ../sshd_config` in the city to start it again.
package lab
