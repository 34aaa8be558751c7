package chart

import (
	"bytes"
	_ "embed"
	"fmt"
	"html"
	"html/template"
	"math"
	"regexp"
	"strconv"

	gochart "github.com/wcharczuk/go-chart/v2"
	"github.com/wcharczuk/go-chart/v2/drawing"
)

// CSS are the rules that charts need: colours for light and dark pages. All of
// them are below the class "chart".
//
//go:embed chart.css
var CSS string

// Frame is how a chart is set on a page.
type Frame struct {
	Width, Height int    // pixels
	Class         string // of the svg element, beside "chart"
	Alt           string // says what the chart shows
}

// Axis is what is measured along an edge. It starts at 0. The upright one has no
// name in the chart: a heading over it is easier to read.
type Axis struct {
	Name string  // with its unit: "distance, mi"
	Max  float64 // 0: the largest value
	Step float64 // between two ticks; 0: chosen
}

// Points are values that belong together: dots, or a line through them. Class is
// a name of the style sheet, and no text.
type Points struct {
	Class string
	Line  bool
	X, Y  []float64
}

// Draw draws dots and lines over two axes. A value that is not finite is left
// out, and interrupts its line.
func Draw(f Frame, x, y Axis, points ...Points) (template.HTML, error) {
	chart := gochart.Chart{
		Width: f.Width, Height: f.Height,
		Background: gochart.Style{ClassName: "none", Padding: gochart.Box{Top: 8, Left: 0, Right: 12, Bottom: 4}},
		Canvas:     gochart.Style{ClassName: "none"},
	}
	for _, p := range points {
		for _, part := range p.parts() {
			x.Max, y.Max = x.reach(part.X), y.reach(part.Y)
			chart.Series = append(chart.Series, part.series())
		}
	}
	if len(chart.Series) == 0 {
		return "", nil
	}
	chart.XAxis = gochart.XAxis{
		Name: html.EscapeString(x.Name), NameStyle: text("name"), Style: text("x"), TickStyle: text("x"),
		Ticks: x.ticks(f.Width / 90), Range: &gochart.ContinuousRange{Min: 0, Max: x.Max}, GridMajorStyle: gochart.Hidden(), GridMinorStyle: gochart.Hidden(),
	}
	chart.YAxisSecondary.Style = gochart.Hidden()
	chart.YAxis = gochart.YAxis{
		Style: text("y"), TickStyle: text("y"), AxisType: gochart.YAxisSecondary,
		Ticks: y.ticks(f.Height / 45), Range: &gochart.ContinuousRange{Min: 0, Max: y.Max}, GridMajorStyle: gochart.Hidden(), GridMinorStyle: gochart.Hidden(),
	}
	chart.Series = append(rules(chart.YAxis.Ticks, chart.XAxis.Range.GetMax()), chart.Series...)
	var out bytes.Buffer
	if err := chart.Render(gochart.SVGWithCSS("", ""), &out); err != nil {
		return "", fmt.Errorf("draw a chart: %w", err)
	}
	return dress(out.Bytes(), f), nil
}

// rules are lines over the chart at the ticks of the upright axis. go-chart's own
// can have no class.
func rules(ticks []gochart.Tick, end float64) []gochart.Series {
	var all []gochart.Series
	for _, t := range ticks {
		all = append(all, Points{Class: "rule", Line: true, X: []float64{0, end}, Y: []float64{t.Value, t.Value}}.series())
	}
	return all
}

// text is the style of text; its colour and size are the style sheet's, but
// go-chart makes room by its own.
func text(class string) gochart.Style {
	return gochart.Style{ClassName: class, FontSize: 8.5, FontColor: drawing.ColorBlack, StrokeColor: drawing.ColorBlack, StrokeWidth: 1}
}

// parts are the stretches of finite values: go-chart draws no gaps.
func (p Points) parts() []Points {
	var all []Points
	part := Points{Class: p.Class, Line: p.Line}
	for i := range p.X {
		if finite(p.X[i]) && finite(p.Y[i]) {
			part.X, part.Y = append(part.X, p.X[i]), append(part.Y, p.Y[i])
			continue
		}
		if p.Line && len(part.X) > 0 {
			all = append(all, part)
			part = Points{Class: p.Class, Line: p.Line}
		}
	}
	if len(part.X) > 0 {
		all = append(all, part)
	}
	return all
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

func (p Points) series() gochart.Series {
	alone := len(p.X) == 1
	if alone { // go-chart draws no single point; twice the same it does
		p.X, p.Y = []float64{p.X[0], p.X[0]}, []float64{p.Y[0], p.Y[0]}
	}
	style := gochart.Style{ClassName: p.Class, StrokeWidth: gochart.Disabled, DotWidth: 3, DotColor: drawing.ColorBlack}
	switch {
	case p.Line && alone: // a line of no length cannot be seen
		style.ClassName, style.DotWidth = "alone "+p.Class, 2
	case p.Line:
		style = gochart.Style{ClassName: "line " + p.Class, StrokeWidth: 2, StrokeColor: drawing.ColorBlack}
	}
	return gochart.ContinuousSeries{XValues: p.X, YValues: p.Y, Style: style}
}

func (a Axis) reach(values []float64) float64 {
	for _, v := range values {
		a.Max = max(a.Max, v)
	}
	return a.Max
}

// ticks are about n round numbers from 0; the last of them ends the axis, since
// go-chart takes it for its end.
func (a *Axis) ticks(n int) []gochart.Tick {
	if a.Max <= 0 {
		a.Max = 1
	}
	step := a.Step
	if step == 0 {
		step = roundStep(a.Max / float64(max(2, n)))
	}
	last := int(math.Ceil(a.Max/step - 1e-6))
	a.Max = float64(last) * step
	var ticks []gochart.Tick
	for i := range last + 1 {
		v := float64(i) * step
		ticks = append(ticks, gochart.Tick{Value: v, Label: strconv.FormatFloat(math.Round(v*1e6)/1e6, 'f', -1, 64)})
	}
	return ticks
}

// roundStep is the next step that a person would choose.
func roundStep(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, f := range []float64{1, 2, 5} {
		if v <= f*power*1.0001 {
			return f * power
		}
	}
	return 10 * power
}

var (
	opening = regexp.MustCompile(`^<svg[^>]*>`)
	// A style attribute is what a strict policy for a page refuses; all that is
	// drawn has a class.
	inline = regexp.MustCompile(` style="[^"]*"`)
	// What has no class, or no length, is nothing that was asked for.
	blank = regexp.MustCompile(`<path  d="[^"]*"( class="none[^>]*)?/>|<path  d="" [^>]*>`)
)

// dress gives go-chart's SVG our element, and takes its inline styles away.
func dress(svg []byte, f Frame) template.HTML {
	svg = opening.ReplaceAll(svg, nil)
	svg = bytes.ReplaceAll(inline.ReplaceAll(svg, nil), []byte("\n"), []byte(" "))
	svg = blank.ReplaceAll(svg, nil)
	return template.HTML(fmt.Sprintf(`<svg class="chart %s" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="%s">`,
		html.EscapeString(f.Class), f.Width, f.Height, f.Width, f.Height, html.EscapeString(f.Alt)) + string(svg))
}
