package report

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// WayRow is a hop of a way as it is shown, or several in a row of which nothing
// came. All its texts are cleaned.
type WayRow struct {
	TTL, Until int
	Silent     bool
	Floor      time.Duration // the least of it and of all later hops; 0: not known
	Place      string        // where it is; "" if that is not known
	Note       string        // what happens there: "+81.4 ms", "7,263 miles out of the way"
	Address    string
	Name       string // "" if it has none
	Step, Turn bool   // the RTT steps up here; it is the farthest out of the way
}

// Router is its name and address.
func (r WayRow) Router() string {
	switch {
	case r.Silent:
		return "no answer"
	case r.Name == "":
		return r.Address
	}
	return r.Name + " (" + r.Address + ")"
}

// Bent is where the RTT steps up, in a detour or out of sight; nil if nowhere.
func (d *DrillDown) Bent() *WayRound { return cmp.Or(d.Detour, d.Step) }

// round is what a finding says of one of the two ways; nil if nothing.
func (d *DrillDown) round(p *Path) *WayRound {
	for _, w := range []*WayRound{d.Detour, d.Step} {
		switch {
		case w == nil:
		case w.Back == (p == d.Back):
			return w
		case w.Other != nil && p == d.Back:
			return w.Other
		}
	}
	return nil
}

// Rows are the hops of one of a finding's ways.
func (p *Path) Rows(d *DrillDown) []WayRow {
	bent := d.round(p)
	var rows []WayRow
	for i, h := range p.Hops {
		row := WayRow{TTL: h.TTL, Until: h.TTL, Floor: h.Floor, Address: h.Address, Name: h.Name, Silent: h.Address == ""}
		if n := len(rows); row.Silent && n > 0 && rows[n-1].Silent {
			rows[n-1].Until = h.TTL
			continue
		}
		switch {
		case p.Reached && i == len(p.Hops)-1:
			row.Place = p.To
		case h.Place != nil:
			row.Place = placeName(h.Place.Place)
		case h.Refused != nil:
			row.Note = fmt.Sprintf("not %s: light forbids it", placeName(h.Refused.Place))
		}
		if bent != nil {
			row.Step = h.TTL == bent.Leave.TTL
			row.Turn = bent.Turn.Place != nil && h.TTL == bent.Turn.TTL
		}
		if row.Step {
			row.Note = fmt.Sprintf("+%.1f ms", millis(bent.Step))
		}
		if row.Turn {
			row.Note = strings.TrimPrefix(row.Note+", "+thousands(bent.Extra)+" miles more", ", ")
		}
		rows = append(rows, row)
	}
	return rows
}

// Places are the places of a way in one line.
func (p *Path) Places() string {
	if stops := p.stops(); len(stops) > 2 || p.located() {
		return strings.Join(stops, " → ")
	}
	stops := p.stops()
	return fmt.Sprintf("%s → (no router says where it is) → %s", p.From, stops[len(stops)-1])
}

// stops are the places of a way, each once where routers in a row share it.
func (p *Path) stops() []string {
	stops := []string{p.From}
	for _, h := range p.Hops {
		if h.Place == nil {
			continue
		}
		if name := placeName(h.Place.Place); stops[len(stops)-1] != name {
			stops = append(stops, name)
		}
	}
	switch last := len(stops) - 1; {
	case !p.Reached:
		stops = append(stops, "no answer")
	case last == 0 || stops[last] != p.To:
		stops = append(stops, p.To)
	}
	return stops
}

// Stop is a place of a way on a map.
type Stop struct {
	Name                string
	Latitude, Longitude float64
	TTL                 int // of the first hop there; 0: the end itself
	Turn                bool
}

// Stops are the places of a way with their coordinates, between its two ends,
// which are the fleet's. A way that did not arrive ends where it was last seen.
func (p *Path) Stops(d *DrillDown, from, to Location) []Stop {
	stops := []Stop{{Name: p.From, Latitude: from.Latitude, Longitude: from.Longitude}}
	bent := d.round(p)
	for _, h := range p.Hops {
		if h.Place == nil {
			continue
		}
		place := h.Place.Place
		turn := bent != nil && bent.Turn.Place != nil && bent.Turn.TTL == h.TTL
		name := placeName(place)
		if last := &stops[len(stops)-1]; last.Name == name {
			last.Turn = last.Turn || turn
			continue
		}
		stops = append(stops, Stop{Name: name, Latitude: place.Latitude, Longitude: place.Longitude, TTL: h.TTL, Turn: turn})
	}
	if last := stops[len(stops)-1]; p.Reached && last.Name != p.To {
		stops = append(stops, Stop{Name: p.To, Latitude: to.Latitude, Longitude: to.Longitude})
	}
	return stops
}
