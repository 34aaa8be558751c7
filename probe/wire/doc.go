// Package wire is what a coordinator and a far side say to each other over the
// far side's stdin and stdout, as rsync and git do: lines of text, each a word
// and, for some, one JSON value.
//
//	far side    → matrix-probe 1 {"version":"v1.2.0","platform":"linux/amd64","level":2}
//	coordinator → clock {"n":1}
//	far side    → clock {"n":1,"at":"2026-10-05T12:00:00.123456789Z"}
//	coordinator → job {"from":"baltimore","targets":[…],"count":10,…}
//	far side    → echo [{"t":3,"s":0,"us":174631,"ttl":54,"st":3},{"t":4,"s":0,"is":"timed-out"}]
//	far side    → beat
//	coordinator → stop
//	far side    → echo [{"t":3,"is":"odd","odd":{"duplicates":2}}]
//	far side    → done {"health":{"engine":"ping socket","stamps":"kernel"}}
//	coordinator → trace {"from":"baltimore","to":"paris","addr":"192.0.2.7","method":"icmp",…}
//	far side    → hops {"flow":0,"method":"icmp","end":"reached","hops":[{"sent":3,"from":[{"a":"100.64.0.1","us":[301,299,305]}]},…]}
//	far side    → done {}
//
// The number after matrix-probe is the version of this protocol; both sides
// must speak the same. What a job asks for beyond the level that the far side
// greets with is refused here. Anything before the greeting (a login banner, an echo in
// a .bashrc) is passed over; after it, nothing but the protocol is accepted. A
// beat goes out every two seconds, so that a dead link is noticed. The far side
// ends when its stdin does: a coordinator that dies leaves nothing running.
//
// The far side says at any time, in the middle of a job as well, what its clock
// shows. It is asked some times a job: that answer which took least is off by no
// more than half of what it took.
//
// Serve is the far side, Opener the near one.
package wire
