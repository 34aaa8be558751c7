package chart_test

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"matrix/report"
	"matrix/report/chart"
)

// wellFormed fails where an SVG is none.
func wellFormed(t *testing.T, svg string) {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(svg))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
	}
}

func TestDraw(t *testing.T) {
	nan := math.NaN()
	svg, err := chart.Draw(chart.Frame{Width: 700, Height: 300, Alt: `"><script>alert(1)</script>`}, chart.Axis{Name: "<b>distance</b> & more"}, chart.Axis{},
		chart.Points{Class: "h", X: []float64{5}, Y: []float64{7}},
		chart.Points{Class: "gap", Line: true, X: []float64{0, 1, 2, 3, 4, 5, 6}, Y: []float64{1, 2, nan, 3, 1, nan, 2}})
	if err != nil {
		t.Fatal(err)
	}
	text := string(svg)
	wellFormed(t, text)
	for _, bad := range []string{"<script", "<b>", "style=", "NaN", "-9223372036854775"} {
		if strings.Contains(text, bad) {
			t.Errorf("the chart contains %q", bad)
		}
	}
	if !strings.Contains(text, "&lt;b&gt;distance&lt;/b&gt; &amp; more") || !strings.Contains(text, `class="h `) {
		t.Errorf("no name of the axis, or no dot in\n%s", text)
	}
	if n := strings.Count(text, `class="alone gap`); n == 0 {
		t.Errorf("a single point between gaps is not drawn:\n%s", text)
	}
	if n := strings.Count(text, `class="line gap`); n != 2 {
		t.Errorf("a line with a gap is drawn in %d parts, want 2", n)
	}
}

func TestDrawNothing(t *testing.T) {
	svg, err := chart.Draw(chart.Frame{Width: 700, Height: 300}, chart.Axis{}, chart.Axis{}, chart.Points{X: []float64{math.NaN()}, Y: []float64{1}})
	if svg != "" || err != nil {
		t.Errorf("%q, %v", svg, err)
	}
}

// series is a pair over a day of hours: quiet, then lossy, then not measured.
func series() (*report.Series, report.Span) {
	span := report.Span{From: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 10, 2, 0, 0, 0, 0, time.UTC)}
	s := &report.Series{}
	for i := range int32(24) {
		s.Round = append(s.Round, i)
		state, received, rtt := report.Measured, int32(10), 20_000+100*i
		switch {
		case i >= 20:
			state, received, rtt = report.SourceDown, 0, -1
		case i >= 10:
			received = 5
		}
		sent := int32(10)
		if state != report.Measured {
			sent = 0
		}
		s.State, s.Sent, s.Received = append(s.State, state), append(s.Sent, sent), append(s.Received, received)
		for stat := range s.Stats {
			value := rtt
			if rtt > 0 && report.Stat(stat) == report.Max {
				value += 5000
			}
			s.Stats[stat] = append(s.Stats[stat], value)
		}
	}
	return s, span
}

// hours are when the rounds of an hourly day began.
func hours(span report.Span) (starts []time.Time) {
	for at := span.From; at.Before(span.To); at = at.Add(time.Hour) {
		starts = append(starts, at)
	}
	return starts
}

func TestSmoke(t *testing.T) {
	s, span := series()
	g := chart.NewSmoke(s, span, hours(span))
	if low, high := g.Low(), g.Reach(); math.Abs(low-20) > 0.01 || high < 26 || high > 27 {
		t.Errorf("from %v to %v ms", low, high)
	}
	text := string(g.SVG(0, g.Reach(), "", "a <pair>"))
	wellFormed(t, text)
	for _, want := range []string{`<rect class="l0" x="0" width="10"`, `<rect class="l3" x="10" width="10"`, `<rect class="missing" x="20" width="4"`, "1 Oct", " ms</text>", "a &lt;pair&gt;"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	if n := strings.Count(text, `class="middle"`); n != 1 {
		t.Errorf("%d lines; what was not measured has none", n)
	}
}

func TestSmokeOfNothing(t *testing.T) {
	g := chart.NewSmoke(&report.Series{}, report.MonthSpan(2026, time.October), nil)
	if g.Low() != 0 || g.Reach() != 0 {
		t.Errorf("from %v to %v ms", g.Low(), g.Reach())
	}
	wellFormed(t, string(g.SVG(0, 0, "", "")))
}

// TestSmokeOfEveryReply draws a tick for each of three RTTs in an hour, and keeps
// them when the graph is packed.
func TestSmokeOfEveryReply(t *testing.T) {
	s, span := series()
	s.RTTs = make([][]int32, s.Len())
	for i := range 10 {
		s.RTTs[i] = []int32{60_000, 20_000, 90_000}
	}
	g := chart.NewSmoke(s, span, hours(span))
	text := string(g.SVG(0, 100, "", ""))
	wellFormed(t, text)
	for _, tick := range []string{"M0 55h10", "M0 217h10", "M0 433h10"} { // 3 units a pixel of 180, from the top
		if !strings.Contains(text, tick) {
			t.Errorf("no tick %s in\n%s", tick, text)
		}
	}
	if !strings.Contains(text, `class="half" d="M10 `) || strings.Contains(text, `class="half" d="M0 `) {
		t.Errorf("the band of the statistics is not only where there are no RTTs:\n%s", text)
	}
	packed, err := g.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	var back chart.Smoke
	if err := back.UnmarshalBinary(packed); err != nil || string(back.SVG(0, 100, "", "")) != text {
		t.Errorf("packed and unpacked the graph is another: %v", err)
	}
	for n := range packed {
		if back.UnmarshalBinary(packed[:n]) == nil {
			t.Fatalf("%d of %d bytes are taken for a graph", n, len(packed))
		}
	}
}
