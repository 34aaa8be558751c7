package report

import (
	"math"
	"net/netip"
	"time"

	"matrix/probe"
)

// worker turns series into pairs, one at a time, in memory that it uses again
// and again.
type worker struct {
	g       *gathering
	day     []int16 // of each sample of the series
	hour    []int16
	values  []keyed // of one column, sorted
	spare   []keyed
	plain   []Micros // of one column, in which order does not matter
	few     []Micros
	chosen  choice
	middle  []middle      // of the figures of each day or hour
	days    []DayFigures  // memory for the next pairs
	hours   []HourFigures //
	pairs   []pairAndRuns //
	answers *answers
}

func newWorker(g *gathering) *worker {
	return &worker{
		g: g, middle: make([]middle, max(g.month.Span.Days(), 24)),
		answers: newAnswers(len(g.month.Cities), len(g.month.Rounds)),
	}
}

// pair is the month of one series.
func (w *worker) pair(s *probe.Series) *pairAndRuns {
	p := w.newPair()
	p.Pair, p.Planned = s.Pair, s.Len()
	w.answers.count(w.g.city[s.From], w.g.city[s.To], s)
	w.day, w.hour = w.day[:0], w.hour[:0]
	for _, round := range s.Round {
		w.day, w.hour = append(w.day, w.g.days[round]), append(w.hour, w.g.hours[round])
	}
	w.count(p, s)
	for stat := range p.Stats {
		p.Stats[stat] = w.quantiles(s.Stats[stat])
	}
	p.Base = baseOf(&p.PairMonth)
	w.floors(&p.PairMonth, s.Stats[p.Base])
	w.queues(&p.PairMonth, s)
	p.Moves = w.moves(s)
	return p
}

// newPair is the memory of a pair and its days, cut from a piece for many.
func (w *worker) newPair() *pairAndRuns {
	const many = 64
	n := w.g.month.Span.Days()
	if len(w.pairs) == 0 {
		w.pairs, w.days, w.hours = make([]pairAndRuns, many), make([]DayFigures, many*n), make([]HourFigures, many*24)
	}
	p := &w.pairs[0]
	p.Days, p.Hours = w.days[:n:n], w.hours[:24:24]
	w.pairs, w.days, w.hours = w.pairs[1:], w.days[n:], w.hours[24:]
	return p
}

// baseOf is the statistic that stands for the least RTT: a table of averages
// has no minima.
func baseOf(p *PairMonth) probe.Stat {
	for _, stat := range []probe.Stat{probe.Min, probe.Median, probe.Avg} {
		if p.Stats[stat].N > 0 {
			return stat
		}
	}
	return probe.Min
}

// count takes in states and loss.
func (w *worker) count(p *pairAndRuns, s *probe.Series) {
	for i, round := range s.Round {
		state := s.State[i]
		day, hour := &p.Days[w.day[i]], &p.Hours[w.hour[i]]
		p.States[state]++
		day.Planned++
		if state == probe.Measured {
			day.Measured++
			hour.Measured++
		}
		sent, received := s.Sent[i], s.Received[i]
		if sent <= 0 || received < 0 || received > sent || state != probe.Measured && state != probe.Lost {
			continue
		}
		p.Sent += int(sent)
		p.Received += int(received)
		day.Sent += sent
		day.Received += received
		hour.Sent += sent
		hour.Received += received
		hour.Counted++
		if received < sent {
			hour.Lossy++
		}
		if state == probe.Lost {
			p.fellSilent(round, sent)
		}
	}
}

// fellSilent notes that nothing came back in a round.
func (p *pairAndRuns) fellSilent(round, sent int32) {
	if n := len(p.silent); n > 0 && p.silent[n-1].last == round-1 && p.silent[n-1].sent == sent {
		p.silent[n-1].last = round
		return
	}
	p.silent = append(p.silent, silence{round, round, sent})
}

// floors finds the least RTT that three rounds saw, and the median of the
// rounds' minima on each day.
func (w *worker) floors(p *PairMonth, column []int32) {
	w.sort(column)
	if n := len(w.values); n > 0 {
		p.Least = w.values[min(2, n-1)].value.Duration()
		if n == 2 {
			p.Least = w.values[1].value.Duration()
		}
	}
	for d, m := range w.medians(len(p.Days), w.day) {
		p.Days[d].Floor = m.median()
	}
}

// queues finds how far the averages lie above the minima: over the month, on
// each day and at each hour.
func (w *worker) queues(p *PairMonth, s *probe.Series) {
	low, avg := s.Stats[probe.Min], s.Stats[probe.Avg]
	w.values = w.values[:0]
	for i := range low {
		if low[i] != probe.Unknown && avg[i] != probe.Unknown {
			w.values = append(w.values, keyed{Micros(max(0, avg[i]-low[i])), int32(i)})
		}
	}
	w.order()
	p.Queue = w.sortedQuantiles()
	for d, m := range w.medians(len(p.Days), w.day) {
		p.Days[d].Queue = m.median()
	}
	for h, m := range w.medians(24, w.hour) {
		p.Hours[h].Queue = m.median()
	}
}

