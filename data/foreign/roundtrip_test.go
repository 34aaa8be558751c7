package foreign

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"matrix/data"
	"matrix/probe"
)

// randomRound has every state, RTTs in whole microseconds, and texts that
// somebody hostile chose.
func randomRound(random *rand.Rand, inv *data.Inventory, start time.Time, rtts bool) *probe.Round {
	r := &probe.Round{Start: start, End: start, Source: "measured", Cities: inv.Cities}
	reasons := []string{"", "out of time", "=1+1", "'@SUM(A1)", "a \"quoted\", text; with\ttab", "<b>bold</b>", "－1", "null"}
	for i, from := range inv.Cities {
		for j, to := range inv.Cities {
			s := probe.Sample{Pair: probe.Pair{From: from.Name, To: to.Name}, State: probe.States()[random.IntN(len(probe.States()))],
				At: start.Add(time.Duration(random.IntN(7_200_000)) * time.Millisecond), Address: netip.AddrFrom4([4]byte{192, 0, 2, byte(j + 1)})}
			switch s.State {
			case probe.Measured:
				s.Sent = 1 + random.IntN(10)
				s.Received = 1 + random.IntN(s.Sent)
				for range s.Received {
					s.RTTs = append(s.RTTs, time.Duration(1+random.IntN(300_000))*time.Microsecond)
				}
				if !rtts {
					for _, stat := range stats {
						if d, known := s.Summary().Get(stat); known {
							s.Imported.Set(stat, d.Round(time.Microsecond))
						}
					}
					s.RTTs = nil
				}
			case probe.Lost:
				s.Sent = 1 + random.IntN(10)
			default:
				s.Reason = probe.Clean(reasons[random.IntN(len(reasons))], maxReason)
			}
			if s.State == probe.NotRun {
				s.At, s.Address = time.Time{}, netip.Addr{}
			}
			if i == j {
				r.Self = append(r.Self, s)
			} else {
				r.Samples = append(r.Samples, s)
			}
		}
	}
	return r
}

// TestRoundTrip writes rounds of three hours and reads them back: the same
// samples in the same rounds, though each takes two hours.
func TestRoundTrip(t *testing.T) {
	inv := inventory(t)
	for name, format := range map[string]struct {
		write func(b *bytes.Buffer, rounds []*probe.Round) error
		rtts  bool
	}{
		"csv": {func(b *bytes.Buffer, rounds []*probe.Round) error {
			w := NewCSVWriter(b)
			for _, r := range rounds {
				if err := w.Round(r); err != nil {
					return err
				}
			}
			return w.Close()
		}, false},
		"json": {func(b *bytes.Buffer, rounds []*probe.Round) error {
			for _, r := range rounds {
				if err := data.WriteRound(b, r); err != nil {
					return err
				}
			}
			return nil
		}, true},
		"atlas":            {writeAtlas, true},
		"atlas statistics": {writeAtlas, false},
	} {
		t.Run(name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, 2))
			var rounds []*probe.Round
			for i := range 3 {
				rounds = append(rounds, randomRound(random, inv, when.Add(time.Duration(i)*time.Hour+59*time.Minute), format.rtts))
			}
			var b bytes.Buffer
			if err := format.write(&b, rounds); err != nil {
				t.Fatal(err)
			}
			got := importAll(t, Import{Inventory: inv}, File{Name: "x", In: &b})
			if len(got.bad) > 0 {
				t.Fatal(got.bad[0])
			}
			if len(got.rounds) != len(rounds) {
				t.Fatalf("%d rounds of %d", len(got.rounds), len(rounds))
			}
			for i, r := range rounds {
				compareRounds(t, got.rounds[i], r)
			}
		})
	}
}

func writeAtlas(b *bytes.Buffer, rounds []*probe.Round) error {
	w := NewAtlasWriter(b, map[int]string{6001: "here"})
	for _, r := range rounds {
		if err := w.Round(r); err != nil {
			return err
		}
	}
	return w.Close()
}

