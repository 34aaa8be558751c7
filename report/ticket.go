package report

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"matrix/probe"
)

// Ticket is what a provider is sent about a pair: only what was measured from
// outside, and what is asked. It names the two cities, their addresses and the
// routers between them; not the fleet's hosts.
type Ticket struct {
	Title  string
	Facts  []Fact
	Found  []string // sentences on where the packets go; none if that is not known
	Traces []TicketTrace
	Ask    string
}

// TicketTrace is one direction, a line a hop.
type TicketTrace struct {
	Title string
	Lines []string
}

// mostHops is how many lines a trace has in a ticket: both fit on a page.
const mostHops = 18

// NewTicket writes the ticket of a pair; false if the report does not have it.
// The fleet's cities and the verdicts are the drill's, the traces those that the
// finding rests on; of the others it says where they differ. The past is nil
// where there is no history.
func NewTicket(r *Report, d Drill, traced *Traced, past *Past) (*Ticket, bool) {
	v := r.Verdicts.Pair(d.Pair.From, d.Pair.To)
	if v == nil {
		return nil, false
	}
	d.There, d.Back = traced.There, traced.Back
	w := ticketWriter{r: r, d: d, v: v, found: traced.Found, past: past, from: r.Title(d.Pair.From), to: r.Title(d.Pair.To)}
	t := &Ticket{Title: w.title(), Facts: w.facts(), Found: w.sentences(), Ask: w.ask()}
	for _, trace := range []*Trace{d.There, d.Back} {
		if trace != nil {
			shown := w.trace(*trace)
			for _, other := range traced.Others() {
				if other.Pair == trace.Pair && other.Method != trace.Method {
					shown.Lines = append(shown.Lines, w.differs(*trace, other)...)
				}
			}
			t.Traces = append(t.Traces, shown)
		}
	}
	return t, true
}

type ticketWriter struct {
	r        *Report
	d        Drill
	v        *PairVerdict
	found    *DrillDown
	past     *Past
	from, to string
}

func (w ticketWriter) title() string {
	title := w.from + " – " + w.to
	switch {
	case w.v.RTT != nil && w.v.Miles != nil:
		title += fmt.Sprintf(": %.1f ms for %s miles", *w.v.RTT, thousands(*w.v.Miles))
	case w.v.RTT != nil:
		title += fmt.Sprintf(": %.1f ms", *w.v.RTT)
	}
	return title
}

// facts are the figures, in the order in which an engineer asks for them.
func (w ticketWriter) facts() []Fact {
	facts := []Fact{
		{Name: "From", Text: w.end(w.from, w.d.Pair.Reverse(), w.d.Back)},
		{Name: "To", Text: w.end(w.to, w.d.Pair, w.d.There)},
		{Name: "Measured", Text: w.when()},
	}
	v := w.v
	if v.Miles != nil {
		facts = append(facts, Fact{Name: "Distance", Text: fmt.Sprintf("%s miles (%s km)", thousands(*v.Miles), thousandsOf(float64(v.Miles.Km())))})
	}
	facts = append(facts, Fact{Name: "Round trip", Text: w.roundTrip()})
	if v.Expected != nil {
		facts = append(facts, Fact{Name: "Expected", Text: fmt.Sprintf("%.1f ms, as such a distance takes as a rule", *v.Expected)})
	}
	if v.Relay != "" {
		facts = append(facts, Fact{Name: "Relay", Text: fmt.Sprintf("%.1f ms via %s (%.1f + %.1f), through another of our cities", v.RelayRTT(), w.r.Title(v.Relay), v.Legs[0], v.Legs[1])})
	}
	if v.Sent > 0 {
		facts = append(facts, Fact{Name: "Loss", Text: w.loss()})
	}
	if w.past != nil && w.past.Text() != "" {
		facts = append(facts, Fact{Name: "Last good", Text: w.past.Text()})
	}
	return facts
}

// end is a city with the address that was pinged or traced there.
func (w ticketWriter) end(title string, towards probe.Pair, t *Trace) string {
	var addr netip.Addr
	if p := w.r.Pair(towards.From, towards.To); p != nil {
		addr = p.Address
	}
	if !addr.IsValid() && t != nil {
		addr = t.Address
	}
	if city, known := w.d.city(towards.To); known && !addr.IsValid() {
		addr, _ = netip.ParseAddr(city.Host) // a table has no addresses, but its inventory may
	}
	if !addr.IsValid() {
		return title
	}
	return title + ", " + addr.String()
}

// when is the time of the two samples, of which a round of a file may know
// only its own.
func (w ticketWriter) when() string {
	const layout = "2006-01-02 15:04:05"
	begin, end := w.r.Method.Start, w.r.Method.End
	switch {
	case begin.IsZero():
		return "at a time that was not recorded"
	case !end.After(begin):
		return begin.UTC().Format(layout) + " UTC"
	}
	return begin.UTC().Format(layout) + " to " + end.UTC().Format(layout) + " UTC"
}

func (w ticketWriter) roundTrip() string {
	if w.v.RTT == nil {
		return "nothing came back in either direction"
	}
	text := fmt.Sprintf("%.1f ms at least", *w.v.RTT)
	var ways []string
	for _, pair := range []probe.Pair{w.d.Pair, w.d.Pair.Reverse()} {
		if p := w.r.Pair(pair.From, pair.To); p != nil {
			if floor, ok := p.floor(); ok {
				ways = append(ways, fmt.Sprintf("%s → %s %.1f ms", w.r.Title(pair.From), w.r.Title(pair.To), floor))
			}
		}
	}
	if len(ways) > 0 {
		text += " (" + strings.Join(ways, ", ") + ")"
	}
	if w.v.Percent != nil {
		text += fmt.Sprintf(", %.1f %% of the speed of light in fibre", *w.v.Percent)
	}
	return text
}

func (w ticketWriter) loss() string {
	text := fmt.Sprintf("%d of %d echo requests, %.1f %% (95 %% interval: %.1f to %.1f %%)", w.v.Lost, w.v.Sent,
		100*float64(w.v.Lost)/float64(w.v.Sent), 100*w.v.LossLow, 100*w.v.LossHigh)
	if w.v.LossFrom != "" {
		text += ", sent from " + w.r.Title(w.v.LossFrom)
	}
	return text
}

// sentences are the finding. What is only a guess is called one; hints that
// were refused and our own bookkeeping do not go out.
func (w ticketWriter) sentences() []string {
	switch {
	case w.found == nil:
		return nil
	case w.found.Detour == nil:
		return w.guess()
	}
	t := w.found.Detour
	from, to := w.from, w.to
	if t.Back {
		from, to = to, from
	}
	sure := map[Confidence]string{Confirmed: "Confirmed", Likely: "Likely"}[w.found.Confidence]
	if sure == "" {
		sure = "Perhaps"
	}
	where := fmt.Sprintf("%s: packets from %s to %s go over %s (hop %d), %s miles more than the direct way.",
		sure, from, to, placeName(t.Turn.Place.Place), t.Turn.TTL, thousands(t.Extra))
	step := fmt.Sprintf("The round-trip time rises by %.1f ms at hop %d", millis(t.Step), t.Leave.TTL)
	if t.Leave.Place != nil {
		step += " (" + placeName(t.Leave.Place.Place) + ")"
	}
	if t.Before != nil {
		step += fmt.Sprintf(" and stays up; the last router before it is %s", t.Before.Address)
		if t.Network != "" {
			step += " of " + t.Network
		}
	}
	all := []string{where, step + "."}
	if t.Back && w.found.There != nil && w.found.There.located() {
		all = append(all, fmt.Sprintf("The way from %s to %s is straight; the return path is not.", to, from))
	}
	if o := t.Other; o != nil {
		all = append(all, fmt.Sprintf("The way back goes over %s as well (hop %d), %s miles more than the direct way.",
			placeName(o.Turn.Place.Place), o.Turn.TTL, thousands(o.Extra)))
	}
	return all
}

// guess is what the round alone suggests.
func (w ticketWriter) guess() []string {
	p := w.found.Waypoint
	if p == nil {
		return w.ends()
	}
	return []string{fmt.Sprintf("Perhaps the packets go over %s: our round trips over there add up to the same (%s).",
		w.r.Title(p.City), p.sum())}
}

// ends say how far packets get. The routers' names are in the traces.
func (w ticketWriter) ends() []string {
	var all []string
	if city := w.cutOff(); city != "" {
		all = append(all, fmt.Sprintf("None of our %d other cities reaches %s: it is the host or its access, not the way from one of them.",
			w.r.Verdicts.unreached(city), w.r.Title(city)))
	}
	for _, p := range []*Path{w.found.There, w.found.Back} {
		if p == nil || p.Reached {
			continue
		}
		if last := p.last(); last != nil {
			all = append(all, fmt.Sprintf("Packets from %s to %s get as far as %s (hop %d); nothing behind it answers.", p.From, p.To, last.Address, last.TTL))
		}
	}
	return all
}

// cutOff is the one of the two cities that none reaches; "" if that is neither,
// or both.
func (w ticketWriter) cutOff() string {
	from, to := w.r.Verdicts.unreached(w.d.Pair.From) > 1, w.r.Verdicts.unreached(w.d.Pair.To) > 1
	switch {
	case to && !from:
		return w.d.Pair.To
	case from && !to:
		return w.d.Pair.From
	}
	return ""
}

// unreached is how many cities do not reach a city, if none of those that could
// be judged does; else 0.
func (v *Verdicts) unreached(city string) int {
	n := 0
	for p := range v.PairsOf(city) {
		switch {
		case p.Verdict() == Unjudged:
		case p.Verdict() != Unreachable:
			return 0
		default:
			n++
		}
	}
	return n
}

