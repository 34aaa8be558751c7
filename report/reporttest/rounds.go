package reporttest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"matrix/report"
)

// Only keeps the samples of some from-cities and some to-cities; an empty list
// keeps all. It is what `--from` and `--to` do to a round.
func Only(round *report.Round, from, to []string) *report.Round {
	copied := *round
	copied.Samples = slices.DeleteFunc(slices.Clone(round.Samples), func(s report.Sample) bool {
		return len(from) > 0 && !slices.Contains(from, s.From) || len(to) > 0 && !slices.Contains(to, s.To)
	})
	return &copied
}

// Mixed is a round in which nearly everything happened that can happen: it was
// cancelled, Dallas could not ping, Sydney's name has no address, one pair was
// lost, one lost packets, one was left out, one is too near for a speed, and
// one city's place is not known.
func Mixed() *report.Round {
	round := Measured()
	round.Cities = slices.Clone(round.Cities)
	round.Cities[3].Location = nil                                                // Fremont
	round.Cities[9].Location = &report.Location{Latitude: 45.50, Longitude: 9.20} // Zurich, moved next to Milan
	round.Partial = true
	for i := range round.Samples {
		s := &round.Samples[i]
		switch {
		case s.From == "dallas":
			miss(s, report.SourceDown, "connect: ssh: connect to host dallas.example.net port 22: Connection refused")
		case s.To == "sydney":
			miss(s, report.Unresolved, "lookup sydney.example.net: no such host")
		case s.From == "milan" && s.To == "paris":
			miss(s, report.Lost, "")
			s.Sent = 10
		case s.From == "baltimore" && s.To == "brisbane":
			s.RTTs, s.Received, s.Reason = s.RTTs[:7], 7, "3 timed out"
		case s.From == "moscow" && s.To == "zurich":
			miss(s, report.Excluded, "")
		case s.From == "zurich" && s.To >= "newyork":
			miss(s, report.NotRun, "the round was cancelled")
		}
	}
	round.Warnings = []report.Warning{
		{Subject: "dallas", Text: "connect: ssh: connect to host dallas.example.net port 22: Connection refused; is sshd running there?"},
		{Subject: "", Text: "the round was cancelled after 9s"},
		{Subject: "fremont", Text: "has no coordinates: no distance, no speed"},
	}
	return round
}

// miss makes a sample one that was not measured.
func miss(s *report.Sample, state report.State, reason string) {
	empty := sample(s.From, s.To)
	empty.State, empty.Reason = state, reason
	if state == report.Lost {
		empty.At, empty.Address = s.At, s.Address
	}
	*s = empty
}

// HostileTexts are what a hostile network or file may call things.
var HostileTexts = []string{
	`<script>alert(1)</script>`,
	`"><img src=x onerror=alert(1)>`,
	`=cmd|'/C calc'!A0`,
	`a|b\|c` + "`d`" + `*e*_f_[g](javascript:h)&amp;`,
	"\x1b[31mred\x1b[0m\x1b]0;title\x07\x9b2J",
	"left\u202eright\u2066\u200b",
	"+1\tand\rmore\nlines",
	"@sum" + string(slices.Repeat([]rune{'x'}, 300)),
	"-2 東京 Zu\u0308rich",
	"\xff\xfe broken",
}

// Hostile is a round whose titles, countries, reasons, sources and warnings
// are HostileTexts.
func Hostile() *report.Round {
	round := Mixed()
	round.Cities = slices.Clone(round.Cities)
	for i, text := range HostileTexts {
		round.Cities[i].Title, round.Cities[i].Country, round.Cities[i].Provider = text, text, text
		round.Warnings = append(round.Warnings, report.Warning{Subject: text, Text: text})
	}
	for i := range round.Samples {
		if s := &round.Samples[i]; s.State != report.Measured {
			s.Reason = HostileTexts[i%len(HostileTexts)]
		}
	}
	round.Source, round.Version = HostileTexts[0], HostileTexts[4]
	return round
}

// Synthetic is a measured round of n cities strewn over the globe: light in
// fibre, a detour and a last mile for each, and one pair in a hundred that was
// not measured.
func Synthetic(n int) *report.Round {
	random := rand.New(rand.NewPCG(uint64(n), 7))
	cities := make([]report.City, n)
	for i := range cities {
		latitude := math.Asin(1.6*random.Float64()-0.7) * 180 / math.Pi
		cities[i] = city(fmt.Sprintf("city%03d", i), fmt.Sprintf("%s %d", syllables(random), i), "XX", latitude, 360*random.Float64()-180)
	}
	round := measuredRound(cities)
	for i, from := range cities {
		for j, to := range cities {
			if i == j {
				continue
			}
			s := pinged(random, from.Name, to.Name, j, 2+chord(from, to)*85*(1.3+random.ExpFloat64()/3))
			if random.IntN(100) == 0 {
				miss(&s, report.Lost, "")
				s.Sent = 10
			}
			round.Samples = append(round.Samples, s)
		}
	}
	return round
}

// chord is the distance of two cities through the globe, in its radii: near
// enough to what an RTT grows with.
func chord(a, b report.City) float64 {
	const radian = math.Pi / 180
	latA, latB := a.Location.Latitude*radian, b.Location.Latitude*radian
	east := (a.Location.Longitude - b.Location.Longitude) * radian
	cosine := math.Sin(latA)*math.Sin(latB) + math.Cos(latA)*math.Cos(latB)*math.Cos(east)
	return math.Sqrt(max(0, 2-2*cosine))
}

func syllables(random *rand.Rand) string {
	parts := []string{"ba", "lo", "mi", "ran", "sto", "kur", "ve", "pel", "ta", "nor"}
	name := ""
	for range 2 + random.IntN(3) {
		name += parts[random.IntN(len(parts))]
	}
	return string(name[0]-'a'+'A') + name[1:]
}
