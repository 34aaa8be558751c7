package site

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html/template"
	"image"
	"image/color"
	"image/png"
	"strings"

	"matrix/report"
)

// The shades in light and in dark (classes a to g), behind them the colours
// that cells without a figure have in a picture, and the grades, worst first
// (classes h to m). Text is dark on every light one
// and light on every dark one, at a contrast of 4.5 and more.
var (
	classes     = "abcdefgxnulrwhijkm"
	lightColors = []string{"f7fbf2", "e3f3dd", "cdeac8", "aedcc0", "86cbc5", "5fb4d0", "459bc6",
		"dfe2e4", "eceeef", "ffffff", "e6bdd3", "a9d8f2", "f3d089",
		"e3a9c6", "f5dfe9", "f5f7f8", "cfe9dc", "8fd0b5"}
	darkColors = []string{"131a1f", "14272c", "143539", "134448", "125458", "0d6469", "046f75",
		"2a2f33", "22272b", "101417", "6b3e57", "28587a", "6e5012",
		"7a3f60", "40293a", "181e22", "17403a", "0c6650"}
)

// shadeRules are the style rules of the shades.
func shadeRules() string {
	rules := func(colors []string) string {
		var b strings.Builder
		for i, c := range colors[:steps] {
			fmt.Fprintf(&b, ".%s{background:#%s}", shadeClass(i), c)
		}
		for _, g := range report.Grades() {
			class := gradeClass(g)
			fmt.Fprintf(&b, ".%s{background:#%s}", class, colors[strings.Index(classes, class)])
		}
		return b.String()
	}
	return rules(lightColors) + "\n@media(prefers-color-scheme:dark){" + rules(darkColors) + "}\n"
}

// picture is a matrix with one pixel a cell.
type picture struct{ *image.Paletted }

func newPicture(width, height int) *picture {
	return &picture{image.NewPaletted(image.Rect(0, 0, width, height), palette(lightColors))}
}

func (p *picture) set(x, y int, class string) {
	p.SetColorIndex(x, y, uint8(strings.Index(classes, class)))
}

// Light and Dark are the picture's addresses, with the picture in them.
func (p *picture) Light() template.URL   { return template.URL(p.encode(lightColors)) }
func (p *picture) Dark() template.Srcset { return template.Srcset(p.encode(darkColors)) }

func (p *picture) encode(colors []string) string {
	p.Palette = palette(colors)
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&out, p); err != nil {
		return "" // a buffer takes everything; without the image the text still stands
	}
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(out.Bytes())
}

func palette(colors []string) color.Palette {
	p := make(color.Palette, len(colors))
	for i, c := range colors {
		rgba := color.RGBA{A: 255}
		fmt.Sscanf(c, "%02x%02x%02x", &rgba.R, &rgba.G, &rgba.B)
		p[i] = rgba
	}
	return p
}
