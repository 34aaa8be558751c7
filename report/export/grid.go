package export

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"matrix/report"
)

// Matrix is what MatrixJSON writes: one metric of every ordered pair. Values has
// a list for each of Rows, in the order of Columns; null where there is none. Of
// every planned pair that has none, Gaps says why.
type Matrix struct {
	Metric    string       `json:"metric"`
	Statistic string       `json:"statistic"`
	Unit      string       `json:"unit"`
	Method    Method       `json:"method"`
	Coverage  Coverage     `json:"coverage"`
	Rows      []string     `json:"rows"`    // the from-cities
	Columns   []string     `json:"columns"` // the to-cities
	Values    [][]*float64 `json:"values"`
	Gaps      []MatrixGap  `json:"gaps"`
}

// MatrixGap is a planned pair without a value.
type MatrixGap struct {
	From  string `json:"from"`
	To    string `json:"to"`
	State string `json:"state"` // measured, if only this metric has no value for it
	Why   string `json:"why"`
}

// MatrixJSON writes one metric, a row a line.
func MatrixJSON(w io.Writer, r *report.Report, metric report.Metric) error {
	m := matrix(r, metric)
	values, gaps := m.Values, m.Gaps
	m.Values, m.Gaps = nil, nil
	head, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("write matrix: %w", err)
	}
	const tail = `,"values":null,"gaps":null}`
	out := &lines{w: w}
	out.text(string(head[:len(head)-len(tail)]) + ",\n\"values\": [")
	writeLines(out, slices.Values(values))
	out.text("],\n\"gaps\": [")
	writeLines(out, slices.Values(gaps))
	out.text("]}\n")
	if out.err != nil {
		return fmt.Errorf("write matrix: %w", out.err)
	}
	return nil
}

func matrix(r *report.Report, metric report.Metric) Matrix {
	m := Matrix{
		Metric: metric.String(), Statistic: r.Method.Stat.String(), Unit: metric.Unit(r.Method.Units), Method: method(r.Method),
		Coverage: coverage(r), Rows: names(r, r.Rows), Columns: names(r, r.Columns),
	}
	for _, i := range r.Rows {
		row := make([]*float64, 0, len(r.Columns))
		for _, j := range r.Columns {
			c := r.Cell(r.Cities[i].Name, r.Cities[j].Name, metric)
			switch c.Kind {
			case report.Figure:
				row = append(row, rounded(c.Value, 4))
				continue
			case report.NoFigure, report.Missing:
				m.Gaps = append(m.Gaps, MatrixGap{
					report.Clean(c.Pair.From, maxText), report.Clean(c.Pair.To, maxText), c.Pair.State.String(), report.Clean(c.Why, maxText),
				})
			}
			row = append(row, nil)
		}
		m.Values = append(m.Values, row)
	}
	return m
}

func names(r *report.Report, indices []int) []string {
	list := make([]string, 0, len(indices))
	for _, i := range indices {
		list = append(list, report.Clean(r.Cities[i].Name, maxText))
	}
	return list
}
