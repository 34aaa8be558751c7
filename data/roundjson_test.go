package data

import (
	"bytes"
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"matrix/probe"
)

// fullRound has something in every field.
func fullRound() *probe.Round {
	start := time.Date(2026, 1, 2, 3, 4, 5, 678_901_234, time.UTC)
	measured := probe.Sample{Pair: probe.Pair{From: "paris", To: "saopaulo"}, State: probe.Measured, Reason: "3 of 10 echo requests: cancelled",
		At: start.Add(time.Second), Address: netip.MustParseAddr("2001:db8::1"), Sent: 3, Received: 2,
		RTTs: []time.Duration{201_612 * time.Microsecond, 199_590 * time.Microsecond}}
	lost := probe.Sample{Pair: measured.Reverse(), State: probe.Lost, At: start, Address: netip.MustParseAddr("192.0.2.1"), Sent: 10}
	measured.Cut, measured.TTL, measured.Stamps, measured.Odd = true, 57, probe.KernelStamps, probe.Oddities{Duplicates: 1}
	imported := probe.Sample{Pair: probe.Pair{From: "paris", To: "paris"}, State: probe.Measured}
	for stat := probe.Min; stat <= probe.Jitter; stat++ {
		imported.Imported.Set(stat, time.Duration(stat)*1_234_567)
	}
	return &probe.Round{
		Start: start, End: start.Add(time.Minute), Source: "measured", Version: "1.2.3", Partial: true,
		Options: probe.Options{Count: 10, Interval: 7 * time.Second / 3, Timeout: 5 * time.Second, Size: 56, Rate: 3, Sending: probe.Sending{TrafficClass: 46, DontFragment: true, Source: "eth1"}},
		Cities: []probe.City{
			{Name: "paris", Title: "Paris", Host: "192.0.2.1", SSH: "ping@paris.example", Country: "France", Region: "Île-de-France",
				Provider: `A "quoted" <b>name</b>`, Location: &probe.Location{Latitude: 48.8566, Longitude: 2.3522}},
			{Name: "saopaulo", Title: "São Paulo"},
		},
		Samples:  []probe.Sample{measured, lost},
		Self:     []probe.Sample{imported},
		Hosts:    []probe.Host{{City: "paris", Version: "1.2.3", Health: probe.Health{Engine: "ping socket", Stamps: probe.KernelStamps, Lag: time.Millisecond, Load: 1.25, CPUs: 2}}, {City: "saopaulo", Error: "connect: refused", Hint: "start sshd"}},
		Warnings: []probe.Warning{{Subject: "paris", Text: "its clock is late"}, {Text: "the whole"}},
		Looks: []probe.Look{
			{Pair: lost.Pair, Samples: []probe.Sample{lost, measured}, Traces: []probe.Trace{fullTrace(lost.Pair, start),
				{Pair: measured.Pair, Method: probe.TraceUDP, Size: 56, At: start, End: probe.NoTraceRoute, Reason: "no such host", Hint: "look at the name"}}},
			{Pair: measured.Pair, Failed: "connect: refused"},
		},
	}
}

// fullTrace has something in every field.
func fullTrace(pair probe.Pair, at time.Time) probe.Trace {
	us := time.Microsecond
	return probe.Trace{
		Pair: pair, Address: netip.MustParseAddr("192.0.2.1"), Method: probe.TraceICMP, Flow: 1, Size: 56, Sending: probe.Sending{TrafficClass: 46, Source: "eth0"}, At: at, End: probe.Reached,
		Stamps: probe.KernelStamps, Fallback: "no sockets", Hops: []probe.Hop{
			{TTL: 1, Sent: 3, Duplicates: 1, Late: 2}, {TTL: 2, Sent: 3, Answers: []probe.Answer{
				{Addr: netip.MustParseAddr("192.0.2.9"), Name: "r1.par.example", RTTs: []time.Duration{300 * us, 299 * us}, Mark: "!X", Labels: []probe.Label{{Value: 17, Class: 1, Bottom: true, TTL: 1}}},
				{Addr: netip.MustParseAddr("192.0.2.1"), RTTs: []time.Duration{301 * us}}}},
		},
	}
}

