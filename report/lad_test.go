package report

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// sum is what the fit makes least.
func sum(terms []term, fit []float64) float64 {
	total := 0.
	for _, t := range terms {
		total += math.Abs(t.rtt - fit[t.i] - fit[t.j] - fit[len(fit)-1]*t.miles)
	}
	return total
}

// random is a fleet with detours: n hosts, the true terms, and its pairs.
func fleetTerms(n int, seed uint64) []term {
	random := rand.New(rand.NewPCG(seed, 1))
	var terms []term
	host := make([]float64, n)
	for i := range host {
		host[i] = 6 + 5*random.ExpFloat64()
	}
	for i := range n {
		for j := i + 1; j < n; j++ {
			if random.IntN(20) == 0 {
				continue
			}
			miles := 50 + 9000*random.Float64()
			rtt := host[i] + host[j] + 0.022*miles + 4*random.NormFloat64()
			if random.IntN(10) == 0 {
				rtt += 150 * random.Float64()
			}
			terms = append(terms, term{i, j, miles, max(0.1, rtt)})
		}
	}
	return terms
}

// TestLeastAbsolute: the fit is an optimum. The sum of absolute residuals is
// convex, so that where no direction leads down nothing is lower anywhere; the
// subgradient is tried along every column and along random directions.
func TestLeastAbsolute(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 5))
	for seed, n := range []int{3, 5, 15, 40, 80} {
		terms := fleetTerms(n, uint64(seed))
		fit := leastAbsolute(terms, n)
		best := sum(terms, fit)
		for k := range 40 * n {
			other := slices.Clone(fit)
			for c := range other {
				if k%2 == 0 && c != k/2%(n+1) {
					continue
				}
				size := []float64{1, 0.1, 0.01}[k%3]
				if c == n {
					size /= 1000
				}
				other[c] += size * random.NormFloat64()
			}
			if lower := sum(terms, other); lower < best*(1-1e-7) {
				t.Fatalf("%d hosts: %.9f is not the least, %.9f is less", n, best, lower)
			}
		}
	}
}

// TestLeastAbsoluteExact: where all but some pairs lie on the line exactly, the
// fit finds it; least squares would not.
func TestLeastAbsoluteExact(t *testing.T) {
	const n = 12
	var terms []term
	for i := range n {
		for j := i + 1; j < n; j++ {
			miles := float64((i*37+j*101)%90) * 100
			rtt := 5 + float64(i) + 5 + float64(j) + 0.02*miles
			if (i+j)%7 == 0 {
				rtt += 200
			}
			terms = append(terms, term{i, j, miles, rtt})
		}
	}
	fit := leastAbsolute(terms, n)
	for i, h := range fit[:n] {
		if math.Abs(h-5-float64(i)) > 1e-4 {
			t.Errorf("host %d: %.6f", i, h)
		}
	}
	if math.Abs(fit[n]-0.02) > 1e-7 {
		t.Errorf("slope %.9f", fit[n])
	}
}

// TestLeastAbsoluteSingular: a star says nothing of its centre apart from its
// rays, and one distance nothing of miles; the fit must still fit.
func TestLeastAbsoluteSingular(t *testing.T) {
	var terms []term
	for j := 1; j < 6; j++ {
		terms = append(terms, term{0, j, 1000, float64(20 + j)})
	}
	fit := leastAbsolute(terms, 6)
	if total := sum(terms, fit); !(total < 1e-4) {
		t.Errorf("residuals %v with %v", total, fit)
	}
}

func BenchmarkLeastAbsolute250(b *testing.B) {
	terms := fleetTerms(250, 1)
	for b.Loop() {
		leastAbsolute(terms, 250)
	}
}

func TestRanks(t *testing.T) {
	if got := new(ways).ranks([]float64{3, 1, 3, 2}, nil); !slices.Equal(got, []float64{2.5, 0, 2.5, 1}) {
		t.Errorf("got %v", got)
	}
}

func TestWilson(t *testing.T) {
	for _, test := range []struct {
		lost, sent int
		low, high  float64
	}{{0, 30, 0, 0.1135}, {1, 10, 0.0179, 0.4042}, {30, 30, 0.8865, 1}, {0, 0, 0, 1}, {2, 20, 0.0279, 0.3010}} {
		low, high := wilson(test.lost, test.sent)
		if math.Abs(low-test.low) > 5e-5 || math.Abs(high-test.high) > 5e-5 {
			t.Errorf("%d of %d: %.4f to %.4f, want %.4f to %.4f", test.lost, test.sent, low, high, test.low, test.high)
		}
	}
}
