package reporttest

import (
	"math/rand/v2"
	"net/netip"
	"time"

	"matrix/report"
)

// cities2011 are the ten cities of the tables published in 2011, with the
// coordinates of their centres.
var cities2011 = []report.City{
	city("baltimore", "Baltimore", "US", 39.2904, -76.6122),
	city("brisbane", "Brisbane", "AU", -27.4698, 153.0251),
	city("dallas", "Dallas", "US", 32.7767, -96.7970),
	city("fremont", "Fremont", "US", 37.5485, -121.9886),
	city("milan", "Milan", "IT", 45.4642, 9.1900),
	city("moscow", "Moscow", "RU", 55.7558, 37.6173),
	city("newyork", "New York", "US", 40.7128, -74.0060),
	city("paris", "Paris", "FR", 48.8566, 2.3522),
	city("sydney", "Sydney", "AU", -33.8688, 151.2093),
	city("zurich", "Zurich", "CH", 47.3769, 8.5417),
}

// pings2011 are the published averages in milliseconds, row = from.
var pings2011 = [10][10]float64{
	{0, 239.38, 35.64, 79.68, 104.70, 141.15, 174.71, 97.71, 251.07, 114.11},   // from Baltimore
	{238.32, 0, 221.60, 174.38, 350.12, 357.21, 245.89, 335.79, 33.45, 346.92}, // from Brisbane
	{34.53, 220.14, 0, 44.00, 140.00, 168.00, 36.80, 130.94, 221.72, 127.74},   // from Dallas
	{79.39, 176.07, 44.57, 0, 167.85, 214.59, 78.43, 176.22, 184.91, 167.16},   // from Fremont
	{104.84, 339.54, 139.86, 170.73, 0, 67.08, 112.17, 21.61, 344.70, 11.17},   // from Milan
	{140.82, 366.42, 169.04, 209.00, 67.07, 0, 131.29, 56.74, 387.09, 60.29},   // from Moscow
	{174.61, 246.87, 39.46, 77.49, 111.60, 131.34, 0, 78.33, 319.33, 101.03},   // from New York
	{97.75, 337.47, 131.79, 175.19, 21.29, 56.13, 77.31, 0, 348.84, 108.06},    // from Paris
	{262.50, 42.98, 222.25, 191.96, 345.21, 376.57, 261.24, 354.16, 0, 358.75}, // from Sydney
	{102.18, 346.71, 127.59, 173.61, 11.25, 60.32, 100.24, 108.25, 345.05, 0},  // from Zurich
}

func city(name, title, country string, latitude, longitude float64) report.City {
	return report.City{
		Name: name, Title: title, Host: name + ".example.net", Country: country, Provider: "Example Net",
		Location: &report.Location{Latitude: latitude, Longitude: longitude},
	}
}

// Start is when every round of this package starts.
var Start = time.Date(2026, 10, 3, 14, 2, 11, 0, time.UTC)

// Published is the round of 2011 as read from its table: averages and nothing
// else.
func Published() *report.Round {
	round := &report.Round{Source: "ping-ms.csv", Cities: cities2011}
	for i, from := range cities2011 {
		for j, to := range cities2011 {
			if i != j {
				s := sample(from.Name, to.Name)
				s.Imported.Set(report.Avg, millis(pings2011[i][j]))
				round.Samples = append(round.Samples, s)
			}
		}
	}
	return round
}

// Measured is that round as if it had been measured today: ten echo requests a
// pair, whose average is the published one to the microsecond or so.
func Measured() *report.Round {
	round := measuredRound(cities2011)
	random := rand.New(rand.NewPCG(2011, 10))
	for i, from := range cities2011 {
		for j, to := range cities2011 {
			if i != j {
				round.Samples = append(round.Samples, pinged(random, from.Name, to.Name, j, pings2011[i][j]))
			}
		}
	}
	return round
}

// measuredRound is a round without samples.
func measuredRound(cities []report.City) *report.Round {
	round := &report.Round{
		Source: "measured", Version: "0.1.0", Cities: cities,
		Start: Start, End: Start.Add(16 * time.Second),
	}
	round.Options.Count, round.Options.Interval = 10, time.Second
	round.Options.Timeout, round.Options.Size, round.Options.Rate = 5*time.Second, 56, 250
	return round
}

func sample(from, to string) report.Sample {
	s := report.Sample{State: report.Measured}
	s.From, s.To = from, to
	return s
}

// pinged is a sample of ten replies around an average.
func pinged(random *rand.Rand, from, to string, number int, avg float64) report.Sample {
	s := sample(from, to)
	s.At = Start.Add(time.Duration(number) * 100 * time.Millisecond)
	s.Address = netip.AddrFrom4([4]byte{192, 0, byte(2 + number>>8), byte(number)})
	s.Sent, s.Received = 10, 10
	for range 5 { // in opposite pairs, so that the average stays
		off := millis(random.Float64() * min(avg, 60) / 100)
		s.RTTs = append(s.RTTs, millis(avg)-off, millis(avg)+off)
	}
	return s
}

func millis(ms float64) time.Duration {
	return time.Duration(ms * float64(time.Millisecond)).Round(time.Microsecond)
}
