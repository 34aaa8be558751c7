// Package worldmap draws places and great circles on a map of the world, as SVG
// that needs no script and no second file.
//
//	lines, dots ─ view (the region that holds them) ─┬─ land, clipped to it ─┐
//	                                                 ├─ great circles ───────┼─ SVG
//	                                                 └─ labels that fit ─────┘
//
// The projection is the equidistant cylindrical one, true to scale in the middle
// of the region; its edge lies wherever there is nothing to show, so that a way
// over the Pacific is drawn whole. A map is as wide as it is told: text does not
// scale with a page, so a page that is read on phones has a map for each.
//
// The coasts are those of Natural Earth, 1:110 million, public domain.
package worldmap
