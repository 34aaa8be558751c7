package report

import "math"

// fitting is how well a site explains a host's RTTs.
type fitting struct {
	at      *site
	misfit  float64 // summed over the cities, in nats: the logarithm of how unlikely they are
	last    float64 // the last mile by which it explains them best, in ms
	stretch float64 // and by how much its ways are longer, as a logarithm
	by      try     // these two
}

// try is a last mile and a stretch, by their indices.
type try struct{ stretch, last int }

// lastMiles are those that are tried, in ms: finer where most are.
var lastMiles = [...]float64{0, 0.5, 1, 1.5, 2, 3, 4, 5, 6.5, 8, 10, 12, 15, 18, 22, 27, 33, 40, 50, 60, 75, 95, 120, 150, 200}

// stretches are by how much all of a host's ways are longer, as logarithms: some
// networks have straighter cables.
var stretches = [...]float64{0, -0.1, 0.1, -0.2, 0.2}

// widest is the largest of them.
const widest = 0.2

// fit finds the last mile and the stretch by which a site explains the host's
// RTTs best, unless the misfit is enough or more. guess, which is as good as any
// but quicker if it is nearly right, is tried first: what is worse is given up
// soon.
func (s *siting) fit(at *site, way func(b int) float64, vague, enough float64, guess try) (fitting, bool) {
	s.ways = 0
	best := fitting{at: at, misfit: enough}
	if s.outOfReach(way, vague, enough) {
		return best, false
	}
	if misfit := s.misfit(guess, way, vague, enough); misfit < enough {
		best.misfit = math.Nextafter(misfit, math.Inf(1)) // of equals the first is the best
	}
	found := false
	var hopeless [len(lastMiles)]bool
	for k := range hopeless {
		hopeless[k] = s.hopeless(k, way, vague, best.misfit)
	}
	for i, stretch := range stretches {
		for k, last := range lastMiles {
			if hopeless[k] {
				continue
			}
			if misfit := s.misfit(try{i, k}, way, vague, best.misfit); misfit < best.misfit {
				best.misfit, best.last, best.stretch, best.by, found = misfit, last, stretch, try{i, k}, true
			}
		}
	}
	return best, found
}

// misfit is how unlikely the host's RTTs are, or any number from enough up if it
// is not less.
func (s *siting) misfit(by try, way func(b int) float64, vague, enough float64) float64 {
	t, stretch, logs := s.j.t, stretches[by.stretch], s.logs[by.last*s.j.n:(by.last+1)*s.j.n]
	misfit := s.unlikely[by.last] + math.Abs(stretch)/t.Stretch
	for i := range s.nearest {
		if misfit >= enough {
			break
		}
		s.fill(by.last, i, way)
		if off := (logs[i] - s.way[i] - stretch) / vague; !math.IsNaN(off) {
			misfit += t.unlikely(off)
		}
	}
	return misfit
}

// fill sees to it that what is needed of the i-th of nearest is there.
func (s *siting) fill(k, i int, way func(b int) float64) {
	if i == s.ways {
		s.way[i] = way(s.nearest[i])
		s.ways++
	}
	if i == s.logged[k] {
		s.logs[k*s.j.n+i] = s.log(s.host, s.nearest[i], lastMiles[k])
		s.logged[k]++
	}
}

// outOfReach says that the misfit is enough or more whatever the last mile and
// the stretch are: even with none and the widest the host is too fast for the
// site.
func (s *siting) outOfReach(way func(b int) float64, vague, enough float64) bool {
	misfit := 0.
	for i := range s.nearest {
		if misfit >= enough {
			return true
		}
		s.fill(0, i, way)
		if off := (s.logs[i] - s.way[i] + widest) / vague; off < 0 {
			misfit += s.j.t.unlikely(off)
		}
	}
	return misfit >= enough
}

// hopeless says that the misfit is enough or more with a last mile, whatever the
// stretch is.
func (s *siting) hopeless(k int, way func(b int) float64, vague, enough float64) bool {
	misfit, logs := s.unlikely[k], s.logs[k*s.j.n:(k+1)*s.j.n]
	for i := range s.nearest {
		if misfit >= enough {
			return true
		}
		s.fill(k, i, way)
		apart := logs[i] - s.way[i]
		if off := (apart + widest) / vague; off < 0 {
			misfit += s.j.t.unlikely(off)
		} else if off := (apart - widest) / vague; off > 0 {
			misfit += s.j.t.unlikely(off)
		}
	}
	return misfit >= enough
}

// unlikely is how unlikely it is to be off by that logarithm, in nats.
func (t *Thresholds) unlikely(off float64) float64 {
	switch {
	case off < 0:
		return -off / t.Faster
	case off < t.Slower:
		return off / t.Slower
	}
	return 1 + math.Log(off/t.Slower)
}

// unlikelyLast is how unlikely a last mile of so many ms is, in nats. A very slow
// one is hardly less likely than a slow one: a host that is slow to everybody is
// badly connected, and no other place explains that.
func (t *Thresholds) unlikelyLast(ms float64) float64 {
	if times := ms / millis(t.LastMile); times > 1 {
		return 1 + math.Log(times)
	}
	return ms / millis(t.LastMile)
}