// ask is the one sentence of what is asked.
func (w ticketWriter) ask() string {
	from, to := w.from, w.to
	switch {
	case w.v.RTT == nil && w.cutOff() != "":
		return fmt.Sprintf("Please find out why nothing reaches %s, at the host or at its access, and restore it.", w.r.Title(w.cutOff()))
	case w.v.RTT == nil:
		return fmt.Sprintf("Please find out why %s and %s cannot reach each other, and restore the way between them.", from, to)
	case w.found != nil && w.found.Detour != nil:
		t := w.found.Detour
		if t.Back {
			from, to = to, from
		}
		return fmt.Sprintf("Please find out why packets from %s to %s are sent by way of %s, and route them directly.", from, to, placeName(t.Turn.Place.Place))
	case w.v.Has(Lossy):
		return fmt.Sprintf("Please find out where packets between %s and %s are lost, and mend it.", from, to)
	case w.v.Verdict() == Congested:
		return fmt.Sprintf("Please find out where packets between %s and %s wait, and relieve it.", from, to)
	case w.v.Expected != nil:
		return fmt.Sprintf("Please find out why the round trip between %s and %s takes %.1f ms where %.0f ms are usual, and route it directly.", from, to, *w.v.RTT, *w.v.Expected)
	}
	return fmt.Sprintf("Please find out why the round trip between %s and %s takes %.1f ms.", from, to, *w.v.RTT)
}

// trace shows addresses, names and least RTTs. Loss of routers on the way is
// left out: they answer when they have time, and lose nothing for it.
func (w ticketWriter) trace(t Trace) TicketTrace {
	title := fmt.Sprintf("Traceroute %s → %s (%s, %s UTC)", w.r.Title(t.From), w.r.Title(t.To),
		methodOf(t), t.At.UTC().Format("2006-01-02 15:04:05"))
	lines := w.hops(t)
	if over := len(lines) - mostHops; over > 0 {
		half := mostHops / 2
		lines = slices.Concat(lines[:half], []string{fmt.Sprintf("    … %d lines left out …", over+1)}, lines[half+over+1:])
	}
	if t.End != probe.Reached {
		lines = append(lines, "    "+Clean(endOf(t), 100))
	}
	return TicketTrace{Title: title, Lines: lines}
}

// mostOthers is how many lines are spent on what another method found.
const mostOthers = 5

// differs is where a trace by another method found other routers.
func (w ticketWriter) differs(shown, other Trace) []string {
	method := methodOf(other)
	if len(other.Hops) == 0 {
		return nil
	}
	var lines []string
	for i, h := range other.Hops {
		known := i < len(shown.Hops) && slices.ContainsFunc(h.Answers, func(a probe.Answer) bool {
			return slices.ContainsFunc(shown.Hops[i].Answers, func(b probe.Answer) bool { return a.Addr == b.Addr })
		})
		if len(h.Answers) > 0 && !known {
			lines = append(lines, w.hop(other, h))
		}
	}
	head := "    " + method + " finds the same routers"
	if !slices.ContainsFunc(other.Hops, func(h probe.Hop) bool { return len(h.Answers) > 0 }) {
		head = "    " + method + " finds no router"
	}
	switch over := len(lines) - mostOthers; {
	case len(lines) == 0 && other.End != probe.Reached:
		head += "; " + Clean(endOf(other), 100)
	case over > 0:
		lines = append(lines[:mostOthers-1], fmt.Sprintf("    … %d more …", over+1))
		fallthrough
	case len(lines) > 0:
		head = "    " + method + " finds others:"
	}
	return append([]string{head}, lines...)
}

func (w ticketWriter) hops(t Trace) []string {
	var lines []string
	for i := 0; i < len(t.Hops); i++ {
		first := i
		for i < len(t.Hops) && len(t.Hops[i].Answers) == 0 {
			i++
		}
		switch n := i - first; {
		case n == 1:
			lines = append(lines, fmt.Sprintf("%2d  no answer", t.Hops[first].TTL))
		case n > 1:
			lines = append(lines, fmt.Sprintf("%2d–%d  no answer", t.Hops[first].TTL, t.Hops[i-1].TTL))
		}
		if i < len(t.Hops) {
			lines = append(lines, w.hop(t, t.Hops[i]))
		}
	}
	return lines
}

func (w ticketWriter) hop(t Trace, h probe.Hop) string {
	a := h.Answers[0]
	rtt := "         "
	if len(a.RTTs) > 0 {
		rtt = fmt.Sprintf("%6.1f ms", millis(slices.Min(a.RTTs)))
	}
	return strings.TrimRight(fmt.Sprintf("%2d  %-15s %s  %s", h.TTL, a.Addr, rtt, w.name(t, a)), " ")
}

// longName is how much of a router's name a line has room for.
const longName = 80

// name is a router's name. The ends are called by their cities, and what a
// private network calls its routers is nobody else's business.
func (w ticketWriter) name(t Trace, a probe.Answer) string {
	name := Clean(a.Name, longName)
	ours := slices.ContainsFunc(w.d.Cities, func(c City) bool {
		return name != "" && (strings.EqualFold(c.Host, name) || strings.EqualFold(c.SSH, name))
	})
	switch {
	case a.Addr == t.Address:
		return w.r.Title(t.To)
	case ours || a.Addr.IsPrivate() || a.Addr.IsLinkLocalUnicast():
		return ""
	}
	return name
}
