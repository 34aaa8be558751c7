package history_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"matrix/data/history"
	"matrix/probe"
	"matrix/report"
	"matrix/report/reporttest"
)

var _ report.History = (*history.History)(nil)

var october = time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)

// cities are so many cities; c003 is the fourth.
func cities(n int) []probe.City {
	all := make([]probe.City, n)
	for i := range all {
		name := fmt.Sprintf("c%03d", i)
		all[i] = probe.City{Name: name, Title: "City " + name, Host: fmt.Sprintf("192.0.2.%d", i%250+1), Country: "XX",
			Location: &probe.Location{Latitude: float64(i%90) / 2, Longitude: float64(i%360) / 3}}
	}
	return all
}

// made is a round in which everything happens that can happen to a sample.
func made(start time.Time, n, count int, seed uint64) *probe.Round {
	random := rand.New(rand.NewPCG(seed, uint64(start.Unix())))
	r := &probe.Round{
		Start: start, End: start.Add(time.Minute), Source: "measured", Version: "1.2.3",
		Options: probe.DefaultOptions(), Cities: cities(n),
	}
	r.Options.Count = count
	for i, from := range r.Cities {
		r.Hosts = append(r.Hosts, probe.Host{City: from.Name, Version: "1.2.3", Health: probe.Health{Engine: "ping socket", Stamps: probe.KernelStamps, Self: 30 * time.Microsecond}})
		for j, to := range r.Cities {
			s := probe.Sample{Pair: probe.Pair{From: from.Name, To: to.Name}}
			fill(&s, random, start.Add(time.Duration(random.IntN(1e6))*time.Microsecond), j, count)
			if i == j {
				if random.IntN(2) == 0 {
					r.Self = append(r.Self, s)
				}
				continue
			}
			r.Samples = append(r.Samples, s)
		}
	}
	return r
}

func fill(s *probe.Sample, random *rand.Rand, at time.Time, target, count int) {
	switch random.IntN(40) {
	case 0:
		s.State, s.Reason = probe.SourceDown, "connect: refused"
		return
	case 1:
		s.State, s.Reason = probe.Unresolved, "no such host"
		return
	case 2:
		s.State, s.Reason = probe.NotRun, "the round was cancelled"
		return
	case 3:
		s.State = probe.Measured
		s.Imported.Set(probe.Min, 12345*time.Microsecond)
		s.Imported.Set(probe.Mdev, 0)
		return
	case 4:
		s.State, s.Sent, s.At = probe.Lost, count, at
		s.Address = netip.MustParseAddr("2001:db8::1")
		return
	}
	s.State, s.At, s.Sent = probe.Measured, at, count
	s.Address = netip.AddrFrom4([4]byte{192, 0, 2, byte(target%250 + 1)})
	s.TTL, s.Stamps = 50+random.IntN(10), probe.KernelStamps
	for range count {
		if len(s.RTTs) == 0 || random.IntN(50) > 0 {
			s.RTTs = append(s.RTTs, time.Duration(1000+random.IntN(200_000))*time.Microsecond)
		}
	}
	s.Received = len(s.RTTs)
	if random.IntN(30) == 0 {
		s.Cut, s.Reason = true, fmt.Sprintf("%d of %d echo requests", s.Received, count)
	}
	if random.IntN(30) == 0 {
		s.Odd = probe.Oddities{Duplicates: random.IntN(3), Reordered: random.IntN(3), Late: 1}
	}
}