func compareRounds(t *testing.T, got, want *probe.Round) {
	t.Helper()
	if !got.Start.Equal(want.Start) {
		t.Errorf("start %v, want %v", got.Start, want.Start)
	}
	a, b := slices.Concat(got.Samples, got.Self), slices.Concat(want.Samples, want.Self)
	if len(a) != len(b) {
		t.Fatalf("%d samples, want %d", len(a), len(b))
	}
	for i := range a {
		if !reflect.DeepEqual(a[i], b[i]) {
			one := func(s probe.Sample) string {
				return dump(imported{rounds: []*probe.Round{{Samples: []probe.Sample{s}}}})
			}
			t.Fatalf("got  %s\nwant %s", one(a[i]), one(b[i]))
		}
	}
}

// TestBadRound loses one round of three, and tells where it is.
func TestBadRound(t *testing.T) {
	inv := inventory(t)
	random := rand.New(rand.NewPCG(1, 2))
	var texts []string
	for i := range 3 {
		var b bytes.Buffer
		if err := data.WriteRound(&b, randomRound(random, inv, when.Add(time.Duration(i)*time.Hour), true)); err != nil {
			t.Fatal(err)
		}
		texts = append(texts, b.String())
	}
	lines := strings.Count(texts[0], "\n")
	broken := map[string]string{
		"cut off":     texts[1][:len(texts[1])/2] + "\n",
		"wrong state": strings.Replace(texts[1], `"state":"lost"`, `"state":"found"`, 1),
		"not JSON":    "hello\n",
	}
	for name, middle := range broken {
		got := importAll(t, Import{Inventory: inv}, File{Name: "x", In: strings.NewReader(texts[0] + middle + texts[2])})
		if len(got.rounds) != 2 || len(got.bad) != 1 {
			t.Errorf("%s: %d rounds, %v", name, len(got.rounds), got.bad)
			continue
		}
		if line := got.bad[0].Line; line <= lines || line > lines+strings.Count(middle, "\n")+1 {
			t.Errorf("%s: line %d, want one after %d", name, line, lines)
		}
	}
}

