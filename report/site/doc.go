// Package site writes a report as one self-contained HTML page.
//
//	Report ─ view ─┬─ up to 100 cities: a table a metric, each cell leads to its pair ─┐
//	               └─ more: a line of text a row over a colour image ──────────────────┼─ page.html + style.css
//	                  the same rows city by city, where each pair stands in full ──────┤
//	                  the ways of anomalies that were traced, hops and maps ───────────┘
//
// The page needs no script, no second file and no network, and says so in its
// content security policy. What is shaded is written as well, what is hidden is
// a click away, and without style sheets everything is still there in reading
// order. A table of 62,500 cells takes a browser seconds to lay out; a line of
// text a row over a stretched image of one pixel a cell takes none.
package site