func open(t testing.TB) *history.History {
	t.Helper()
	h, err := history.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func again(t testing.TB, h *history.History) *history.History {
	t.Helper()
	h, err := history.Open(h.Dir())
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func saveAll(t testing.TB, h *history.History, rounds []*probe.Round) {
	t.Helper()
	for _, r := range rounds {
		if _, err := h.Save(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
}

func hours(start time.Time, hours, cities, count int) []*probe.Round {
	var all []*probe.Round
	for i := range hours {
		all = append(all, made(start.Add(time.Duration(i)*time.Hour), cities, count, uint64(i)))
	}
	return all
}

// expected are the series that rounds must give.
func expected(rounds []*probe.Round) map[probe.Pair][]probe.Sample {
	all := make(map[probe.Pair][]probe.Sample)
	for i, r := range rounds {
		for _, s := range r.Samples {
			for len(all[s.Pair]) < i {
				all[s.Pair] = append(all[s.Pair], probe.Sample{})
			}
			all[s.Pair] = append(all[s.Pair], s)
		}
	}
	return all
}

func checkSeries(t *testing.T, s *probe.Series, want []probe.Sample) {
	t.Helper()
	if s.Len() != len(want) {
		t.Fatalf("%v has %d samples, want %d", s.Pair, s.Len(), len(want))
	}
	for i := range want {
		w := &want[i]
		if s.Round[i] != int32(i) || s.State[i] != w.State {
			t.Fatalf("%v: sample %d is of round %d and %v, want %v", s.Pair, i, s.Round[i], s.State[i], w.State)
		}
		summary := w.Summary()
		for stat := probe.Min; stat <= probe.Jitter; stat++ {
			d, ok := summary.Get(stat)
			got, has := s.Stat(stat, i)
			if ok != has || ok && got != d.Round(time.Microsecond) {
				t.Fatalf("%v: %v of sample %d is %v %v, want %v %v", s.Pair, stat, i, got, has, d, ok)
			}
		}
		sent := int32(w.Sent)
		if w.Cut || w.State == probe.NotRun || w.Sent == 0 && w.State == probe.Measured {
			sent = probe.Unknown
		}
		if s.Sent[i] != sent {
			t.Fatalf("%v: sent of sample %d is %d, want %d", s.Pair, i, s.Sent[i], sent)
		}
		address := netip.Addr{}
		if s.Address[i] != probe.Unknown {
			address = s.Addresses[s.Address[i]]
		}
		if address != w.Address {
			t.Fatalf("%v: address of sample %d is %v, want %v", s.Pair, i, address, w.Address)
		}
		if s.RTTs != nil && len(s.RTTs[i]) != len(w.RTTs) {
			t.Fatalf("%v: %d RTTs, want %d", s.Pair, len(s.RTTs[i]), len(w.RTTs))
		}
		for k := range w.RTTs {
			if s.RTTs != nil && int64(s.RTTs[i][k]) != w.RTTs[k].Microseconds() {
				t.Fatalf("%v: RTT %d of sample %d is %d µs, want %v", s.Pair, k, i, s.RTTs[i][k], w.RTTs[k])
			}
		}
	}
}

// checkHistory holds all that is read of a month against the rounds in it.
func checkHistory(t *testing.T, h *history.History, rounds []*probe.Round) {
	t.Helper()
	span := report.MonthSpan(2026, 10)
	headers, err := h.Rounds(t.Context(), span.From, span.To)
	if err != nil {
		t.Fatal(err)
	}
	if len(headers) != len(rounds) {
		t.Fatalf("%d rounds, want %d", len(headers), len(rounds))
	}
	for i, got := range headers {
		want := rounds[i]
		if !got.Start.Equal(want.Start) || got.Version != want.Version || got.Options != want.Options ||
			len(got.Cities) != len(want.Cities) || !slices.Equal(got.Hosts, want.Hosts) || len(got.Warnings) != len(want.Warnings) {
			t.Fatalf("round %d is %+v", i, got)
		}
	}
	want := expected(rounds)
	var mu sync.Mutex
	seen := make(map[probe.Pair]bool)
	selfs := 0
	for _, r := range rounds {
		selfs -= len(r.Self)
	}
	err = h.Series(t.Context(), span.From, span.To, func(s *probe.Series) error {
		mu.Lock()
		defer mu.Unlock()
		if s.IsSelf() {
			selfs += s.Len()
			return nil
		}
		if seen[s.Pair] {
			t.Errorf("%v came twice", s.Pair)
		}
		seen[s.Pair] = true
		checkSeries(t, s, want[s.Pair])
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if selfs != 0 {
		t.Errorf("%+d pings of cities to themselves, beside those that were saved", selfs)
	}
	if len(seen) != len(want) {
		t.Fatalf("%d pairs, want %d", len(seen), len(want))
	}
	for _, pair := range []probe.Pair{{From: "c000", To: "c001"}, {From: "c002", To: "c000"}} {
		s, err := h.Pair(t.Context(), pair, span.From, span.To)
		if err != nil {
			t.Fatal(err)
		}
		checkSeries(t, s, want[pair])
	}
	checkPairs(t, h, span, want)
	none, err := h.Pair(t.Context(), probe.Pair{From: "c000", To: "nowhere"}, span.From, span.To)
	if err != nil || none.Len() != 0 {
		t.Fatalf("%v, %v", none, err)
	}
	if problems := h.Problems(); len(problems) > 0 {
		t.Fatal(problems)
	}
}

// checkPairs asks for some pairs together: few of a city, and all of another.
func checkPairs(t *testing.T, h *history.History, span report.Span, want map[probe.Pair][]probe.Sample) {
	t.Helper()
	pairs := []probe.Pair{{From: "c002", To: "c000"}, {From: "c000", To: "nowhere"}, {From: "nowhere", To: "c000"}}
	for p := range want {
		if p.From == "c001" {
			pairs = append(pairs, p)
		}
	}
	var mu sync.Mutex
	met := make(map[probe.Pair]bool)
	err := h.Pairs(t.Context(), pairs, span.From, span.To, func(s *probe.Series) error {
		mu.Lock()
		defer mu.Unlock()
		if met[s.Pair] || s.RTTs == nil {
			t.Errorf("%v comes twice, or without RTTs", s.Pair)
		}
		met[s.Pair] = true
		checkSeries(t, s, want[s.Pair])
		return nil
	})
	if err != nil || len(met) != len(pairs)-2 {
		t.Errorf("%d of %d pairs: %v", len(met), len(pairs)-2, err)
	}
}

func TestSaveAndRead(t *testing.T) {
	for _, n := range []int{3, 40} {
		t.Run(fmt.Sprint(n, " cities"), func(t *testing.T) {
			h := open(t)
			rounds := hours(october, 5, n, 10)
			saveAll(t, h, rounds)
			saveAll(t, h, rounds[:1]) // the same again
			saveAll(t, h, hours(october.AddDate(0, 1, 0), 1, 3, 2))
			checkHistory(t, h, rounds)
		})
	}
}

func TestSeriesStopsAtTheFirstError(t *testing.T) {
	h := open(t)
	saveAll(t, h, hours(october, 2, 4, 2))
	failure := fmt.Errorf("enough")
	if err := h.Series(context.Background(), october, october.AddDate(0, 1, 0), func(*probe.Series) error { return failure }); err == nil {
		t.Fatal("no error")
	}
}

// TestRoundComesBack saves rounds and reads them whole.
func TestRoundComesBack(t *testing.T) {
	h := open(t)
	want := made(october.Add(90*time.Minute), 12, 10, 7)
	want.Partial = true
	want.Warnings = []probe.Warning{{Subject: "c001", Text: "its host was slow"}}
	saved, err := h.Save(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	saveAll(t, h, hours(october, 1, 3, 2))
	latest, err := h.Latest(t.Context())
	if err != nil || latest != saved.ID {
		t.Fatalf("the latest is %s, want %s: %v", latest, saved.ID, err)
	}
	got, err := h.Round(t.Context(), saved.ID)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		for i := range want.Samples {
			if !reflect.DeepEqual(got.Samples[i], want.Samples[i]) {
				t.Fatalf("sample %d is %+v, want %+v", i, got.Samples[i], want.Samples[i])
			}
		}
		t.Fatalf("got %+v, want %+v", got, want)
	}
}

func TestTracesComeBack(t *testing.T) {
	h := open(t)
	saved, err := h.Save(t.Context(), made(october, 3, 1, 1))
	if err != nil {
		t.Fatal(err)
	}
	want := reporttest.Traces()
	for i := range want {
		want[i].At = october.Add(time.Duration(i) * time.Second)
		want[i].Sending = probe.Sending{TrafficClass: 4 * i, DontFragment: i%2 == 0, Source: "eth0"}
		want[i].Reason = probe.Clean(want[i].Reason, 500) // as everything that is read
	}
	if _, err := h.SaveTraces(t.Context(), saved, want); err != nil {
		t.Fatal(err)
	}
	got, err := h.Traces(t.Context(), october, october.Add(time.Hour))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v, want %+v: %v, %v", got, want, err, h.Problems())
	}
	if got, err := h.Traces(t.Context(), october.Add(time.Second), october.Add(time.Hour)); err != nil || len(got) != len(want)-1 {
		t.Fatalf("%d traces of a part of the span: %v", len(got), err)
	}
}

func compact(t testing.TB, h *history.History) history.Compaction {
	t.Helper()
	done, err := h.Compact(context.Background(), history.Month{Year: 2026, Month: time.October}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func TestCompact(t *testing.T) {
	h := open(t)
	rounds := hours(october, 30, 8, 5)
	saveAll(t, h, rounds[:20])
	done := compact(t, h)
	if done.Rounds != 20 || done.Merged != 20 || done.Removed != 20 || len(done.Warnings) > 0 {
		t.Fatalf("%+v", done)
	}
	checkHistory(t, again(t, h), rounds[:20])
	saveAll(t, h, rounds[20:])
	checkHistory(t, again(t, h), rounds)
	if done := compact(t, h); done.Rounds != 30 || done.Merged != 11 || done.Removed != 12 {
		t.Fatalf("%+v", done)
	}
	checkHistory(t, again(t, h), rounds)
	saveAll(t, h, rounds[3:5]) // saved again, as by a second import
	checkHistory(t, again(t, h), rounds)
	if done := compact(t, h); done.Rounds != 30 || done.Merged != 0 || done.Removed != 2 {
		t.Fatalf("%+v", done)
	}
	checkHistory(t, again(t, h), rounds)
	id, err := again(t, h).IDs(t.Context(), october, october.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	got, err := h.Round(t.Context(), id[0])
	if err != nil || !reflect.DeepEqual(got, rounds[0]) {
		t.Fatalf("a compacted round is %+v: %v", got, err)
	}
}

// verified is what Verify says of a history in which nothing is damaged.
func verified(t testing.TB, h *history.History, rounds int) history.Checkup {
	t.Helper()
	found, err := h.Verify(context.Background(), nil)
	if err != nil || found.Rounds != rounds || len(found.Damaged) > 0 {
		t.Fatalf("%+v, want %d rounds: %v", found, rounds, err)
	}
	return found
}

// TestLooksComeBack adds to a round what was found after it was saved, and
// compacts it.
func TestLooksComeBack(t *testing.T) {
	h := open(t)
	r := made(october, 4, 3, 3)
	saved, err := h.Save(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	trace := reporttest.Traces()[0]
	trace.Pair, trace.At = probe.Pair{From: "c001", To: "c002"}, october.Add(time.Minute)
	r.Looks = []probe.Look{{Pair: trace.Pair, Samples: r.Samples[4:5], Traces: []probe.Trace{trace}}, {Pair: probe.Pair{From: "c000", To: "c003"}, Failed: "out of time"}}
	r.Looks[0].Samples = []probe.Sample{{Pair: trace.Pair, State: probe.Lost, Sent: 5}}
	if _, err := h.SaveLooks(t.Context(), saved, r); err != nil {
		t.Fatal(err)
	}
	check := func() {
		t.Helper()
		got, err := again(t, h).Round(t.Context(), saved.ID)
		if err != nil || !reflect.DeepEqual(got, r) {
			t.Fatalf("got %+v, want %+v: %v", got.Looks, r.Looks, err)
		}
		traces, err := again(t, h).Traces(t.Context(), october, october.Add(time.Hour))
		if err != nil || !reflect.DeepEqual(traces, []probe.Trace{trace}) {
			t.Fatalf("%+v: %v", traces, err)
		}
		for begin, want := range map[time.Time][]probe.Look{october: r.Looks, october.Add(time.Hour): nil} {
			looks, err := again(t, h).Looks(t.Context(), begin, begin.Add(time.Hour), 1)
			if err != nil || !reflect.DeepEqual(looks, want) {
				t.Fatalf("%+v, want %+v: %v", looks, want, err)
			}
		}
	}
	check()
	compact(t, h)
	check()
	verified(t, h, 1)

	later := made(october.Add(time.Minute), 4, 3, 4)
	if saved, err = h.Save(t.Context(), later); err != nil {
		t.Fatal(err)
	}
	later.Looks = []probe.Look{{Pair: probe.Pair{From: "c001", To: "c003"}, Failed: "out of time"}}
	if _, err := h.SaveLooks(t.Context(), saved, later); err != nil {
		t.Fatal(err)
	}
	for most, want := range [][]probe.Look{nil, later.Looks, slices.Concat(r.Looks, later.Looks), slices.Concat(r.Looks, later.Looks)} {
		looks, err := h.Looks(t.Context(), october, october.Add(time.Hour), most)
		if err != nil || !reflect.DeepEqual(looks, want) {
			t.Errorf("of %d rounds: %+v, want %+v: %v", most, looks, want, err)
		}
	}
}
