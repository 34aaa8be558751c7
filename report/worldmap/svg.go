package worldmap

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
	"sync"
)

// Frame is how a map is set on a page.
type Frame struct {
	Width  float64 // pixels; 0: 720
	Height float64 // pixels; 0: as the region wants it
	Class  string  // of the svg element, beside "map"
	Alt    string  // says what the map shows
}

// CSS are the rules that maps need: colours for light and dark pages. All of
// them are below the class "map".
//
//go:embed map.css
var CSS string

var svgTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("map").Parse(strings.ReplaceAll(`<svg class="map{{with .Class}} {{.}}{{end}}" viewBox="0 0 {{.Width}} {{.Height}}" width="{{.Width}}" height="{{.Height}}" role="{{.Role}}" aria-label="{{.Alt}}">
<path class="land" d="{{.Land}}"/>
{{range .Lines}}<path class="line {{.Class}}" d="{{.Path}}">{{with .Title}}<title>{{.}}</title>{{end}}</path>
{{end}}{{range .Dots}}{{if .Href}}<a href="{{.Href}}">{{end}}<circle class="dot{{with .Class}} {{.}}{{end}}" cx="{{.X}}" cy="{{.Y}}" r="{{.Size}}">{{with .Title}}<title>{{.}}</title>{{end}}</circle>{{if .Href}}</a>{{end}}
{{end}}{{range .Labels}}<text class="label{{with .Class}} {{.}}{{end}}" x="{{.X}}" y="{{.Y}}">{{.Text}}</text>
{{end}}</svg>`, "\n", "")))
})

// drawing is what the template shows.
type drawing struct {
	Class, Alt    string
	Role          string
	Width, Height string
	Land          string
	Lines         []drawnLine
	Dots          []drawnDot
	Labels        []drawnLabel
}

type drawnLine struct{ Class, Title, Path string }

type drawnDot struct {
	Class, Title, Href, X, Y string
	Size                     float64
	at                       spot
	label                    string
	must                     bool
}

type drawnLabel struct{ Class, Text, X, Y string }

const (
	usualWidth = 720.
	usualSize  = 3.5
)

// SVG draws the map. The same Map can be drawn in several frames.
func (m *Map) SVG(f Frame) (template.HTML, error) {
	if f.Width == 0 {
		f.Width = usualWidth
	}
	v := newView(m.spots(), f.Width, f.Height)
	d := drawing{Role: m.role(), Class: f.Class, Alt: f.Alt, Width: pixels(v.width), Height: pixels(v.height)}
	var land strings.Builder
	for _, ring := range v.land() {
		land.WriteString(path(ring) + "Z")
	}
	d.Land = land.String()
	inks := d.drawLines(m.lines, v)
	for _, one := range m.dots {
		at := v.project(degrees(one.point))
		size := one.Size
		if size == 0 {
			size = usualSize
		}
		d.Dots = append(d.Dots, drawnDot{
			Class: one.Class, Title: one.Title, Href: one.Href, X: pixels(at.x), Y: pixels(at.y), Size: size,
			at: at, label: one.Label, must: one.Must,
		})
	}
	d.Labels = labels(d.Dots, inks, v.width, v.height)
	var out bytes.Buffer
	if err := svgTemplate().Execute(&out, d); err != nil {
		return "", fmt.Errorf("draw a map: %w", err)
	}
	return template.HTML(out.String()), nil
}

// role is that of a picture, unless there are links in it: nobody looks for those
// in a picture.
func (m *Map) role() string {
	for _, d := range m.dots {
		if d.Href != "" {
			return "group"
		}
	}
	return "img"
}

// drawLines draws the lines, and returns what labels are to keep off.
func (d *drawing) drawLines(lines []line, v view) ink {
	inks := ink{}
	for _, l := range lines {
		drawn := drawnLine{Class: l.class, Title: l.title}
		for i := range l.points[:max(0, len(l.points)-1)] {
			for _, piece := range v.arc(l.points[i], l.points[i+1]) {
				drawn.Path += path(piece)
				inks.along(piece)
			}
		}
		d.Lines = append(d.Lines, drawn)
	}
	return inks
}

// along drops points along a line, one a square.
func (i ink) along(piece []spot) {
	for k := range piece[:len(piece)-1] {
		a, b := piece[k], piece[k+1]
		n := math.Ceil(math.Hypot(b.x-a.x, b.y-a.y) / square)
		for step := range int(n) {
			share := float64(step) / n
			i.drop(spot{a.x + (b.x-a.x)*share, a.y + (b.y-a.y)*share})
		}
	}
}

// path is a line in the words of SVG. Steps are shorter to write than places;
// they are taken between rounded ones, so that no error adds up.
func path(points []spot) string {
	tenths := func(v float64) int { return int(math.Round(v * 10)) }
	var x, y int
	out := []byte("M")
	for i, p := range points {
		nextX, nextY := tenths(p.x), tenths(p.y)
		if i > 0 && nextX == x && nextY == y && i < len(points)-1 {
			continue
		}
		out = appendTenths(out, nextX-x)
		out = appendTenths(out, nextY-y)
		if i == 0 {
			out = append(out, 'l')
		}
		x, y = nextX, nextY
	}
	return string(out)
}

// appendTenths writes a number of tenths, with a space before it where it would
// run into the number before.
func appendTenths(out []byte, n int) []byte {
	if last := out[len(out)-1]; n >= 0 && last >= '0' && last <= '9' {
		out = append(out, ' ')
	}
	if n < 0 {
		out, n = append(out, '-'), -n
	}
	if n/10 > 0 || n == 0 {
		out = strconv.AppendInt(out, int64(n/10), 10)
	}
	if n%10 > 0 {
		out = append(out, '.', byte('0'+n%10))
	}
	return out
}

func pixels(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }
