package worldmap

const (
	fontSize  = 12. // pixels
	wideRune  = 0x1100
	labelGap  = 4. // between a dot and its label
	besideMap = 3. // between a label and the map's edge
)

// box is a rectangle in pixels.
type box struct{ left, top, right, bottom float64 }

func (b box) overlaps(o box) bool {
	return b.left < o.right && o.left < b.right && b.top < o.bottom && o.top < b.bottom
}

// ink is how many points of lines there are in each square of a map, so that
// labels keep off thousands of lines as fast as off one.
type ink map[[2]int]float64

// square is the side of one, in pixels.
const square = 6.

func (i ink) drop(p spot) { i[[2]int{int(p.x / square), int(p.y / square)}]++ }

// under is how many points lie under a box, to a square.
func (i ink) under(b box) float64 {
	n := 0.
	for x := int(b.left / square); x <= int(b.right/square); x++ {
		for y := int(b.top / square); y <= int(b.bottom/square); y++ {
			n += i[[2]int{x, y}]
		}
	}
	return n
}

// textWidth estimates how wide a text is drawn. It errs on the wide side: a
// label that is thought too wide is left out, one thought too narrow overlaps.
func textWidth(text string) float64 {
	width := 0.
	for _, r := range text {
		if r >= wideRune {
			width += fontSize
		} else {
			width += 0.56 * fontSize
		}
	}
	return width
}

// anchors are where a label may stand beside its dot, best first: to the right
// and left of it, as a map has them, then above and below.
var anchors = []spot{{1, 0}, {-1, 0}, {0.7, -0.8}, {0.7, 0.8}, {-0.7, -0.8}, {-0.7, 0.8}, {0, -1}, {0, 1}}

// labelBox is a label's place at an anchor.
func labelBox(at spot, size float64, text string, anchor spot) box {
	wide, tall := textWidth(text), fontSize*1.15
	x := at.x + anchor.x*(size+labelGap)
	y := at.y + anchor.y*(size+labelGap+tall/2)
	switch {
	case anchor.x > 0:
	case anchor.x < 0:
		x -= wide
	default:
		x -= wide / 2
	}
	return box{x, y - tall/2, x + wide, y + tall/2}
}

// labels finds a place for each label: within the map, over no dot and no other
// label, and over as little of the lines as may be.
func labels(dots []drawnDot, inks ink, width, height float64) []drawnLabel {
	var placed []drawnLabel
	var taken []box
	for i, d := range dots {
		if d.label == "" {
			continue
		}
		best, least := -1, 0.
		for k, anchor := range anchors {
			b := labelBox(d.at, d.Size, d.label, anchor)
			cost := float64(k)/10 + inks.under(b)
			cost += 1000 * collisions(b, i, dots, taken, width, height)
			if best < 0 || cost < least {
				best, least = k, cost
			}
		}
		if least >= 1000 && !d.must {
			continue
		}
		b := labelBox(d.at, d.Size, d.label, anchors[best]).within(width, height)
		taken = append(taken, b)
		placed = append(placed, drawnLabel{X: pixels(b.left), Y: pixels(b.bottom - 0.28*fontSize), Text: d.label, Class: d.Class})
	}
	return placed
}

// collisions counts what a label's box hits that it must not.
func collisions(b box, own int, dots []drawnDot, taken []box, width, height float64) float64 {
	n := 0.
	if b != b.within(width, height) {
		n++
	}
	for _, other := range taken {
		if b.overlaps(other) {
			n++
		}
	}
	for i, d := range dots {
		if i != own && b.overlaps(box{d.at.x - d.Size, d.at.y - d.Size, d.at.x + d.Size, d.at.y + d.Size}) {
			n++
		}
	}
	return n
}

// within moves a box into the map.
func (b box) within(width, height float64) box {
	x := max(besideMap-b.left, 0) - max(b.right-width+besideMap, 0)
	y := max(besideMap-b.top, 0) - max(b.bottom-height+besideMap, 0)
	return box{b.left + x, b.top + y, b.right + x, b.bottom + y}
}