// A file's traceroutes are held to what a network can do.
func TestReadLooks(t *testing.T) {
	whole := written(t, fullRound())
	for _, c := range [][2]string{
		{`"rtt_us":[300,299]`, `"rtt_us":[0,299]`}, {`"192.0.2.9"`, `"router"`}, {`"method":"icmp"`, `"method":"gre"`},
		{`"end":"reached"`, `"end":"arrived"`}, {`"mark":"!X"`, `"mark":"<b>"`}, {`"flow":1`, `"flow":99`}, {`"label":17`, `"label":99999999`},
		{`{"from":"saopaulo","to":"paris","address":"192.0.2.1","method"`, `{"from":"saopaulo","to":"oslo","address":"192.0.2.1","method"`},
		{`"end":"reached"`, `"end":"unresolved"`}, {`"sending":{"tos":46`, `"sending":{"tos":4600`},
	} {
		broken := strings.Replace(whole, c[0], c[1], 1)
		if broken == whole {
			t.Fatalf("there is no %s in\n%s", c[0], whole)
		}
		if _, err := ReadRound(strings.NewReader(broken), "round.json", nil); err == nil {
			t.Errorf("%s was read", c[1])
		}
	}
}

func TestRoundTrip(t *testing.T) {
	want := fullRound()
	first := written(t, want)
	got, err := ReadRound(strings.NewReader(first), "round.json", nil)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", dumpRound(got), dumpRound(want))
	}
	if again := written(t, got); again != first {
		t.Errorf("written again it is\n%s\nbut was\n%s", again, first)
	}
	golden(t, "testdata/round.json", first)
}

func written(t *testing.T, r *probe.Round) string {
	var b bytes.Buffer
	if err := WriteRound(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestMicroseconds: what took time does not become zero, and reading and
// writing again changes nothing more.
func TestMicroseconds(t *testing.T) {
	r := fullRound()
	r.Samples[0].RTTs = []time.Duration{1, 1500}
	again, err := ReadRound(strings.NewReader(written(t, r)), "round.json", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := again.Samples[0].RTTs, []time.Duration{1000, 2000}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestWriteRoundReportsErrors(t *testing.T) {
	full := errors.New("disk full")
	if err := WriteRound(brokenWriter{full}, fullRound()); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

// FuzzReadRound: whatever can be read can be written, and is read again as the
// same round.
func FuzzReadRound(f *testing.F) {
	seed(f, "round")
	inv := testFleet(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, inv := range []*Inventory{nil, inv} {
			r, err := ReadRound(bytes.NewReader(text), "fuzz", inv)
			if err != nil {
				continue
			}
			checkRound(t, r)
			again, err := ReadRound(strings.NewReader(written(t, r)), "fuzz", nil)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := dumpRound(again), dumpRound(r); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		}
	})
}

// checkRound holds a round against what every reader of rounds relies on.
func checkRound(t *testing.T, r *probe.Round) {
	t.Helper()
	cities := make(map[string]bool)
	for _, c := range r.Cities {
		if cities[c.Name] {
			t.Errorf("city %s twice", c.Name)
		}
		cities[c.Name] = true
	}
	for _, s := range r.Samples {
		avg, known := s.Summary().Get(probe.Avg)
		if !cities[s.From] || !cities[s.To] || s.IsSelf() || known && (avg < 0 || avg > maxRTT) || s.Received > s.Sent {
			t.Errorf("sample %s", dumpSample(s))
		}
	}
}

// BenchmarkReadRound reads a round of 300 cities.
func BenchmarkReadRound(b *testing.B) {
	r := &probe.Round{Source: "measured"}
	for i := range 300 {
		name := "c" + strings.Repeat("i", i%7) + string(rune('a'+i%26)) + string(rune('a'+i/26))
		r.Cities = append(r.Cities, probe.City{Name: name, Title: name})
	}
	for _, from := range r.Cities {
		for _, to := range r.Cities {
			if from.Name != to.Name {
				r.Samples = append(r.Samples, probe.Sample{Pair: probe.Pair{From: from.Name, To: to.Name}, State: probe.Measured,
					Sent: 10, Received: 10, RTTs: make([]time.Duration, 10)})
			}
		}
	}
	var text bytes.Buffer
	if err := WriteRound(&text, r); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		if _, err := ReadRound(bytes.NewReader(text.Bytes()), "round.json", nil); err != nil {
			b.Fatal(err)
		}
	}
}
