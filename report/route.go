package report

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"

	"matrix/probe"
)

// Trace is a traceroute in one direction and flow.
type Trace = probe.Trace

// Route is one direction of a pair as traceroutes found it: all its flows, laid
// over each other. Where they part it has a row for each branch.
type Route struct {
	From, To string // titles
	Address  string
	Method   string // that was used: "ICMP"
	Flows    int
	Tests    int // probes sent to a hop, all flows together
	Size     int // bytes of payload
	At       time.Time
	Rows     []RouteRow
	Ends     []string // how it ended, a sentence for each way in which a flow did
	Reached  bool     // in all flows
	Notes    []string
	Marks    []Mark // the marks that occur
	pair     probe.Pair
}

// RouteRow is one address at one hop; or a hop, or several in a row, from which
// nothing came.
type RouteRow struct {
	TTL, Until int    // of the hop; of the last that is like it
	Start      bool   // the first row of its hop
	First      bool   // the first row of its branch: Sent and Received are the branch's
	Branch     Branch //
	Flows      []int  // that went here, counted from 1; none: all
	Host       string // name, or address if it has none; "" if nothing came
	Address    string
	Sent       int // probes to the hop, in these flows
	Received   int
	RTT        RouteStats
	Mark       string
	Labels     []string // of MPLS, as mtr writes them
}

// Branch says how a row's flows lie among those of its hop.
type Branch uint8

const (
	NoBranch   Branch = iota // all flows go here
	Branching                // others follow
	LastBranch               // the last of the hop's
)

// RouteStats are the figures of mtr, of one row. They mean nothing if nothing
// was received.
type RouteStats struct{ Last, Avg, Best, Worst, StDev time.Duration }

// Loss is lost / sent in percent; false where nothing was sent, or where the
// row is not its hop's first.
func (r RouteRow) Loss() (float64, bool) {
	if r.Sent == 0 {
		return 0, false
	}
	return float64(r.Sent-r.Received) / float64(r.Sent) * 100, true
}

// Routes lays traces over each other: a Route for each pair, in their order.
// titles are the cities' names for people.
func Routes(traces []Trace, titles map[string]string) []Route {
	var order []probe.Pair
	flows := map[probe.Pair][]Trace{}
	for _, t := range traces {
		if _, known := flows[t.Pair]; !known {
			order = append(order, t.Pair)
		}
		flows[t.Pair] = append(flows[t.Pair], t)
	}
	routes := make([]Route, 0, len(order))
	for _, pair := range order {
		routes = append(routes, newRoute(pair, flows[pair], titles))
	}
	return routes
}

func newRoute(pair probe.Pair, flows []Trace, titles map[string]string) Route {
	title := func(name string) string {
		if t := Clean(titles[name], titleRunes); t != "" {
			return t
		}
		return Clean(name, titleRunes)
	}
	first := flows[0]
	r := Route{
		From: title(pair.From), To: title(pair.To), Address: addressText(first.Address),
		Method: methodOf(first), Flows: len(flows), Size: first.Size, At: first.At,
		Reached: true, pair: pair,
	}
	hops := 0
	for _, t := range flows {
		hops = max(hops, len(t.Hops))
		r.remark(t)
	}
	r.Ends = endsOf(flows)
	for ttl := 1; ttl <= hops; ttl++ {
		r.addHop(ttl, flows)
	}
	r.fold()
	r.explain()
	return r
}

// remark takes in what has to be said of one flow.
func (r *Route) remark(t Trace) {
	r.Reached = r.Reached && t.End == probe.Reached
	notes := oddities(t)
	if how := askedFor(t.Sending); len(how) > 0 {
		notes = append(notes, strings.Join(how, ", "))
	}
	if t.Fallback != "" {
		notes = append(notes, Clean(t.Fallback, reasonRunes))
	}
	for _, note := range notes {
		if !slices.Contains(r.Notes, note) {
			r.Notes = append(r.Notes, note)
		}
	}
}

// askedFor says how the probes left, where that is not as usual.
func askedFor(s probe.Sending) []string {
	var all []string
	if s.Source != "" {
		all = append(all, "sent from "+Clean(s.Source, reasonRunes))
	}
	if s.TrafficClass != 0 {
		all = append(all, fmt.Sprintf("type of service %d", s.TrafficClass))
	}
	if s.DontFragment {
		all = append(all, "don't fragment")
	}
	return all
}

// endsOf says how the flows ended, and which of them where they differ.
func endsOf(flows []Trace) []string {
	var ends, who []string
	for _, t := range flows {
		text := endOf(t)
		i := slices.Index(ends, text)
		if i < 0 {
			i = len(ends)
			ends, who = append(ends, text), append(who, "")
		}
		who[i] = strings.TrimPrefix(who[i]+fmt.Sprintf(",%d", t.Flow+1), ",")
	}
	if len(ends) > 1 {
		for i := range ends {
			ends[i] = "flow " + who[i] + ": " + ends[i]
		}
	}
	return ends
}

func endOf(t Trace) string {
	reason := Clean(t.Reason, reasonRunes)
	if reason != "" {
		reason = ": " + reason
	}
	if hint := Clean(t.Hint, reasonRunes); hint != "" {
		reason += " (" + hint + ")"
	}
	switch t.End {
	case probe.Reached:
		return "reached in " + hopCount(len(t.Hops)) + reason
	case probe.Stopped:
		if reason == "" {
			reason = whoStopped(t)
		}
		return "stopped" + reason
	case probe.HopLimit:
		return fmt.Sprintf("not reached in %s", hopCount(len(t.Hops)))
	case probe.TraceFailed:
		return "the from-host could not trace" + reason
	case probe.NoTraceRoute:
		return "not traced" + reason
	}
	return "unfinished" + reason
}

// whoStopped finds who said that there is no way on.
func whoStopped(t Trace) string {
	for _, h := range slices.Backward(t.Hops) {
		for _, a := range h.Answers {
			if a.Mark != "" {
				return fmt.Sprintf(" at hop %d: %s says %s", h.TTL, hostOf(a), probe.MarkMeaning(a.Mark))
			}
		}
	}
	return ""
}

// methodOf is a trace's method as people write it: "ICMP".
func methodOf(t Trace) string { return strings.ToUpper(t.Method.String()) }

func hopCount(n int) string { return plural(n, "hop") }

func answerCount(n int) string { return plural(n, "answer") }

func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// oddities are what a reader of the figures should know.
func oddities(t Trace) []string {
	duplicates, late := 0, 0
	for _, h := range t.Hops {
		duplicates += h.Duplicates
		late += h.Late
	}
	var all []string
	if duplicates > 0 {
		all = append(all, answerCount(duplicates)+" beyond the first to a probe, not counted")
	}
	if late > 0 {
		all = append(all, answerCount(late)+" came after the timeout; those probes count as lost")
	}
	if t.Stamps == probe.UserStamps {
		all = append(all, "round-trip times were taken by the program, and include what the host's scheduler took")
	}
	return all
}

func hostOf(a probe.Answer) string {
	if name := Clean(a.Name, 253); name != "" {
		return name
	}
	return a.Addr.String()
}

// sampleDeviation is mtr's StDev: of a sample, so that one RTT has none.
func sampleDeviation(rtts []time.Duration, mean float64) time.Duration {
	if len(rtts) < 2 {
		return 0
	}
	var squares float64
	for _, r := range rtts {
		squares += (float64(r) - mean) * (float64(r) - mean)
	}
	return time.Duration(math.Round(math.Sqrt(squares / float64(len(rtts)-1))))
}

func routeStats(rtts []time.Duration) RouteStats {
	if len(rtts) == 0 {
		return RouteStats{}
	}
	var sum float64
	for _, r := range rtts {
		sum += float64(r)
	}
	mean := sum / float64(len(rtts))
	return RouteStats{
		Last: rtts[len(rtts)-1], Avg: time.Duration(math.Round(mean)),
		Best: slices.Min(rtts), Worst: slices.Max(rtts), StDev: sampleDeviation(rtts, mean),
	}
}

// addressText is an address, or nothing if there is none.
func addressText(addr netip.Addr) string {
	if !addr.IsValid() {
		return ""
	}
	return addr.String()
}
