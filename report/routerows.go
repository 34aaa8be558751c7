package report

import (
	"fmt"
	"slices"

	"matrix/probe"
)

// branchHop is a hop of the flows that went the same way there.
type branchHop struct {
	probe.Hop
	flows []int // counted from 1
}

// addHop adds the rows of one hop.
func (r *Route) addHop(ttl int, flows []Trace) {
	var branches []branchHop
	for _, t := range flows {
		if ttl <= len(t.Hops) {
			branches = join(branches, t.Hops[ttl-1], t.Flow+1)
		}
	}
	for i, b := range branches {
		start := len(r.Rows)
		r.addBranch(ttl, b, len(flows) > len(b.flows), i == len(branches)-1)
		r.Rows[start].Start = i == 0
	}
}

// join adds a flow's hop to the branch that has the same addresses, or makes it
// another.
func join(branches []branchHop, h probe.Hop, flow int) []branchHop {
	for i := range branches {
		if sameHosts(branches[i].Answers, h.Answers) {
			branches[i].merge(h)
			branches[i].flows = append(branches[i].flows, flow)
			return branches
		}
	}
	own := h
	own.Answers = slices.Clone(h.Answers)
	return append(branches, branchHop{own, []int{flow}})
}

func sameHosts(a, b []probe.Answer) bool {
	has := func(all []probe.Answer, one probe.Answer) bool {
		return slices.ContainsFunc(all, func(x probe.Answer) bool { return x.Addr == one.Addr })
	}
	return len(a) == len(b) && !slices.ContainsFunc(a, func(x probe.Answer) bool { return !has(b, x) })
}

func (b *branchHop) merge(h probe.Hop) {
	b.Sent += h.Sent
	for _, more := range h.Answers {
		i := slices.IndexFunc(b.Answers, func(a probe.Answer) bool { return a.Addr == more.Addr })
		a := &b.Answers[i]
		a.RTTs = append(slices.Clone(a.RTTs), more.RTTs...)
		if more.Mark != "" {
			a.Mark = more.Mark
		}
		if more.Labels != nil {
			a.Labels = more.Labels
		}
	}
}

// addBranch adds a row for each address of a branch.
func (r *Route) addBranch(ttl int, b branchHop, parted, last bool) {
	r.Tests = max(r.Tests, b.Sent)
	row := RouteRow{TTL: ttl, Until: ttl, First: true, Sent: b.Sent, Received: b.Received()}
	if parted {
		row.Flows, row.Branch = b.flows, Branching
		if last {
			row.Branch = LastBranch
		}
	}
	if len(b.Answers) == 0 {
		r.Rows = append(r.Rows, row)
		return
	}
	for _, a := range b.Answers {
		row.Host, row.Address, row.Mark = hostOf(a), a.Addr.String(), a.Mark
		row.RTT, row.Labels = routeStats(a.RTTs), labelTexts(a.Labels)
		r.Rows = append(r.Rows, row)
		row.First, row.Sent, row.Received = false, 0, 0
	}
}

func labelTexts(labels []probe.Label) []string {
	var all []string
	for _, l := range labels {
		bottom := 0
		if l.Bottom {
			bottom = 1
		}
		all = append(all, fmt.Sprintf("[MPLS: Lbl %d TC %d S %d TTL %d]", l.Value, l.Class, bottom, l.TTL))
	}
	return all
}

// fold makes one row of the silent hops at the end: thirty lines that say
// nothing would hide the ones that do.
func (r *Route) fold() {
	isSilent := func(row RouteRow) bool { return row.Host == "" && row.Branch == NoBranch }
	n := len(r.Rows)
	for n > 0 && isSilent(r.Rows[n-1]) {
		n--
	}
	if len(r.Rows)-n > 1 {
		r.Rows[n].Until = r.Rows[len(r.Rows)-1].TTL
		r.Rows = r.Rows[:n+1]
	}
}

// explain lists the marks that occur.
func (r *Route) explain() {
	for _, row := range r.Rows {
		known := slices.ContainsFunc(r.Marks, func(m Mark) bool { return m.Mark == row.Mark })
		if row.Mark != "" && !known {
			r.Marks = append(r.Marks, Mark{Mark: row.Mark, Meaning: probe.MarkMeaning(row.Mark)})
		}
	}
}

// Source and Target are the cities' names.
func (r Route) Source() string { return r.pair.From }

// Target is the name of the city that was traced.
func (r Route) Target() string { return r.pair.To }