// moves are the addresses that were pinged, each since when. One of the other
// family beside it is no move.
func (w *worker) moves(s *probe.Series) []AddressMove {
	var moves []AddressMove
	var home home
	last := int32(probe.Unknown)
	for i, at := range s.Address {
		if at == probe.Unknown || at == last {
			continue
		}
		last = at
		if was := home.enter(s.Addresses[at]); was != s.Addresses[at] {
			moves = append(moves, AddressMove{w.g.month.Rounds[s.Round[i]].Start, s.Addresses[at]})
		}
	}
	return moves
}

// home is where a host was last pinged, in IPv4 and in IPv6.
type home struct{ v4, v6 netip.Addr }

// enter takes in an address, and returns the one of its family before; not valid
// if there was none.
func (h *home) enter(now netip.Addr) (was netip.Addr) {
	last := &h.v6
	if now.Is4() || now.Is4In6() {
		last = &h.v4
	}
	was, *last = *last, now
	return was
}

// moved takes in an address, and says whether the host had another one of its
// family.
func (h *home) moved(now netip.Addr) bool {
	was := h.enter(now)
	return was.IsValid() && was != now
}

// keyed is a figure and which sample it is of.
type keyed struct {
	value Micros
	at    int32
}

// sort puts what is known of a column into values, the least first.
func (w *worker) sort(column []int32) {
	w.values = w.values[:0]
	for i, v := range column {
		if v != probe.Unknown {
			w.values = append(w.values, keyed{Micros(v), int32(i)})
		}
	}
	w.order()
}

// order sorts values digit by digit, the last one first, and only those in
// which they differ: the RTTs of a pair lie close together, so that this takes
// two steps or three where comparisons would take ten. Equal values stay in the
// order of the samples.
func (w *worker) order() {
	const bits, most = 8, 1<<8 - 1
	if len(w.values) < 2 {
		return
	}
	low, high := w.values[0].value, w.values[0].value
	for _, v := range w.values {
		low, high = min(low, v.value), max(high, v.value)
	}
	if cap(w.spare) < len(w.values) {
		w.spare = make([]keyed, cap(w.values))
	}
	from, to := w.values, w.spare[:len(w.values)]
	for shift := 0; uint32(high-low)>>shift > 0; shift += bits {
		var start [most + 2]int32
		for _, v := range from {
			start[uint32(v.value-low)>>shift&most+1]++
		}
		for d := range most {
			start[d+1] += start[d]
		}
		for _, v := range from {
			d := uint32(v.value-low) >> shift & most
			to[start[d]] = v
			start[d]++
		}
		from, to = to, from
	}
	w.values, w.spare = from, to[:cap(to)]
}

// sortedQuantiles are those of the sorted values.
func (w *worker) sortedQuantiles() Quantiles {
	return quantilesOf(len(w.values), func(_, rank int) Micros { return w.values[rank].value })
}

// quantilesOf are those of n values that are asked for by their rank, the lower
// and the upper one of each quantile, in this order. They are interpolated as
// quantile does for other numbers.
func quantilesOf(n int, value func(k, rank int) Micros) Quantiles {
	if n == 0 {
		return Quantiles{}
	}
	var found [3]time.Duration
	for k, q := range wanted {
		at := q * float64(n-1)
		i := int(at)
		low := value(2*k, i)
		found[k] = low.Duration()
		if i+1 < n {
			found[k] += time.Duration(math.Round((at - float64(i)) * float64((value(2*k+1, i+1) - low).Duration())))
		}
	}
	return Quantiles{found[0], found[1], found[2], n}
}

// wanted are the quantiles of a month.
var wanted = [3]float64{0.05, 0.5, 0.95}

// middle finds the median of values that come in their order, and of which is
// known how many they are.
type middle struct {
	n, seen   int32
	low, high Micros
}

func (m middle) median() Micros {
	if m.n == 0 {
		return 0
	}
	return m.low + (m.high-m.low)/2
}

// medians are those of the sorted values in n classes.
func (w *worker) medians(n int, class []int16) []middle {
	all := w.middle[:n]
	clear(all)
	for _, v := range w.values {
		all[class[v.at]].n++
	}
	for _, v := range w.values {
		m := &all[class[v.at]]
		switch m.seen {
		case (m.n - 1) / 2:
			m.low, m.high = v.value, v.value
		case m.n / 2:
			m.high = v.value
		}
		m.seen++
	}
	return all
}
