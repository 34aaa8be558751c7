package report

import (
	"fmt"
	"math"
)

// HourLosses are hours of day at which an ordered pair loses packets, as it
// does not at the others.
type HourLosses struct {
	From, To      string
	Begin, End    int // hours, UTC: from and up to; End may be past 24
	Sent, Lost    int // at these hours
	Low, High     float64
	Rounds, Lossy int     // at these hours, and in how many of them something was lost
	Elsewhere     float64 // loss at the other hours, as a ratio
}

// Ratio is the loss at these hours.
func (h HourLosses) Ratio() float64 { return float64(h.Lost) / float64(h.Sent) }

// Clock names the hours: "18:00–22:00 UTC".
func (h HourLosses) Clock() string { return fmt.Sprintf("%02d:00–%02d:00 UTC", h.Begin, h.End%24) }

// hours are the lossier of the pair's two directions.
func (p *PairVerdict) hours() HourLosses {
	worst := p.Hours[0]
	for _, h := range p.Hours {
		if h.Ratio() > worst.Ratio() {
			worst = h
		}
	}
	return worst
}

func (p *PairVerdict) hoursText() string {
	h := p.hours()
	text := fmt.Sprintf("%s: %.1f %% lost (95 %%: %.1f to %.1f), %.2f %% at other hours; in %d of %d rounds then",
		h.Clock(), 100*h.Ratio(), 100*h.Low, 100*h.High, 100*h.Elsewhere, h.Lossy, h.Rounds)
	if len(p.Hours) > 1 {
		text += "; both ways"
	}
	return text
}

// longestHours is the longest stretch of hours that is not just the day.
const longestHours = 12

// lossyHours finds the hours of day at which pairs lose packets.
//
// Losses come in bursts, so echo requests that are lost together are not
// counted as so many coincidences: what is counted is rounds in which anything
// was lost. Of all stretches of one to twelve hours the one is taken that best
// explains which rounds were (the likelihood ratio of Kulldorff's scan, 1997);
// and that is told if, by Chernoff's bound, and with all stretches of all pairs
// looked at, such a stretch would come up by chance in one month of a hundred
// (FalseAlarm).
// Whether that matters to anybody the loss itself says: the whole of its 95 %
// interval is above what may be lost.
func lossyHours(m *Month, v *Verdicts) {
	const stretches = 24 * longestHours
	t := v.Thresholds
	surprise := math.Log(float64(len(m.Pairs)*stretches) / max(t.FalseAlarm, math.SmallestNonzeroFloat64))
	for i := range m.Pairs {
		p := &m.Pairs[i]
		h, likely := p.lossiest()
		if likely < surprise || h.Lost < t.LeastLost {
			continue
		}
		if h.Low, h.High = wilson(h.Lost, h.Sent); h.Low <= t.Loss {
			continue
		}
		if pair := v.Pair(p.From, p.To); pair != nil && !v.hostIs(p.From, InvalidSource) {
			pair.Hours = append(pair.Hours, h)
			pair.add(LossyHours)
		}
	}
}

// lossiest is the stretch of hours that is most unlike the others, and how much
// so: minus the logarithm of the chance that it is as they are, at most.
func (p *PairMonth) lossiest() (worst HourLosses, unlike float64) {
	best := 0.
	rounds, lossy, sent, lost := 0, 0, 0, 0
	for _, h := range p.Hours {
		rounds, lossy = rounds+int(h.Counted), lossy+int(h.Lossy)
		sent, lost = sent+int(h.Sent), lost+int(h.Sent-h.Received)
	}
	if lossy < 2 {
		return worst, 0
	}
	for begin := range p.Hours {
		h := HourLosses{From: p.From, To: p.To, Begin: begin}
		for end := begin + 1; end <= begin+longestHours; end++ {
			hour := p.Hours[(end-1)%24]
			h.End, h.Rounds, h.Lossy = end, h.Rounds+int(hour.Counted), h.Lossy+int(hour.Lossy)
			h.Sent, h.Lost = h.Sent+int(hour.Sent), h.Lost+int(hour.Sent-hour.Received)
			if hour.Lossy == 0 || rounds == h.Rounds {
				continue
			}
			others, rest := lossy-h.Lossy, rounds-h.Rounds
			more := h.Lossy*rest > others*h.Rounds
			if l := likelihood(h.Lossy, h.Rounds) + likelihood(others, rest) - likelihood(lossy, rounds); more && l > best {
				worst, best = h, l
				worst.Elsewhere = float64(lost-h.Lost) / float64(max(1, sent-h.Sent))
			}
		}
	}
	if best > 0 {
		_, usual := wilson(lossy-worst.Lossy, rounds-worst.Rounds)
		unlike = chernoff(worst.Lossy, worst.Rounds, usual)
	}
	return worst, unlike
}

// likelihood is the logarithm of the chance of k out of n at the ratio that
// makes it greatest, k / n.
func likelihood(k, n int) float64 {
	l := 0.
	for _, part := range []int{k, n - k} {
		if part > 0 {
			l += float64(part) * math.Log(float64(part)/float64(n))
		}
	}
	return l
}

// chernoff bounds the chance of k or more out of n, each with chance p: it is
// at most e to the power of minus this.
func chernoff(k, n int, p float64) float64 {
	q := float64(k) / float64(n)
	if q <= p {
		return 0
	}
	divergence := q * math.Log(q/p)
	if q < 1 {
		divergence += (1 - q) * math.Log((1-q)/(1-p))
	}
	return float64(n) * divergence
}
