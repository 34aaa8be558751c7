// Package bus carries jobs to the hosts and what they measured back over NATS,
// for fleets that ssh does not reach: each host's agent dials out.
//
//	coordinator ─ matrix.to.<city> ────────────▶ Agent ─ far side (probe/wire)
//	     ▲                                         │
//	     ├─ matrix.live.<city>.<run> ◀─────────────┤ beats, clocks: now or never
//	     └─ stream MATRIX ◀─ matrix.said.<city>.<run> ◀─ outbox on the host's disk
//
// The conversation is that of probe/wire, a message a line, so a Dialer gives
// connections as ssh's does, and every host is a probe.Session like any other.
// What must not be lost goes through the outbox and JetStream, numbered: it is
// delivered in order, once, however often it had to be sent.
//
// A round is a Ticket in a key-value bucket, from which its plan can be made
// again, and a lease, which its coordinator holds as long as it lives. A round
// that nobody holds is read again from the stream with a Replay, by whoever
// comes next.
//
// Where the fleet has a plan (FleetPlan, in a bucket that agents may only read),
// nobody is told to measure:
//
//	coordinator ─ plan ──▶ planner ─ at its time ─▶ far side ─▶ outbox ─▶ stream
//	     └──────── Gather: row by row, by the coordinator's clock ◀─────────┘
//
// The name of a round follows from the plan and from the time at which it is due,
// and so do the jobs. Agents sign which plan they have, or why not.
//
// Who may do what is decided by the server, by nkey: an agent publishes below
// its own city's name, and nowhere else (AgentRights). So the city that a
// message is from is the one in its subject, never one in its text. Answers are
// the server's, which asks no key for its rights: each city has an Account, which
// they do not leave, and messages pass between accounts on some subjects only.
package bus
