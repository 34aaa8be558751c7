// Package chart draws a month as SVG that needs no script and no second file:
//
//	points, lines ─ go-chart (axes, ticks) ─┐
//	a pair's samples ─ bands, losses ───────┼─ SVG with classes instead of colours ─ the page's style sheet (CSS)
//	a number a day and hour ─ squares ──────┘
//
// go-chart writes text into SVG as it is, so all of it is escaped before. What
// it draws it draws as wide as it is told and its text does not scale, so a page
// that is read on phones has a chart for each. Smoke graphs and heat-maps are as
// wide as the page lets them, with text of the same size on all.
package chart
