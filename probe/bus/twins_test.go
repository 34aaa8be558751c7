package bus_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"matrix/probe/bus"
)

// TestTwins: names that alternate are of two agents, and others of agents that were
// started again.
func TestTwins(t *testing.T) {
	const both = "[{paris two agents run with its key, on host-A and on host-B, and it is chance whose pings are used; end one of them}]"
	for signs, want := range map[string]string{
		"A": "[]", "AAAA": "[]", "ABBB": "[]", "ABC": "[]", "ABCD": "[]", "----": "[]", "A-A": "[]",
		"ABA": both, "AABBAA": both, "BABAB": both, "CABA": both, "A-BA": both,
	} {
		for ago, want := range map[time.Duration]string{time.Minute: want, time.Hour: "[]"} {
			var twins bus.Twins
			for _, name := range signs {
				sign := bus.Sign{City: "paris", At: time.Now().Add(-ago)}
				if name != '-' {
					sign.Instance, sign.Host = string(name), "host-"+string(name)
				}
				twins.Notice(map[string]bus.Sign{"paris": sign})
			}
			if got := fmt.Sprint(twins.Warnings()); got != want {
				t.Errorf("%s, %v ago: %s, want %s", signs, ago, got, want)
			}
		}
	}
}

// TestTwoAgentsWithOneKey are found by their signs, and one that is started again is none.
func TestTwoAgentsWithOneKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a", "b")
	b := w.connect()
	w.agentLike("b", "", bus.Agent{})
	now := w.publish(b, w.fleetPlan(4*time.Second, 5))
	var twins bus.Twins
	var before string
	another := func() bool {
		signs, err := b.Signs(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		twins.Notice(signs)
		is := signs["a"].Instance
		if is == "" || is == before {
			return false
		}
		before = is
		return true
	}
	for range 3 {
		one := w.agentLike("a", "", bus.Agent{})
		eventually(t, "it has given a sign", another)
		one.stop()
	}
	w.agentLike("a", "", bus.Agent{})
	w.held(b, now.Revision)
	eventually(t, "the last has given a sign", another)
	if all := twins.Warnings(); len(all) > 0 {
		t.Errorf("of agents of which one runs at a time: %v", all)
	}
	w.agentLike("a", "", bus.Agent{Clock: func() time.Time { return time.Now().Add(-time.Second) }}) // measures when the other has
	eventually(t, "the two are found", func() bool {
		another()
		return len(twins.Warnings()) > 0
	})
	if all := twins.Warnings(); len(all) != 1 || all[0].Subject != "a" || !strings.Contains(all[0].Text, "two agents run with its key, on ") {
		t.Errorf("said is %v", all)
	}
}
