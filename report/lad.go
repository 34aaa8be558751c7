package report

import "math"

// term is one equation of the fit: rtt ≈ host[i] + host[j] + slope × miles.
type term struct {
	i, j       int
	miles, rtt float64
}

// leastAbsolute fits host terms and a slope so that the sum of the absolute
// residuals is least. It returns n host terms and, last, the slope.
//
// It follows Portnoy and Koenker ("The Gaussian hare and the Laplacian
// tortoise", 1997): the dual linear program
//
//	max Σ rtt·a,  with X'a = X'(½·1) and 0 ≤ a ≤ 1
//
// is solved by an interior-point method with Mehrotra's corrector. Alternating
// medians would be shorter, but they stop where no single term can improve,
// which need not be the optimum; this one ends when the gap between the primal
// and the dual value says that nothing better exists.
func leastAbsolute(terms []term, n int) []float64 {
	l := newLAD(terms, n)
	const rounds = 80 // about 20 suffice
	for range rounds {
		if l.gap() <= 1e-9*(1+l.total) || !l.step() {
			break
		}
	}
	fit := make([]float64, n+1)
	for k := range fit {
		fit[k] = -l.y[k] * l.unit
	}
	fit[n] /= l.far
	return fit
}

// lad is the state of the method: for every equation the dual a and its slack,
// and the multipliers of both; for every column the coefficient (negative).
type lad struct {
	terms      []term
	n          int
	unit, far  float64 // of RTTs and miles, so that all columns are of one size
	total      float64 // Σ|rtt|, the scale of the gap
	a, s, z, w []float64
	y          []float64
	da, dz, dw []float64
	q, r       []float64
	normal     *cholesky
}

func newLAD(terms []term, n int) *lad {
	m := len(terms)
	slices := make([]float64, 9*m)
	cut := func() []float64 { part := slices[:m:m]; slices = slices[m:]; return part }
	l := &lad{terms: terms, n: n, normal: newCholesky(n + 1), y: make([]float64, n+1)}
	l.a, l.s, l.z, l.w, l.da, l.dz, l.dw, l.q, l.r = cut(), cut(), cut(), cut(), cut(), cut(), cut(), cut(), cut()
	for _, t := range terms {
		l.unit = max(l.unit, t.rtt)
		l.far = max(l.far, t.miles)
	}
	if l.far == 0 {
		l.far = 1
	}
	for _, t := range terms {
		l.total += t.rtt / l.unit
	}
	l.start()
	return l
}

// start begins at least squares.
func (l *lad) start() {
	for k := range l.q {
		l.q[k] = 1
	}
	l.factor()
	rhs := make([]float64, l.n+1)
	for _, t := range l.terms {
		l.add(rhs, t, -t.rtt/l.unit)
	}
	copy(l.y, l.normal.solve(rhs))
	for k, t := range l.terms {
		l.a[k], l.s[k] = 0.5, 0.5
		r := -t.rtt/l.unit - l.dot(l.y, t)
		if r == 0 {
			r = 0.001
		}
		// Both are kept off zero: from there the method cannot move.
		l.z[k] = max(r, 0) + 0.001
		l.w[k] = l.z[k] - r
	}
}

// dot is a row of the design times a vector, add its transpose.
func (l *lad) dot(v []float64, t term) float64 { return v[t.i] + v[t.j] + v[l.n]*t.miles/l.far }

func (l *lad) add(v []float64, t term, x float64) {
	v[t.i] += x
	v[t.j] += x
	v[l.n] += x * t.miles / l.far
}

// gap is how far the primal and the dual value are apart, summed over the
// complementary products.
func (l *lad) gap() float64 {
	gap := 0.
	for k := range l.a {
		gap += l.z[k]*l.a[k] + l.w[k]*l.s[k]
	}
	return gap
}

// factor makes and takes apart the normal equations with weights q.
func (l *lad) factor() {
	c := l.normal
	c.clear()
	p := l.n
	for k, t := range l.terms {
		q, d := l.q[k], t.miles/l.far
		i, j := max(t.i, t.j), min(t.i, t.j)
		c.at(i)[i] += q
		c.at(j)[j] += q
		c.at(i)[j] += q
		last := c.at(p)
		last[i] += q * d
		last[j] += q * d
		last[p] += q * d * d
	}
	c.factor()
}

// step is one iteration: a step straight at the optimum to learn how far it is,
// and one that stays clear of the walls. It is false at the end of precision.
func (l *lad) step() bool {
	rhs := make([]float64, l.n+1)
	for k, t := range l.terms {
		l.q[k] = 1 / (l.z[k]/l.a[k] + l.w[k]/l.s[k])
		l.r[k] = l.z[k] - l.w[k]
		l.add(rhs, t, l.q[k]*l.r[k])
	}
	l.factor()
	dy := l.normal.solve(rhs)
	for k, t := range l.terms {
		l.da[k] = l.q[k] * (l.dot(dy, t) - l.r[k])
		l.dz[k] = -l.z[k] * (1 + l.da[k]/l.a[k])
		l.dw[k] = -l.w[k] * (1 - l.da[k]/l.s[k])
	}
	primal, dual := l.lengths()
	if min(primal, dual) < 1 {
		l.correct(rhs, dy, primal, dual)
		primal, dual = l.lengths()
	}
	if math.IsNaN(primal) || math.IsNaN(dual) || max(primal, dual) < 1e-12 {
		return false
	}
	for k := range l.a {
		l.a[k] += primal * l.da[k]
		l.s[k] -= primal * l.da[k]
		l.z[k] += dual * l.dz[k]
		l.w[k] += dual * l.dw[k]
	}
	for k := range l.y {
		l.y[k] += dual * dy[k]
	}
	return true
}

