package report

import (
	"fmt"
	"strconv"
)

// CellKind says what a cell of a matrix holds.
type CellKind uint8

const (
	Unplanned CellKind = iota // the pair was not asked for: drawn blank
	Self                      // a city and itself: drawn, never counted
	Figure                    // a number
	NoFigure                  // measured, but this metric has no number for it
	Missing                   // not measured
)

// Cell is what a matrix shows for an ordered pair in one metric: a figure, or
// why there is none. Every renderer draws cells; none decides for itself what
// a missing figure means.
type Cell struct {
	Kind  CellKind
	Value float64 // of a Figure, in the report's units
	Mark  string  // where there is no figure: a word of at most five letters
	Why   string  // where there is no figure: the reason in full
	Pair  *Pair   // nil if Unplanned, and for a Self that nobody measured
}

// Mark is a short word that stands in a cell, and its meaning.
type Mark struct {
	Mark, Meaning string
	State         State // Measured for the marks of NoFigure
}

// Cell is the cell of a row and a column.
func (r *Report) Cell(from, to string, metric Metric) Cell {
	p := r.Pair(from, to)
	cell := Cell{Pair: p}
	switch {
	case from == to:
		cell.Kind, cell.Mark, cell.Why = Self, "·", "a city and itself"
		return cell
	case p == nil:
		cell.Why = "not planned"
		return cell
	}
	if v, ok := r.Value(p, metric); ok {
		cell.Kind, cell.Value = Figure, v
		return cell
	}
	cell.Kind, cell.Mark, cell.Why = NoFigure, noFigureMark(p, metric), r.Why(p, metric)
	if p.State != Measured {
		cell.Kind, cell.Mark = Missing, stateMark(p.State)
	}
	return cell
}

// Text is the cell as text: the figure with the given decimals, the mark, or
// nothing.
func (c Cell) Text(decimals int) string {
	if c.Kind == Figure {
		return strconv.FormatFloat(c.Value, 'f', decimals, 64)
	}
	return c.Mark
}

// Marks lists the marks that occur in the given metrics, with their meanings,
// for the legend.
func (r *Report) Marks(metrics ...Metric) []Mark {
	used := map[string]bool{}
	for _, p := range r.order {
		for _, m := range metrics {
			if c := r.Cell(p.From, p.To, m); c.Kind == Missing || c.Kind == NoFigure {
				used[c.Mark] = true
			}
		}
	}
	var marks []Mark
	for _, m := range r.allMarks() {
		if used[m.Mark] {
			marks = append(marks, m)
		}
	}
	return marks
}

const (
	markNear     = "near"
	markDistance = "dist?"
	markStat     = "stat?"
	markTooFast  = "fast?"
	markNotThere = "place"
)

func (r *Report) allMarks() []Mark {
	marks := make([]Mark, 0, 8)
	for _, s := range []State{Lost, SourceDown, Unresolved, NotRun, Excluded} {
		meaning := stateMeaning(s)
		if stateMark(s) != s.String() {
			meaning = s.String() + ": " + meaning
		}
		marks = append(marks, Mark{stateMark(s), meaning, s})
	}
	return append(marks,
		Mark{markNear, r.nearReason() + ", too near for a speed", Measured},
		Mark{markDistance, noDistance, Measured},
		Mark{markTooFast, tooFast, Measured},
		Mark{markNotThere, notThere, Measured},
		Mark{markStat, "the source does not give this figure", Measured},
	)
}

// stateMark is a state in at most five letters.
func stateMark(s State) string {
	switch s {
	case Lost:
		return "lost"
	case SourceDown:
		return "down"
	case Unresolved:
		return "unres"
	case Excluded:
		return "excl"
	default:
		return "norun"
	}
}

func noFigureMark(p *Pair, metric Metric) string {
	ofSpeed := metric == Speed || metric == Fibre
	switch {
	case metric == Distance, ofSpeed && p.noSpeed == notLocated:
		return markDistance
	case ofSpeed && p.noSpeed == tooNear:
		return markNear
	case ofSpeed && p.noSpeed == faster:
		return markTooFast
	case ofSpeed && p.noSpeed == elsewhere:
		return markNotThere
	default:
		return markStat
	}
}

// Why says why a pair has no figure in a metric; "" if it has one.
func (r *Report) Why(p *Pair, metric Metric) string {
	if p == nil {
		return "not planned"
	}
	if _, ok := r.Value(p, metric); ok {
		return ""
	}
	switch {
	case metric == Distance:
		return noDistance
	case p.State != Measured:
		return p.Status()
	case metric == Loss && p.Cut:
		return "cut short: a loss is known later than a reply"
	case metric == Loss:
		return "the source does not say how many were sent"
	case metric == RTT:
		return noStat(r.Method.Stat)
	default:
		return r.NoSpeed(p)
	}
}

// Status is the pair's state, with the reason where there is one:
// "source-down: connection refused".
func (p *Pair) Status() string {
	if p.Reason == "" {
		return p.State.String()
	}
	return p.State.String() + ": " + Clean(p.Reason, reasonRunes)
}

func noStat(s Stat) string { return fmt.Sprintf("the source gives no %s", statName(s)) }
