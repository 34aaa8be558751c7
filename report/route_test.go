package report_test

import (
	"slices"
	"testing"
	"time"

	"matrix/report"
	"matrix/report/reporttest"
)

func TestRoutes(t *testing.T) {
	routes := report.Routes(reporttest.Traces(), reporttest.Titles)
	if len(routes) != 5 {
		t.Fatalf("%d routes, want one a pair", len(routes))
	}
	there := routes[0]
	if there.From != "Baltimore" || there.To != "New York" || there.Flows != 2 || there.Tests != 6 || !there.Reached {
		t.Errorf("%+v", there)
	}
	first := there.Rows[0]
	if loss, ok := first.Loss(); !ok || loss != 0 || first.Sent != 6 || first.Branch != report.NoBranch || !first.Start {
		t.Errorf("the hop that both flows have: %+v", first)
	}
	if want := (report.RouteStats{Last: 305 * time.Microsecond, Avg: 301667 * time.Nanosecond, Best: 299 * time.Microsecond, Worst: 305 * time.Microsecond, StDev: 2733 * time.Nanosecond}); first.RTT != want {
		t.Errorf("%+v, want %+v", first.RTT, want)
	}
	var branches []report.RouteRow
	for _, row := range there.Rows {
		if row.TTL == 4 {
			branches = append(branches, row)
		}
	}
	if len(branches) != 3 || branches[1].First || !branches[2].First || branches[2].Branch != report.LastBranch || !slices.Equal(branches[2].Flows, []int{2}) {
		t.Errorf("hop 4: %+v", branches)
	}
	if silent := routes[4]; len(silent.Rows) != 2 || silent.Rows[1].TTL != 2 || silent.Rows[1].Until != 30 || silent.Reached {
		t.Errorf("silence: %+v", silent.Rows)
	}
}