// correct replaces the step by Mehrotra's, in place.
func (l *lad) correct(rhs, dy []float64, primal, dual float64) {
	mu, ahead := 0., 0.
	for k := range l.a {
		mu += l.z[k]*l.a[k] + l.w[k]*l.s[k]
		ahead += (l.z[k]+dual*l.dz[k])*(l.a[k]+primal*l.da[k]) + (l.w[k]+dual*l.dw[k])*(l.s[k]-primal*l.da[k])
	}
	centre := mu * math.Pow(ahead/mu, 3) / float64(2*len(l.a))
	xi := func(k int) float64 {
		return l.da[k]*l.dz[k]/l.a[k] + l.da[k]*l.dw[k]/l.s[k] - centre*(1/l.a[k]-1/l.s[k])
	}
	for k, t := range l.terms {
		l.add(rhs, t, l.q[k]*xi(k))
	}
	copy(dy, l.normal.solve(rhs))
	for k, t := range l.terms {
		products := [2]float64{l.da[k] * l.dz[k], -l.da[k] * l.dw[k]}
		l.da[k] = l.q[k] * (l.dot(dy, t) - l.r[k] - xi(k))
		l.dz[k] = (centre-products[0]-l.z[k]*l.da[k])/l.a[k] - l.z[k]
		l.dw[k] = (centre-products[1]+l.w[k]*l.da[k])/l.s[k] - l.w[k]
	}
}

// lengths are how far the step can go in the primal and in the dual without
// leaving what is allowed.
func (l *lad) lengths() (primal, dual float64) {
	const almost = 0.9995
	primal, dual = math.Inf(1), math.Inf(1)
	for k := range l.a {
		if d := l.da[k]; d < 0 {
			primal = min(primal, -l.a[k]/d)
		} else if d > 0 {
			primal = min(primal, l.s[k]/d)
		}
		if d := l.dz[k]; d < 0 {
			dual = min(dual, -l.z[k]/d)
		}
		if d := l.dw[k]; d < 0 {
			dual = min(dual, -l.w[k]/d)
		}
	}
	return min(1, almost*primal), min(1, almost*dual)
}

// cholesky takes a symmetric matrix apart, in its lower triangle.
type cholesky struct {
	n     int
	cells []float64
}

func newCholesky(n int) *cholesky { return &cholesky{n, make([]float64, n*n)} }

func (c *cholesky) at(row int) []float64 { return c.cells[row*c.n : (row+1)*c.n] }

func (c *cholesky) clear() { clear(c.cells) }

// factor leaves out what the equations say nothing about (a pivot of nothing):
// its coefficient stays as it is.
func (c *cholesky) factor() {
	for i := range c.n {
		row := c.at(i)
		whole := row[i]
		for j := range i {
			above := c.at(j)[:j+1]
			sum := row[j] - dot(row[:j], above[:j])
			if row[j] = 0; above[j] > 0 {
				row[j] = sum / above[j]
			}
		}
		pivot := whole
		for _, v := range row[:i] {
			pivot -= v * v
		}
		if row[i] = 0; pivot > 1e-13*whole {
			row[i] = math.Sqrt(pivot)
		}
	}
}

// dot sums in four strands: one sum would wait for itself at every step, and
// this is where a large fleet's time goes.
func dot(a, b []float64) float64 {
	var s0, s1, s2, s3 float64
	b = b[:len(a)]
	k := 0
	for ; k+4 <= len(a); k += 4 {
		s0 += a[k] * b[k]
		s1 += a[k+1] * b[k+1]
		s2 += a[k+2] * b[k+2]
		s3 += a[k+3] * b[k+3]
	}
	for ; k < len(a); k++ {
		s0 += a[k] * b[k]
	}
	return s0 + s1 + s2 + s3
}

func (c *cholesky) solve(rhs []float64) []float64 {
	x := make([]float64, c.n)
	for i := range c.n {
		row, sum := c.at(i), rhs[i]
		for k, v := range row[:i] {
			sum -= v * x[k]
		}
		if row[i] > 0 {
			x[i] = sum / row[i]
		}
	}
	for i := c.n - 1; i >= 0; i-- {
		row := c.at(i)
		if row[i] == 0 {
			x[i] = 0
			continue
		}
		x[i] /= row[i]
		for k := range i {
			x[k] -= row[k] * x[i]
		}
	}
	return x
}