// TestAtlasTraces looks at what is written of a traceroute.
func TestAtlasTraces(t *testing.T) {
	var b bytes.Buffer
	w := NewAtlasWriter(&b, map[int]string{6001: "here"})
	trace := probe.Trace{
		Pair: probe.Pair{From: "here", To: "far"}, Address: netip.MustParseAddr("203.0.113.50"), Method: probe.TraceUDP, Size: 56, At: when, End: probe.Stopped,
		Hops: []probe.Hop{
			{TTL: 1, Sent: 3, Answers: []probe.Answer{{Addr: netip.MustParseAddr("192.0.2.1"), Name: "=evil", RTTs: []time.Duration{1500 * time.Microsecond, 1700 * time.Microsecond}}}},
			{TTL: 2, Sent: 1, Answers: []probe.Answer{{Addr: netip.MustParseAddr("192.0.2.2"), RTTs: []time.Duration{2 * time.Millisecond}, Mark: "!N", Labels: []probe.Label{{Value: 24015, Class: 1, Bottom: true, TTL: 1}}}}},
		},
	}
	failed := probe.Trace{Pair: probe.Pair{From: "far", To: "here"}, Method: probe.TraceICMP, End: probe.TraceFailed, Reason: "ssh: no route"}
	for _, one := range []*probe.Trace{&trace, &failed} {
		if err := w.Trace(one, map[string]string{"here": "127.0.0.1", "far": "far.example.net"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	want := `[{"fw":5000,"type":"traceroute","af":4,"prb_id":6001,"msm_id":0,"msm_name":"Traceroute","timestamp":1790812800,"from":"127.0.0.1","src_addr":"127.0.0.1","dst_name":"far.example.net","dst_addr":"203.0.113.50","proto":"UDP","size":56,"paris_id":1,"result":[` +
		`{"hop":1,"result":[{"from":"192.0.2.1","rtt":1.5},{"from":"192.0.2.1","rtt":1.7},{"x":"*"}]},` +
		`{"hop":2,"result":[{"from":"192.0.2.2","rtt":2,"err":"N","icmpext":{"version":2,"rfc4884":1,"obj":[{"class":1,"type":1,"mpls":[{"exp":1,"label":24015,"s":1,"ttl":1}]}]}}]}],` +
		`"matrix":{"from":"here","to":"far","at":"2026-10-01T00:00:00Z","end":"stopped"}},
{"fw":5000,"type":"traceroute","prb_id":10000001,"msm_id":0,"msm_name":"Traceroute","timestamp":0,"from":"","dst_name":"127.0.0.1","proto":"ICMP","size":0,"paris_id":1,"result":[{"hop":1,"result":[{"error":"ssh: no route"}]}],"matrix":{"from":"far","to":"here","reason":"ssh: no route","end":"source-down"}}]
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
	if got := importAll(t, Import{Inventory: inventory(t)}, File{Name: "x", In: &b}); got.tally.Skipped != 2 || got.tally.Bad != 0 {
		t.Errorf("%+v", got.tally)
	}
}

// TestEmptyExport is a file that says that there is nothing.
func TestEmptyExport(t *testing.T) {
	var a, c bytes.Buffer
	if err := NewAtlasWriter(&a, nil).Close(); err != nil || a.String() != "[]\n" {
		t.Errorf("%q, %v", a.String(), err)
	}
	if err := NewCSVWriter(&c).Close(); err != nil || !strings.HasPrefix(c.String(), "source,destination,timestamp,min,avg,max,mdev,sent,received,state,address") {
		t.Errorf("%q, %v", c.String(), err)
	}
}

// TestCombine joins readings of one pair and round.
func TestCombine(t *testing.T) {
	ms := func(values ...float64) (all []time.Duration) {
		for _, v := range values {
			all = append(all, rounded(v*1e6))
		}
		return all
	}
	sample := func(at int, sent int, rtts ...float64) probe.Sample {
		s := probe.Sample{State: probe.Lost, At: when.Add(time.Duration(at) * time.Minute), Sent: sent, Received: len(rtts), RTTs: ms(rtts...)}
		if len(rtts) > 0 {
			s.State = probe.Measured
		}
		return s
	}
	statistics := func(s probe.Sample) probe.Sample {
		s.Imported, s.RTTs = probe.ImportedOf(s.Summary()), nil
		return s
	}
	early, late, lost := sample(1, 4, 10, 12, 11), sample(2, 3, 30, 20), sample(3, 2)
	whole := sample(1, 7, 10, 12, 11, 30, 20)
	joined := late
	if !combine(&joined, &early) || fmt.Sprint(joined) != fmt.Sprint(whole) {
		t.Errorf("got %v, want %v", joined, whole)
	}
	joined = statistics(early)
	other := statistics(late)
	if !combine(&joined, &other) || joined.Sent != 7 || joined.Received != 5 {
		t.Errorf("%v", joined)
	}
	for _, stat := range []probe.Stat{probe.Min, probe.Avg, probe.Max, probe.Mdev} {
		got, _ := joined.Imported.Get(stat)
		if want, _ := whole.Summary().Get(stat); (got - want).Abs() > time.Nanosecond {
			t.Errorf("%v %v, want %v", stat, got, want)
		}
	}
	if _, known := joined.Imported.Get(probe.Median); known {
		t.Error("a median out of two medians")
	}
	joined = lost
	if !combine(&joined, &early) || joined.State != probe.Measured || joined.Sent != 6 || !joined.At.Equal(early.At) {
		t.Errorf("%v", joined)
	}
	v6 := late
	v6.Address = netip.MustParseAddr("2001:db8::1")
	if joined = early; combine(&joined, &v6) {
		t.Error("two addresses made one sample")
	}
}
