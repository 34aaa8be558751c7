package reporttest

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"matrix/geo"
)

// The cities that a fleet is drawn from, each in the region to which its cables
// lead: Cairo's to Italy, Lagos' to London and Lisbon, Nairobi's to Dubai,
// Bogotá's to Miami. Those before the bar are where networks meet.
var regions = map[string]string{
	"na": "New York/US Washington, D.C./US Chicago/US Dallas/US Los Angeles/US San Francisco/US Seattle/US Miami/US Atlanta/US Toronto/CA | " +
		"Baltimore/US Boston/US Philadelphia/US Pittsburgh/US Detroit/US Cincinnati/US Indianapolis/US Knoxville/US Memphis/US Oklahoma City/US " +
		"San Antonio/US Phoenix/US Portland/US Sacramento/US Fremont/US Lincoln/US Orlando/US Denver/US Salt Lake City/US Montreal/CA " +
		"Vancouver/CA Mexico City/MX Las Vegas/US Houston/US Minneapolis/US Lima/PE Bogotá/CO Quito/EC",
	"eu": "London/GB Paris/FR Frankfurt/DE Amsterdam/NL Stockholm/SE Milan/IT Madrid/ES Vienna/AT Moscow/RU | " +
		"Dublin/IE Manchester/GB Coventry/GB Lisbon/PT Barcelona/ES Rome/IT Palermo/IT Zurich/CH Lugano/CH Prague/CZ Warsaw/PL Budapest/HU " +
		"Bratislava/SK Bucharest/RO Sofia/BG Varna/BG Athens/GR Istanbul/TR Bursa/TR Helsinki/FI Vilnius/LT Copenhagen/DK Oslo/NO " +
		"Nuremberg/DE Rotterdam/NL Eindhoven/NL Kyiv/UA Limassol/CY Brussels/BE Hamburg/DE Cairo/EG Tel Aviv/IL Lagos/NG Accra/GH",
	"as": "Tokyo/JP Singapore/SG Hong Kong/HK Mumbai/IN Dubai/AE | " +
		"Sapporo/JP Osaka/JP Seoul/KR Taipei/TW Manila/PH Jakarta/ID Kuala Lumpur/MY Bangkok/TH Hanoi/VN Bangalore/IN Delhi/IN Dhaka/BD " +
		"Chennai/IN Vladivostok/RU Nairobi/KE",
	"oc": "Sydney/AU | Melbourne/AU Brisbane/AU Perth/AU Adelaide/AU Auckland/NZ",
	"sa": "São Paulo/BR | Buenos Aires/AR Santiago/CL Montevideo/UY Brasília/BR Rio de Janeiro/BR",
	"af": "Johannesburg/ZA | Cape Town/ZA",
}

// The links between regions, each a bundle of cables.
var oceans = "New York-London New York-Paris Washington, D.C.-Amsterdam Washington, D.C.-Paris New York-Frankfurt " +
	"Los Angeles-Tokyo Seattle-Tokyo San Francisco-Tokyo San Francisco-Hong Kong Los Angeles-Singapore Los Angeles-Sydney San Francisco-Sydney " +
	"Miami-São Paulo Madrid-São Paulo Paris-Mumbai London-Mumbai Milan-Dubai Frankfurt-Dubai Paris-Singapore Milan-Singapore " +
	"Moscow-Tokyo Moscow-Hong Kong Singapore-Sydney Tokyo-Sydney London-Johannesburg Milan-Johannesburg Dubai-Johannesburg"

// town is one of those cities.
type town struct {
	title, country, region string
	hub                    bool
	at                     geo.Point
	latitude, longitude    float64
}

// internet is what the fleets are connected by: hubs, and the shortest way
// between each two of them in milliseconds there and back.
type internet struct {
	towns []town
	hubs  []int
	way   [][]float64
}

// light is what a mile takes there and back in fibre, in ms.
const light = 2 / float64(geo.DefaultFibre)

// theInternet is always the same one.
var theInternet = newInternet(2020)

func newInternet(seed uint64) *internet {
	random := rand.New(rand.NewPCG(seed, 1))
	net := &internet{}
	for _, region := range []string{"na", "eu", "as", "oc", "sa", "af"} {
		hubs, others, _ := strings.Cut(regions[region], "|")
		net.add(region, hubs, true)
		net.add(region, others, false)
	}
	for i, t := range net.towns {
		if t.hub {
			net.hubs = append(net.hubs, i)
		}
	}
	net.link(random)
	net.shorten()
	return net
}

// add places cities at the gazetteer's coordinates. A title may have spaces; a
// country is always two letters, after a stroke.
func (net *internet) add(region, list string, hub bool) {
	for list = strings.TrimSpace(list); list != ""; list = strings.TrimSpace(list) {
		end := strings.Index(list, "/") + 3
		title, country, _ := strings.Cut(list[:end], "/")
		place := geo.World().Places(title, country)[0]
		net.towns = append(net.towns, town{title, country, region, hub, place.Point, place.Latitude, place.Longitude})
		list = list[end:]
	}
}

// link lays the cables: within a region from each hub to each, and the oceans'.
// No cable is straight.
func (net *internet) link(random *rand.Rand) {
	n := len(net.hubs)
	net.way = make([][]float64, n)
	for i := range net.way {
		net.way[i] = slices.Repeat([]float64{math.Inf(1)}, n)
		net.way[i][i] = 0
	}
	for i := range n {
		for j := range i {
			a, b := net.towns[net.hubs[i]], net.towns[net.hubs[j]]
			crooked := 1.08 + 0.3*random.Float64()
			ocean := strings.Contains(oceans, a.title+"-"+b.title) || strings.Contains(oceans, b.title+"-"+a.title)
			if a.region == b.region || ocean {
				net.way[i][j] = 0.4 + float64(geo.Distance(a.at, b.at))*light*crooked
				net.way[j][i] = net.way[i][j]
			}
		}
	}
}

// shorten finds the shortest way between every two hubs (Floyd and Warshall).
func (net *internet) shorten() {
	for k := range net.way {
		for i := range net.way {
			for j := range net.way {
				net.way[i][j] = min(net.way[i][j], net.way[i][k]+net.way[k][j])
			}
		}
	}
}

// between is the shortest way of two towns: over the two hubs of their region
// that are nearest to each, or straight within a region.
func (net *internet) between(a, b int) float64 {
	ta, tb := net.towns[a], net.towns[b]
	best := math.Inf(1)
	if ta.region == tb.region {
		best = 0.5 + float64(geo.Distance(ta.at, tb.at))*light*1.35
	}
	for _, i := range net.near(a) {
		for _, j := range net.near(b) {
			way := net.access(a, i) + net.way[i][j] + net.access(b, j)
			best = min(best, way)
		}
	}
	return best
}

// near are the two hubs of a town's region that are nearest to it.
func (net *internet) near(a int) []int {
	var mine []int
	for i, h := range net.hubs {
		if net.towns[h].region == net.towns[a].region {
			mine = append(mine, i)
		}
	}
	slices.SortFunc(mine, func(i, j int) int {
		if net.access(a, i) < net.access(a, j) {
			return -1
		}
		return 1
	})
	return mine[:min(2, len(mine))]
}

func (net *internet) access(a, hub int) float64 {
	return float64(geo.Distance(net.towns[a].at, net.towns[net.hubs[hub]].at)) * light * 1.25
}
