package site

import (
	"cmp"
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"

	"matrix/report"
	"matrix/report/worldmap"
)

// tracedView is an anomaly that was looked into after the round.
type tracedView struct {
	ID, Title, Word, Class string
	Lines                  []string
	Wide, Narrow           template.HTML // the same map for a desk and for a phone; "": none
	Keys                   []mapKey
	Ways                   []wayView
}

type mapKey struct{ Class, Text string }

// wayView is one direction, hop by hop.
type wayView struct {
	Title, Method string
	Rows          []hopView
}

type hopView struct{ Class, Hop, Ms, Place, Note, Name, Address string }

// Widths of a map, in pixels.
const (
	wideMap   = 700
	narrowMap = 358
)

func tracedID(i int) string { return "t" + strconv.Itoa(i) }

// tracedOf is the anchor of what was found out about a line's two cities, or
// about a pair of its group; "" if nothing was looked into.
func tracedOf(r *report.Report, l report.Line) string {
	for i, t := range r.Traced {
		its := func(city string) bool { return city == t.Pair.From || city == t.Pair.To }
		grouped := l.Pairs > 0 && its(l.City) && (t.Verdict == l.Verdict || t.Verdict.Bent() && l.Verdict.Bent())
		if grouped || its(l.Pair.From) && its(l.Pair.To) {
			return tracedID(i)
		}
	}
	return ""
}

// traced arranges the anomalies that were looked into.
func (v *view) traced(r *report.Report) error {
	for i, t := range r.Traced {
		view := tracedView{
			ID: tracedID(i), Title: r.Title(t.Pair.From) + " → " + r.Title(t.Pair.To), Word: t.Verdict.String(), Lines: t.Text(),
		}
		if t.Verdict.Bent() || t.Verdict == report.Unreachable {
			view.Class = "o"
		}
		if d := t.Found; d != nil {
			view.ways(t)
			if err := view.draw(r, t, d); err != nil {
				return err
			}
		}
		v.Traced = append(v.Traced, view)
	}
	return nil
}

// ways are the hops of both directions.
func (v *tracedView) ways(t *report.Traced) {
	for _, way := range []struct {
		path  *report.Path
		trace *report.Trace
	}{{t.Found.There, t.There}, {t.Found.Back, t.Back}} {
		if way.path == nil {
			continue
		}
		out := wayView{
			Title:  way.path.From + " → " + way.path.To,
			Method: fmt.Sprintf("%s, %s", strings.ToUpper(way.trace.Method.String()), way.trace.At.UTC().Format("2006-01-02 15:04:05 UTC")),
		}
		for _, row := range way.path.Rows(t.Found) {
			out.Rows = append(out.Rows, newHop(row))
		}
		v.Ways = append(v.Ways, out)
	}
}

func newHop(row report.WayRow) hopView {
	h := hopView{Hop: strconv.Itoa(row.TTL), Place: row.Place, Note: row.Note, Name: row.Name, Address: row.Address}
	if row.Until > row.TTL {
		h.Hop += "–" + strconv.Itoa(row.Until)
	}
	switch {
	case row.Silent:
		h.Name = "no answer"
	case row.Name == "":
		h.Name, h.Address = row.Address, ""
	}
	if row.Floor > 0 {
		h.Ms = number(float64(row.Floor)/float64(time.Millisecond), 1)
	}
	if row.Step {
		h.Class = "step"
	}
	return h
}

// draw draws the straight line and the ways that were taken, if a router says
// that there is more to them than their two ends.
func (v *tracedView) draw(r *report.Report, t *report.Traced, d *report.DrillDown) error {
	from, to := r.Location(t.Pair.From), r.Location(t.Pair.To)
	if from == nil || to == nil {
		return nil
	}
	var m worldmap.Map
	var ways [][]report.Stop
	var alt string
	// The way back is dotted, so that the way there shows below it.
	for _, way := range []struct {
		path     *report.Path
		class    string
		from, to report.Location
	}{{d.There, worldmap.Route, *from, *to}, {d.Back, worldmap.Return, *to, *from}} {
		if way.path == nil {
			continue
		}
		stops := way.path.Stops(d, way.from, way.to)
		title := way.path.From + " → " + way.path.To
		if err := m.AddLine(way.class, title, places(stops)...); err != nil {
			return err
		}
		ways = append(ways, stops)
		alt = cmp.Or(alt, way.path.Places())
		v.Keys = append(v.Keys, mapKey{way.class, title})
	}
	if !leaves(ways, d) {
		v.Keys = nil
		return nil
	}
	ends := []worldmap.Place{{Latitude: from.Latitude, Longitude: from.Longitude}, {Latitude: to.Latitude, Longitude: to.Longitude}}
	if err := m.AddLine(worldmap.Direct, "the direct way", ends...); err != nil {
		return err
	}
	v.Keys = append(v.Keys, mapKey{worldmap.Direct, "the direct way"})
	if err := addDots(&m, ways, d, ends); err != nil {
		return err
	}
	var err error
	if v.Wide, err = m.SVG(worldmap.Frame{Width: wideMap, Class: "wide", Alt: "Map: " + alt}); err != nil {
		return err
	}
	v.Narrow, err = m.SVG(worldmap.Frame{Width: narrowMap, Class: "narrow", Alt: "Map: " + alt})
	return err
}

func places(stops []report.Stop) []worldmap.Place {
	var all []worldmap.Place
	for _, s := range stops {
		all = append(all, worldmap.Place{Latitude: s.Latitude, Longitude: s.Longitude})
	}
	return all
}

// leaves says whether a way goes anywhere but to its ends.
func leaves(ways [][]report.Stop, d *report.DrillDown) bool {
	for _, stops := range ways {
		for _, s := range stops {
			if s.Name != d.From && s.Name != d.To {
				return true
			}
		}
	}
	return false
}

// addDots adds the two ends, the turns, and then what else lies on the ways.
func addDots(m *worldmap.Map, ways [][]report.Stop, d *report.DrillDown, ends []worldmap.Place) error {
	seen := map[string]bool{}
	for i, name := range []string{d.From, d.To} {
		seen[name] = true
		if err := m.AddDot(worldmap.Dot{Place: ends[i], Class: worldmap.End, Label: name, Must: true, Title: name, Size: 4}); err != nil {
			return err
		}
	}
	for _, turns := range []bool{true, false} {
		for _, stops := range ways {
			for _, s := range stops {
				if s.Turn != turns || seen[s.Name] {
					continue
				}
				seen[s.Name] = true
				dot := worldmap.Dot{Place: worldmap.Place{Latitude: s.Latitude, Longitude: s.Longitude}, Label: s.Name, Title: s.Name}
				if turns {
					dot.Class, dot.Must, dot.Size = worldmap.Turn, true, 4.5
				}
				if err := m.AddDot(dot); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
