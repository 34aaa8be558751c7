package reporttest

import (
	"math"
	"math/rand/v2"

	"matrix/report"
)

// Fleet is a made-up fleet on a made-up internet. Its RTTs are distributed as
// those of 80 real hosts on a day in 2020 (TestFleetIsReal), and what is true of
// it is known, so that faults can be put in and looked for.
type Fleet struct {
	Cities []report.City // as the inventory has them
	Towns  []int         // where the hosts stand, of Places()
	Floor  [][]float64   // ms, from and to
	Queue  [][]float64   // average − minimum
	Random *rand.Rand    // for faults

	last []float64 // what each host's last mile takes, there and back
	day  *Day      // that it was drawn from; nil if it is made up
}

// NewFleet draws a fleet of n hosts; at most as many as there are Places.
func NewFleet(n int, seed uint64) *Fleet {
	f := &Fleet{Random: rand.New(rand.NewPCG(seed, uint64(n)))}
	f.Towns = f.Random.Perm(len(theInternet.towns))[:n]
	f.Floor, f.Queue = square(n), square(n)
	for _, at := range f.Towns {
		f.Cities = append(f.Cities, madeUp(at))
		// The median host adds 5 ms to each of its pairs, one in twenty 60.
		last := 5 * math.Exp(1.5*f.Random.NormFloat64())
		if theInternet.towns[at].hub {
			last /= 2
		}
		f.last = append(f.last, min(last, 90))
	}
	for a := range n {
		for b := range a {
			f.connect(a, b)
		}
	}
	return f
}

// Places is how many towns a host may stand in.
func (f *Fleet) Places() int {
	if f.day != nil {
		return len(f.day.cities)
	}
	return len(theInternet.towns)
}

// Place is a town as an inventory has it.
func (f *Fleet) Place(at int) report.City {
	if f.day != nil {
		return f.day.cities[at]
	}
	return madeUp(at)
}

func madeUp(at int) report.City {
	t := theInternet.towns[at]
	c := city(slug(t.title), t.title, t.country, t.latitude, t.longitude)
	return c
}

// slug is a title's ASCII letters.
func slug(title string) string {
	var letters []byte
	for i := range len(title) {
		if c := title[i] | 0x20; c >= 'a' && c <= 'z' {
			letters = append(letters, c)
		}
	}
	return string(letters)
}

func square(n int) [][]float64 {
	rows := make([][]float64, n)
	for i := range rows {
		rows[i] = make([]float64, n)
	}
	return rows
}

// connect gives two hosts their RTT: the shortest way, and what networks make
// of it. Most pairs go a little around, one in six a lot.
func (f *Fleet) connect(a, b int) {
	if f.day != nil {
		f.day.connect(f, a, b)
		return
	}
	r := f.Random
	way := theInternet.between(f.Towns[a], f.Towns[b])
	policy := 1 + 0.1*math.Abs(r.NormFloat64())
	if r.IntN(6) == 0 {
		policy += min(1.2, 0.35*r.ExpFloat64())
	}
	f.setRTT(a, b, f.last[a]+f.last[b]+way*policy)
	queue := 0.35 * math.Exp(1.3*r.NormFloat64())
	f.Queue[a][b], f.Queue[b][a] = queue, queue*math.Exp(0.3*r.NormFloat64())
}

// setRTT sets both directions, which differ by a little and, one pair in
// fifteen, by more.
func (f *Fleet) setRTT(a, b int, rtt float64) {
	r := f.Random
	apart := 0.04 * math.Exp(r.NormFloat64())
	if r.IntN(15) == 0 {
		apart = min(0.4*rtt, 5*math.Exp(1.7*r.NormFloat64()))
	}
	f.Floor[a][b], f.Floor[b][a] = rtt, rtt
	if r.IntN(2) == 0 {
		f.Floor[a][b] += apart
	} else {
		f.Floor[b][a] += apart
	}
}

// Stretch changes a pair's RTT in both directions.
func (f *Fleet) Stretch(a, b int, rtt float64) {
	more := rtt - f.RTT(a, b)
	if math.IsInf(more, 0) {
		return
	}
	f.Floor[a][b] += more
	f.Floor[b][a] += more
}

// RTT is the lower of the two directions.
func (f *Fleet) RTT(a, b int) float64 { return min(f.Floor[a][b], f.Floor[b][a]) }

// Move puts a host into another town; the inventory does not know.
func (f *Fleet) Move(a, town int) {
	f.Towns[a] = town
	for b := range f.Towns {
		if b != a {
			f.connect(a, b)
		}
	}
}

// Round is what the fleet measures, with 30 echo requests a pair.
func (f *Fleet) Round() *report.Round {
	const sent = 30
	round := &report.Round{Source: "made up", Cities: f.Cities}
	for a, from := range f.Cities {
		for b, to := range f.Cities {
			if a == b || math.IsInf(f.Floor[a][b], 1) {
				continue
			}
			s := sample(from.Name, to.Name)
			s.Sent, s.Received = sent, sent
			s.Imported.Set(report.Min, millis(f.Floor[a][b]))
			s.Imported.Set(report.Avg, millis(f.Floor[a][b]+f.Queue[a][b]))
			round.Samples = append(round.Samples, s)
		}
	}
	return round
}
