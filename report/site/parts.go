package site

import (
	"fmt"
	"strconv"
	"strings"

	"matrix/report"
)

// tilesOf are the figures a reader looks for first.
func tilesOf(r *report.Report) []tile {
	tiles := []tile{{"Pairs measured", strconv.Itoa(r.Coverage.Measured), "of " + strconv.Itoa(r.Coverage.Planned), ""}}
	for _, m := range []report.Metric{report.RTT, report.Speed, report.Fibre} {
		if s, ok := r.Spread(m); ok {
			label := "Median " + map[report.Metric]string{report.RTT: "latency", report.Speed: "speed", report.Fibre: "share of light in fibre"}[m]
			detail := fmt.Sprintf("nine in ten: %s to %s", number(s.P5, 1), number(s.P95, 1))
			tiles = append(tiles, tile{label, number(s.Median, 1), m.Unit(r.Method.Units), detail})
		}
	}
	return tiles
}

// flagsOf explains the flags that occur.
func flagsOf(r *report.Report) []flag {
	var flags []flag
	for _, f := range r.Flags() {
		flags = append(flags, flag{strings.TrimSpace(flagClass(f.Mark)), f.Mark, f.Meaning})
	}
	return flags
}

// marksOf explains the words that stand where some metrics have no figure.
func marksOf(r *report.Report, metrics ...report.Metric) []mark {
	var marks []mark
	for _, m := range r.Marks(metrics...) {
		c := report.Cell{Kind: report.NoFigure, Pair: &report.Pair{Sample: &report.Sample{State: m.State}}}
		if m.State != report.Measured {
			c.Kind = report.Missing
		}
		marks = append(marks, mark{stateClass(c), m.Mark, m.Meaning})
	}
	return marks
}

// gapsOf are the pairs that were not measured, by reason.
func gapsOf(r *report.Report) []gap {
	var gaps []gap
	for _, g := range r.Gaps() {
		c := report.Cell{Kind: report.Missing, Pair: g.Pairs[0]}
		gaps = append(gaps, gap{stateClass(c), g.State.String(), g.Where, g.Reason, len(g.Pairs)})
	}
	return gaps
}

// wordClass marks the verdicts that need somebody to do something.
func wordClass(v report.Verdict) string {
	if v.Bent() || v == report.Unreachable || v == report.Degraded || v >= report.Misplaced {
		return "o"
	}
	return ""
}
