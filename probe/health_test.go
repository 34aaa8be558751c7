package probe

import (
	"strings"
	"testing"
	"time"
)

func TestOnlySickMeasurersAreComplainedOf(t *testing.T) {
	tests := []struct {
		name   string
		health Health
		want   string // in the only complaint; "" if there is none
	}{
		{"nothing is known", Health{}, ""},
		{"well", Health{Engine: "ping socket", Stamps: KernelStamps, Lesser: 3, Lag: 90 * time.Millisecond, Stray: 5}, ""},
		{"slow", Health{Stamps: KernelStamps, Lag: time.Second}, "up to 1s late"},
		{"clock a little off", Health{Offset: -4 * time.Second}, ""},
		{"clock behind", Health{Offset: -90 * time.Second}, "its clock is 1m30s behind the coordinator's"},
		{"no room", Health{Stamps: KernelStamps, Dropped: 7}, "no room for 7 packets; requests under way then are not counted"},
		{"busy, and well all the same", Health{Stamps: KernelStamps, Lag: 90 * time.Millisecond, Load: 40, CPUs: 2}, ""},
		{"busy and slow", Health{Stamps: KernelStamps, Lag: time.Second, Load: 2.06, CPUs: 2}, "up to 1s late; it is busy, with a load of 2.1 on 2 CPUs"},
		{"slow, for another reason", Health{Stamps: KernelStamps, Lag: time.Second, Load: 2, CPUs: 2}, "up to 1s late"},
		{"busy without stamps", Health{Stamps: UserStamps, Load: 1.5, CPUs: 1}, "scheduler took; it is busy, with a load of 1.5 on 1 CPU"},
		{"poor stamps", Health{Stamps: UserStamps}, "what its scheduler took"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := test.health.Complaints(time.Second)
			switch {
			case test.want == "" && len(got) > 0:
				t.Errorf("it is complained of: %q", got)
			case test.want != "" && (len(got) != 1 || !strings.HasSuffix(got[0], test.want)):
				t.Errorf("complaints %q, want one with %q", got, test.want)
			}
		})
	}
}

func TestHealthThatCannotBe(t *testing.T) {
	for name, lie := range map[string]Health{
		"a load below nothing": {Load: -1, CPUs: 2}, "too much": {Load: 1e300, CPUs: 2},
		"no CPU": {Load: 1}, "less than none": {Load: 1, CPUs: -2},
		"the rest": {Lesser: -1, Dropped: -1, Stray: -1, Steps: -1, Lag: -1, Self: -1},
	} {
		if got := lie.Sane(); got != (Health{}) {
			t.Errorf("%s: %+v is believed", name, got)
		}
	}
	well := Health{Engine: "ping socket", Stamps: KernelStamps, Lesser: 1, Lag: 2, Dropped: 3, Stray: 4, Self: 5, Steps: 6, Load: 7.5, CPUs: 8}
	if got := well.Sane(); got != well {
		t.Errorf("%+v became %+v", well, got)
	}
}

func TestWordsOfStamps(t *testing.T) {
	for stamps := range Stamps(len(stampNames)) {
		var back Stamps
		if err := back.UnmarshalText([]byte(stamps.String())); err != nil || back != stamps {
			t.Errorf("%v comes back as %v: %v", stamps, back, err)
		}
	}
	var s Stamps
	if s.UnmarshalText([]byte("atomic")) == nil {
		t.Error(`"atomic" are time stamps`)
	}
}

func TestOdditiesAndQualityReachTheSample(t *testing.T) {
	c := newCollector(testJob(1, 2))
	for _, e := range []Echo{
		{Seq: 0, Outcome: Replied, RTT: time.Millisecond, TTL: 60, Stamps: KernelStamps},
		{Seq: 1, Outcome: Replied, RTT: time.Millisecond, TTL: 61, Stamps: ReceiveStamps},
		{Outcome: Odd, Odd: Oddities{Duplicates: 2, Late: 1}},
		{Outcome: Odd, Odd: Oddities{Reordered: 1}},
	} {
		if err := c.add(e); err != nil {
			t.Fatal(err)
		}
	}
	s := c.sample(0, time.Unix(1, 0), ending{})
	if want := (Oddities{Duplicates: 2, Reordered: 1, Late: 1}); s.Odd != want {
		t.Errorf("oddities %+v, want %+v", s.Odd, want)
	}
	if s.TTL != 61 || s.Stamps != ReceiveStamps || s.Received != 2 {
		t.Errorf("sample is %+v", s)
	}
	if c.add(Echo{Outcome: Odd, Odd: Oddities{Late: -1}}) == nil || c.refused != 1 {
		t.Error("a negative count is believed")
	}
}
