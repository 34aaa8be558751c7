package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// rooms says which of our packages a room may import. A room named with a final
// /... stands for the packages below it; the longest name that fits counts.
var rooms = map[string][]string{
	"geo":             {},
	"probe":           {},
	"probe/...":       {"probe"},
	"data":            {"probe", "geo"},
	"data/...":        {"data", "probe"},
	"report":          {"probe", "geo"},
	"report/...":      {"report"},
	"report/site":     {"report", "report/chart", "report/worldmap", "report/live"}, // puts together what they draw
	"report/worldmap": {"geo"},
	"report/live":     {"report", "report/alarm"},                                                // the service's alarms are part of what it shows
	"report/api":      {"report", "report/live", "report/alarm", "report/export", "report/site"}, // serves what they write
	"cmd/matrix":      {"..."},
	"deploy/...":      {}, // programs that make releases

	"probe/bus":        {"probe", "probe/schedule"}, // agents that measure by themselves have a schedule
	"probe/bus/server": {"probe", "probe/bus"},      // gives the rights that the bus needs

	"data/history": {"data", "probe", "geo"},
	"data/draft":   {"data", "probe", "geo"},

	"data/history/s3":        {"data/history"},
	"data/history/storetest": {"data/history", "probe"}, // the contract of stores

	// The contracts as test suites, and what tests show.
	"probe/lacktest":     {}, // of any room's tests
	"probe/pingtest":     {"probe", "probe/lacktest"},
	"probe/tracetest":    {"probe", "probe/lacktest"},
	"probe/icmp/compare": {"probe", "probe/icmp"}, // a program: the engines against their peers
	"report/reporttest":  {"report", "probe", "geo"},

	"report/metrics/metricstest": {"probe/lacktest"}, // a real Prometheus
}

// keepers are the rooms that alone import a package of others.
var keepers = map[string]string{
	"github.com/golang/geo/":                   "geo",
	"github.com/olekukonko/tablewriter":        "report/terminal",
	"github.com/parquet-go/parquet-go":         "data/history",
	"github.com/wcharczuk/go-chart":            "report/chart",
	"github.com/minio/minio-go":                "data/history/s3",
	"github.com/prometheus-community/pro-bing": "probe/icmp",
	"github.com/spf13/cobra":                   "cmd/matrix",
	"github.com/prometheus/client_golang":      "report/metrics",
	"github.com/nats-io/nats.go":               "probe/bus",
	"github.com/nats-io/nats-server":           "probe/bus/server",
}

type goPackage struct {
	ImportPath string
	Imports    []string
}

// TestHouse keeps the rooms apart: data flows one way.
func TestHouse(t *testing.T) {
	for _, p := range packages(t) {
		room := strings.TrimPrefix(p.ImportPath, "matrix/")
		allowed, known := allowedIn(room)
		if !known {
			t.Errorf("%s is no room of the house; say in the table what it may import", room)
		}
		for _, imported := range p.Imports {
			if ours, ok := strings.CutPrefix(imported, "matrix/"); ok && !slices.Contains(allowed, ours) && !slices.Contains(allowed, "...") {
				t.Errorf("%s imports %s; it may import %v", room, ours, allowed)
			}
			for theirs, keeper := range keepers {
				if strings.HasPrefix(imported, theirs) && room != keeper {
					t.Errorf("%s imports %s; only %s may", room, imported, keeper)
				}
			}
		}
	}
}

func allowedIn(room string) ([]string, bool) {
	if allowed, ok := rooms[room]; ok {
		return allowed, true
	}
	top, _, _ := strings.Cut(room, "/")
	allowed, ok := rooms[top+"/..."]
	return allowed, ok
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "matrix/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []goPackage
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		switch err := decoder.Decode(&p); {
		case errors.Is(err, io.EOF):
			return all
		case err != nil:
			t.Fatal(err)
		}
		all = append(all, p)
	}
}
