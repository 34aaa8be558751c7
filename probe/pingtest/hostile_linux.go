package pingtest

import (
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"matrix/probe"
)

// ConformInWorld runs the part of the suite for which a network has to
// misbehave. The test must be inside, with its loopback on.
func ConformInWorld(t *testing.T, lacks Lacks, make func(t *testing.T) probe.Pinger) {
	lacks.tell(t)
	for _, v6 := range []bool{false, true} {
		family := "IPv4 "
		if v6 {
			family = "IPv6 "
		}
		run := func(name string, test func(t *testing.T, p engine, v6 bool)) {
			t.Run(family+name, func(t *testing.T) { test(t, engine{make(t), lacks}, v6) })
		}
		run("a thousand targets", thousand)
		run("duplicates are counted", duplicates)
		run("reorderings are counted", reorderings)
		run("late replies are counted", late)
		run("forged replies are ignored", forged)
		run("ICMP errors are reasons", refusals)
		run("forged ICMP errors are ignored", forgedRefusals)
		run("errors of one target spare the others", bystanders)
		run("a target floods replies", flood)
		run("two engines at once", func(t *testing.T, p engine, v6 bool) { twice(t, p, make(t), v6) })
		run("no route is not loss", noRoute)
		run("the header says what it is to say", header)
		run("what is too big and must not be cut is not loss", tooBig)
		run("packets come from the address asked for", sourceAddress)
		run("packets leave by the interface asked for", sourceInterface)
		run("an interface or address that is not there is an error", sourceMissing)
		run("an address of the other family is a reason", sourceOfTheOtherFamily)
	}
}

func worldJob(targets, count int, v6 bool) probe.Job {
	addrs := []netip.Addr{}
	for i := range targets {
		addrs = append(addrs, There(i, v6))
	}
	return job(addrs, count)
}

func thousand(t *testing.T, p engine, v6 bool) {
	NewWorld(t, Request.Reply)
	n := 1000
	if p.lacks.Many != "" {
		n = 100
	}
	j := worldJob(n, 3, v6)
	j.Interval, j.Rate = 200*time.Millisecond, 5000
	for i := range j.Targets {
		j.Targets[i].Start = time.Duration(i) * j.Interval / time.Duration(n)
	}
	o := carryOut(t, p, j)
	for i := range j.Targets {
		o.all(t, i, probe.Replied)
	}
	if e := o.echoes[[2]int{0, 0}]; e.TTL != TTL {
		t.Errorf("TTL %d, want %d", e.TTL, TTL)
	}
}

func duplicates(t *testing.T, p engine, v6 bool) {
	NewWorld(t, func(r Request) {
		r.Reply()
		if r.To == There(0, v6) { // the job is not over before they come
			r.Reply()
			r.Reply()
		}
	})
	o := carryOut(t, p, worldJob(2, 5, v6))
	o.all(t, 0, probe.Replied)
	o.all(t, 1, probe.Replied)
	want := 10
	if p.lacks.Lingers != "" {
		want -= 2
	}
	o.oddities(t, 0, probe.Oddities{Duplicates: want})
	o.oddities(t, 1, probe.Oddities{})
}

// reorderings: the replies to the first two requests come after that to the
// third.
func reorderings(t *testing.T, p engine, v6 bool) {
	var held []Request
	NewWorld(t, func(r Request) {
		if held = append(held, r.Clone()); len(held) == 3 {
			held[2].Reply()
			held[0].Reply()
			held[1].Reply()
		} else if len(held) > 3 {
			r.Reply()
		}
	})
	o := carryOut(t, p, worldJob(1, 5, v6))
	o.all(t, 0, probe.Replied)
	o.oddities(t, 0, probe.Oddities{Reordered: 2})
	// Two intervals of 50 ms, less the tick by which the first request may have
	// been sent after its time and the third was not.
	if e := o.echoes[[2]int{0, 0}]; e.RTT < 60*time.Millisecond {
		t.Errorf("the reply that was held has a round-trip time of %v", e.RTT)
	}
}

// late: the reply to the second request comes after its timeout, but before the
// job is over.
func late(t *testing.T, p engine, v6 bool) {
	j := worldJob(1, 30, v6) // which is not over when the late one comes
	// The others must be in time also where the world gets little of a busy machine.
	j.Timeout = 500 * time.Millisecond
	n := 0
	var w *World
	ready := make(chan struct{})
	w = NewWorld(t, func(r Request) {
		<-ready
		if n++; n == 2 {
			r = r.Clone()
			w.After(j.Timeout+j.Timeout/2, r.Reply)
			return
		}
		r.Reply()
	})
	close(ready)
	o := carryOut(t, p, j)
	if e := o.echoes[[2]int{0, 1}]; e.Outcome != probe.TimedOut {
		t.Errorf("the late one is %+v", e)
	}
	delete(o.echoes, [2]int{0, 1})
	o.all(t, 0, probe.Replied)
	o.oddities(t, 0, probe.Oddities{Late: 1})
}

