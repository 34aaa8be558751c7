package probe

import (
	"testing"
	"time"
)

func ms(values ...float64) []time.Duration {
	out := make([]time.Duration, len(values))
	for i, v := range values {
		out[i] = time.Duration(v * float64(time.Millisecond))
	}
	return out
}

func TestSummarize(t *testing.T) {
	tests := []struct {
		name string
		rtts []time.Duration
		want map[Stat]float64 // ms; a statistic that is not named must be absent
	}{
		{"none", nil, nil},
		{"one has no jitter", ms(7), map[Stat]float64{Min: 7, Median: 7, Avg: 7, Max: 7, Mdev: 0}},
		{"odd, unsorted", ms(9, 1, 5), map[Stat]float64{Min: 1, Median: 5, Avg: 5, Max: 9, Mdev: 3.265986, Jitter: 6}},
		{"even, unsorted", ms(8, 2, 4, 6), map[Stat]float64{Min: 2, Median: 5, Avg: 5, Max: 8, Mdev: 2.236068, Jitter: 10. / 3}},
		{"all alike", ms(3, 3, 3), map[Stat]float64{Min: 3, Median: 3, Avg: 3, Max: 3, Mdev: 0, Jitter: 0}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := Summarize(test.rtts)
			for stat := range Stat(numStats) {
				want, wanted := test.want[stat]
				d, known := got.Get(stat)
				if known != wanted {
					t.Errorf("%v known: %v, want %v", stat, known, wanted)
				}
				if off := float64(d)/float64(time.Millisecond) - want; off > 1e-6 || off < -1e-6 {
					t.Errorf("%v is %v, want %v ms", stat, d, want)
				}
			}
		})
	}
}

func TestSummarizeLeavesTheOrderAlone(t *testing.T) {
	rtts := ms(9, 1, 5)
	Summarize(rtts)
	if rtts[0] != 9*time.Millisecond {
		t.Errorf("the round-trip times were sorted in place: %v", rtts)
	}
}

func TestLoss(t *testing.T) {
	tests := []struct {
		sent, received int
		want           float64
		known          bool
	}{{0, 0, 0, false}, {10, 10, 0, true}, {10, 7, 0.3, true}, {4, 0, 1, true}}
	for _, test := range tests {
		s := Sample{Sent: test.sent, Received: test.received}
		got, known := s.Loss()
		if known != test.known || got-test.want > 1e-9 || test.want-got > 1e-9 {
			t.Errorf("loss of %d sent, %d received: %v, %v", test.sent, test.received, got, known)
		}
	}
}

func TestWordsOfStates(t *testing.T) {
	for state := range State(len(stateNames)) {
		var back State
		if err := back.UnmarshalText([]byte(state.String())); err != nil || back != state {
			t.Errorf("%v comes back as %v: %v", state, back, err)
		}
	}
	var s State
	if s.UnmarshalText([]byte("fine")) == nil {
		t.Error(`"fine" is a state`)
	}
	if len(States()) != len(stateNames) {
		t.Error("States does not list every state")
	}
}

func TestClean(t *testing.T) {
	tests := []struct{ in, want string }{
		{"Baltimore", "Baltimore"},
		{"two\n  lines\t", "two lines"},
		{"\x1b[31mred\x1b[0m", "[31mred [0m"},
		{"right\u202eleft", "right left"},
		{"bad \xff byte", "bad � byte"},
		{"a long text indeed", "a long te…"},
	}
	for _, test := range tests {
		if got := Clean(test.in, 10); got != test.want && Clean(test.in, 100) != test.want {
			t.Errorf("Clean(%q) = %q, want %q", test.in, got, test.want)
		}
	}
}

func TestHostsThatNeverReachACommandLine(t *testing.T) {
	for _, host := range []string{"baltimore.example", "192.0.2.1", "2001:db8::1", "::1", "fe80::1%eth0", "a"} {
		if err := CheckHost(host); err != nil {
			t.Error(err)
		}
	}
	for _, host := range []string{"", "-oProxyCommand=x", "a b", "a;b", "$(x)", "a\nb", "`x`", "ü"} {
		if CheckHost(host) == nil {
			t.Errorf("%q is taken for a host", host)
		}
	}
	for _, login := range []string{"root@baltimore", "ssh://me@h:2222", "h", "[::1]", "me@2001:db8::1"} {
		if err := CheckLogin(login); err != nil {
			t.Error(err)
		}
	}
	for _, login := range []string{"", "-J x", "-x@h", "a@-b", "h;x", "a b", "$(x)@h"} {
		if CheckLogin(login) == nil {
			t.Errorf("%q is taken for a destination", login)
		}
	}
}