// forged: each target's replies are false in another way.
func forged(t *testing.T, p engine, v6 bool) {
	lies := []func(Request){
		func(r Request) { r.ReplyFrom(There(77, v6), nil) },
		func(r Request) { r.ReplyFrom(r.To, func(m []byte) []byte { return m[:len(m)-1] }) },
		func(r Request) { r.ReplyFrom(r.To, func(m []byte) []byte { return m[:8] }) },
		func(r Request) { r.ReplyFrom(r.To, func(m []byte) []byte { m[19] ^= 64; return m }) },
		func(r Request) { r.ReplyFrom(r.To, func(m []byte) []byte { m[23] ^= 1; return m }) },
		// Only by all of the reply.
		func(r Request) { r.ReplyFrom(r.To, func(m []byte) []byte { m[8]++; return m }) },
		func(r Request) { r.ReplyFrom(r.To, func(m []byte) []byte { m[1] = 1; return m }) },
		func(r Request) { r.ReplyFrom(r.To, func(m []byte) []byte { return append(m, 0) }) },
	}
	plain := len(lies) - 3
	NewWorld(t, func(r Request) {
		for i, lie := range lies {
			if r.To == There(i, v6) {
				lie(r)
			}
		}
	})
	j := worldJob(len(lies), 3, v6)
	j.Timeout = 200 * time.Millisecond
	o := carryOut(t, p, j)
	for i := range lies {
		want := probe.TimedOut
		if i >= plain && p.lacks.Exact != "" {
			want = probe.Replied
		}
		o.all(t, i, want)
		o.oddities(t, i, probe.Oddities{})
	}
}

func refusals(t *testing.T, p engine, v6 bool) {
	tests := []struct {
		kind, code uint8
		words      string
	}{
		{3, 0, "network unreachable"}, {3, 1, "host unreachable"}, {3, 3, "port unreachable"},
		{3, 13, "administratively unreachable"}, {11, 0, "time exceeded"}, {3, 4, "fragmentation needed"},
	}
	if v6 {
		tests = tests[:0]
		tests = append(tests, []struct {
			kind, code uint8
			words      string
		}{
			{1, 0, "network unreachable"}, {1, 3, "host unreachable"}, {1, 4, "port unreachable"},
			{1, 1, "administratively unreachable"}, {3, 0, "time exceeded"},
		}...)
	}
	router := There(99, v6)
	NewWorld(t, func(r Request) {
		for i, test := range tests {
			if r.To == There(i, v6) {
				// Some routers quote the least, some all.
				r.Refuse(router, test.kind, test.code, 8+int(r.Seq)%2*100)
			}
		}
	})
	o := carryOut(t, p, worldJob(len(tests), 2, v6))
	for i, test := range tests {
		o.all(t, i, probe.Refused)
		for seq := range 2 {
			reason := o.echoes[[2]int{i, seq}].Reason
			if p.lacks.Refusals != "" {
				if reason != "" {
					t.Errorf("a reason out of nowhere: %q", reason)
				}
				continue
			}
			if !strings.HasPrefix(reason, test.words) || !strings.HasSuffix(reason, " from "+router.String()) {
				t.Errorf("ICMP error %d code %d is called %q", test.kind, test.code, reason)
			}
		}
	}
}

// forgedRefusals are about other packets than those that were sent.
func forgedRefusals(t *testing.T, p engine, v6 bool) {
	kind := uint8(3)
	if v6 {
		kind = 1
	}
	lies := []func(r Request, header int){
		func(r Request, header int) { r.Message[7]++ },          // a sequence number that was not sent
		func(r Request, header int) { r.Packet[header-1] ^= 4 }, // another destination
		func(r Request, header int) { r.Message[9]++ },          // another token
	}
	NewWorld(t, func(r Request) {
		for i, lie := range lies {
			if r.To == There(i, v6) {
				other := r.Clone()
				lie(other, len(r.Packet)-len(r.Message))
				other.Refuse(There(99, v6), kind, 1, 100)
			}
		}
		r.Reply()
	})
	o := carryOut(t, p, worldJob(len(lies), 1, v6))
	for i := range lies {
		o.all(t, i, probe.Replied)
	}
}

// bystanders: an ICMP error leaves an error pending on the socket, which must
// not hit the next target.
func bystanders(t *testing.T, p engine, v6 bool) {
	kind := uint8(3)
	if v6 {
		kind = 1
	}
	NewWorld(t, func(r Request) {
		for i := range 50 {
			if r.To == There(2*i, v6) {
				r.Refuse(There(999, v6), kind, 1, 8)
				return
			}
		}
		r.Reply()
	})
	o := carryOut(t, p, worldJob(100, 5, v6))
	for i := range 100 {
		want := probe.Replied
		if i%2 == 0 {
			want = probe.Refused
		}
		o.all(t, i, want)
	}
}

// flood: one target sends 2,000 replies to each request.
func flood(t *testing.T, p engine, v6 bool) {
	NewWorld(t, func(r Request) {
		r.Reply()
		for range 2000 {
			if r.To == There(0, v6) {
				r.Reply()
			}
		}
	})
	j := worldJob(3, 4, v6)
	o := carryOut(t, p, j)
	for i := range 3 {
		for seq := range j.Count {
			// What was lost in the flood must not be called lost.
			if e := o.echoes[[2]int{i, seq}]; e.Outcome != probe.Replied && e.Outcome != probe.Unsent {
				t.Errorf("target %d, echo %d: %+v", i, seq, e)
			}
		}
	}
	if o.odd[0].Duplicates == 0 {
		t.Error("the flood went unnoticed")
	}
}

func twice(t *testing.T, a, b probe.Pinger, v6 bool) {
	var seen atomic.Int64
	NewWorld(t, func(r Request) {
		seen.Add(1)
		r.Reply()
	})
	var both sync.WaitGroup
	for _, p := range []probe.Pinger{a, b} {
		both.Go(func() {
			j := worldJob(20, 10, v6)
			echoes, err := collect(t, t.Context(), p, j)
			if err != nil {
				t.Error(err)
			}
			for key, e := range echoes {
				if e.Outcome != probe.Replied {
					t.Errorf("%v: %+v", key, e)
				}
			}
		})
	}
	both.Wait()
	if n := seen.Load(); n != 400 {
		t.Errorf("%d echo requests were sent, want 400", n)
	}
}
